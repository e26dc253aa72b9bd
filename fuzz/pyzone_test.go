package fuzz

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/pyzone"
	"github.com/names-dns/names/wire"
)

// FuzzPyzone: whatever the text, the reader gives records that are whole or
// says what is wrong, and never both none and nothing.
func FuzzPyzone(f *testing.F) {
	for _, path := range []string{"zones.txt", "errors.txt", "example-domain.com"} {
		file, err := os.ReadFile(filepath.Join("../authority/pyzone/testdata", path))
		if err != nil {
			f.Fatal(err)
		}
		for _, story := range strings.Split(string(file), "\n=== ") {
			if path != "example-domain.com" {
				_, story, _ = strings.Cut(story, "\n")
				story, _, _ = strings.Cut(story, "\n---\n")
			}
			f.Add([]byte(story))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var problems diagnostic.List
		records := 0
		origin, err := pyzone.Read(text, "zone.py", &problems, func(r *pyzone.Record) error {
			records++
			if _, n, err := wire.NameFromWire([]byte(r.Name.Wire())); err != nil || n != r.Name.Len() {
				t.Errorf("owner %x: %v", r.Name.Wire(), err)
			}
			if err := wire.CheckRdata(r.Type, r.Data); err != nil || len(r.Data) > 65535 {
				t.Errorf("data of %v, %x: %v", r.Type, r.Data, err)
			}
			if records == 1 != (r.Type == wire.TypeSOA) || r.TTL > 1<<31-1 {
				t.Errorf("record %d has type %v and TTL %d", records, r.Type, r.TTL)
			}
			return nil
		})
		if err != nil {
			t.Errorf("error %v is not emit's", err)
		}
		if problems.Errors == 0 && (records == 0 || origin.IsZero()) {
			t.Errorf("%d records, origin %v, and no problem", records, origin)
		}
	})
}
