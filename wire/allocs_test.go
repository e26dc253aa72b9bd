package wire

import (
	"net/netip"
	"testing"
)

// What the package promises to do without an allocation.
func TestNoAllocs(t *testing.T) {
	name, host, host2 := MustParseName("example.com."), MustParseName("mail.example.com."), MustParseName("MAIL2.example.com.")
	long := MustParseName("a-label-that-is-longer-than-thirty-two-octets-for-sure.example.com.")
	edns := EDNS{UDPSize: 1232, Flags: FlagDO, Options: Options{}.AppendOption(OptionCookie, make([]byte, 8))}
	packet := AppendQuery(nil, 1, FlagRD, Question{name, TypeMX, ClassIN}, &edns)
	message := mxReply(t)
	buffer := make([]byte, 0, 1232+WriterSlack)
	soaData := (&SOA{Primary: name, Mailbox: host, Serial: 1}).AppendTo(nil, nil)
	text := []byte(`www\.x.example.com.`)

	// Used again and again, as a server does.
	var (
		q       Query
		w       Writer
		r       Reader
		mx      MX
		a       A
		aaaa    AAAA
		soa     SOA
		ns      = NS{Host: long}
		cursor  Cursor
		options Options
		m       int
	)
	addr, addr6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	check := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	for _, promise := range []struct {
		what string
		do   func()
	}{
		{"parse a query with EDNS and append a compressed reply of seven records to it", func() {
			check(q.Parse(packet))
			w.Reset(buffer[:0], int(q.EDNS.UDPSize))
			w.ID, w.Flags = q.Header.ID, FlagQR|FlagAA
			check(w.Question(q.Question))
			if !w.Reserve(edns.Len()) {
				t.Error("no room")
			}
			w.SetSection(SectionAnswer)
			for i, exchange := range [...]Name{host, host2} {
				mx = MX{uint16(i), exchange}
				check(w.Record(q.Question.Name, ClassIN, 3600, &mx))
			}
			w.SetSection(SectionAdditional)
			for _, owner := range [...]Name{host, host2} {
				a, aaaa = A{addr}, AAAA{addr6}
				check(w.Record(owner, ClassIN, 3600, &a))
				check(w.Record(owner, ClassIN, 3600, &aaaa))
			}
			w.Release()
			check(w.EDNS(&edns))
			m = len(w.Finish())
		}},
		{"append records in wire form", func() {
			w.Reset(buffer[:0], 1232)
			w.SetSection(SectionAnswer)
			check(w.Raw(name, TypeMX, ClassIN, 1, []byte("\x00\x01\x04mail\x07example\x03com\x00")))
			check(w.Raw(host, TypeA, ClassIN, 1, []byte{1, 2, 3, 4}))
			m = len(w.Finish())
		}},
		{"compress labels above 32 octets", func() {
			w.Reset(buffer[:0], 1232)
			w.SetSection(SectionAnswer)
			check(w.Record(long, ClassIN, 1, &ns))
			check(w.Record(long, ClassIN, 1, &ns))
		}},
		{"roll back", func() {
			w.Reset(buffer[:0], 1232)
			w.SetSection(SectionAnswer)
			mark := w.Mark()
			check(w.Record(long, ClassIN, 1, &ns))
			w.Rollback(mark)
		}},
		{"find out that a record does not fit", func() {
			w.Reset(buffer[:0], 30)
			w.SetSection(SectionAnswer)
			if err := w.Record(long, ClassIN, 1, &ns); err != ErrNoSpace {
				t.Error(err)
			}
		}},
		{"walk through a reply and type every record", func() {
			check(r.Reset(message))
			_, err := r.Question()
			check(err)
			for r.Section() != SectionEnd {
				h, err := r.Next()
				if err == ErrSectionDone {
					check(r.NextSection())
					continue
				}
				check(err)
				switch h.Type {
				case TypeMX:
					check(r.Parse(&mx))
				case TypeA:
					check(r.Parse(&a))
				case TypeAAAA:
					check(r.Parse(&aaaa))
				case TypeOPT:
					_, err := r.EDNS(h)
					check(err)
				}
			}
			check(r.Close())
		}},
		{"type data outside a message", func() {
			cursor = CursorOver(soaData)
			check(soa.Parse(&cursor))
		}},
		{"compare names", func() {
			if host.Compare(host2) == 0 || host.Equal(host2) || !host2.HasSuffix(name) || host.Parent() != name {
				t.Error("wrong")
			}
		}},
		{"append a key", func() { m = len(host2.AppendKey(buffer[:0])) }},
		{"fold a name that is folded", func() { m = host.Fold().Len() }},
		{"read a name from text", func() {
			b, err := AppendNameFromText(buffer[:0], text, Root)
			check(err)
			m = len(b)
		}},
		{"append a name as text", func() { m = len(host.AppendText(buffer[:0])) }},
		{"look through options", func() {
			if data, ok := edns.Options.Find(OptionCookie); !ok || len(data) != 8 {
				t.Error("no cookie")
			}
		}},
		{"append an option", func() { options = Options(buffer[:0]).AppendOption(OptionNSID, text) }},
	} {
		t.Run(promise.what, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, promise.do); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
	_, _ = m, options
}
