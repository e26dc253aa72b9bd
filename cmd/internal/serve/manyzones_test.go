package serve

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// manySmallZone has 20 records.
var manySmallZone = func() string {
	var b strings.Builder
	b.WriteString("$TTL 3600\n@ SOA ns h 1 2 3 4 5\n@ NS ns\n@ NS ns2\n@ MX 10 mail\nns A 192.0.2.1\nns2 A 192.0.2.2\nmail A 192.0.2.3\n")
	for i := range 13 {
		fmt.Fprintf(&b, "h%d A 198.51.100.%d\n", i, i)
	}
	return b.String()
}()

// BenchmarkReloadOfManyZones is what a reload of 100,000 zones from a folder costs if
// none, ten of them have changed, or ten came or went; and what it costs to name these
// ten.
func BenchmarkReloadOfManyZones(b *testing.B) {
	const many, few = 100_000, 10
	dir := b.TempDir()
	folder := filepath.Join(dir, "zones")
	if err := os.Mkdir(folder, 0o755); err != nil {
		b.Fatal(err)
	}
	path := func(i int) string { return filepath.Join(folder, fmt.Sprintf("z%d.example.zone", i)) }
	for i := range many {
		writeFile(b, path(i), manySmallZone)
	}
	file := filepath.Join(dir, "names.toml")
	writeFile(b, file, "[listen]\naddress = [\"127.0.0.1:0\"]\n[[zones]]\ndirectory = \"zones\"\nmatch = \"*.zone\"\n")
	server, _ := startFromFile(b, file)
	runtime.GC()
	rounds := 0
	change := func() {
		for i := range few {
			writeFile(b, path(i*9973), manySmallZone+fmt.Sprintf("new%d A 192.0.2.9\n", rounds))
		}
	}
	isThere := false
	addOrRemove := func() {
		isThere = !isThere
		for i := range few {
			if isThere {
				writeFile(b, path(many+i), manySmallZone)
			} else if err := os.Remove(path(many + i)); err != nil {
				b.Fatal(err)
			}
		}
	}
	var changed, other []string
	for i := range few {
		changed, other = append(changed, fmt.Sprintf("z%d.example", i*9973)), append(other, fmt.Sprintf("z%d.example", many+i))
	}
	for _, c := range []struct {
		name   string
		change func()
		zones  []string // none: all are reloaded
	}{
		{"none", func() {}, nil},
		{"changed", change, nil},
		{"added", addOrRemove, nil},
		{"changed, named", change, changed},
		{"added, named", addOrRemove, other},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				rounds++
				c.change()
				b.StartTimer()
				reload := server.reload
				if c.zones != nil {
					reload = func() (reloadReply, error) { return server.reloadSome(c.zones) }
				}
				if reply, err := reload(); err != nil || reply.Failed > 0 {
					b.Fatal(reply, err)
				}
			}
		})
	}
}
