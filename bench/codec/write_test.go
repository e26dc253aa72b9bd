package codec

import (
	"testing"

	"github.com/names-dns/names/wire"
)

// BenchmarkWrite writes a reply of seven records, names compressed, into a
// buffer that is used again.
func BenchmarkWrite(b *testing.B) {
	for _, m := range messages {
		want := len(m.packet(b))
		b.Run(m.name+"/wire", func(b *testing.B) {
			var w wire.Writer
			buf := make([]byte, 0, 1232+wire.WriterSlack)
			b.ReportAllocs()
			for b.Loop() {
				if packet, err := m.packWire(&w, buf[:0]); len(packet) != want || err != nil {
					b.Fatal(len(packet), err)
				}
			}
		})
		b.Run(m.name+"/dnsmessage", func(b *testing.B) {
			f := m.forDnsmessage()
			buf := make([]byte, 0, 1232)
			b.ReportAllocs()
			for b.Loop() {
				if packet, err := f.pack(buf[:0]); len(packet) != want || err != nil {
					b.Fatal(len(packet), err)
				}
			}
		})
		b.Run(m.name+"/miekg", func(b *testing.B) {
			o := m.forMiekg()
			buf := make([]byte, 1232)
			b.ReportAllocs()
			for b.Loop() {
				if packet, err := o.PackBuffer(buf); len(packet) != want || err != nil {
					b.Fatal(len(packet), err)
				}
			}
		})
	}
}
