package fuzz

import (
	"compress/gzip"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/wire"
)

var mutations = flag.Int("mutations", 100, "how many damaged zones TestDamagedZones loads")

// rootZone is the real root zone if it is there, next to the
// project's folder.
const rootZone = "../../shared/data/root-2018-03-12.zone.gz"

// TestDamagedZones damages a large signed zone at random. What comes of it is
// an error or a whole zone: never a panic, never half a zone.
func TestDamagedZones(t *testing.T) {
	text, origin := largeZone(t)
	var wait sync.WaitGroup
	var loaded, refused [64]int
	workers := min(runtime.GOMAXPROCS(0), len(loaded))
	for w := range workers {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(w)))
			for range *mutations / workers {
				if loadWhole(t, damage(random, text), origin) {
					loaded[w]++
				} else {
					refused[w]++
				}
			}
		})
	}
	wait.Wait()
	sum := func(counts [64]int) (n int) {
		for _, c := range counts {
			n += c
		}
		return n
	}
	t.Logf("%d damaged zones: %d loaded, %d refused", sum(loaded)+sum(refused), sum(loaded), sum(refused))
	if sum(refused) == 0 {
		t.Error("no damage was found")
	}
}

// TestZoneCutAtEveryByte ends a zone file everywhere it can end.
func TestZoneCutAtEveryByte(t *testing.T) {
	text, err := os.ReadFile("../authority/testdata/nsec.zone")
	if err != nil {
		t.Fatal(err)
	}
	text = append([]byte("$TTL 1h\n$ORIGIN example.com.\n@ TXT ( \"a;b\" ; remark\n \\# )\n"), text...)
	for n := range text {
		loadWhole(t, text[:n], wire.MustParseName("example.com."))
	}
}

// largeZone is the root zone, or else a signed zone of the project's own.
func largeZone(t *testing.T) ([]byte, wire.Name) {
	f, err := os.Open(rootZone)
	if err != nil {
		t.Logf("without the root zone (%v): a smaller one is damaged", err)
		text, err := os.ReadFile("../authority/testdata/nsec3.zone")
		if err != nil {
			t.Fatal(err)
		}
		return text, wire.MustParseName("example.com.")
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text, wire.Root
}

// damage returns a copy of text with a few octets changed, lost or moved.
func damage(random *rand.Rand, text []byte) []byte {
	b := append([]byte(nil), text...)
	for range 1 + random.IntN(5) {
		i, j := random.IntN(len(b)), random.IntN(len(b))
		n := min(1+random.IntN(200), len(b)-max(i, j))
		switch random.IntN(6) {
		case 0:
			b[i] = byte(random.Uint32())
		case 1:
			b[i] = "()\"\\;$@\n \t\x00*."[random.IntN(13)]
		case 2:
			b = append(b[:i], b[i+n:]...)
		case 3:
			copy(b[i:i+n], b[j:j+n])
		case 4:
			b = append(b[:i], append(append([]byte(nil), text[:n]...), b[i:]...)...)
		case 5:
			b = b[:max(1, i)]
		}
	}
	return b
}

// loadWhole loads a zone and checks that it is whole or nothing.
func loadWhole(t *testing.T, text []byte, origin wire.Name) bool {
	var problems diagnostic.List
	b := authority.NewBuilder(origin, wire.ClassIN, &problems)
	err := zonefile.Read(text, "zone", zonefile.Options{Origin: origin, Open: noFiles}, &problems, func(r *zonefile.Record) error {
		b.Add(r.Record, r.Position)
		return nil
	})
	if err != nil {
		t.Error(err)
		return false
	}
	zone, err := b.Freeze()
	switch {
	case (zone == nil) != (err != nil):
		t.Errorf("zone %v with error %v", zone, err)
	case err == nil && problems.Errors > 0:
		t.Errorf("a zone with errors was loaded: %v", problems.Err())
	case err == nil:
		records := 0
		for r := range zone.All() {
			records++
			if e := wire.CheckRdata(r.Type, r.Data); e != nil {
				t.Errorf("%s %s: %v", r.Name, r.Type, e)
			}
		}
		if records != zone.Records() || records < 2 {
			t.Errorf("the zone says it has %d records, and has %d", zone.Records(), records)
		}
	}
	return err == nil
}

// noFiles keeps what a damaged zone includes from being read.
func noFiles(string) (io.ReadCloser, error) { return nil, os.ErrNotExist }
