package names

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

var (
	asker   = Peer{Transport: UDP, Remote: netip.MustParseAddrPort("192.0.2.1:5353"), Local: netip.MustParseAddrPort("192.0.2.53:53")}
	wwwA    = wire.Question{Name: wire.MustParseName("WWW.example."), Type: wire.TypeA, Class: wire.ClassIN}
	address = []byte{192, 0, 2, 1}
)

func queryFor(q wire.Question, flags wire.Flags, e *wire.EDNS) []byte {
	return wire.AppendQuery(nil, 77, flags, q, e)
}

// begun returns an exchange whose reply has begun.
func begun(t *testing.T, query []byte, limit int) *Exchange {
	t.Helper()
	x := &Exchange{}
	if rcode, err := x.Read(query, asker); rcode != 0 || err != nil {
		t.Fatalf("%v, %v", rcode, err)
	}
	x.Begin(make([]byte, 0, limit+wire.WriterSlack), limit)
	return x
}

func finished(t *testing.T, x *Exchange) *wire.Message {
	t.Helper()
	m, err := wire.ParseMessage(x.Finish())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func appendA(t *testing.T, x *Exchange) {
	t.Helper()
	if err := x.Reply.Raw(x.Question().Name, wire.TypeA, wire.ClassIN, 60, address); err != nil {
		t.Fatal(err)
	}
}

func TestReadOfEveryPrefix(t *testing.T) {
	query := queryFor(wwwA, wire.FlagRD, &wire.EDNS{UDPSize: 1232, Options: wire.Options{}.AppendOption(wire.OptionNSID, nil)})
	var x Exchange
	for n := range query {
		rcode, err := x.Read(query[:n:n], asker)
		switch {
		case n < wire.HeaderLen && err != ErrDrop:
			t.Errorf("%d octets: %v, %v", n, rcode, err)
		case n >= wire.HeaderLen && (err != nil || rcode != wire.RCodeFormErr):
			t.Errorf("%d octets: %v, %v", n, rcode, err)
		}
		if err == nil { // the refusal itself is a message
			x.RCode = rcode
			x.Begin(nil, 512)
			if m := finished(t, &x); m.RCode != wire.RCodeFormErr || m.ID != 77 {
				t.Errorf("%d octets: reply is %+v", n, m)
			}
		}
	}
	if rcode, err := x.Read(query, asker); rcode != 0 || err != nil || x.Peer != asker {
		t.Errorf("whole: %v, %v", rcode, err)
	}
	if _, err := x.Read(append([]byte{0, 77, 0x80}, query[3:]...), asker); err != ErrDrop {
		t.Errorf("response: %v", err)
	}
}

func TestReplyRepeatsWhatItMust(t *testing.T) {
	x := begun(t, queryFor(wwwA, wire.FlagRD|wire.FlagCD|wire.FlagAD|wire.FlagZ, &wire.EDNS{Flags: wire.FlagDO}), 512)
	if !x.DO() || !x.Untouched() || x.Question() != x.Query.Question {
		t.Error("exchange differs from the query")
	}
	appendA(t, x)
	x.Reply.Flags |= wire.FlagAA
	m := finished(t, x)
	if m.Flags != wire.FlagQR|wire.FlagRD|wire.FlagCD|wire.FlagAA || m.ID != 77 || len(m.Questions) != 1 || m.Questions[0] != wwwA {
		t.Errorf("reply is %+v", m)
	}
	if m.EDNS == nil || len(m.Answers) != 1 {
		t.Errorf("reply is %+v", m)
	}
	if x := begun(t, queryFor(wwwA, 0, nil), 512); finished(t, x).EDNS != nil || x.DO() {
		t.Error("EDNS in the reply to a query without")
	}
}

func TestUntouchedAndRestart(t *testing.T) {
	for what, touch := range map[string]func(x *Exchange){
		"record": func(x *Exchange) { appendA(t, x) },
		"rcode":  func(x *Exchange) { x.RCode = wire.RCodeNXDomain },
		"flag":   func(x *Exchange) { x.Reply.Flags |= wire.FlagAA },
		"TC":     func(x *Exchange) { x.Truncate() },
		"all of it": func(x *Exchange) {
			appendA(t, x)
			x.Reply.SetSection(wire.SectionAdditional)
			appendA(t, x)
			x.Reply.Flags |= wire.FlagAA | wire.FlagAD
			x.RCode = wire.RCodeNXDomain
		},
	} {
		x := begun(t, queryFor(wwwA, wire.FlagRD, nil), 512)
		before := bytes.Clone(x.Finish())
		touch(x)
		if x.Untouched() {
			t.Errorf("%s: not noticed", what)
		}
		x.Restart()
		if !x.Untouched() || !bytes.Equal(x.Finish(), before) {
			t.Errorf("%s: Restart leaves %x, before it was %x", what, x.Finish(), before)
		}
	}
}

func TestTruncateKeepsQuestionAndOPT(t *testing.T) {
	x := begun(t, queryFor(wwwA, 0, &wire.EDNS{UDPSize: 512}), 512)
	for x.Reply.Raw(wwwA.Name, wire.TypeA, wire.ClassIN, 0, address) == nil {
	}
	x.Truncate()
	if m := finished(t, x); !m.Flags.Has(wire.FlagTC) || len(m.Answers) != 0 || len(m.Questions) != 1 || m.EDNS == nil {
		t.Errorf("reply is %+v", m)
	}
}

// TestExtendedRCode: its upper bits go into the OPT record; without one it
// must not be taken for another RCODE.
func TestExtendedRCode(t *testing.T) {
	for _, test := range []struct {
		edns      *wire.EDNS
		set, want wire.RCode
	}{
		{&wire.EDNS{UDPSize: 1232}, wire.RCodeBadVers, wire.RCodeBadVers},
		{nil, wire.RCodeBadVers, wire.RCodeServFail}, // its low bits say NOERROR
		{nil, wire.RCodeNXDomain, wire.RCodeNXDomain},
	} {
		x := begun(t, queryFor(wwwA, 0, test.edns), 512)
		x.RCode = test.set
		if m := finished(t, x); m.RCode != test.want {
			t.Errorf("%v with EDNS %v: %v, want %v", test.set, test.edns != nil, m.RCode, test.want)
		}
	}
}

func TestRoomIsKeptForOPT(t *testing.T) {
	const limit = 512
	x := begun(t, queryFor(wwwA, 0, &wire.EDNS{UDPSize: limit}), limit)
	if !x.AddOption(wire.OptionNSID, []byte("early")) {
		t.Fatal("no room for an option in an empty reply")
	}
	for x.Reply.Raw(wwwA.Name, wire.TypeA, wire.ClassIN, 0, address) == nil {
	}
	added := 0
	for x.AddOption(wire.OptionPadding, nil) { // what is left between the records and the limit
		added++
	}
	if added > 4 {
		t.Errorf("%d options fit after the last record", added)
	}
	x.RCode = wire.RCodeBadCookie
	packet := x.Finish()
	m, err := wire.ParseMessage(packet)
	if err != nil || m.EDNS == nil || len(packet) > limit || m.RCode != wire.RCodeBadCookie {
		t.Fatalf("%d octets, %v: %+v", len(packet), err, m)
	}
	if id, _ := m.EDNS.Options.Find(wire.OptionNSID); string(id) != "early" {
		t.Errorf("OPT is %+v", m.EDNS)
	}
	if begun(t, queryFor(wwwA, 0, nil), limit).AddOption(wire.OptionNSID, nil) {
		t.Error("an option in a reply without OPT")
	}
}

func TestDetachedSharesNothing(t *testing.T) {
	reused := &Exchange{}
	for _, into := range []*Exchange{nil, reused, reused} {
		query := queryFor(wwwA, wire.FlagRD, &wire.EDNS{UDPSize: 1232, Options: wire.Options{}.AppendOption(wire.OptionNSID, nil)})
		x := begun(t, query, 1232)
		appendA(t, x)
		x.AddOption(wire.OptionNSID, []byte("here"))
		want := bytes.Clone(x.Finish())

		x = begun(t, query, 1232)
		x.AddOption(wire.OptionNSID, []byte("here"))
		var d *Exchange
		if into == nil {
			d = x.Detach()
		} else {
			d = into
			x.DetachInto(d)
		}
		for _, lent := range [][]byte{query, x.Reply.Buffer()[:cap(x.Reply.Buffer())], x.ReplyEDNS.Options} {
			for i := range lent {
				lent[i] = 0xDB
			}
		}
		*x = Exchange{}
		if d.Peer != asker || d.Question() != wwwA || !d.Untouched() {
			t.Errorf("detached: %+v", d.Question())
		}
		appendA(t, d)
		if got := d.Finish(); !bytes.Equal(got, want) {
			t.Errorf("detached reply is\n%x, want\n%x", got, want)
		}
	}
}

// A detached exchange of a stream takes no 64 KiB before it needs them, and
// grows when it does.
func TestDetachedGrows(t *testing.T) {
	d := begun(t, queryFor(wwwA, 0, nil), 65535).Detach()
	if n := cap(d.Reply.Buffer()); n > 8192 {
		t.Errorf("room of %d octets at once", n)
	}
	long := strings.Repeat("\xff"+strings.Repeat("x", 255), 250)
	if err := d.Reply.Raw(wwwA.Name, wire.TypeTXT, wire.ClassIN, 0, []byte(long)); err != nil {
		t.Fatal(err)
	}
	if m := finished(t, d); len(m.Answers) != 1 || d.Reply.Limit() != 65535 {
		t.Errorf("%d answers, limit %d", len(m.Answers), d.Reply.Limit())
	}
}

func TestExchangeAllocatesNothing(t *testing.T) {
	query := queryFor(wwwA, wire.FlagRD, &wire.EDNS{UDPSize: 1232})
	var x Exchange
	detached := &Exchange{}
	buf := make([]byte, 0, 1232+wire.WriterSlack)
	walk := func() {
		x.Read(query, asker)
		x.Begin(buf, 1232)
		x.Reply.Raw(x.Question().Name, wire.TypeA, wire.ClassIN, 60, address)
		x.AddOption(wire.OptionExtendedError, address[:2])
		x.DetachInto(detached)
		x.Finish()
	}
	if n := testing.AllocsPerRun(100, walk); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
