package fuzz

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// TestChains draws worlds at random, in which chains of aliases - CNAME, DNAME,
// wildcards - lead from zones of our own to zones of other servers and back, to
// names below a delegation of ours, into loops and into nothing. A server with
// zones, a cache and either a recursor or a forwarder answers as a slow twin
// does, which has all zones in one place.
func TestChains(t *testing.T) {
	worlds := 150
	if testing.Short() {
		worlds = 25
	}
	for seed := range worlds {
		for _, forwards := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				w := drawWorld(rand.New(rand.NewPCG(uint64(seed), 2)))
				w.forwards = forwards
				w.play(t, seed)
			})
		}
	}
}

// chainZone is a zone of a world: what stands at each name.
type chainZone struct {
	origin  string
	isOwn   bool
	records map[string]chainRecord
	extra   string // more lines of the zone file
}

type chainRecord struct{ kind, data string }

// chainWorld is all zones there are.
type chainWorld struct {
	random   *rand.Rand
	zones    []*chainZone // as the twin sees them
	public   []*chainZone // as other resolvers see them
	names    []string
	forwards bool
}

const ownChild = "sub.a.own."

func drawWorld(random *rand.Rand) *chainWorld {
	w := &chainWorld{random: random}
	origins := []string{"a.own.", "b.own.", ownChild, "c.out.", "d.out."}
	for _, o := range origins {
		for _, n := range []string{"n0", "n1", "n2", "n3", "x.w", "q.w", "n0.d", "n1.d", "y.d", "e", "none"} {
			w.names = append(w.names, n+"."+o)
		}
	}
	for i, o := range origins {
		z := &chainZone{origin: o, isOwn: i < 2, records: map[string]chainRecord{}}
		z.records["k.e."+o] = chainRecord{"A", "192.0.2.1"}
		for j, n := range []string{"n0", "n1", "n2", "n3", "*.w"} {
			switch random.IntN(6) {
			case 0:
				z.records[n+"."+o] = chainRecord{"A", fmt.Sprintf("192.0.2.%d", 10*i+j+10)}
			case 1: // not there
			default:
				z.records[n+"."+o] = chainRecord{"CNAME", w.pick()}
			}
		}
		if random.IntN(3) > 0 {
			at := origins[random.IntN(len(origins))]
			target := []string{"", "w.", "d.", "e."}[random.IntN(4)] + at
			if target != "d."+o {
				z.records["d."+o] = chainRecord{"DNAME", target}
			}
		}
		w.zones = append(w.zones, z)
	}
	w.zones[0].extra = "sub NS ns.sub\nns.sub A 198.51.100.3\n"
	// What the rest of the world believes of a zone of ours is never used.
	poison := &chainZone{origin: "b.own.", records: map[string]chainRecord{"*.b.own.": {"A", "203.0.113.66"}}}
	w.public = []*chainZone{poison, w.zones[2], w.zones[3], w.zones[4]}
	return w
}

func (w *chainWorld) pick() string { return w.names[w.random.IntN(len(w.names))] }

// chainAnswer is what the twin says.
type chainAnswer struct {
	rcode   wire.RCode
	answers []string
	zone    string // whose SOA record a negative answer has
	isOwn   bool   // the name asked for is in a zone of ours
	failed  bool   // a loop, or too long
	ownLoop bool   // which never leaves our zones
}

// resolveChain is RFC 1034 4.3.2 by the letter, for addresses.
func resolveChain(zones []*chainZone, name string) (a chainAnswer) {
	seen := []string{name}
	allOwn := true
	for {
		z := zoneOf(zones, name)
		if z == nil {
			return chainAnswer{rcode: wire.RCodeNXDomain, answers: a.answers, zone: ".", isOwn: a.isOwn}
		}
		if len(seen) == 1 {
			a.isOwn = z.isOwn
		}
		allOwn = allOwn && z.isOwn
		target, done := z.step(name, &a)
		if done {
			a.zone = z.origin
			return a
		}
		if slices.Contains(seen, target) || len(seen) > names.MaxAliases {
			a.failed, a.ownLoop = true, allOwn
			return a
		}
		seen = append(seen, target)
		name = target
	}
}

func zoneOf(zones []*chainZone, name string) (best *chainZone) {
	for _, z := range zones {
		if (name == z.origin || strings.HasSuffix(name, "."+z.origin)) && (best == nil || len(z.origin) > len(best.origin)) {
			best = z
		}
	}
	return best
}

