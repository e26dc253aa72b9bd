package cache

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

var _ names.TryResolver = (*Resolver)(nil)

const soa = "example.com. 900 SOA ns.example.com. admin.example.com. 1 3600 900 604800 300"

func TestHitHasAllSectionsWithTTLsCountedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &tableResolver{table: map[string]*answer{"www.example.com. A": {
			answers:    []string{"www.example.com. 300 CNAME Host.example.com.", "host.example.com. 200 A 192.0.2.1"},
			authority:  []string{"example.com. 3600 NS ns.example.com."},
			additional: []string{"ns.example.com. 400 AAAA 2001:db8::1"},
			flags:      wire.FlagAA | wire.FlagRA,
		}}}
		c := newCache(t, Config{})
		f := c.Resolver(next)
		defer f.Close()
		x := ask{name: "www.example.com."}.exchange(t)
		if err := f.TryResolve(x); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10*time.Second + 900*time.Millisecond)
		x = ask{name: "WWW.eXample.com."}.exchange(t)
		if err := f.TryResolve(x); err != nil {
			t.Fatal(err)
		}
		if len(next.asked) != 1 {
			t.Fatalf("asked %q", next.asked)
		}
		m := reply(t, x)
		if m.Flags != wire.FlagQR|wire.FlagRD|wire.FlagRA {
			t.Errorf("flags are %v", m.Flags)
		}
		for section, want := range map[wire.Section][]string{
			wire.SectionAnswer:     {"WWW.eXample.com. 290 IN CNAME Host.eXample.com.", "Host.eXample.com. 190 IN A 192.0.2.1"},
			wire.SectionAuthority:  {"eXample.com. 3590 IN NS ns.eXample.com."},
			wire.SectionAdditional: {"ns.eXample.com. 390 IN AAAA 2001:db8::1"},
		} {
			if diff := cmp.Diff(want, lines(m.Section(section))); diff != "" {
				t.Errorf("%s section: %s", section, diff)
			}
		}
		time.Sleep(200*time.Second - 10*time.Second - 901*time.Millisecond)
		if x := (ask{name: "www.example.com."}).exchange(t); !c.Get(x) {
			t.Error("the answer went before its time")
		} else if m := reply(t, x); m.Answers[1].TTL != 1 {
			t.Errorf("the TTL is %d in the last second", m.Answers[1].TTL)
		}
		time.Sleep(time.Millisecond)
		if c.Get(ask{name: "www.example.com."}.exchange(t)) {
			t.Error("the answer was served past its time")
		}
	})
}

func TestSlowAnswersAreKeptToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &tableResolver{slow: true, table: map[string]*answer{"example.com. A": {answers: []string{"example.com. 300 A 192.0.2.1"}}}}
		f := newCache(t, Config{}).Resolver(next)
		defer f.Close()
		x := ask{name: "example.com."}.exchange(t)
		if err := f.TryResolve(x); err != names.ErrSlow {
			t.Fatal(err)
		}
		if err := f.Resolve(context.Background(), x); err != nil {
			t.Fatal(err)
		}
		if got := lines(reply(t, x).Answers); !slices.Equal(got, []string{"example.com. 300 IN A 192.0.2.1"}) {
			t.Fatal(got)
		}
		x = ask{name: "example.com."}.exchange(t)
		if err := f.TryResolve(x); err != nil {
			t.Fatal(err)
		}
		if err := f.Resolve(context.Background(), ask{name: "unserved.example."}.exchange(t)); !errors.Is(err, names.ErrPass) {
			t.Fatal(err)
		}
	})
}
