package sign

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// TestParentUpdates: when updates are sent to a parent that refuses them for a day, then takes
// them and does not follow, and when after a restart.
func TestParentUpdates(t *testing.T) {
	l := newLife(t, KeyPolicy{}, &parent{takes: []time.Duration{-1}})
	l.days(3)
	if at, ok := l.set.UpdateAt(); !ok || at.After(l.now) {
		t.Fatalf("the parent is to have a DS record: at %s, %v", at, ok)
	}
	var waits []time.Duration
	for range 12 {
		l.set.NoteUpdate(l.now, "", errors.New("it replies REFUSED"))
		if err := l.set.Save(l.dir, l.now); err != nil {
			t.Fatal(err)
		}
		l.kill() // which the file survives
		at, ok := l.set.UpdateAt()
		if !ok {
			t.Fatal("never")
		}
		waits = append(waits, at.Sub(l.now))
		l.now = at
	}
	want := []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360}
	for i := range want {
		want[i] *= time.Minute
	}
	if !slices.Equal(waits, want) {
		t.Errorf("waits %v", waits)
	}
	l.set.NoteUpdate(l.now, "192.0.2.1:53", nil)
	if at, ok := l.set.UpdateAt(); !ok || !at.Equal(l.now.Add(24*time.Hour)) {
		t.Errorf("after it was taken: at %s, %v", at, ok)
	}
	l.parent.takes = []time.Duration{0}
	l.hour()
	if at, ok := l.set.UpdateAt(); ok {
		t.Errorf("the parent has it: at %s", at)
	}
	l.days(5)
	if err := l.set.Roll(RoleAll); err != nil {
		t.Fatal(err)
	}
	l.parent.takes = []time.Duration{-1}
	l.days(1)
	if at, ok := l.set.UpdateAt(); !ok || at.After(l.now) {
		t.Errorf("it is to have another: at %s, %v", at, ok)
	}
}

// TestDSForParent: the DS records are those that CDS records would be of, also of keys of
// another server.
func TestDSForParent(t *testing.T) {
	own, other := ksk(t), ksk(t)
	s, err := New(Policy{CDS: true, ForeignKeys: true}, []*Key{own}, func() time.Time { return start })
	if err != nil {
		t.Fatal(err)
	}
	z := signed(t, s, parse(t, zoneText+"@ DNSKEY "+other.Record.String()+"\n"))
	all, err := s.DSForParent(z.Origin(), z.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for i := range all {
		if !dnssec.DigestMatches(&all[i], z.Origin(), own.Data()) && !dnssec.DigestMatches(&all[i], z.Origin(), other.Data()) {
			t.Errorf("%s is of neither key", &all[i])
		}
		got = append(got, string(all[i].AppendTo(nil, nil)))
	}
	for r := range z.Snapshot().RecordsOf(z.Origin()) {
		if r.Type == wire.TypeCDS {
			want = append(want, string(r.Data))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if len(want) != 2 || !slices.Equal(got, want) {
		t.Errorf("%q, but CDS records %q", got, want)
	}
}
