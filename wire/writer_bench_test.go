package wire

import "testing"

// BenchmarkWriter writes replies as zones do: raw data, owners that stand in
// the message already, names that share suffixes.
func BenchmarkWriter(b *testing.B) {
	owner := MustParseName("example.com.")
	var servers [][]byte
	for _, s := range []string{"a.ns.example.com.", "b.ns.example.com.", "c.ns.example.net.", "d.ns.example.org."} {
		servers = append(servers, []byte(MustParseName(s).Wire()))
	}
	buf := make([]byte, 0, 1232+WriterSlack)
	b.Run("servers", func(b *testing.B) {
		b.ReportAllocs()
		var w Writer
		for b.Loop() {
			w.Reset(buf, 1232)
			_ = w.Question(Question{owner, TypeNS, ClassIN})
			w.SetSection(SectionAnswer)
			at := w.Owner()
			for _, s := range servers {
				if err := w.RawAt(at, TypeNS, ClassIN, 3600, s); err != nil {
					b.Fatal(err)
				}
			}
			w.Finish()
		}
	})
	alias := MustParseName("www.example.com.")
	b.Run("aliases", func(b *testing.B) {
		b.ReportAllocs()
		var w Writer
		for b.Loop() {
			w.Reset(buf, 1232)
			_ = w.Question(Question{alias, TypeA, ClassIN})
			w.SetSection(SectionAnswer)
			at := w.Owner()
			for _, s := range servers {
				if err := w.RawAt(at, TypeCNAME, ClassIN, 3600, s); err != nil {
					b.Fatal(err)
				}
				at = w.Target()
			}
			w.Finish()
		}
	})
}
