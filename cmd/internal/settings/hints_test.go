package settings

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadRootHints(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.hints")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(`. 3600000 NS A.ROOT-SERVERS.NET.
A.ROOT-SERVERS.NET. 3600000 A 198.41.0.4
a.root-servers.net. 3600000 AAAA 2001:503:ba3e::2:30
. 3600000 NS b.root-servers.net.
`)
	hints, err := readRootHints(path)
	if err != nil || len(hints) != 2 || len(hints[0].Addresses) != 2 || hints[0].Addresses[1] != netip.MustParseAddrPort("[2001:503:ba3e::2:30]:53") {
		t.Errorf("%v, %v", hints, err)
	}
	for text, want := range map[string]string{
		"":                         "has no NS record of the root whose server has an address",
		". 1 NS a.\n":              "has no NS record of the root whose server has an address",
		". 1 NS a.\na. 1 A nope\n": "root.hints:2:",
	} {
		write(text)
		if _, err := readRootHints(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v does not say %q", text, err, want)
		}
	}
}
