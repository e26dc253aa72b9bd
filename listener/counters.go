package listener

import (
	"log/slog"
	"reflect"
	"sync/atomic"
)

// Counters are what a server has done since it was made. Each only grows.
type Counters struct {
	UDPQueries uint64 // datagrams received
	TCPQueries uint64 // messages received over connections
	Replies    uint64 // replies made, sent or not
	Silent     uint64 // queries left without a reply: no DNS, responses, dropped by the resolver
	Malformed  uint64 // answered FORMERR before a resolver saw them
	NotImp     uint64 // opcodes answered NOTIMP
	BadVers    uint64 // EDNS versions answered BADVERS
	Refused    uint64 // no resolver knew the answer: REFUSED
	Truncated  uint64 // replies sent with TC
	Slow       uint64 // queries that had to wait for their answer
	Shed       uint64 // queries that would have had to wait and got SERVFAIL: too many did
	Failed     uint64 // resolver's errors: SERVFAIL
	Panics     uint64 // those of them that were panics

	CookiesGood uint64 // queries with a server cookie that holds
	CookiesBad  uint64 // queries with one that is forged, foreign or out of its time

	ReceiveErrors uint64 // failed attempts to receive datagrams
	SendErrors    uint64 // datagrams that could not be sent

	Connections        uint64 // accepted
	ConnectionsRefused uint64 // closed at once: too many, altogether or from one client
	ConnectionsEvicted uint64 // closed while idle to make room for others
	ConnectionsOverdue uint64 // closed because they were idle too long, or would not take their replies
	AcceptErrors       uint64 // failed attempts to accept a connection
}

// LogValue is the counters as a group, those at zero left out.
func (c Counters) LogValue() slog.Value {
	var attributes []slog.Attr
	for field, value := range reflect.ValueOf(c).Fields() {
		if n := value.Uint(); n != 0 {
			attributes = append(attributes, slog.Uint64(field.Name, n))
		}
	}
	return slog.GroupValue(attributes...)
}

// count is the place of a counter in a tally.
type count uint8

const (
	udpQueries count = iota
	tcpQueries
	replies
	silent
	malformed
	notImp
	badVers
	refused
	truncated
	slow
	shed
	failed
	panics
	cookiesGood
	cookiesBad
	receiveErrors
	sendErrors
	accepted
	connectionsRefused
	connectionsEvicted
	connectionsOverdue
	acceptErrors
	countEnd
)

// tally is what one goroutine has counted since it last told the ledger.
type tally [countEnd]uint64

// ledger adds up tallies. Each goroutine that counts often has one of its own,
// so that no two write to the same cache line.
type ledger struct {
	counts [countEnd]atomic.Uint64
	_      [64]byte // keeps what comes behind off the last line
}

// take moves t into the ledger.
func (l *ledger) take(t *tally) {
	for i := range t {
		if t[i] != 0 {
			l.counts[i].Add(t[i])
			t[i] = 0
		}
	}
}

// add counts one event.
func (l *ledger) add(c count) { l.counts[c].Add(1) }

// sum adds what l holds to t.
func (l *ledger) sum(t *tally) {
	for i := range t {
		t[i] += l.counts[i].Load()
	}
}

// counters gives the counts their names.
func (t *tally) counters() Counters {
	return Counters{
		UDPQueries:         t[udpQueries],
		TCPQueries:         t[tcpQueries],
		Replies:            t[replies],
		Silent:             t[silent],
		Malformed:          t[malformed],
		NotImp:             t[notImp],
		BadVers:            t[badVers],
		Refused:            t[refused],
		Truncated:          t[truncated],
		Slow:               t[slow],
		Shed:               t[shed],
		Failed:             t[failed],
		Panics:             t[panics],
		CookiesGood:        t[cookiesGood],
		CookiesBad:         t[cookiesBad],
		ReceiveErrors:      t[receiveErrors],
		SendErrors:         t[sendErrors],
		Connections:        t[accepted],
		ConnectionsRefused: t[connectionsRefused],
		ConnectionsEvicted: t[connectionsEvicted],
		ConnectionsOverdue: t[connectionsOverdue],
		AcceptErrors:       t[acceptErrors],
	}
}
