package authority

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// TestWriteFile: what is written reads back as the same zone; what a person has
// written into a file stays.
func TestWriteFile(t *testing.T) {
	const records = "@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n"
	for _, test := range []struct{ text, refused string }{
		{records, ""},
		{"$TTL 60\n" + records, ""},
		{"@ 60 TXT \"; not a comment\" \\;\n" + records, ""},
		{writtenByUs + "; lost\n" + records, ""},
		{records + "\n; kept\n", ":5: "},
		{records + "www 60 A 192.0.2.2 ; here\n", ":4: "},
		{records + "$generate 1-2 h$ 60 A 192.0.2.$\n", ":4: "},
		{"$INCLUDE other\n" + records, ":1: "},
	} {
		path := filepath.Join(t.TempDir(), "zone")
		if err := os.WriteFile(path, []byte(test.text), 0o640); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "other"), nil, 0o640); err != nil {
			t.Fatal(err)
		}
		file := File{Path: path, Origin: wire.MustParseName("example.")}
		file.Open = nil
		s, err := file.Load(nil)
		if err != nil {
			s = mustZone(t, "example.", records)
		}
		err = WriteFile(path, s)
		if test.refused != "" {
			if after, _ := os.ReadFile(path); !errors.Is(err, ErrNotRewritten) || !strings.Contains(err.Error(), test.refused) || string(after) != test.text {
				t.Errorf("%q: %v", test.text, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", test.text, err)
			continue
		}
		again, err := file.Load(nil)
		if err != nil || again.Digest() != s.Digest() {
			t.Errorf("%q: %v", test.text, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%v %v", info.Mode(), err)
		}
	}
}
