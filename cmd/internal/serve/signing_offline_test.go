package serve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/wire"
)

// TestOfflineKey: a server signs with what a key on another machine has signed in advance,
// and says when that runs out.
func TestOfflineKey(t *testing.T) {
	dir, vault := t.TempDir(), t.TempDir()
	keys, zone := filepath.Join(dir, "keys"), wire.MustParseName("example.org.")
	writeFile(t, filepath.Join(dir, "example.org"), smallZone)
	if err := os.Mkdir(keys, 0o700); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	k, err := sign.GenerateKey(wire.AlgorithmED25519, 257, 0, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Write(vault, zone); err != nil {
		t.Fatal(err)
	}
	_, half, err := sign.ImportOffline(filepath.Join(vault, k.FileName(zone)), now)
	if err != nil {
		t.Fatal(err)
	}
	if err := half.Write(keys, zone); err != nil {
		t.Fatal(err)
	}
	if _, err := sign.EditKeySet(keys, zone, now, func(set *sign.KeySet) error {
		set.SetPolicy(sign.KeyPolicy{Algorithm: wire.AlgorithmED25519})
		r, err := set.Request(now, now.Add(30*24*time.Hour), false)
		if err != nil {
			return err
		}
		done, err := r.Sign([]*sign.Key{k})
		if err != nil {
			return err
		}
		if _, err = set.Accept(done, now); err != nil {
			return err
		}
		return set.SaveSignatures(keys)
	}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "names.toml")
	writeFile(t, file, "[listen]\naddress = [\"127.0.0.1:0\"]\n[signing]\nkey-dir = \"keys\"\n[policy.default]\nds-check = false\n"+
		"[[zone]]\nname = \"example.org\"\nfile = \"example.org\"\nsign = \"default\"\n")
	s, log := startFromFile(t, file)
	rightAsSigned(t, s)
	pass := ownClock(t, s, func() {})
	pass(2 * 24 * time.Hour)
	if strings.Contains(log(), "run out") {
		t.Errorf("log:\n%s", log())
	}
	pass(20 * 24 * time.Hour)
	zones, err := s.doSigningZones(t.Context(), nil)
	if err != nil || !strings.Contains(zones.([]signedZoneReply)[0].Warning, "on another machine end at") || !strings.Contains(log(), "run out") {
		t.Errorf("%+v %v; log:\n%s", zones, err, log())
	}
	if got := signingMetric(t, s.transfer.signing, "names_signing_offline_end_timestamp_seconds"); got <= float64(time.Now().Unix()) {
		t.Error(got)
	}
}
