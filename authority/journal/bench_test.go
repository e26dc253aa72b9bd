package journal

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/names-dns/names/authority"
)

// BenchmarkUpdate makes changes that are durable on the disk of the test
// directory, by one writer and by a hundred at once.
func BenchmarkUpdate(b *testing.B) {
	for _, writers := range []int{1, 100} {
		b.Run(fmt.Sprint(writers, " writers"), func(b *testing.B) {
			j := open(b, Options{Dir: b.TempDir()})
			z := newZone(b, j, "example.")
			var n atomic.Int64
			b.SetParallelism(writers)
			b.ReportAllocs()
			if writers == 1 {
				for i := 0; b.Loop(); i++ {
					if err := number(z, i); err != nil {
						b.Fatal(err)
					}
				}
				return
			}
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if err := number(z, int(n.Add(1))); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkFirstChange makes the first and the second change of a zone of which the journal
// has nothing, the first one prepared or not.
func BenchmarkFirstChange(b *testing.B) {
	for _, test := range []struct {
		name     string
		prepared bool
		change   int
	}{{"first", false, 1}, {"first, prepared", true, 1}, {"second", false, 2}} {
		b.Run(test.name, func(b *testing.B) {
			z := largeZone(b, nil, "example.", 200_000)
			for b.Loop() {
				b.StopTimer()
				j := open(b, Options{Dir: "d", FS: newMemFS()})
				z.SetPipeline(&authority.Pipeline{Journal: j})
				if test.prepared {
					j.Prepare(z)
				}
				for i := 1; i < test.change; i++ {
					if err := number(z, i); err != nil {
						b.Fatal(err)
					}
				}
				b.StartTimer()
				if err := number(z, test.change); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOpen opens a journal of ten thousand changes and replays it.
func BenchmarkOpen(b *testing.B) {
	m := newMemFS()
	j := open(b, Options{Dir: "d", FS: m})
	z := newZone(b, j, "example.")
	for i := range 10_000 {
		if err := number(z, i); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		j, err := Open(Options{Dir: "d", FS: m})
		if err != nil {
			b.Fatal(err)
		}
		if n, err := j.Replay(newZone(b, j, "example.")); n != 10_000 || err != nil {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkLong looks into a journal that has many changes of a zone: what led to the last
// version, as incremental transfers ask, and what the zone's file does not have, as reloads do.
func BenchmarkLong(b *testing.B) {
	for _, changes := range []int{1_000, 10_000} {
		j := open(b, Options{Dir: "d", FS: newMemFS()})
		z := newZone(b, j, "example.")
		for i := range changes {
			if err := number(z, i); err != nil {
				b.Fatal(err)
			}
		}
		last := z.Snapshot().Serial()
		b.Run(fmt.Sprint("between/", changes), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if j.Between(z, last-1, last) == nil {
					b.Fatal("nothing is known")
				}
			}
		})
		b.Run(fmt.Sprint("unsaved/", changes), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if c, err := j.Unsaved(z.Origin(), z.Class()); err != nil || c.IsEmpty() {
					b.Fatal(err)
				}
			}
		})
	}
}
