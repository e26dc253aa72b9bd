package codec

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"
	"github.com/names-dns/names/wire"
	"golang.org/x/net/dns/dnsmessage"
)

// typed holds a value of each type, used again for every record.
type typed struct {
	mx   wire.MX
	ns   wire.NS
	a    wire.A
	aaaa wire.AAAA
}

// readWire walks through a packet and gives every record a type. It returns
// how many there were.
func readWire(r *wire.Reader, d *typed, packet []byte) (int, error) {
	if err := r.Reset(packet); err != nil {
		return 0, err
	}
	if _, err := r.Question(); err != nil {
		return 0, err
	}
	records := 0
	for r.Section() != wire.SectionEnd {
		h, err := r.Next()
		if err == wire.ErrSectionDone {
			if err := r.NextSection(); err != nil {
				return records, err
			}
			continue
		}
		if err != nil {
			return records, err
		}
		switch h.Type {
		case wire.TypeMX:
			err = r.Parse(&d.mx)
		case wire.TypeNS:
			err = r.Parse(&d.ns)
		case wire.TypeA:
			err = r.Parse(&d.a)
		case wire.TypeAAAA:
			err = r.Parse(&d.aaaa)
		default:
			err = fmt.Errorf("type %s is not in the benchmark", h.Type)
		}
		if err != nil {
			return records, err
		}
		records++
	}
	return records, r.Close()
}

func readDnsmessage(p *dnsmessage.Parser, packet []byte) (int, error) {
	if _, err := p.Start(packet); err != nil {
		return 0, err
	}
	if _, err := p.Question(); err != nil {
		return 0, err
	}
	if err := p.SkipAllQuestions(); err != nil {
		return 0, err
	}
	records := 0
	for _, header := range [3]func() (dnsmessage.ResourceHeader, error){p.AnswerHeader, p.AuthorityHeader, p.AdditionalHeader} {
		for {
			h, err := header()
			if err == dnsmessage.ErrSectionDone {
				break
			}
			if err != nil {
				return records, err
			}
			switch h.Type {
			case dnsmessage.TypeMX:
				_, err = p.MXResource()
			case dnsmessage.TypeNS:
				_, err = p.NSResource()
			case dnsmessage.TypeA:
				_, err = p.AResource()
			case dnsmessage.TypeAAAA:
				_, err = p.AAAAResource()
			default:
				err = fmt.Errorf("type %s is not in the benchmark", h.Type)
			}
			if err != nil {
				return records, err
			}
			records++
		}
	}
	return records, nil
}

func readMiekg(m *dns.Msg, packet []byte) (int, error) {
	if err := m.Unpack(packet); err != nil {
		return 0, err
	}
	return len(m.Answer) + len(m.Ns) + len(m.Extra), nil
}

// BenchmarkRead walks through a reply of seven records and gives each its type.
func BenchmarkRead(b *testing.B) {
	for _, m := range messages {
		packet := m.packet(b)
		b.Run(m.name+"/wire", func(b *testing.B) {
			var r wire.Reader
			var d typed
			b.ReportAllocs()
			for b.Loop() {
				if n, err := readWire(&r, &d, packet); n != 7 || err != nil {
					b.Fatal(n, err)
				}
			}
		})
		b.Run(m.name+"/dnsmessage", func(b *testing.B) {
			var p dnsmessage.Parser
			b.ReportAllocs()
			for b.Loop() {
				if n, err := readDnsmessage(&p, packet); n != 7 || err != nil {
					b.Fatal(n, err)
				}
			}
		})
		b.Run(m.name+"/miekg", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var msg dns.Msg
				if n, err := readMiekg(&msg, packet); n != 7 || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkQuery reads a query: header, question, OPT record with its options.
func BenchmarkQuery(b *testing.B) {
	packet := query()
	b.Run("wire", func(b *testing.B) {
		var q wire.Query
		b.ReportAllocs()
		for b.Loop() {
			if err := q.Parse(packet); err != nil || !q.HasEDNS {
				b.Fatal(err)
			}
		}
	})
	b.Run("dnsmessage", func(b *testing.B) {
		var p dnsmessage.Parser
		b.ReportAllocs()
		for b.Loop() {
			if options, err := queryDnsmessage(&p, packet); err != nil || options != 1 {
				b.Fatal(err)
			}
		}
	})
	b.Run("miekg", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var m dns.Msg
			if err := m.Unpack(packet); err != nil || m.IsEdns0() == nil {
				b.Fatal(err)
			}
		}
	})
}

func queryDnsmessage(p *dnsmessage.Parser, packet []byte) (options int, err error) {
	if _, err := p.Start(packet); err != nil {
		return 0, err
	}
	if _, err := p.Question(); err != nil {
		return 0, err
	}
	for _, skip := range [3]func() error{p.SkipAllQuestions, p.SkipAllAnswers, p.SkipAllAuthorities} {
		if err := skip(); err != nil {
			return 0, err
		}
	}
	for {
		h, err := p.AdditionalHeader()
		if err == dnsmessage.ErrSectionDone {
			return options, nil
		}
		if err != nil {
			return 0, err
		}
		if h.Type != dnsmessage.TypeOPT {
			if err := p.SkipAdditional(); err != nil {
				return 0, err
			}
			continue
		}
		r, err := p.OPTResource()
		if err != nil {
			return 0, err
		}
		options = len(r.Options)
	}
}
