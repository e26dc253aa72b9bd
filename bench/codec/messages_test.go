package codec

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"
	"github.com/names-dns/names/wire"
	"golang.org/x/net/dns/dnsmessage"
)

// A message is described once, in wire's terms; the other codecs write their
// own from it.
type message struct {
	name     string
	question wire.Question
	sections [3][]record // answer, authority, additional
}

type record struct {
	owner wire.Name
	data  wire.Rdata
}

const ttl = 3600

var (
	mxReply = message{
		name:     "mx",
		question: wire.Question{Name: name("example.com."), Type: wire.TypeMX, Class: wire.ClassIN},
		sections: [3][]record{{
			{name("example.com."), &wire.MX{Preference: 10, Exchange: name("mail.example.com.")}},
			{name("example.com."), &wire.MX{Preference: 20, Exchange: name("mail2.example.com.")}},
			{name("example.com."), &wire.MX{Preference: 30, Exchange: name("backup.example.net.")}},
		}, {}, {
			{name("mail.example.com."), &wire.A{Addr: addr("192.0.2.1")}},
			{name("mail.example.com."), &wire.AAAA{Addr: addr("2001:db8::1")}},
			{name("mail2.example.com."), &wire.A{Addr: addr("192.0.2.2")}},
			{name("mail2.example.com."), &wire.AAAA{Addr: addr("2001:db8::2")}},
		}},
	}
	referral = message{
		name:     "referral",
		question: wire.Question{Name: name("www.example.com."), Type: wire.TypeA, Class: wire.ClassIN},
		sections: [3][]record{{}, {
			{name("example.com."), &wire.NS{Host: name("ns1.example.com.")}},
			{name("example.com."), &wire.NS{Host: name("ns2.example.com.")}},
			{name("example.com."), &wire.NS{Host: name("ns.example.net.")}},
		}, {
			{name("ns1.example.com."), &wire.A{Addr: addr("192.0.2.1")}},
			{name("ns1.example.com."), &wire.AAAA{Addr: addr("2001:db8::1")}},
			{name("ns2.example.com."), &wire.A{Addr: addr("192.0.2.2")}},
			{name("ns2.example.com."), &wire.AAAA{Addr: addr("2001:db8::2")}},
		}},
	}
	messages = []message{mxReply, referral}
)

func name(text string) wire.Name     { return wire.MustParseName(text) }
func addr(text string) netip.Addr    { return netip.MustParseAddr(text) }
func (m *message) flags() wire.Flags { return wire.FlagQR | wire.FlagRD }

// packWire appends the message with a Writer that is used again.
func (m *message) packWire(w *wire.Writer, b []byte) ([]byte, error) {
	w.Reset(b, 1232)
	w.ID, w.Flags = 4660, m.flags()
	if err := w.Question(m.question); err != nil {
		return nil, err
	}
	for i, records := range m.sections {
		w.SetSection(wire.SectionAnswer + wire.Section(i))
		for j := range records {
			if err := w.Record(records[j].owner, wire.ClassIN, ttl, records[j].data); err != nil {
				return nil, err
			}
		}
	}
	return w.Finish(), nil
}

// foreignRecord is a record in dnsmessage's terms.
type foreignRecord struct {
	header dnsmessage.ResourceHeader
	mx     dnsmessage.MXResource
	ns     dnsmessage.NSResource
	a      dnsmessage.AResource
	aaaa   dnsmessage.AAAAResource
}

// dnsmessageForm is the message in dnsmessage's terms, made before the clock runs.
type dnsmessageForm struct {
	header   dnsmessage.Header
	question dnsmessage.Question
	sections [3][]foreignRecord
}

