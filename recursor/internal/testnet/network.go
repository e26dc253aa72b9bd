package testnet

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// DialUDP opens a datagram socket.
func (w *World) DialUDP(ctx context.Context, server netip.AddrPort) (net.Conn, error) {
	if err := w.reach("udp", server); err != nil {
		return nil, err
	}
	return w.network.DialUDP(ctx, server)
}

// DialTCP opens a connection, which takes a round trip. If no server is there, it
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

// reach makes sure that there is a server to open a socket to, and fails
// if our side has no such addresses.
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
		p.Said = "no server there"
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
	b.deliver(packet, reply, delay)
}

// deliver sends the reply to a query when it has been on its way for that
// long, and before it what others forge.
func (b *behaviour) deliver(q *upstreamtest.Query, reply []byte, delay time.Duration) {
	if b.forged > 0 {
		time.Sleep(delay / 2)
		delay -= delay / 2
		for i := range b.forged {
			q.Send(forge(reply, uint16(i)+1))
		}
	}
	time.Sleep(delay)
	if b.says == unreachable {
		q.Unreachable()
		return
	}
	for range 1 + b.copies {
		q.Send(reply)
	}
}

// forge returns the reply that an attacker off the path guesses: right in all
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
