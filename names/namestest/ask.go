package namestest

import (
	"context"
	"net/netip"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Option changes how [Ask] asks.
type Option func(*query)

// query is how a resolver is asked.
type query struct {
	question  wire.Question
	flags     wire.Flags
	edns      *wire.EDNS
	transport names.Transport
	remote    netip.AddrPort
}

// OverTCP asks over TCP, where replies have up to 65535 octets. Without it the
// limit is that of UDP: 512, or 1232 with EDNS.
func OverTCP() Option { return func(q *query) { q.transport = names.TCP } }

// WithDO asks with EDNS for DNSSEC records (RFC 3225).
func WithDO() Option {
	return func(q *query) { q.edns = &wire.EDNS{UDPSize: 1232, Flags: wire.FlagDO} }
}

// WithEDNS asks with the OPT record e.
func WithEDNS(e wire.EDNS) Option { return func(q *query) { q.edns = &e } }

// InClass asks in a class other than IN.
func InClass(c wire.Class) Option { return func(q *query) { q.question.Class = c } }

// WithFlags asks with flags in the header, as RD.
func WithFlags(f wire.Flags) Option { return func(q *query) { q.flags |= f } }

// From asks as a client at that address.
func From(a netip.AddrPort) Option { return func(q *query) { q.remote = a } }

// Ask asks r for the records of a type that a name has, given as text, and
// returns the reply. The test ends where r has another word than an answer.
func Ask(t testing.TB, r names.Resolver, name string, kind wire.Type, options ...Option) *wire.Message {
	t.Helper()
	m, err := Try(t, r, name, kind, options...)
	if err != nil {
		t.Fatalf("%s %v: %v", name, kind, err)
	}
	return m
}

// Try is [Ask] for resolvers that may have another word than an answer:
// [names.ErrPass] and others, returned with no message.
func Try(t testing.TB, r names.Resolver, name string, kind wire.Type, options ...Option) (*wire.Message, error) {
	t.Helper()
	n, err := wire.ParseName(name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	q := query{question: wire.Question{Name: n, Type: kind, Class: wire.ClassIN}}
	for _, o := range options {
		o(&q)
	}
	packet, err := q.ask(r.Resolve, new(names.Exchange))
	if err != nil {
		return nil, err
	}
	m, err := wire.ParseMessage(packet)
	if err != nil {
		t.Fatalf("%s %v: reply %x: %v", name, kind, packet, err)
	}
	return m, nil
}

const (
	plainLimit = 512  // RFC 1035 2.3.4
	ednsLimit  = 1232 // what servers send by default
	tcpLimit   = 65535
)

// limit is the most octets the reply may have.
func (q *query) limit() int {
	switch {
	case q.transport != names.UDP:
		return tcpLimit
	case q.edns != nil:
		return min(max(plainLimit, int(q.edns.UDPSize)), ednsLimit)
	}
	return plainLimit
}

// message returns the octets of the query.
func (q *query) message() []byte {
	return wire.AppendQuery(nil, 4711, q.flags, q.question, q.edns)
}

// ask does what a server does: read the query, begin the reply, ask, finish.
func (q *query) ask(resolve func(context.Context, *names.Exchange) error, x *names.Exchange) ([]byte, error) {
	q.begin(x, q.message(), nil)
	if err := resolve(context.Background(), x); err != nil {
		return nil, err
	}
	return x.Finish(), nil
}

// begin makes x ready for a resolver, with the reply in buf.
func (q *query) begin(x *names.Exchange, message, buf []byte) {
	remote := q.remote
	if !remote.IsValid() {
		remote = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), 5353)
	}
	rcode, err := x.Read(message, names.Peer{Transport: q.transport, Remote: remote})
	if err != nil || rcode != wire.RCodeNoError {
		// Only a class or type no server would let through gets here: the
		// resolver sees it all the same, and has to cope.
		x.RCode = wire.RCodeNoError
	}
	if q.edns != nil {
		x.ReplyEDNS.UDPSize = ednsLimit
		x.ReplyEDNS.Flags = q.edns.Flags & wire.FlagDO
	}
	x.Begin(buf, q.limit())
}
