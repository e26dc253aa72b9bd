package sign

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/names-dns/names/wire"
)

// A key that is exchanged is deleted when it has been gone for long enough, and not
// before; the zone goes on with what is left.
func TestPurge(t *testing.T) {
	const after = 90 * 24 * time.Hour
	dir, zone := t.TempDir(), wire.MustParseName("example.")
	files := func() (names []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	at := &parent{takes: []time.Duration{0}}
	var first *Key
	var gone time.Time
	for day := range 365 {
		now := start.Add(time.Duration(day) * 24 * time.Hour)
		var purged []*Key
		set, err := EditKeySet(dir, zone, now, func(set *KeySet) (err error) {
			if day == 0 {
				set.SetPolicy(KeyPolicy{Timing: Timing{}.WithDefaults()})
			}
			if _, err := set.Advance(now); err != nil {
				return err
			}
			set.Published(now)
			set.Observe(now, at.run(t, set, now))
			if day == 30 {
				first = set.Keys[0]
				return set.Roll(RoleAll)
			}
			purged, err = set.Purge(dir, now, after)
			return err
		})
		if err != nil {
			t.Fatalf("day %d: %v", day, err)
		}
		for _, k := range set.Keys {
			if gone.IsZero() && k.Progress.IsGone() {
				gone = now
			}
		}
		if len(purged) == 0 {
			continue
		}
		if len(purged) != 1 || string(purged[0].Data()) != string(first.Data()) {
			t.Fatalf("purged %v", purged)
		}
		if gone.IsZero() || now.Before(gone.Add(after-24*time.Hour)) || now.After(gone.Add(after+24*time.Hour)) {
			t.Errorf("purged at %s, gone at %s", now, gone)
		}
		if left := files(); slices.Contains(left, first.FileName(zone)+".private") || slices.Contains(left, first.FileName(zone)+".key") || len(left) != 4 {
			t.Errorf("files %v", left)
		}
		again, err := OpenKeySet(dir, zone, now)
		if err != nil || len(again.Keys) != 1 || again.Keys[0].Progress.Summary() != "active" {
			t.Errorf("%+v, %v", again, err)
		}
		return
	}
	t.Error("never purged")
}
