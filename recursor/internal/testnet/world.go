package testnet

import (
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// World is the internet of a story: servers with zones, and what happens on
// the way to them. It is a Network of package upstream.
type World struct {
	seed    uint64
	started time.Time
	network upstreamtest.Network

	mu      sync.Mutex
	zones   map[netip.Addr][]*Zone
	rules   map[netip.Addr][]*rule
	noIPv4  bool // on our side
	noIPv6  bool
	hints   []Hint
	packets []*Packet

	counts  map[*rule]int   // how often each was reached
	lottery map[draw]uint64 // how often fate was asked
}

// draw is what fate decides anew each time: seed, server and question make it
// the same in every run, in whatever order queries come.
type draw struct {
	addr     netip.Addr
	question string
}

// Hint is a root server that the resolver knows.
type Hint struct {
	Name  wire.Name
	Addrs []netip.Addr
}

// NewWorld returns a world without servers, whose chances seed decides. It
// starts now.
func NewWorld(seed uint64) *World {
	return &World{
		seed: seed, started: time.Now(), zones: map[netip.Addr][]*Zone{}, rules: map[netip.Addr][]*rule{},
		counts: map[*rule]int{}, lottery: map[draw]uint64{},
	}
}

// Wait waits for whatever is still on its way.
func (w *World) Wait() { w.network.Wait() }

// OpenSockets returns how many sockets are open.
func (w *World) OpenSockets() int {
	_, open, _ := w.network.Sockets()
	return open
}

// Hints returns the root servers that the resolver is to be told of: those the
// story names, or else those of its root zone.
func (w *World) Hints() []Hint {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.hints) > 0 {
		return w.hints
	}
	var hints []Hint
	known := map[wire.Key]bool{}
	for _, addr := range slices.SortedFunc(maps.Keys(w.zones), netip.Addr.Compare) {
		for _, z := range w.zones[addr] {
			if !z.origin.IsRoot() {
				continue
			}
			for _, ns := range z.at(wire.Root, wire.TypeNS) {
				h := Hint{Name: target(ns)}
				if known[h.Name.Key()] {
					continue
				}
				known[h.Name.Key()] = true
				for _, t := range []wire.Type{wire.TypeA, wire.TypeAAAA} {
					for _, r := range z.at(h.Name, t) {
						a, _ := netip.AddrFromSlice(r.Data)
						h.Addrs = append(h.Addrs, a)
					}
				}
				hints = append(hints, h)
			}
		}
	}
	return hints
}

// setZone puts a zone on servers; nil takes it away. Without servers it is
// those that have it.
func (w *World) setZone(origin wire.Name, z *Zone, on []netip.Addr) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(on) == 0 {
		on = slices.Collect(maps.Keys(w.zones))
	}
	for _, addr := range on {
		had := len(w.zones[addr])
		w.zones[addr] = slices.DeleteFunc(slices.Clone(w.zones[addr]), func(old *Zone) bool { return old.origin.Equal(origin) })
		if z != nil {
			w.zones[addr] = append(w.zones[addr], z)
		} else if had > 0 && len(w.rules[addr]) == 0 {
			w.rules[addr] = []*rule{} // it is still there
		}
	}
}

// setRules says how a server behaves from now on.
func (w *World) setRules(addr netip.Addr, rules []*rule) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rules[addr] = rules
}

// isThere reports whether a server is at addr.
func (w *World) isThere(addr netip.Addr) bool {
	_, hasRules := w.rules[addr]
	return hasRules || len(w.zones[addr]) > 0
}
