package recursor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/recursor/internal/testnet"
	"github.com/names-dns/names/wire"
)

// playWorld has act ask a resolver in a world, given as the beginning of a story.
func playWorld(t *testing.T, text string, act func(r names.Resolver)) {
	t.Helper()
	f, err := testnet.Parse("world", text+"\nstory it\nadvance 0s\n")
	if err != nil {
		t.Fatal(err)
	}
	f.Stories[0].Play(t, func(w *testnet.World, settings []testnet.Setting) (names.Resolver, func(), error) {
		r, stop, err := startRecursor(w, settings)
		if err == nil {
			act(r)
		}
		return r, stop, err
	})
}

const halfBogus = `
recursor trust-anchor . 13

zone . on 198.41.0.4
  $SIGN 13 NSEC
  @                   NS   a.root-servers.net.
  a.root-servers.net. A    198.41.0.4
  good.               NS   ns.good.
  $DS good. 13
  ns.good.            A    192.0.2.53
  bad.                NS   ns.bad.
  $DS bad. 13 wrong
  ns.bad.             A    192.0.2.60

zone good. on 192.0.2.53
  $SIGN 13 NSEC
  @    NS  ns
  ns   A   192.0.2.53
  www  A   192.0.2.80

zone bad. on 192.0.2.60
  $SIGN 13 NSEC
  @    NS  ns
  ns   A   192.0.2.60
  www  A   192.0.2.80
`

// TestBogusZoneFailsAtOnce: the names of a zone that is known to be bogus fail on the
// receive loop, with the reason, but for clients that set CD; and no longer
// than the zone is known to be.
func TestBogusZoneFailsAtOnce(t *testing.T) {
	playWorld(t, halfBogus, func(r names.Resolver) {
		atOnce := func(name string, kind wire.Type, options ...namestest.Option) error {
			try := names.ResolverFunc(func(_ context.Context, x *names.Exchange) error { return names.Try(r, x) })
			_, err := namestest.Try(t, try, name, kind, options...)
			return err
		}
		if err := atOnce("a.bad.", wire.TypeA); err != names.ErrSlow {
			t.Errorf("before anything is known: %v", err)
		}
		_, known := namestest.Try(t, r, "a.bad.", wire.TypeA)
		namestest.Ask(t, r, "www.good.", wire.TypeA)
		var failure *recursor.Failure
		if err := atOnce("b.bad.", wire.TypeA); !errors.As(err, &failure) || err.Error() != known.Error() || !strings.Contains(failure.Text, "digest") {
			t.Errorf("known to be bogus: %v, not %v", err, known)
		}
		for what, err := range map[string]error{
			"CD":               atOnce("c.bad.", wire.TypeA, namestest.WithFlags(wire.FlagCD)),
			"another zone":     atOnce("more.www.good.", wire.TypeA),
			"the zone's DS":    atOnce("bad.", wire.TypeDS),
			"a transfer":       atOnce("bad.", wire.TypeAXFR),
			"another class":    atOnce("d.bad.", wire.TypeA, namestest.InClass(wire.ClassCH)),
			"everything there": atOnce("d.bad.", wire.TypeANY),
		} {
			if err != names.ErrSlow {
				t.Errorf("%s: %v", what, err)
			}
		}
		<-time.After(time.Minute) // virtual, as in all stories
		if err := atOnce("e.bad.", wire.TypeA); err != names.ErrSlow {
			t.Errorf("a minute later: %v", err)
		}
	})
}

const nested = `
recursor trust-anchor . 13

zone . on 198.41.0.4
  $SIGN 13 NSEC
  @                   NS   a.root-servers.net.
  a.root-servers.net. A    198.41.0.4
  one.                NS   ns.one.
  $DS one. 13
  ns.one.             A    192.0.2.1

zone one. on 192.0.2.1
  $SIGN 13 NSEC
  @        NS     ns
  ns       A      192.0.2.1
  *        A      192.0.2.80
  two      NS     ns.two
  $DS two 13
  ns.two   A      192.0.2.2

zone two.one. on 192.0.2.2
  $SIGN 13 NSEC
  @        NS     ns
  ns       A      192.0.2.2
  *        CNAME  www.three.two.one.
  three    NS     ns.elsewhere.one.
  $DS three 13

zone three.two.one. on 192.0.2.80
  $SIGN 13 NSEC
  @        NS     ns.elsewhere.one.
  *        CNAME  www.one.
`

// TestManyNamesOfNewZonesAtOnce: names of zones one below the other, with aliases up and
// down and a name server in the zone above, that nothing is known of: all at once. Those
// that wait for one another have their answers in time.
func TestManyNamesOfNewZonesAtOnce(t *testing.T) {
	for range 5 {
		playWorld(t, nested, func(r names.Resolver) {
			var all sync.WaitGroup
			for i := range 60 {
				for _, zone := range []string{"one.", "two.one.", "three.two.one."} {
					all.Go(func() {
						m, err := namestest.Try(t, r, fmt.Sprintf("n%d.%s", i, zone), wire.TypeA, namestest.WithFlags(wire.FlagAD))
						if err != nil || !m.Flags.Has(wire.FlagAD) || len(m.Answers) == 0 {
							t.Errorf("n%d.%s: %v, %v", i, zone, m, err)
						}
					})
				}
			}
			all.Wait()
		})
	}
}