// step looks name up in z.
func (z *chainZone) step(name string, a *chainAnswer) (target string, done bool) {
	add := func(owner, kind, data string) {
		if line := owner + " " + kind + " " + data; kind != "DNAME" || !slices.Contains(a.answers, line) {
			a.answers = append(a.answers, line)
		}
	}
	take := func(r chainRecord) (string, bool) {
		switch r.kind {
		case "A":
			add(name, "A", r.data)
			return "", true
		case "CNAME":
			add(name, "CNAME", r.data)
			return r.data, false
		}
		return "", true // DNAME: no data for the owner itself
	}
	if r, ok := z.records[name]; ok {
		return take(r)
	}
	if z.exists(name) {
		return "", true
	}
	for at := name; at != z.origin; {
		_, at, _ = strings.Cut(at, ".")
		if r, ok := z.records[at]; ok && r.kind == "DNAME" {
			target := strings.TrimSuffix(name, at) + r.data
			add(at, "DNAME", r.data)
			add(name, "CNAME", target)
			return target, false
		}
		if z.exists(at) {
			if r, ok := z.records["*."+at]; ok {
				return take(r)
			}
			break
		}
	}
	a.rcode = wire.RCodeNXDomain
	return "", true
}

// exists reports whether there is something at name or below it.
func (z *chainZone) exists(name string) bool {
	if name == z.origin {
		return true
	}
	for owner := range z.records {
		if owner == name || strings.HasSuffix(owner, "."+name) {
			return true
		}
	}
	return false
}

// load makes a zone that is served.
func (z *chainZone) load(t *testing.T) *authority.Zone {
	t.Helper()
	text := "$TTL 300\n@ SOA ns host 1 2h 1h 2w 300\n@ NS ns\nns A 198.51.100.1\n" + z.extra
	for owner, r := range z.records {
		text += owner + " " + r.kind + " " + r.data + "\n"
	}
	origin := wire.MustParseName(z.origin)
	var problems diagnostic.List
	b := authority.NewBuilder(origin, wire.ClassIN, &problems)
	err := zonefile.Read([]byte(text), z.origin, zonefile.Options{Origin: origin}, &problems, func(r *zonefile.Record) error {
		b.Add(r.Record, r.Position)
		return nil
	})
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	s, err := b.Freeze()
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return authority.NewZone(s)
}

// serveZones has a server answer from zones.
func serveZones(t *testing.T, network *upstreamtest.Network, addr string, zones ...*authority.Zone) {
	t.Helper()
	set := new(authority.Set)
	if err := set.SetZones(zones); err != nil {
		t.Fatal(err)
	}
	handler := func(q *upstreamtest.Query) {
		var x names.Exchange
		if _, err := x.Read(q.Packet, names.Peer{}); err != nil {
			return
		}
		x.Begin(nil, 65535)
		if set.TryResolve(&x) != nil {
			x.RCode = wire.RCodeRefused
		}
		q.Send(x.Finish())
	}
	network.Serve(netip.MustParseAddrPort(addr), handler, handler)
}

// serveUpstream has a resolver answer, sometimes with the beginning of a chain
// only.
func (w *chainWorld) serveUpstream(network *upstreamtest.Network, addr netip.AddrPort) {
	handler := func(q *upstreamtest.Query) {
		name := strings.ToLower(q.Questions[0].Name.String())
		a := resolveChain(w.public, name)
		m := q.Reply()
		m.RCode = a.rcode
		links := len(a.answers)
		switch half := len(name) % 3; {
		case a.failed && half == 0:
			m.RCode = wire.RCodeServFail
			q.SendMessage(m)
			return
		case half > 0 && len(a.answers) > 1 || a.failed:
			links = 1
			if strings.Contains(a.answers[0], " DNAME ") {
				links = 2
			}
			m.RCode = wire.RCodeNoError
		case len(a.answers) == 0 || !strings.Contains(a.answers[len(a.answers)-1], " A "):
			m.Authority = upstreamtest.Records(wire.Root, a.zone+" SOA ns. host. 1 2 3 4 300")
		}
		m.Answers = upstreamtest.Records(wire.Root, a.answers[:min(links, len(a.answers))]...)
		q.SendMessage(m)
	}
	network.Serve(addr, handler, handler)
}

