package testnet

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/names-dns/names/wire"
)

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

// Trace tells what was sent and said, a line for each packet.
func Trace(packets []*Packet) string {
	var b strings.Builder
	for _, p := range packets {
		fmt.Fprintf(&b, "  %9v  %v  (%s)\n", p.At, p, p.details)
	}
	if len(packets) == 0 {
		return "  nothing\n"
	}
	return b.String()
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
