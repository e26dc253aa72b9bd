package sign

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// TestOfflineKeyIsExchanged: a key on another machine is exchanged for the next one, in either
// order. The CDS and CDNSKEY records are those of the keys that the parent is to have at each
// moment, signed in advance, so that a parent that follows them does what it should.
func TestOfflineKeyIsExchanged(t *testing.T) {
	for _, isDoubleDS := range []bool{false, true} {
		t.Run(fmt.Sprintf("double DS %v", isDoubleDS), func(t *testing.T) {
			l := newOfflineLife(t, KeyPolicy{DoubleDS: isDoubleDS})
			l.accept(l.sign(20 * day))
			set := l.advance()
			s, err := New(Policy{CDS: true}, set.Keys, func() time.Time { return l.now })
			if err != nil {
				t.Fatal(err)
			}
			z := signed(t, s, parse(t, zoneText))
			l.published()
			var steps []string
			days := func(n int) {
				t.Helper()
				for range n * 4 {
					set = l.wait(6*time.Hour, s, z)
					var tags, wanted []uint16
					keys := map[bool]int{}
					for _, r := range recordsOf(z.Snapshot(), wire.TypeCDS) {
						tags = append(tags, uint16(r.Data[0])<<8|uint16(r.Data[1]))
					}
					for _, k := range set.forParent() {
						wanted = append(wanted, k.Tag)
					}
					slices.Sort(tags)
					slices.Sort(wanted)
					if !slices.Equal(tags, wanted) || len(recordsOf(z.Snapshot(), wire.TypeCDNSKEY)) != len(wanted) {
						t.Fatalf("%v: CDS records of %v, not of %v", l.now, tags, wanted)
					}
					for _, r := range recordsOf(z.Snapshot(), wire.TypeDNSKEY) {
						keys[r.Data[1]&1 != 0]++
					}
					if step := fmt.Sprintf("%d keys, %d DS", keys[true], len(wanted)); len(steps) == 0 || steps[len(steps)-1] != step {
						steps = append(steps, step)
					}
				}
			}
			days(5)
			next := l.newKey()
			l.edit(func(s *KeySet) error { return s.Roll(RoleKeys) })
			l.accept(l.sign(40 * day))
			days(30)
			want := []string{"1 keys, 0 DS", "1 keys, 1 DS", "2 keys, 1 DS", "1 keys, 1 DS"}
			if isDoubleDS {
				want = []string{"1 keys, 0 DS", "1 keys, 1 DS", "1 keys, 2 DS", "1 keys, 1 DS"}
			}
			if !slices.Equal(steps, want) {
				t.Errorf("%q, not %q", steps, want)
			}
			if data := recordsOf(z.Snapshot(), wire.TypeCDNSKEY); len(data) != 1 || dnssec.KeyTag(data[0].Data) != next.Tag {
				t.Errorf("the parent is to have %v, not key %d", data, next.Tag)
			}
		})
	}
}

// TestOfflineKeyOfTheOtherOrder: what was signed for one order of an exchange does not hold up
// the zone if the policy changes before it begins: the step waits for the next request.
func TestOfflineKeyOfTheOtherOrder(t *testing.T) {
	for _, isDoubleDS := range []bool{false, true} {
		l := newOfflineLife(t, KeyPolicy{DoubleDS: isDoubleDS})
		l.newKey()
		l.accept(l.sign(20 * day))
		set := l.advance()
		s, err := New(Policy{}, set.Keys, func() time.Time { return l.now })
		if err != nil {
			t.Fatal(err)
		}
		z := signed(t, s, parse(t, zoneText))
		l.published()
		days := func(n int) {
			t.Helper()
			for range n {
				set = l.wait(day, s, z)
			}
		}
		days(6)
		l.edit(func(s *KeySet) error { return s.Roll(RoleKeys) })
		l.accept(l.sign(40 * day))
		l.edit(func(s *KeySet) error {
			policy := s.Policy
			policy.DoubleDS = !isDoubleDS
			s.SetPolicy(policy)
			return nil
		})
		days(20)
		l.accept(l.sign(40 * day))
		days(30)
		for _, k := range set.Keys {
			if p := k.Progress; k.IsOffline() && p != nil && !p.IsGone() && !p.isAll(Omnipresent) {
				t.Errorf("asked for with double DS %v: %s is %s", isDoubleDS, k, p.Summary())
			}
		}
	}
}
