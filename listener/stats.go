package listener

import (
	"log/slog"
	"reflect"
	"sync/atomic"

	"github.com/names-dns/names/names"
)

// Stats is what a server has done since it was made. Each number only grows. Each
// message that was received is counted for its transport, and each ends in one of
// two ways, or is still in progress:
//
//	Queries() = Replies + Silent
//	Silent    = NotQueries + Strays + HeadersRefused + GateDrops + ResolverDrops + ErrorsLimited
//
// Connections is the sum of those that are open and those that have ended, by reason.
//
// Refused, Failed, Shed, Malformed, NotImp, BadVers and Rejected are replies by
// what is wrong with the query or the server; all other replies are answers. They
// are in Replies, or in GateDrops or ErrorsLimited. [Breakdown] says what the queries and
// replies were.
type Stats struct {
	UDPQueries   uint64 // datagrams received
	TCPQueries   uint64 // messages received over TCP
	TLSQueries   uint64 // over TLS
	HTTPSQueries uint64 // over HTTPS
	QUICQueries  uint64 // over QUIC

	Replies   uint64 // replies made, sent or not
	Messages  uint64 // messages of replies that have many, the last of each left out
	Truncated uint64 // replies with TC

	Silent        uint64 // messages without a reply
	NotQueries    uint64 // responses, or too short for a header
	Strays        uint64 // from an address or port that no client has, or sent to more than this server
	GateDrops     uint64 // dropped by a gate, queries and replies
	ResolverDrops uint64 // dropped by the resolver, or the client had gone
	ErrorsLimited uint64 // whose reply was an error, of which its network had enough

	HeadersRefused uint64 // datagrams of proxies without a good PROXY header, and those of others with one

	Malformed uint64 // FORMERR before a resolver saw the query
	NotImp    uint64 // opcodes: NOTIMP
	BadVers   uint64 // EDNS versions: BADVERS
	Rejected  uint64 // other errors that gates have set
	Refused   uint64 // no resolver knew the answer: REFUSED
	Failed    uint64 // the resolver had an error: SERVFAIL
	Shed      uint64 // the query would have had to wait, and too many did: SERVFAIL

	Slow   uint64 // queries that had to wait for their answer, and those of Shed
	Panics uint64 // of resolvers and gates

	CookiesGood uint64 // queries with a server cookie that holds
	CookiesBad  uint64 // queries with one that is forged, foreign or out of its time

	ReceiveErrors uint64 // failed attempts to receive datagrams
	SendErrors    uint64 // datagrams that could not be sent
	AcceptErrors  uint64 // failed attempts to accept a connection

	Connections         uint64 // accepted; those that have not ended for one of the following reasons are open
	ConnectionsFinished uint64 // closed by the client, after all replies
	ConnectionsRefused  uint64 // closed at once: too many, altogether, from one client or a second from one network
	ConnectionsEvicted  uint64 // closed while idle to make room for others
	ConnectionsOverdue  uint64 // closed because they were idle too long, or would not take their replies
	ConnectionsForged   uint64 // closed because of a PROXY header: as with HeadersRefused
	ConnectionsBroken   uint64 // reset, or closed because what came was not DNS, or not TLS
	ConnectionsStopped  uint64 // closed because the server stopped, or left the address

	Limits Limits
}

// Limits counts how often each limit was reached.
//
//	Slow                    = Stats.Shed
//	Errors                  = Stats.ErrorsLimited
//	Connections + PerClient + ConnectionRate = Stats.ConnectionsRefused + Stats.ConnectionsEvicted
//
// The last holds until the server is stopped, after which it refuses all.
type Limits struct {
	Slow        uint64 // Config.MaxSlow
	Streams     uint64 // Config.MaxStreams
	Connections uint64 // Config.MaxConnections
	PerClient   uint64 // Config.MaxConnectionsPerClient
	Errors      uint64 // Config.ErrorsPerSecond

	ConnectionRate uint64 // Config.Admit
}

// Ends is how many connections over HTTP or QUIC have ended, by reason: the servers of
// packages doh and doq count them.
type Ends struct {
	Finished uint64 // closed by the client, or by the server after a reply that was the last
	Refused  uint64 // closed at once: too many, altogether, from one client or a second from one network
	Overdue  uint64 // closed because they were idle too long, or did not go on in time
	Broken   uint64 // reset, or closed because what came was not TLS, HTTP, QUIC or DNS
	Stopped  uint64 // closed because the server stopped, or left the address
}

// Sum is how many have ended.
func (e *Ends) Sum() uint64 { return e.Finished + e.Refused + e.Overdue + e.Broken + e.Stopped }

// Add adds what another server has counted.
func (e *Ends) Add(other Ends) {
	e.Finished += other.Finished
	e.Refused += other.Refused
	e.Overdue += other.Overdue
	e.Broken += other.Broken
	e.Stopped += other.Stopped
}

// OpenConnections returns how many are open.
func (s *Stats) OpenConnections() uint64 {
	ended := s.ConnectionsFinished + s.ConnectionsRefused + s.ConnectionsEvicted + s.ConnectionsOverdue + s.ConnectionsForged + s.ConnectionsBroken + s.ConnectionsStopped
	return s.Connections - min(ended, s.Connections) // they are not read at the same time
}

// Queries returns how many messages were received over all transports.
func (s *Stats) Queries() uint64 {
	return s.UDPQueries + s.TCPQueries + s.TLSQueries + s.HTTPSQueries + s.QUICQueries
}

// LogValue is the numbers as a group, those at zero left out.
func (s Stats) LogValue() slog.Value { return group(reflect.ValueOf(s)) }

