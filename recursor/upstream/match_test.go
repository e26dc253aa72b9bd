package upstream

import (
	"bytes"
	"testing"

	"github.com/names-dns/names/wire"
)

// newOutgoing returns a query as it was sent.
func newOutgoing(f queryForm) *outgoing {
	o := &outgoing{Query: newQuery("www.Example.com."), form: f, cookie: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}}
	o.draw()
	o.compose(nil, 1232, nil)
	return o
}

// replyTo returns the answer to o, with a cookie if o has one.
func replyTo(t testing.TB, o *outgoing) []byte {
	t.Helper()
	m, err := wire.ParseMessage(o.packet)
	if err != nil {
		t.Fatal(err)
	}
	m.Flags |= wire.FlagQR
	m.Answers = []wire.Record{{Name: m.Questions[0].Name, Type: wire.TypeA, Class: wire.ClassIN, TTL: 1, Data: []byte{192, 0, 2, 7}}}
	b, err := m.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A reply that was cut off is not taken for whole.
func TestMatchPrefixes(t *testing.T) {
	o := newOutgoing(queryForm{edns: true, cookie: true, mixed: true})
	whole := replyTo(t, o)
	for n := range len(whole) {
		var m wire.Query
		if v, _ := o.match(&m, whole[:n:n], false); v != isForeign && v != isDoubtful && v != isMalformed {
			t.Errorf("%d of %d octets: verdict %d", n, len(whole), v)
		}
	}
	var m wire.Query
	if v, why := o.match(&m, whole, false); v != isReply {
		t.Errorf("verdict %d: %s", v, why)
	}
	o.restoreCase(&m)
	if !bytes.Contains(m.Message, []byte(o.Query.Question.Name.Wire())) {
		t.Errorf("the question is not in the case it was asked in")
	}
}

// Each bit of what a reply must repeat counts.
func TestMatchEveryBit(t *testing.T) {
	o := newOutgoing(queryForm{edns: true, mixed: true})
	whole := replyTo(t, o)
	question := nameAt + o.Query.Question.Name.Len() + 4
	for bit := range 8 * question {
		if octet := bit / 8; 3 <= octet && octet < wire.HeaderLen {
			continue // RA, RCODE; the counts are not repeated
		}
		b := bytes.Clone(whole)
		b[bit/8] ^= 0x80 >> (bit % 8)
		if bit >= 16 && bit < 24 && wire.Flags(b[2])<<8&(wire.FlagQR|0xF<<11) == wire.FlagQR {
			continue // AA, TC, RD
		}
		var m wire.Query
		if v, _ := o.match(&m, b, false); v == isReply || v == isTruncated {
			t.Errorf("bit %d is changed and it is the reply", bit)
		}
	}
}

// Whatever comes, what is taken for the reply has the question, as it was
// asked after restoreCase, and is whole.
func FuzzMatch(f *testing.F) {
	o := newOutgoing(queryForm{edns: true, cookie: true, mixed: true})
	whole := replyTo(f, o)
	f.Add(whole[2:], false)
	f.Add(whole[2:wire.HeaderLen], true)
	f.Fuzz(func(t *testing.T, rest []byte, overTCP bool) {
		b := append([]byte{byte(o.id >> 8), byte(o.id)}, rest...)
		var m wire.Query
		v, _ := o.match(&m, b, overTCP)
		if v != isReply || !isAnswer(rcodeOf(&m)) {
			return // an error needs nothing else
		}
		o.restoreCase(&m)
		var again wire.Query
		if err := again.Parse(m.Message); err != nil && err != wire.ErrTrailing || again.Question != o.Query.Question {
			t.Fatalf("%x: question %v, error %v", b, again.Question, err)
		}
	})
}

func BenchmarkCompose(b *testing.B) {
	q := newQuery("www.example.com.")
	buf := make([]byte, 0, maxQuery)
	for b.Loop() {
		o := outgoing{Query: q, form: queryForm{edns: true, mixed: true}}
		o.draw()
		o.compose(buf, 1232, nil)
	}
}

func BenchmarkMatch(b *testing.B) {
	o := newOutgoing(queryForm{edns: true, cookie: true, mixed: true})
	reply := replyTo(b, o)
	var m wire.Query
	for b.Loop() {
		if v, _ := o.match(&m, reply, false); v != isReply {
			b.Fatal("not the reply")
		}
	}
}