func (m *message) forDnsmessage() *dnsmessageForm {
	f := &dnsmessageForm{
		header: dnsmessage.Header{ID: 4660, Response: true, RecursionDesired: true},
		question: dnsmessage.Question{
			Name: dnsmessage.MustNewName(m.question.Name.String()), Type: dnsmessage.Type(m.question.Type), Class: dnsmessage.ClassINET,
		},
	}
	for i, records := range m.sections {
		for _, r := range records {
			o := foreignRecord{header: dnsmessage.ResourceHeader{
				Name: dnsmessage.MustNewName(r.owner.String()), Class: dnsmessage.ClassINET, TTL: ttl, Type: dnsmessage.Type(r.data.Type()),
			}}
			switch d := r.data.(type) {
			case *wire.MX:
				o.mx = dnsmessage.MXResource{Pref: d.Preference, MX: dnsmessage.MustNewName(d.Exchange.String())}
			case *wire.NS:
				o.ns = dnsmessage.NSResource{NS: dnsmessage.MustNewName(d.Host.String())}
			case *wire.A:
				o.a = dnsmessage.AResource{A: d.Addr.As4()}
			case *wire.AAAA:
				o.aaaa = dnsmessage.AAAAResource{AAAA: d.Addr.As16()}
			}
			f.sections[i] = append(f.sections[i], o)
		}
	}
	return f
}

func (f *dnsmessageForm) pack(buf []byte) ([]byte, error) {
	b := dnsmessage.NewBuilder(buf, f.header)
	b.EnableCompression()
	if err := b.StartQuestions(); err != nil {
		return nil, err
	}
	if err := b.Question(f.question); err != nil {
		return nil, err
	}
	for i, start := range [3]func() error{b.StartAnswers, b.StartAuthorities, b.StartAdditionals} {
		if err := start(); err != nil {
			return nil, err
		}
		for j := range f.sections[i] {
			r := &f.sections[i][j]
			var err error
			switch r.header.Type {
			case dnsmessage.TypeMX:
				err = b.MXResource(r.header, r.mx)
			case dnsmessage.TypeNS:
				err = b.NSResource(r.header, r.ns)
			case dnsmessage.TypeA:
				err = b.AResource(r.header, r.a)
			case dnsmessage.TypeAAAA:
				err = b.AAAAResource(r.header, r.aaaa)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return b.Finish()
}

// forMiekg is the message in miekg/dns's terms.
func (m *message) forMiekg() *dns.Msg {
	o := new(dns.Msg)
	o.Id, o.Response, o.RecursionDesired, o.Compress = 4660, true, true, true
	o.Question = []dns.Question{{Name: m.question.Name.String(), Qtype: uint16(m.question.Type), Qclass: dns.ClassINET}}
	sections := [3]*[]dns.RR{&o.Answer, &o.Ns, &o.Extra}
	for i, records := range m.sections {
		for _, r := range records {
			h := dns.RR_Header{Name: r.owner.String(), Rrtype: uint16(r.data.Type()), Class: dns.ClassINET, Ttl: ttl}
			var rr dns.RR
			switch d := r.data.(type) {
			case *wire.MX:
				rr = &dns.MX{Hdr: h, Preference: d.Preference, Mx: d.Exchange.String()}
			case *wire.NS:
				rr = &dns.NS{Hdr: h, Ns: d.Host.String()}
			case *wire.A:
				rr = &dns.A{Hdr: h, A: d.Addr.AsSlice()}
			case *wire.AAAA:
				rr = &dns.AAAA{Hdr: h, AAAA: d.Addr.AsSlice()}
			}
			*sections[i] = append(*sections[i], rr)
		}
	}
	return o
}

// packet is the message on the wire.
func (m *message) packet(t testing.TB) []byte {
	t.Helper()
	var w wire.Writer
	b, err := m.packWire(&w, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// query is a query with EDNS and a cookie.
func query() []byte {
	e := wire.EDNS{UDPSize: 1232, Flags: wire.FlagDO, Options: wire.Options{}.AppendOption(wire.OptionCookie, make([]byte, 8))}
	return wire.AppendQuery(nil, 4660, wire.FlagRD, wire.Question{Name: name("www.example.com."), Type: wire.TypeA, Class: wire.ClassIN}, &e)
}
