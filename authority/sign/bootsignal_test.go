package sign

import (
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// TestSignalsStay: CDS records below the apex vouch for other zones (RFC 9615), and are an
// operator's: they stay when what a signer has made is taken out, and are not for the parent.
func TestSignalsStay(t *testing.T) {
	s, err := New(Policy{CDS: true}, csk(t), func() time.Time { return start })
	if err != nil {
		t.Fatal(err)
	}
	z := signed(t, s, parse(t, zoneText+"_dsboot.example.org._signal.ns 3600 CDS 1 13 2 "+strings.Repeat("00", 32)+"\n"))
	if all := text(z.Snapshot()); strings.Count(all, "\tCDS\t") != 2 {
		t.Fatalf("signed:\n%s", all)
	}
	z.SetPipeline(nil)
	if _, err := z.Update(authority.FromControl, func(txn *authority.Txn) error {
		Remove(txn)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if all := text(z.Snapshot()); strings.Count(all, "\tCDS\t") != 1 || strings.Contains(all, "DNSKEY") {
		t.Errorf("without signatures:\n%s", all)
	}
}

// TestSignalOf: what is not copied.
func TestSignalOf(t *testing.T) {
	for name, test := range map[string]struct {
		records string
		want    bool
	}{
		"CDS and CDNSKEY":     {"@ CDS 1 13 2 " + strings.Repeat("00", 32) + "\n@ CDNSKEY 257 3 13 AAAA\n", true},
		"CDS alone":           {"@ CDS 1 13 2 " + strings.Repeat("00", 32) + "\n", true},
		"delete (RFC 8078 4)": {"@ CDS 0 0 0 00\n@ CDNSKEY 0 3 0 AA==\n", false},
		"nothing":             {"", false},
	} {
		records, servers, ok := SignalOf(parse(t, zoneText+test.records))
		if ok != test.want || ok && len(servers) == 0 || !ok && records != nil {
			t.Errorf("%s: %v of %v, %v", name, records, servers, ok)
		}
	}
	long := wire.MustParseName(strings.Repeat(strings.Repeat("x", 60)+".", 4))
	for _, server := range []string{"ns.example.org.", "example.org.", long.String()} {
		if name, err := SignalName(wire.MustParseName("example.org."), wire.MustParseName(server)); err == nil {
			t.Errorf("%s vouches at %s", server, name)
		}
	}
}
