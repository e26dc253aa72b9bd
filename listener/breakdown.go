package listener

import (
	"math/bits"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Breakdown says what the queries and replies were that [Stats] counts. Each
// number only grows. Strays, and what cannot be a query, are in none of them.
//
// The sum of Clients is that of Types and of Flags; the sum of RCodes is
// Stats.Replies, and that of Latencies as soon as the replies are sent.
type Breakdown struct {
	Clients   []ClientCount
	Types     []TypeCount
	Flags     []FlagCount
	RCodes    []RCodeCount
	Latencies []Latency
}

// ClientCount is how many queries came by a transport and an address family.
type ClientCount struct {
	Transport names.Transport
	IPv6      bool
	Queries   uint64
}

// TypeCount is how many queries had a type in their question. Type 0 is for the types
// that have no count of their own, and for messages without a readable question.
type TypeCount struct {
	Type    wire.Type
	Queries uint64
}

// FlagCount is how many queries had these flags, and no others of the five.
type FlagCount struct {
	RD, AD, CD, DO, EDNS bool
	Queries              uint64
}

// RCodeCount is how many replies had an RCODE. Above 23 there is only one count,
// that of wire.RCode(24).
type RCodeCount struct {
	RCode   wire.RCode
	Replies uint64
}

// Latency is how long replies took that came from one source: "zone", "cache",
// "upstream" (other servers), or "other", which has errors, too. The time is from
// receiving a query to sending its reply. Queries that were received together
// have one time, that of the last of them.
type Latency struct {
	Source  string
	Buckets [len(LatencyBounds) + 1]uint64 // replies that took up to LatencyBounds[i], and more than the one before; the last: longer than all
	Sum     time.Duration
}

// LatencyBounds are the upper limits of the buckets of a [Latency].
var LatencyBounds = [...]time.Duration{
	10 * time.Microsecond, 25 * time.Microsecond, 50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// Sources of replies.
const (
	fromOther = iota
	fromZone
	fromCache
	fromUpstream
	sourceEnd
)

var sourceNames = [sourceEnd]string{"other", "zone", "cache", "upstream"}

// sourceOf is where a reply is from, by the name of what has answered.
func sourceOf(answeredBy string) count {
	switch answeredBy {
	case "zone":
		return fromZone
	case "cache":
		return fromCache
	case "recursor", "forwarder":
		return fromUpstream
	}
	return fromOther
}

// countedTypes have a count of their own.
var countedTypes = [...]wire.Type{
	wire.TypeNone, wire.TypeA, wire.TypeNS, wire.TypeCNAME, wire.TypeSOA, wire.TypePTR, wire.TypeMX, wire.TypeTXT, wire.TypeAAAA, wire.TypeSRV,
	wire.TypeNAPTR, wire.TypeDS, wire.TypeDNSKEY, wire.TypeTLSA, wire.TypeCDS, wire.TypeCDNSKEY, wire.TypeSVCB, wire.TypeHTTPS, wire.TypeIXFR, wire.TypeAXFR,
	wire.TypeANY, wire.TypeCAA,
}

// placeOfType is the place of a type in countedTypes.
var placeOfType = func() (place [512]uint8) {
	for i, t := range countedTypes {
		place[t] = uint8(i)
	}
	return place
}()

// The counts with labels are in a counts after the others; then come those that
// are not shared.
const (
	rcodeCells = 25 // up to BADCOOKIE, and one for all above
	buckets    = count(len(LatencyBounds) + 1)

	byClient    = countEnd
	byType      = byClient + 2*transports
	byFlags     = byType + count(len(countedTypes))
	byRCode     = byFlags + 1<<5
	byLatency   = byRCode + rcodeCells
	latencySums = byLatency + sourceEnd*buckets
	sharedLen   = latencySums + sourceEnd

	untimed    = sharedLen           // replies that were made and not yet sent, by source
	touched    = untimed + sourceEnd // a bit for each count with labels that is not 0
	touchWords = (sharedLen-1)/64 + 1

	asking = touched + touchWords // 1 while a resolver is asked what it can say at once
)

// label adds n to a count with labels. There are many of them, of which a batch
// has few: the bits tell which.
func (t *counts) label(c count, n uint64) {
	t[c] += n
	t[touched+c/64] |= 1 << (c % 64)
}

// takeLabelled adds the counts with labels to the shared ones.
func (l *sharedCounts) takeLabelled(t *counts) {
	for word := range count(touchWords) {
		for m := t[touched+word]; m != 0; m &= m - 1 {
			i := 64*word + count(bits.TrailingZeros64(m))
			l.counts[i].Add(t[i])
			t[i] = 0
		}
		t[touched+word] = 0
	}
}

// received counts what a query is.
func (t *counts) received(x *names.Exchange) {
	client := byClient + 2*count(min(x.Peer.Transport, transports-1))
	if !x.Peer.Remote.Addr().Is4() {
		client++
	}
	t.label(client, 1)
	place := uint8(0)
	if asked := x.Query.Question.Type; int(asked) < len(placeOfType) {
		place = placeOfType[asked]
	}
	t.label(byType+count(place), 1)
	t.label(byFlags+flagsOf(&x.Query), 1)
}

// flagsOf is the place of the flags of a query: a bit for each of RD, AD, CD, DO and
// EDNS.
func flagsOf(q *wire.Query) (place count) {
	f := q.Header.Flags
	place = count(f>>8&1) | count(f>>4&3)<<1 // RD; CD and AD are next to each other
	if q.HasEDNS {
		place |= 1<<4 | count(q.EDNS.Flags>>15)<<3
	}
	return place
}

// replied counts what a reply is. How long it took is known when it is sent.
func (t *counts) replied(x *names.Exchange) {
	t.label(byRCode+count(min(x.RCode, rcodeCells-1)), 1)
	t[untimed+sourceOf(x.AnsweredBy)]++
}

// timed counts how long the replies took that were made since the last call.
func (t *counts) timed(d time.Duration) {
	for source := range count(sourceEnd) {
		if n := t[untimed+source]; n != 0 {
			t[untimed+source] = 0
			t.label(byLatency+source*buckets+bucketOf(d), n)
			t.label(latencySums+source, n*uint64(max(d, 0)))
		}
	}
}

func bucketOf(d time.Duration) count {
	for i, most := range LatencyBounds {
		if d <= most {
			return count(i)
		}
	}
	return buckets - 1
}

// breakdown gives the counts with labels their names. Those at 0 are left out,
// except for sources.
func (t *counts) breakdown() (b Breakdown) {
	for i := range count(2 * transports) {
		if n := t[byClient+i]; n != 0 {
			b.Clients = append(b.Clients, ClientCount{names.Transport(i / 2), i%2 == 1, n})
		}
	}
	for i, asked := range countedTypes {
		if n := t[byType+count(i)]; n != 0 {
			b.Types = append(b.Types, TypeCount{asked, n})
		}
	}
	for i := range count(1 << 5) {
		if n := t[byFlags+i]; n != 0 {
			b.Flags = append(b.Flags, FlagCount{RD: i&1 != 0, CD: i&2 != 0, AD: i&4 != 0, DO: i&8 != 0, EDNS: i&16 != 0, Queries: n})
		}
	}
	for i := range count(rcodeCells) {
		if n := t[byRCode+i]; n != 0 {
			b.RCodes = append(b.RCodes, RCodeCount{wire.RCode(i), n})
		}
	}
	for source := range count(sourceEnd) {
		l := Latency{Source: sourceNames[source], Sum: time.Duration(t[latencySums+source])}
		copy(l.Buckets[:], t[byLatency+source*buckets:])
		b.Latencies = append(b.Latencies, l)
	}
	return b
}

// Breakdown says what the queries were that the server has answered so far.
func (s *Server) Breakdown() Breakdown {
	t := s.sum()
	return t.breakdown()
}

// Breakdown says what the queries were that were answered by [Edge.Answer] and
// [Edge.AnswerEach] so far; those of a server are in [Server.Breakdown].
func (e *Edge) Breakdown() Breakdown {
	var t counts
	e.sharedCounts.sum(&t)
	return t.breakdown()
}
