package authority

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/authority/diagnostic"
)

// largeZoneFile is a zone file with so many names, half as many delegations
// among them.
func largeZoneFile(names int) string {
	var b strings.Builder
	b.WriteString("$TTL 3600\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n")
	for i := range names {
		x := uint32(i) * 2654435761 // neighbours in the file are none in the hash table
		if i%3 == 0 {
			fmt.Fprintf(&b, "n%d NS ns.n%[1]d\nns.n%[1]d A 10.%d.%d.%d\n", x, byte(i>>16), byte(i>>8), byte(i))
		} else {
			fmt.Fprintf(&b, "n%d A 10.%d.%d.%d\nn%[1]d AAAA 2001:db8::%x\n", x, byte(i>>16), byte(i>>8), byte(i), i&0xFFFF)
		}
	}
	return b.String()
}

// BenchmarkLoad loads a zone on as many cores as -cpu says.
func BenchmarkLoad(b *testing.B) {
	for _, names := range []int{20, 250_000} {
		b.Run(fmt.Sprintf("names=%d", names), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "example")
			text := largeZoneFile(names)
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				var problems diagnostic.List
				if _, err := (File{Path: path}).Load(&problems); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkReload reloads a zone of 250,000 names from a file that is as it
// was, in which a line changed, and in which all did.
func BenchmarkReload(b *testing.B) {
	text := largeZoneFile(250_000)
	for _, test := range []struct {
		name string
		edit func(i int) string
	}{
		{"same", func(int) string { return text }},
		{"line", func(i int) string { return text + fmt.Sprintf("new A 192.0.2.%d\n", i%256) }},
		{"all", func(i int) string { return strings.Replace(text, "$TTL 3600", fmt.Sprintf("$TTL %d", 4000+i), 1) }},
	} {
		b.Run(test.name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "example")
			write := func(text string) {
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					b.Fatal(err)
				}
			}
			write(text)
			loader := Loader{File: File{Path: path}}
			var problems diagnostic.List
			s, err := loader.Load(&problems)
			if err != nil {
				b.Fatal(err)
			}
			zone := NewZone(s)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				write(test.edit(i))
				b.StartTimer()
				what, err := loader.Reload(zone, &problems)
				if err != nil || what.Replaced != (test.name == "all") {
					b.Fatal(what.Replaced, err)
				}
			}
		})
	}
}
