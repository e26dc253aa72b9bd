package upstream

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/wire"
)

// Query is a question to a server.
type Query struct {
	Question wire.Question
	Flags    wire.Flags // RD, AD and CD, as they are to be sent
	DO       bool       // DNSSEC records are wanted
	Budget   *Budget

	// Buffer is lent for the reply: after its end, if there is room. It may be
	// nil.
	Buffer []byte

	// Progress is called when the server was heard of but has not answered
	// yet: it wants the question over TCP, or in another form. It may be nil,
	// and must not wait.
	Progress func()
}

// Reply is what a server said.
type Reply struct {
	// Message is the whole reply. Its question, and every name in it that
	// points there, is in the case the question was asked in.
	Message []byte
	RCode   wire.RCode
	// Options are the EDNS options of the reply: a part of Message.
	Options wire.Options
	// HasQuestion: the reply repeats the question. Only an error may not.
	HasQuestion bool
	// Heard: the server is there, as something it sent shows. This holds, as
	// RTT does, where Ask returns an error too.
	Heard bool
	// RTT is how long the last datagram took there and back, or the query by the
	// server's [Transport]; 0 if none did.
	RTT time.Duration
}

// Clone returns a copy that shares no memory with r.
func (r *Reply) Clone() Reply {
	c := *r
	c.Message = bytes.Clone(r.Message)
	if len(r.Options) > 0 {
		var m wire.Query
		m.Parse(c.Message) // it was read once
		c.Options = m.EDNS.Options
	}
	return c
}

// Budget is what one question of a client may cost, whatever it takes and
// whichever server is asked. It is safe for use by many goroutines.
type Budget struct {
	queries atomic.Int64
	octets  atomic.Int64
}

// NewBudget returns a budget of so many queries sent and octets received.
func NewBudget(queries, octets int) *Budget {
	b := &Budget{}
	b.Reset(queries, octets)
	return b
}

// Reset makes b a budget of so many queries sent and octets received, for
// another question: the old one must be over.
func (b *Budget) Reset(queries, octets int) {
	b.queries.Store(int64(queries))
	b.octets.Store(int64(octets))
}

// ErrBudget is returned if a query has used up its budget.
var ErrBudget = errors.New("query budget exhausted")

func (b *Budget) send() error {
	if b.queries.Add(-1) < 0 {
		return ErrBudget
	}
	return nil
}

func (b *Budget) receive(octets int) error {
	if b.octets.Add(-int64(octets)) < 0 {
		return ErrBudget
	}
	return nil
}

// queryForm is how a question is put to a server.
type queryForm struct {
	edns   bool
	cookie bool // only with EDNS
	mixed  bool // case
	padded bool // only with EDNS
	// doubtful: EDNS is left out for the server may not answer because of it.
	doubtful bool
}

// outgoing is a query as it was sent.
type outgoing struct {
	Query  *Query
	form   queryForm
	random [2 + 32]byte // the ID, a bit for each octet of the name
	id     uint16
	packet []byte
	cookie [8]byte // the client's part
	// needsCookie: the server has given us a cookie, so its replies have one.
	needsCookie bool
}

// paddedQuery is what the length of a query that travels encrypted is a multiple
// of, in octets (RFC 8467 4.1).
const paddedQuery = 128

var padding [paddedQuery]byte

// nameAt is the offset of the name of the question in a message.
const nameAt = wire.HeaderLen

// draw draws what cannot be guessed.
func (o *outgoing) draw() {
	random := o.random[:2]
	if o.form.mixed {
		random = o.random[:2+(o.Query.Question.Name.Len()+7)/8]
	}
	rand.Read(random) // does not fail
	o.id = binary.BigEndian.Uint16(random)
}

// compose appends the query to b, with what was drawn. The server's cookie may be empty.
func (o *outgoing) compose(b []byte, udpSize uint16, serverCookie []byte) {
	q := o.Query
	var edns wire.EDNS
	var data [4 + 8 + 32]byte
	var option [4 + paddedQuery]byte
	if o.form.cookie {
		cookie := wire.Cookie{Client: o.cookie, Server: serverCookie}
		edns.Options = wire.Options(option[:0]).AppendOption(wire.OptionCookie, cookie.AppendTo(data[:0]))
		o.needsCookie = len(serverCookie) > 0
	}
	present := (*wire.EDNS)(nil)
	if o.form.edns {
		edns.UDPSize = udpSize
		if q.DO {
			edns.Flags = wire.FlagDO
		}
		present = &edns
	}
	if o.form.padded && o.form.edns {
		size := nameAt + q.Question.Name.Len() + 4 + edns.Len() + 4 // of the option: code and length
		edns.Options = edns.Options.AppendOption(wire.OptionPadding, padding[:-size&(paddedQuery-1)])
	}
	o.packet = wire.AppendQuery(b, o.id, q.Flags, q.Question, present)[len(b):]
	if o.form.mixed {
		mixCase(o.packet[nameAt:nameAt+q.Question.Name.Len()], o.random[2:])
	}
}

// mixCase gives each letter of a name the case that its bit says. Length
// octets are not letters.
func mixCase(name, bits []byte) {
	for i, c := range name {
		if folded := wire.FoldByte(c); 'a' <= folded && folded <= 'z' {
			name[i] = folded &^ (bits[i/8] >> (i % 8) & 1 << 5)
		}
	}
}
