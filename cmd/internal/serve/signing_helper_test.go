package serve

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/authority/sign/keyhelper"
	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/wire"
)

// keyHelper runs a key helper at "socket" in a folder, until stop is called.
func keyHelper(t *testing.T, dir string) (stop func()) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(dir, "hsm"), 0o700); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	keys, err := keyhelper.NewFolder(filepath.Join(dir, "hsm"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := keyhelper.Listen(filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := keyhelper.Serve(ctx, l, keys, slog.New(slog.DiscardHandler)); err != nil {
			t.Error(err)
		}
	})
	stop = func() { cancel(); done.Wait() }
	t.Cleanup(stop)
	return stop
}

// TestKeyHelper: keys are made and sign in another process. While that is away for a day,
// the zone stays as it is, and valid, also over a restart; then it goes on.
func TestKeyHelper(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "example.org"), smallZone)
	file := filepath.Join(dir, "names.toml")
	writeFile(t, file, "[listen]\naddress = [\"127.0.0.1:0\"]\n[journal]\ndir = \"journal\"\n[signing]\nkey-dir = \"keys\"\nhelper = \"socket\"\n"+
		"[policy.default]\nkey-store = \"helper\"\nds-check = false\n[[zone]]\nname = \"example.org\"\nfile = \"example.org\"\nsign = \"default\"\n")
	stop := keyHelper(t, dir)
	s, log := startFromFile(t, file)
	rightAsSigned(t, s)
	keys, err := sign.ReadKeys(filepath.Join(dir, "keys"), wire.MustParseName("example.org."))
	if err != nil || len(keys) != 1 || keys[0].Label() == "" {
		t.Fatalf("%v %v", keys, err)
	}
	pass := ownClock(t, s, func() {})
	failed := func() float64 {
		t.Helper()
		return signingMetric(t, s.transfer.signing, "names_signing_zones_failed")
	}
	pass(48 * time.Hour)
	stop()
	before := s.set.Zones()[0].Snapshot()
	for range 24 {
		pass(time.Hour) // which verifies the zone, too
	}
	if s.set.Zones()[0].Snapshot() != before || failed() != 1 || !strings.Contains(log(), "zone not signed again") {
		t.Errorf("%v zones failed; log:\n%s", failed(), log())
	}
	zones, err := s.doSigningZones(t.Context(), nil)
	if err != nil || !strings.Contains(zones.([]signedZoneReply)[0].Warning, "not signed again") {
		t.Errorf("%+v %v", zones, err)
	}
	keyHelper(t, dir)
	if _, err := s.reload(); err != nil {
		t.Fatal(err)
	}
	pass(time.Hour)
	if s.set.Zones()[0].Snapshot() == before || failed() != 0 {
		t.Errorf("%v zones failed; log:\n%s", failed(), log())
	}
	if got := signingMetric(t, s.transfer.signing, "names_signing_helper_requests_total"); got == 0 {
		t.Error("no request is counted")
	}
}

// TestStartWithoutKeyHelper: a server whose key helper is away serves what its journal has,
// also if that is to be signed in another way; one that has nothing signed does not start.
func TestStartWithoutKeyHelper(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "example.org"), smallZone)
	file := filepath.Join(dir, "names.toml")
	write := func(more string) {
		writeFile(t, file, "[listen]\naddress = [\"127.0.0.1:0\"]\n[journal]\ndir = \"journal\"\n[signing]\nkey-dir = \"keys\"\nhelper = \"socket\"\n"+
			"[[zone]]\nname = \"example.org\"\nfile = \"example.org\"\nsign = \"default\"\n[policy.default]\nkey-store = \"helper\"\n"+more)
	}
	write("")
	c, _, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), c.Settings, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "socket") {
		t.Fatalf("started without keys: %v", err)
	}
	stop := keyHelper(t, dir)
	var before wire.Serial
	t.Run("first", func(t *testing.T) {
		s, _ := startFromFile(t, file)
		rightAsSigned(t, s)
		before = s.set.Zones()[0].Snapshot().Serial()
	})
	stop()
	write("nsec3 = true\n")
	t.Run("without the helper", func(t *testing.T) {
		s, log := startFromFile(t, file)
		rightAsSigned(t, s)
		if got := s.set.Zones()[0].Snapshot(); got.Serial() != before || got.Signed() != "NSEC" || !strings.Contains(log(), "zone not signed again") {
			t.Errorf("serial number %s after %s, signed with %s; log:\n%s", got.Serial(), before, got.Signed(), log())
		}
		keyHelper(t, dir)
		if _, err := s.reload(); err != nil {
			t.Fatal(err)
		}
		rightAsSigned(t, s)
		if got := s.set.Zones()[0].Snapshot().Signed(); got != "NSEC3" {
			t.Errorf("signed with %s; log:\n%s", got, log())
		}
	})
}
