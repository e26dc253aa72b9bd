package wire_test

import (
	"fmt"
	"net/netip"

	"github.com/names-dns/names/wire"
)

func ExampleParseMessage() {
	packet := exampleReply()
	m, err := wire.ParseMessage(packet)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range m.Answers {
		data, err := r.Rdata()
		if a, ok := data.(*wire.A); ok && err == nil {
			fmt.Println(r.Name, r.TTL, a.Addr)
		}
	}
	// Output: www.example.com. 3600 192.0.2.1
}

func ExampleWriter() {
	packet := exampleReply()
	fmt.Println(len(packet), "octets")
	// Output: 49 octets
}

// exampleReply builds a reply with one address.
func exampleReply() []byte {
	question := wire.Question{Name: wire.MustParseName("www.example.com."), Type: wire.TypeA, Class: wire.ClassIN}
	var w wire.Writer
	w.Reset(make([]byte, 0, 1232+wire.WriterSlack), 1232)
	w.ID, w.Flags = 4711, wire.FlagQR|wire.FlagAA
	w.Question(question)
	w.SetSection(wire.SectionAnswer)
	if err := w.Record(question.Name, wire.ClassIN, 3600, &wire.A{Addr: netip.MustParseAddr("192.0.2.1")}); err != nil {
		fmt.Println(err)
	}
	return w.Finish()
}
