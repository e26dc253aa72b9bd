package zonefile

import (
	"bytes"
	"compress/gzip"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// rootZonePath is the real root zone, signed, if the checkout has it next to it.
const rootZonePath = "../../../shared/data/root-2018-03-12.zone.gz"

// rootZone returns the text of the root zone or skips.
func rootZone(t testing.TB) []byte {
	t.Helper()
	file, err := os.Open(rootZonePath)
	if err != nil {
		t.Skipf("the root zone is not here: %v", err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unzipped)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestRootZone reads the root zone, writes it, and reads what was written.
func TestRootZone(t *testing.T) {
	text := rootZone(t)
	write := func(text []byte) ([]byte, int) {
		var problems diagnostic.List
		var b []byte
		records := 0
		err := Read(text, "root", Options{}, &problems, func(r *Record) error {
			if !r.Name.HasSuffix(wire.Root) || len(r.Data) == 0 {
				t.Errorf("%v: no owner or no data", r.Position)
			}
			b = AppendRecord(b, &r.Record)
			records++
			return nil
		})
		if err != nil || len(problems.Problems) != 0 {
			t.Fatal(err, &problems)
		}
		return b, records
	}
	once, records := write(text)
	if records != 19598 {
		t.Errorf("%d records", records)
	}
	if twice, _ := write(once); string(twice) != string(once) {
		t.Error("what was written reads back as something else")
	}
}

// TestRootZoneMutations changes octets of pieces of the root zone at random:
// records or errors, and never more records than lines.
func TestRootZoneMutations(t *testing.T) {
	text := rootZone(t)
	random := rand.New(rand.NewPCG(5, 6))
	piece := make([]byte, 4096)
	for range 10_000 {
		n := copy(piece, text[random.IntN(len(text)):])
		for range 1 + random.IntN(8) {
			i := random.IntN(n)
			if random.IntN(2) == 0 {
				piece[i] = byte(random.IntN(256))
			} else {
				piece[i] = "\n \"();\\$@.0"[random.IntN(11)]
			}
		}
		var problems diagnostic.List
		records := 0
		err := Read(piece[:n], "root", Options{Origin: wire.Root}, &problems, func(r *Record) error {
			records++
			if err := wire.CheckRdata(r.Type, r.Data); err != nil {
				t.Errorf("%v: %v in\n%s", r.Position, err, piece[:n])
			}
			return nil
		})
		if lines := bytes.Count(piece[:n], []byte("\n")) + bytes.Count(piece[:n], []byte("\r")) + 1; err != nil || records > lines {
			t.Fatalf("%v, %d records in %d lines", err, records, lines)
		}
	}
}
