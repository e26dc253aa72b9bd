package transfer

import (
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/journal"
)

// With a journal a small zone has no file, and then an empty one that says when it was
// confirmed. It is served after a restart until it expires. Without room in the journal
// it has a file.
func TestKeptInJournal(t *testing.T) {
	dir := t.TempDir()
	zone := authority.NewZone(snapshotOf(t, zoneText(7, 3)))
	p := newPrimary(t, zone, "any")
	start := func(c SecondaryConfig, o journal.Options) (*Secondary, *journal.Journal) {
		t.Helper()
		o.Dir = dir + "/journal"
		j, err := journal.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		c.Directory, c.Journal = dir, j
		s := follow(t, p, c)
		s.Restore()
		s.zone.SetPipeline(&authority.Pipeline{Journal: j})
		return s, j
	}
	s, j := start(SecondaryConfig{}, journal.Options{})
	restart := func() {
		t.Helper()
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		s, j = start(SecondaryConfig{}, journal.Options{})
	}
	attempt := func() {
		t.Helper()
		if !s.attempt(t.Context()) || textOf(s.Zone().Snapshot()) != textOf(zone.Snapshot()) {
			t.Fatalf("%+v", s.Status())
		}
	}
	size := func() int64 {
		info, err := os.Stat(s.fileName())
		if errors.Is(err, fs.ErrNotExist) {
			return -1
		} else if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	attempt()
	if n := size(); n != -1 {
		t.Errorf("there is a file of %d octets", n)
	}
	began := s.checked
	restart()
	if s.Zone().State() != authority.Loaded || textOf(s.Zone().Snapshot()) != textOf(zone.Snapshot()) {
		t.Fatal("the zone is not restored from the journal")
	}
	if s.checked.After(began) || s.checked.Before(began.Add(-2*time.Second)) {
		t.Errorf("it was confirmed at %v, not %v", s.checked, began)
	}
	attempt() // which confirms it
	if n := size(); n != 0 {
		t.Errorf("the file has %d octets", n)
	}
	change(t, zone, 1)
	attempt()
	restart()
	if textOf(s.Zone().Snapshot()) != textOf(zone.Snapshot()) {
		t.Error("the zone is not restored with its changes")
	}
	old := time.Now().Add(-600 * time.Second) // EXPIRE is 500 s
	if err := os.Chtimes(s.fileName(), old, old); err != nil {
		t.Fatal(err)
	}
	restart()
	if s.Zone().State() != authority.Expired {
		t.Errorf("a zone that expired while no server ran is %v", s.Zone().State())
	}
	attempt()
	if err := j.Forget(s.Zone().Origin(), s.Zone().Class()); err != nil {
		t.Fatal(err)
	}
	restart()
	if s.Zone().State() != authority.NotLoaded {
		t.Errorf("an empty file without a journal makes a zone that is %v", s.Zone().State())
	}
	attempt()
	full := 4 * j.Stats().Size
	j.Close()

	// A file is written if the operator names it, and if the journal is to be small.
	for name, start := range map[string]func() (*Secondary, *journal.Journal){
		"file": func() (*Secondary, *journal.Journal) {
			return start(SecondaryConfig{File: dir + "/zone"}, journal.Options{})
		},
		"journal": func() (*Secondary, *journal.Journal) { return start(SecondaryConfig{}, journal.Options{MaxSize: full}) },
	} {
		s, j = start()
		s.Retransfer()
		attempt()
		if n := size(); n < 1 {
			t.Errorf("%s: the file has %d octets", name, n)
		}
		j.Close()
		if s, j = start(); textOf(s.Zone().Snapshot()) != textOf(zone.Snapshot()) {
			t.Errorf("%s: the zone is not restored", name)
		}
		j.Close()
	}
}

// A zone whose journal is switched off gets a file as soon as a primary confirms it.
func TestKeptWithoutJournalAgain(t *testing.T) {
	dir := t.TempDir()
	p := newPrimary(t, authority.NewZone(snapshotOf(t, zoneText(7, 3))), "any")
	j, err := journal.Open(journal.Options{Dir: dir + "/journal"})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	s := follow(t, p, SecondaryConfig{Directory: dir, Journal: j})
	s.zone.SetPipeline(&authority.Pipeline{Journal: j})
	if !s.attempt(t.Context()) {
		t.Fatal("no transfer")
	}
	s.zone.SetPipeline(nil)
	s.config.Journal = nil
	if !s.attempt(t.Context()) {
		t.Fatal("no attempt")
	}
	again := follow(t, p, SecondaryConfig{Directory: dir})
	if again.Restore(); textOf(again.Zone().Snapshot()) != textOf(s.Zone().Snapshot()) {
		t.Error("the zone is not kept")
	}
}
