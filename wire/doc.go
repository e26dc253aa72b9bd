// Package wire answers one question: what does this packet say? It reads,
// writes and prints DNS messages, and everything in them: names, records,
// EDNS options.
//
// A [Name] is a comparable value in wire form, a [Key] the same name folded
// for maps and in canonical order. A [Reader] walks forward through a message
// and a [Cursor] through the data of one record; a [Writer] appends sections
// to the caller's buffer with names compressed. [Query] is the short way for
// servers, [Message] the whole message as one value for everybody else. The
// data of each record type is a struct that implements [Rdata], that of each
// EDNS option one that implements [Option].
//
// Nothing here starts a goroutine or keeps global state; a value may be used
// by several goroutines as long as none of them writes to it. Parsing a query
// and appending a reply to it allocate nothing. What a Reader, Cursor or Query
// returns is borrowed from the packet or from the Reader until its next Reset;
// built with the tag invariants, names kept for longer are scribbled over.
// Octets of strangers never panic, and the work they cause is bounded by their
// number; errors name section and offset.
//
// Read name.go first, then reader.go and writer.go, then any rdata file.
package wire
