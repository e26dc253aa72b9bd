package cache

import (
	"context"
	"errors"
	"testing"

	"github.com/names-dns/names/internal/race"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// TestAllocations lists what allocates nothing.
func TestAllocations(t *testing.T) {
	blocked := wire.Options{}.Append(&wire.ExtendedError{Code: wire.ExtendedErrorBlocked})
	table := map[string]*answer{
		"plain.test. A":     {answers: []string{"plain.test. 300 A 192.0.2.1"}},
		"alias.test. A":     {answers: []string{"alias.test. 300 CNAME b.example.", "b.example. 300 A 192.0.2.1"}, options: blocked},
		"nodata.test. A":    {authority: []string{"test. 300 SOA n.test. m.test. 1 2 3 4 300"}},
		"nxdomain.test. A":  {rcode: wire.RCodeNXDomain, authority: []string{"test. 300 SOA n.test. m.test. 1 2 3 4 300"}},
		"failure.test. A":   {err: coded{errors.New("no server reachable")}},
		"servfail.test. A":  {rcode: wire.RCodeServFail},
		"uncached.test. A":  {rcode: wire.RCodeRefused},
		"truncated.test. A": {answers: []string{"truncated.test. 300 TYPE65280 \\# 4 00000000", "truncated.test. 300 TXT aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}},
	}
	f := newCache(t, Config{}).Resolver(&tableResolver{table: table})
	defer f.Close()
	for name := range table {
		x := ask{name: name[:len(name)-2], edns: true}.exchange(t)
		if err := f.TryResolve(x); err != nil && name != "failure.test. A" {
			t.Fatal(name, err)
		}
	}
	f.next = names.ResolverFunc(func(context.Context, *names.Exchange) error { return nil })
	for _, test := range []struct {
		ask  ask
		want error
	}{
		{ask{name: "plain.test."}, nil},
		{ask{name: "PLAIN.test."}, nil},
		{ask{name: "alias.test."}, nil},
		{ask{name: "nodata.test."}, nil},
		{ask{name: "nxdomain.test.", kind: wire.TypeMX}, nil},
		{ask{name: "failure.test."}, nil},
		{ask{name: "servfail.test."}, nil},
		{ask{name: "truncated.test.", limit: 70}, nil},
		{ask{name: "uncached.test."}, names.ErrSlow},
		{ask{name: "missing.test."}, names.ErrSlow},
		{ask{name: "plain.test.", kind: wire.TypeANY}, names.ErrSlow},
	} {
		test.ask.edns = true
		if test.ask.limit == 0 {
			test.ask.limit = 1232
		}
		x := test.ask.exchange(t)
		buf := make([]byte, 0, 1232+wire.WriterSlack)
		if n := testing.AllocsPerRun(100, func() {
			x.ReplyEDNS.Options = x.ReplyEDNS.Options[:0]
			x.Begin(buf, test.ask.limit)
			if err := f.TryResolve(x); err != test.want {
				t.Error(test.ask.name, err)
			}
		}); n != 0 {
			t.Errorf("%s %v: %v allocations", test.ask.name, test.ask.kind, n)
		}
	}
}

// TestStoringAllocatesNothing is about the cache: the resolver that has the answer may
// allocate for it.
func TestStoringAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("under the race detector sync.Pool forgets at random")
	}
	c := newCache(t, Config{Size: 128 << 10, Shards: 1})
	packet := numbered(t)
	n := 0
	if got := testing.AllocsPerRun(5000, func() {
		number(packet, n)
		n++
		if err := c.Put(packet); err != nil {
			t.Error(err)
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
	if c.Stats().Evicted == 0 {
		t.Error("the cache was never full")
	}
}

// TestPartsAllocateNothing is about those that are looked for, found or not.
func TestPartsAllocateNothing(t *testing.T) {
	c := newCache(t, Config{})
	gone := answer{rcode: wire.RCodeNXDomain, authority: []string{soa}}
	if err := errors.Join(c.KeepPart(PartDelegation, numberedDelegation(t), Unchecked), c.KeepPart(PartAnswer, gone.message(t, "gone.test. A"), Unchecked)); err != nil {
		t.Fatal(err)
	}
	zone, below, denied := question("n00000000.example.com. NS"), question("a.b.n00000000.example.com. A"), question("a.gone.test. A")
	goneMX := question("gone.test. MX")
	buf := make([]byte, 0, 512+PartSlack)
	for what, find := range map[string]func() bool{
		"a delegation":        func() bool { _, _, ok := c.FindPart(PartDelegation, zone, buf); return ok },
		"a negative answer":   func() bool { _, _, ok := c.FindPart(PartAnswer, goneMX, buf); return ok },
		"nothing":             func() bool { _, _, ok := c.FindPart(PartAnswer, below, buf); return !ok },
		"a delegation above":  func() bool { _, _, _, ok := c.FindDelegation(below.Name, below.Class, buf); return ok },
		"no delegation above": func() bool { _, _, _, ok := c.FindDelegation(denied.Name, denied.Class, buf); return !ok },
		"a denial above":      func() bool { _, _, _, ok := c.FindDenied(denied.Name, denied.Class, buf); return ok },
		"no denial above":     func() bool { _, _, _, ok := c.FindDenied(below.Name, below.Class, buf); return !ok },
	} {
		if n := testing.AllocsPerRun(100, func() {
			if !find() {
				t.Errorf("%s: the opposite", what)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}

// TestPartsWithoutABuffer: who has none gets one of the right size.
func TestPartsWithoutABuffer(t *testing.T) {
	if race.Enabled {
		t.Skip("under the race detector a slice that grows is allocated twice")
	}
	c := newCache(t, Config{})
	if err := c.KeepPart(PartDelegation, numberedDelegation(t), Unchecked); err != nil {
		t.Fatal(err)
	}
	zone := question("n00000000.example.com. NS")
	if n := testing.AllocsPerRun(100, func() {
		if _, _, ok := c.FindPart(PartDelegation, zone, nil); !ok {
			t.Error("not found")
		}
	}); n != 1 {
		t.Errorf("%v allocations", n)
	}
}

func TestKeepingPartsAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("under the race detector sync.Pool forgets at random")
	}
	c := newCache(t, Config{Size: 128 << 10, Shards: 1})
	packet := numberedDelegation(t)
	n := 0
	if got := testing.AllocsPerRun(5000, func() {
		number(packet, n)
		n++
		if err := c.KeepPart(PartDelegation, packet, Unchecked); err != nil {
			t.Error(err)
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