func group(numbers reflect.Value) slog.Value {
	var attributes []slog.Attr
	for field, value := range numbers.Fields() {
		switch {
		case value.IsZero():
		case value.Kind() == reflect.Struct:
			attributes = append(attributes, slog.Attr{Key: field.Name, Value: group(value)})
		default:
			attributes = append(attributes, slog.Uint64(field.Name, value.Uint()))
		}
	}
	return slog.GroupValue(attributes...)
}

// Limit is one of the limits that [Limits] counts.
type Limit uint8

// The limits, in the order of the fields of [Limits].
const (
	LimitSlow Limit = iota
	LimitStreams
	LimitConnections
	LimitPerClient
	LimitErrors
	LimitConnectionRate
)

var limitTexts = [...]string{"slow", "streams", "connections", "per client", "errors", "connection rate"}

func (l Limit) String() string { return limitTexts[l] }

// Events are functions that are called when something happens. Each may be nil.
// They are called from many goroutines, some of them loops that receive packets,
// and must not wait. What they are given is lent.
type Events struct {
	// Failed: the resolver had an error, and the client receives SERVFAIL.
	Failed func(x *names.Exchange, err error)
	// Limited: a limit was reached.
	Limited func(l Limit)
}

// limited calls the function for limits, if there is one.
func (e *Events) limited(l Limit) {
	if e.Limited != nil {
		e.Limited(l)
	}
}

// count is the place of a counter in a counts.
type count uint8

const (
	udpQueries count = iota
	tcpQueries
	tlsQueries
	httpsQueries
	quicQueries
	replies
	messages
	truncated
	notQueries
	strays
	headersRefused
	gateDrops
	resolverDrops
	errorsLimited
	malformed
	notImp
	badVers
	rejected
	refused
	failed
	shed
	slow
	panics
	cookiesGood
	cookiesBad
	receiveErrors
	sendErrors
	acceptErrors
	accepted
	connectionsFinished
	connectionsRefused
	connectionsEvicted
	connectionsOverdue
	connectionsForged
	connectionsBroken
	connectionsStopped
	limitStreams
	limitConnections
	limitPerClient
	limitConnectionRate
	countEnd // those with labels follow: see breakdown.go
)

// transports is how many there are, and queriesBy where each counts its queries.
const transports = 5

var queriesBy = [transports]count{udpQueries, tcpQueries, tlsQueries, httpsQueries, quicQueries}

// counts is what one goroutine has counted since it last added to the shared counts:
// the counters, the counts with labels, and what these need meanwhile. There is an
// element for each value of a count, so that no index has to be checked.
type counts [1 << 8]uint64

// sharedCounts adds up counts. Each goroutine that counts often has one of its own,
// so that no two write to the same cache line.
type sharedCounts struct {
	counts [sharedLen]atomic.Uint64
	_      [64]byte // keeps what follows off the last line
}

// take adds t to the shared counts.
func (l *sharedCounts) take(t *counts) {
	for i := range t[:countEnd] {
		if t[i] != 0 {
			l.counts[i].Add(t[i])
			t[i] = 0
		}
	}
	l.takeLabelled(t)
}

// add counts one event.
func (l *sharedCounts) add(c count) { l.counts[c].Add(1) }

// takeOver adds what from holds, which is not used afterwards.
func (l *sharedCounts) takeOver(from *sharedCounts) {
	for i := range l.counts {
		l.counts[i].Add(from.counts[i].Load())
	}
}

// sum adds what l holds to t.
func (l *sharedCounts) sum(t *counts) {
	for i := range l.counts {
		t[i] += l.counts[i].Load()
	}
}

// stats gives the counts their names.
func (t *counts) stats() Stats {
	return Stats{
		UDPQueries:          t[udpQueries],
		TCPQueries:          t[tcpQueries],
		TLSQueries:          t[tlsQueries],
		HTTPSQueries:        t[httpsQueries],
		QUICQueries:         t[quicQueries],
		Replies:             t[replies],
		Messages:            t[messages],
		Truncated:           t[truncated],
		Silent:              t[notQueries] + t[strays] + t[headersRefused] + t[gateDrops] + t[resolverDrops] + t[errorsLimited],
		NotQueries:          t[notQueries],
		Strays:              t[strays],
		HeadersRefused:      t[headersRefused],
		GateDrops:           t[gateDrops],
		ResolverDrops:       t[resolverDrops],
		ErrorsLimited:       t[errorsLimited],
		Malformed:           t[malformed],
		NotImp:              t[notImp],
		BadVers:             t[badVers],
		Rejected:            t[rejected],
		Refused:             t[refused],
		Failed:              t[failed],
		Shed:                t[shed],
		Slow:                t[slow],
		Panics:              t[panics],
		CookiesGood:         t[cookiesGood],
		CookiesBad:          t[cookiesBad],
		ReceiveErrors:       t[receiveErrors],
		SendErrors:          t[sendErrors],
		AcceptErrors:        t[acceptErrors],
		Connections:         t[accepted],
		ConnectionsRefused:  t[connectionsRefused],
		ConnectionsEvicted:  t[connectionsEvicted],
		ConnectionsOverdue:  t[connectionsOverdue],
		ConnectionsForged:   t[connectionsForged],
		ConnectionsFinished: t[connectionsFinished],
		ConnectionsBroken:   t[connectionsBroken],
		ConnectionsStopped:  t[connectionsStopped],
		Limits: Limits{
			Slow:        t[shed],
			Streams:     t[limitStreams],
			Connections: t[limitConnections],
			PerClient:   t[limitPerClient],
			Errors:      t[errorsLimited],

			ConnectionRate: t[limitConnectionRate],
		},
	}
}