func (w *chainWorld) play(t *testing.T, seed int) {
	var network upstreamtest.Network
	own := new(authority.Set)
	if err := own.SetZones([]*authority.Zone{w.zones[0].load(t), w.zones[1].load(t)}); err != nil {
		t.Fatal(err)
	}
	c, err := cache.New(cache.Config{Size: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	var next names.Resolver
	if w.forwards {
		up := netip.MustParseAddrPort("192.0.2.53:53")
		w.serveUpstream(&network, up)
		f, err := recursor.NewForwarder(recursor.ForwardConfig{Servers: []netip.AddrPort{up}, OwnZones: own, Network: &network})
		if err != nil {
			t.Fatal(err)
		}
		defer network.Wait()
		defer f.Close()
		next = f
	} else {
		root := &chainZone{origin: ".", records: map[string]chainRecord{}}
		for i, z := range w.public {
			addr := fmt.Sprintf("198.51.100.%d", i+2)
			if z.origin != ownChild { // only our own zone delegates it
				root.extra += fmt.Sprintf("%s NS ns.%s\nns.%s A %s\n", z.origin, z.origin, z.origin, addr)
			}
			serveZones(t, &network, addr+":53", z.load(t))
		}
		serveZones(t, &network, "198.51.100.1:53", root.load(t))
		r, err := recursor.New(recursor.Config{Cache: c, OwnZones: own, Network: &network,
			Hints: []recursor.Hint{{Name: wire.MustParseName("ns."), Addresses: []netip.AddrPort{netip.MustParseAddrPort("198.51.100.1:53")}}}})
		if err != nil {
			t.Fatal(err)
		}
		defer network.Wait()
		defer r.Close()
		next = r
	}
	front := c.Resolver(next)
	defer front.Close()
	access := &recursor.Access{Allow: names.PrivatePeers(), Public: own, Next: front}
	for range 60 {
		name := w.pick()
		want := resolveChain(w.zones, name)
		got := askChain(t, access, name)
		if problem := want.differs(got); problem != "" {
			t.Fatalf("world %d, forwards %v: %s A: %s\nwant %v %s, zone %s, failed %v\ngot\n%v",
				seed, w.forwards, name, problem, want.rcode, strings.Join(want.answers, "\n\t"), want.zone, want.failed, got)
		}
	}
}

// askChain asks at once if that is possible, as a listener does.
func askChain(t *testing.T, r *recursor.Access, name string) *wire.Message {
	t.Helper()
	q := wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}
	var x names.Exchange
	x.Read(wire.AppendQuery(nil, 1, wire.FlagRD, q, nil), names.Peer{Remote: netip.MustParseAddrPort("192.168.1.7:4242")})
	x.Begin(nil, 65535)
	err := r.TryResolve(&x)
	if err == names.ErrSlow {
		if !x.Untouched() {
			t.Fatalf("%s: the reply has been touched", name)
		}
		err = r.Resolve(context.Background(), &x)
	}
	if err != nil {
		x.Restart()
		x.RCode = wire.RCodeServFail
	}
	m, err := wire.ParseMessage(x.Finish())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// differs says in what m is not the answer.
func (a *chainAnswer) differs(m *wire.Message) string {
	switch {
	case !m.Flags.Has(wire.FlagRA):
		return "RA is not set"
	case a.ownLoop:
		if m.RCode != wire.RCodeNoError {
			return "RCODE"
		}
		return ""
	case a.failed:
		if m.RCode != wire.RCodeServFail || len(m.Answers) > 0 {
			return "a chain without end is answered"
		}
		return ""
	case m.RCode != a.rcode:
		return "RCODE"
	case m.Flags.Has(wire.FlagAA) != a.isOwn:
		return "AA"
	}
	var got []string
	for _, r := range m.Answers {
		got = append(got, strings.ReplaceAll(strings.Replace(r.String(), "\t300\tIN\t", " ", 1), "\t", " "))
	}
	if !slices.Equal(got, a.answers) {
		return "answers"
	}
	isNegative := len(got) == 0 || !strings.Contains(got[len(got)-1], " A ")
	hasSOA := slices.ContainsFunc(m.Authority, func(r wire.Record) bool { return r.Type == wire.TypeSOA && r.Name.String() == a.zone })
	if isNegative != hasSOA {
		return "SOA"
	}
	return ""
}
