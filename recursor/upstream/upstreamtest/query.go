package upstreamtest

import (
	"net/netip"
	"strings"

	"github.com/names-dns/names/wire"
)

// Query is a query that a server got.
type Query struct {
	*wire.Message
	Packet []byte
	From   netip.AddrPort
	TCP    bool
	send   func(b []byte)
	refuse func()
}

// Handler is what a server does with a query. It may answer with any number of
// packets, at any time; one that does nothing is silent.
type Handler func(q *Query)

// Send sends a packet to where the query came from.
func (q *Query) Send(b []byte) { q.send(b) }

// Unreachable has the network report to a socket in memory that no server takes
// datagrams at the server's port; a connection ends.
func (q *Query) Unreachable() {
	if q.refuse != nil {
		q.refuse()
	}
}

// Reply returns an empty reply to the query, with its question, and with OPT
// and the client's cookie if it had those.
func (q *Query) Reply() *wire.Message {
	m := &wire.Message{
		ID:        q.ID,
		Flags:     wire.FlagQR | wire.FlagRA | q.Flags&(wire.FlagRD|wire.FlagCD),
		Questions: q.Questions,
	}
	if q.EDNS != nil {
		m.EDNS = &wire.EDNS{UDPSize: 1232, Flags: q.EDNS.Flags & wire.FlagDO}
	}
	return m
}

// SendMessage sends m. What cannot be sent panics, for the test is wrong.
func (q *Query) SendMessage(m *wire.Message) {
	b, err := m.AppendTo(nil)
	if err != nil {
		panic(err)
	}
	q.Send(b)
}

// Fail answers with an RCODE and nothing else.
func (q *Query) Fail(r wire.RCode) {
	m := q.Reply()
	m.RCode = r
	q.SendMessage(m)
}

// Answer answers with the records that the lines describe: an owner, a type
// and data, of class IN and with a TTL of 300 s. An owner @ is the name asked
// for.
func (q *Query) Answer(lines ...string) {
	m := q.Reply()
	m.Answers = Records(q.Questions[0].Name, lines...)
	q.SendMessage(m)
}

// Records returns the records that lines describe as [Query.Answer] has them.
func Records(at wire.Name, lines ...string) []wire.Record {
	var records []wire.Record
	for _, line := range lines {
		owner, rest, _ := strings.Cut(line, " ")
		kind, data, _ := strings.Cut(rest, " ")
		name := at
		if owner != "@" {
			name = wire.MustParseName(owner)
		}
		t, err := wire.ParseType(kind)
		if err != nil {
			panic(err)
		}
		var words []wire.Word
		for _, w := range strings.Fields(data) {
			words = append(words, wire.Word{Text: []byte(w)})
		}
		rdata, err := wire.AppendRdataFromText(nil, t, words, wire.Root)
		if err != nil {
			panic(err)
		}
		records = append(records, wire.Record{Name: name, Type: t, Class: wire.ClassIN, TTL: 300, Data: rdata})
	}
	return records
}
