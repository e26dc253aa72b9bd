package names

import (
	"bytes"
	"errors"
	"testing"

	"github.com/names-dns/names/wire"
)

// recorder is a MessageSender that keeps messages.
type recorder struct {
	messages [][]byte
	err      error
}

func (r *recorder) SendMessage(x *Exchange) error {
	if r.err != nil {
		return r.err
	}
	r.messages = append(r.messages, bytes.Clone(x.Finish()))
	return nil
}

// chained is a Signer that signs each message with what it wrote into the last.
type chained struct{ last byte }

func (c *chained) Len() int { return 12 }

func (c *chained) Sign(message []byte) []byte {
	message = append(message, 0, byte(wire.TypeTSIG>>8), byte(wire.TypeTSIG), 0, 255, 0, 0, 0, 0, 0, 1, c.last+1)
	c.last++
	message[11]++
	return message
}

func TestReplyOfManyMessages(t *testing.T) {
	name := wire.MustParseName("zone.example.")
	query := wire.AppendQuery(nil, 7, wire.FlagRD, wire.Question{Name: name, Type: wire.TypeAXFR, Class: wire.ClassIN}, &wire.EDNS{UDPSize: 1232})
	var x Exchange
	if _, err := x.Read(query, Peer{Transport: TCP}); err != nil {
		t.Fatal(err)
	}
	x.Begin(nil, 2000)
	x.AddOption(wire.OptionNSID, []byte("here"))
	if err := x.NextMessage(); x.CanStream() || err != ErrOneMessage {
		t.Fatalf("where a reply has to be one message: %v", err)
	}
	r := &recorder{}
	x.SetSender(r)
	if !x.CanStream() || x.Detach().CanStream() {
		t.Error("a copy may send, too, or the original may not")
	}
	if !x.SetSigner(&chained{}) {
		t.Fatal("no room for a signature")
	}
	x.Reply.Flags |= wire.FlagAA
	data := bytes.Repeat([]byte{'x'}, 100)
	data[0] = 99
	const records = 1000
	for range records {
		err := x.Reply.Raw(name, wire.TypeTXT, wire.ClassIN, 60, data)
		if errors.Is(err, wire.ErrNoSpace) {
			if err = x.NextMessage(); err == nil {
				err = x.Reply.Raw(name, wire.TypeTXT, wire.ClassIN, 60, data)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if cap(x.Reply.Buffer()) > 2*(2000+wire.WriterSlack) {
		t.Errorf("buffer has grown to %d octets", cap(x.Reply.Buffer()))
	}
	count := 0
	for i, b := range append(r.messages, x.Finish()) {
		var q wire.Query
		if err := q.Parse(b); err != nil || len(q.Message) != len(b) || len(b) > 2000 {
			t.Fatalf("message %d of %d octets: %v", i, len(b), err)
		}
		if q.TSIG == 0 || b[len(b)-1] != byte(i+1) || !q.HasEDNS {
			t.Errorf("message %d is not signed last, or has no OPT: %+v", i, q)
		}
		if hasQuestion := !q.Question.Name.IsZero(); hasQuestion != (i == 0) { // RFC 5936 2.2.1
			t.Errorf("message %d has a question: %v", i, hasQuestion)
		}
		if _, has := q.EDNS.Options.Find(wire.OptionNSID); has != (i == 0) {
			t.Errorf("message %d says who we are: %v", i, has)
		}
		if q.Header.ID != 7 || q.Header.Flags != wire.FlagQR|wire.FlagAA|wire.FlagRD {
			t.Errorf("message %d: header %+v", i, q.Header)
		}
		count += int(q.Header.Counts[wire.SectionAnswer])
	}
	if count != records {
		t.Errorf("%d records", count)
	}
	r.err = ErrGone
	if err := x.NextMessage(); err != ErrGone {
		t.Errorf("a client that has gone: %v", err)
	}
}

func TestSignerNeedsRoom(t *testing.T) {
	var x Exchange
	x.Read(wire.AppendQuery(nil, 1, 0, wire.Question{Name: wire.MustParseName("a."), Type: wire.TypeA, Class: wire.ClassIN}, nil), Peer{})
	x.Begin(nil, 25)
	if x.SetSigner(&chained{}) {
		t.Error("a signature fits where nothing does")
	}
	if before := x.Len(); len(x.Finish()) != before {
		t.Error("Len is not what Finish writes")
	}
}
