package testnet

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
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

// Hint is a root server the resolver is told of.
type Hint struct {
	Name  wire.Name
	Addrs []netip.Addr
}

// Packet is a query that was sent, and what became of it.
type Packet struct {
	At       time.Duration // since the beginning of the story
	Server   netip.Addr
	Question wire.Question // in lower case
	TCP      bool
	Said     string // what the server said, in a few words
	details  string // flags and options of the query
}

// String is the packet as a story tells it: server, name, type, transport if
// it was TCP, and what was said.
func (p *Packet) String() string {
	over := ""
	if p.TCP {
		over = " tcp"
	}
	return fmt.Sprintf("%v %v %v%s -> %s", p.Server, p.Question.Name, p.Question.Type, over, p.Said)
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

// Packets returns the queries sent so far from the n-th on, in the order of
// their time. Those of the same instant are in the order of their text, for
// nothing says which of them was first.
func (w *World) Packets(n int) []*Packet {
	w.mu.Lock()
	defer w.mu.Unlock()
	packets := slices.Clone(w.packets[n:])
	slices.SortStableFunc(packets, func(a, b *Packet) int {
		return cmp.Or(cmp.Compare(a.At, b.At), strings.Compare(a.String(), b.String()))
	})
	return packets
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
	for _, addr := range slices.SortedFunc(mapKeys(w.zones), netip.Addr.Compare) {
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

func mapKeys[K comparable, V any](m map[K]V) func(yield func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// setZone puts a zone on servers; nil takes it away. Without servers it is
// those that have it.
func (w *World) setZone(origin wire.Name, z *Zone, on []netip.Addr) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(on) == 0 {
		on = slices.Collect(mapKeys(w.zones))
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

// DialUDP opens a datagram socket.
func (w *World) DialUDP(ctx context.Context, server netip.AddrPort) (net.Conn, error) {
	if err := w.reach("udp", server); err != nil {
		return nil, err
	}
	return w.network.DialUDP(ctx, server)
}

// DialTCP opens a connection, which takes a round trip. Where nobody is, it
// takes as long as ctx allows.
func (w *World) DialTCP(ctx context.Context, server netip.AddrPort) (net.Conn, error) {
	if err := w.reach("tcp", server); err != nil {
		return nil, err
	}
	syn := &query{Message: &wire.Message{}, overTCP: true}
	w.mu.Lock()
	isThere := w.isThere(server.Addr())
	b := behave(w.rules[server.Addr()], syn, map[*rule]int{})
	w.mu.Unlock()
	if !isThere || b.says == nothing {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: context.Cause(ctx)}
	}
	select {
	case <-time.After(b.delay[0]):
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: context.Cause(ctx)}
	}
	if b.refusesTCP || b.says == unreachable {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	return w.network.DialTCP(ctx, server)
}

// reach makes sure that there is somebody to open a socket to, and fails
// where our side has no such addresses.
func (w *World) reach(network string, server netip.AddrPort) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if is6 := server.Addr().Is6(); is6 && w.noIPv6 || !is6 && w.noIPv4 {
		return &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}
	}
	handle := func(q *upstreamtest.Query) { w.handle(q, server.Addr()) }
	w.network.Serve(server, handle, handle)
	return nil
}

// handle is what becomes of a query.
func (w *World) handle(packet *upstreamtest.Query, addr netip.Addr) {
	q := &query{packet.Message, packet.TCP}
	w.mu.Lock()
	p := w.note(q, addr)
	if !w.isThere(addr) {
		p.Said = "nobody there"
		w.mu.Unlock()
		return
	}
	b := behave(w.rules[addr], q, w.counts)
	isLost := !q.overTCP && w.chance(addr, q, "loss") < b.loss
	delay := b.delay[0] + time.Duration(w.chance(addr, q, "delay")*float64(b.delay[1]-b.delay[0]))
	zones := w.zones[addr]
	w.mu.Unlock()

	reply, said := b.respond(addr, zones, q)
	if isLost {
		said = "lost"
	}
	w.mu.Lock()
	p.Said = said
	w.mu.Unlock()
	if isLost || b.says == nothing || b.fromElsewhere {
		return
	}
	if b.forged > 0 {
		time.Sleep(delay / 2)
		delay -= delay / 2
		for i := range b.forged {
			packet.Send(forge(reply, uint16(i)+1))
		}
	}
	time.Sleep(delay)
	if b.says == unreachable {
		packet.Unreachable()
		return
	}
	for range 1 + b.copies {
		packet.Send(reply)
	}
}

// note keeps a query for the trace.
func (w *World) note(q *query, addr netip.Addr) *Packet {
	asked := q.question()
	asked.Name = asked.Name.Fold()
	p := &Packet{At: time.Since(w.started), Server: addr, Question: asked, TCP: q.overTCP, details: describeQuery(q)}
	w.packets = append(w.packets, p)
	return p
}

// describeQuery says how a query was asked.
func describeQuery(q *query) string {
	text := "plain"
	if q.EDNS != nil {
		text = "EDNS"
		if q.EDNS.DO() {
			text += " do"
		}
		if _, ok := q.EDNS.Options.Find(wire.OptionCookie); ok {
			text += " cookie"
		}
	}
	if q.Flags.Has(wire.FlagRD) {
		text += " rd"
	}
	return text
}

// forge returns a guess of somebody off the path at the reply: right in all
// but the ID.
func forge(reply []byte, offset uint16) []byte {
	b := slices.Clone(reply)
	if len(b) >= 2 {
		id := uint16(b[0])<<8 | uint16(b[1]) + offset
		b[0], b[1] = byte(id>>8), byte(id)
	}
	return b
}

// chance returns a number in [0, 1) that seed, server and question decide, and
// how often they were asked about before.
func (w *World) chance(addr netip.Addr, q *query, what string) float64 {
	d := draw{addr, what + q.question().Name.Fold().Wire() + q.question().Type.String()}
	w.lottery[d]++
	h := fnv.New64a()
	fmt.Fprint(h, addr, d.question, w.lottery[d])
	return rand.New(rand.NewPCG(w.seed, h.Sum64())).Float64()
}
