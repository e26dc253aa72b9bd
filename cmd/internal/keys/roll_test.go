package keys

import (
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/wire"
)

// TestDoubleDS: the plan has the DS record before the DNSKEY record, is remembered by the set,
// and the parent is to have the DS records of both keys.
func TestDoubleDS(t *testing.T) {
	dir := t.TempDir()
	zone := wire.MustParseName("example.com.")
	begin := time.Now().Add(-200 * time.Hour)
	advance := func(at time.Time) {
		t.Helper()
		if _, err := sign.EditKeySet(dir, zone, at, func(s *sign.KeySet) error {
			s.ConfirmDS(at)
			if _, err := s.Advance(at); err != nil {
				return err
			}
			s.Published(at)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for at := begin; at.Before(time.Now().Add(-time.Hour)); at = at.Add(time.Hour) {
		advance(at)
	}
	plan, stderr, code := run("roll", "--ksk-rollover", "double-ds", "--dir", dir, "example.com")
	if code != 0 {
		t.Fatal(stderr)
	}
	words := strings.Join(strings.Fields(plan), " ")
	ds, dnskey := strings.Index(words, " DS rumoured"), strings.Index(words, " DNSKEY rumoured")
	if ds < 0 || dnskey < ds {
		t.Errorf("DS at %d, DNSKEY at %d of\n%s", ds, dnskey, plan)
	}
	advance(time.Now())
	if records, stderr, code := run("ds", "--dir", dir, "example.com"); code != 0 || strings.Count(records, "\tDS\t") != 2 || strings.Contains(records, ";") {
		t.Errorf("%d: %s%s", code, records, stderr)
	}
	for _, args := range [][]string{{"roll", "--ksk-rollover", "double"}, {"list", "--ksk-rollover", "double-ds"}} {
		if _, stderr, code := run(append(args, "--dir", dir, "example.com")...); code != 2 || !strings.Contains(stderr, "ksk-rollover") {
			t.Errorf("%v: %d %s", args, code, stderr)
		}
	}
}
