package cache

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/wire"
)

func TestRank(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, Config{})
		put := func(flags wire.Flags, address string) error {
			x := ask{name: "a.test."}.exchange(t)
			a := answer{flags: flags, answers: []string{"a.test. 300 A " + address}}
			if err := a.to(x); err != nil {
				t.Fatal(err)
			}
			return c.Put(slices.Clone(x.Finish()))
		}
		got := func() string {
			x := ask{name: "a.test."}.exchange(t)
			if !c.Get(x) {
				return ""
			}
			return strings.Fields(lines(reply(t, x).Answers)[0])[4]
		}
		for _, step := range []struct {
			flags   wire.Flags
			address string
			after   time.Duration
			want    string
		}{
			{0, "192.0.2.1", 0, "192.0.2.1"},
			{0, "192.0.2.2", time.Second, "192.0.2.2"},
			{wire.FlagAA, "192.0.2.3", time.Second, "192.0.2.3"},
			{0, "192.0.2.4", time.Second, "192.0.2.3"},
			{wire.FlagAA, "192.0.2.5", time.Second, "192.0.2.5"},
			{0, "192.0.2.6", 301 * time.Second, "192.0.2.6"},
		} {
			time.Sleep(step.after)
			err := put(step.flags, step.address)
			if want := got(); want != step.want {
				t.Errorf("after %+v: %s", step, want)
			}
			if (err != nil) != (step.want != step.address) || err != nil && !errors.Is(err, ErrNotKept) {
				t.Errorf("after %+v: %v", step, err)
			}
		}
	})
}
