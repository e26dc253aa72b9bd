//go:build unix

package authority

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

func mustMkfifo(t *testing.T, path string) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Zone files, included files and pyzones have to be regular files, at the first
// load and at reloads. A FIFO does not block a load.
func TestZonesAreRegularFiles(t *testing.T) {
	dir := t.TempDir()
	fifo, zonePath := filepath.Join(dir, "fifo"), filepath.Join(dir, "zone.example")
	mustMkfifo(t, fifo)
	write := func(text string) {
		if err := os.WriteFile(zonePath, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(reloadable + "$INCLUDE fifo\n")
	for _, file := range []File{
		{Path: fifo}, {Path: fifo, Origin: wire.MustParseName("example.")}, {Path: zonePath}, {Path: fifo, Format: Pyzone}, {Path: "/dev/zero", Format: Pyzone}, {Path: "/dev/zero", Origin: wire.MustParseName("example.")},
	} {
		var problems diagnostic.List
		_, err := file.Load(&problems)
		if err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%+v: %v", file, err)
		}
	}
	write(reloadable)
	loader := Loader{File: File{Path: zonePath}}
	var problems diagnostic.List
	s, err := loader.Load(&problems)
	if err != nil {
		t.Fatal(err)
	}
	zone := NewZone(s)
	if err := os.Remove(zonePath); err != nil {
		t.Fatal(err)
	}
	mustMkfifo(t, zonePath)
	if _, err := loader.Reload(zone, &problems); err == nil || !strings.Contains(err.Error(), "not a regular file") || zone.Snapshot() != s {
		t.Errorf("the file became a FIFO: %v", err)
	}
}

// Loads whose context is done return its error, and do not change the zone.
func TestLoadsCanBeCancelled(t *testing.T) {
	zonePath := filepath.Join(t.TempDir(), "zone.example")
	write := func(text string) {
		if err := os.WriteFile(zonePath, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(reloadable)
	ctx, cancel := context.WithCancel(t.Context())
	loader := Loader{File: File{Path: zonePath}, Context: ctx}
	var problems diagnostic.List
	s, err := loader.Load(&problems)
	if err != nil {
		t.Fatal(err)
	}
	zone := NewZone(s)
	cancel()
	write(reloadable + "more A 192.0.2.1\n")
	if _, err := loader.Reload(zone, &problems); !errors.Is(err, context.Canceled) || zone.Snapshot() != s {
		t.Errorf("reload: %v", err)
	}
	if _, err := loader.Load(&problems); !errors.Is(err, context.Canceled) {
		t.Errorf("load: %v", err)
	}
	loader.File.Format = Pyzone
	if _, err := loader.Load(&problems); !errors.Is(err, context.Canceled) {
		t.Errorf("load of a pyzone: %v", err)
	}
}
