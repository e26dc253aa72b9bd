// Package wire reads, writes and prints DNS messages and everything in them:
// names, records, EDNS options.
//
// To read one message:
//
//	m, err := wire.ParseMessage(packet)
//	if err != nil {
//		return err // names the section and the offset
//	}
//	for _, r := range m.Answers {
//		data, err := r.Rdata()
//		if mx, ok := data.(*wire.MX); ok && err == nil {
//			fmt.Println(r.Name, r.TTL, mx.Preference, mx.Exchange)
//		}
//	}
//
// To build one, in a buffer of the caller:
//
//	var w wire.Writer
//	w.Reset(buf[:0], 1232)
//	w.ID, w.Flags = id, wire.FlagQR|wire.FlagAA
//	w.Question(question)
//	w.SetSection(wire.SectionAnswer)
//	err := w.Record(question.Name, wire.ClassIN, 3600, &wire.A{Addr: addr})
//	packet := w.Finish()
//
// Which type when:
//
//	Message   a whole message as one value: for clients, tools and tests
//	Query     what a server needs of a query, borrowed from the packet
//	Reader    forward through a message, record by record, nothing copied
//	Cursor    forward through the data of one record
//	Writer    appends sections to the caller's buffer, names compressed
//	Name      a name as it is sent, its case kept: comparable, immutable
//	Key       the same name folded: for maps, equality and canonical order
//	Rdata     the data of a record: one struct for each type
//	Option    the data of an EDNS option: one struct for each code
//
// Nothing here starts a goroutine or keeps global state; a value may be used
// by several goroutines as long as none of them writes to it. Parsing a query
// and appending a reply to it allocate nothing. What a Reader, Cursor or Query
// returns is borrowed from the packet or from the Reader until its next Reset;
// built with the tag invariants, names kept for longer are scribbled over.
// Input from strangers never causes a panic, and the work it causes is bounded
// by its length.
//
// Read next: name.go, then reader.go and writer.go, then any rdata file.
package wire
