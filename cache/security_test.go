package cache

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/wire"
)

// TestSecurityIsPartOfRank: what is secure gives way to nothing less as long as
// it is fresh, an answer of another RCODE included; what is bogus gives way to
// everything.
func TestSecurityIsPartOfRank(t *testing.T) {
	all := []Security{Unchecked, Insecure, Secure, Bogus}
	level := map[Security]int{Bogus: 0, Unchecked: 1, Insecure: 1, Secure: 2}
	denial := answer{flags: wire.FlagAA, rcode: wire.RCodeNXDomain, authority: []string{"test. 300 SOA n.test. m.test. 1 2 3 4 300"}}
	for _, old := range all {
		for _, next := range all {
			for _, isDenied := range []bool{false, true} {
				t.Run(fmt.Sprint(old, " then ", next, isDenied), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						c := newCache(t, Config{})
						first := answer{flags: wire.FlagAA, answers: []string{"a.test. 300 A 192.0.2.1"}}
						second := answer{flags: wire.FlagAA, answers: []string{"a.test. 300 A 192.0.2.2"}}
						if isDenied {
							second = denial
						}
						if err := c.KeepPart(PartAnswer, first.message(t, "a.test. A"), old); err != nil {
							t.Fatal(err)
						}
						time.Sleep(299 * time.Second)
						err := c.KeepPart(PartAnswer, second.message(t, "a.test. A"), next)
						if isKept := level[next] >= level[old]; isKept != (err == nil) || err != nil && !errors.Is(err, ErrNotKept) {
							t.Errorf("while it is fresh: %v", err)
						}
						want := old
						if err == nil {
							want = next
						}
						if _, status, ok := c.FindPart(PartAnswer, question("a.test. A"), nil); !ok || status != want {
							t.Errorf("found %v, %v", status, ok)
						}
						time.Sleep(2 * time.Second) // the first one is past its time
						if err := c.KeepPart(PartAnswer, first.message(t, "a.test. A"), next); err != nil {
							t.Errorf("after it has expired: %v", err)
						}
					})
				})
			}
		}
	}
}

// TestBogusIsKeptBriefly: bogus data is kept for five minutes at the most (RFC
// 4035 4.7), after Load too.
func TestBogusIsKeptBriefly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, other := newCache(t, Config{}), newCache(t, Config{})
		a := answer{answers: []string{"a.test. 86400 A 192.0.2.1"}}
		if err := c.KeepPart(PartAnswer, a.message(t, "a.test. A"), Bogus); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Second)
		var dump strings.Builder
		if n, err := c.Save(&dump, ""); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if n, err := other.Load(strings.NewReader(dump.String()), ""); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		for second := 100; second < 310; second += 10 {
			for i, c := range []*Cache{c, other} {
				if _, status, ok := c.FindPart(PartAnswer, question("a.test. A"), nil); ok != (second < 300) || ok && status != Bogus {
					t.Errorf("cache %d after %d s: %v, %v", i, second, status, ok)
				}
			}
			time.Sleep(10 * time.Second)
		}
	})
}
