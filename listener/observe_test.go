package listener

import (
	"context"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// TestObserver: it is called once with each query, whatever came of it, and with
// the reply that is sent.
func TestObserver(t *testing.T) {
	type seen struct {
		rcode   wire.RCode
		replied bool
		failed  bool
	}
	var all []seen
	p := newPure(t, Config{ErrorsPerSecond: -1})
	p.edge.Observe(func(x *names.Exchange, reply []byte, err error) {
		if x.Received.IsZero() {
			t.Errorf("%v: no time", x.Question())
		}
		all = append(all, seen{x.RCode, reply != nil, err != nil})
		if x.Question().Name.FirstLabel() == "full" && (len(reply) < 3 || reply[2]&2 == 0) {
			t.Errorf("a reply that did not fit is sent without TC: % x", reply)
		}
	})
	for _, test := range []struct {
		word string
		want seen
	}{
		{"www", seen{0, true, false}},
		{"error", seen{wire.RCodeServFail, true, true}},
		{"panic", seen{wire.RCodeServFail, true, true}},
		{"pass", seen{wire.RCodeRefused, true, true}},
		{"drop", seen{0, false, true}},
		{"full", seen{0, true, true}},
		{"slow", seen{0, true, false}},
	} {
		all = nil
		p.edge.Answer(context.Background(), &p.x, Question(1, test.word+".example.", nil), client, p.space)
		if len(all) != 1 || all[0] != test.want {
			t.Errorf("%s: %+v", test.word, all)
		}
	}
	all = nil
	p.try(plain[:5], client)
	p.try(append([]byte{0, 0, 0x80}, plain[3:]...), client)
	if len(all) != 0 {
		t.Errorf("of what cannot be a query: %+v", all)
	}
	p.edge.Observe(func(*names.Exchange, []byte, error) { panic("broken") })
	if reply, _ := p.try(plain, client); reply == nil {
		t.Error("an observer that panics takes the reply")
	}
	p.edge.Observe(nil)
	p.try(plain, client)
	if !p.x.Received.IsZero() {
		t.Error("the clock is looked at for no observer")
	}
}

// BenchmarkObserver: what an observer costs that does nothing, and none.
func BenchmarkObserver(b *testing.B) {
	for _, c := range []struct {
		name     string
		observer Observer
	}{{"none", nil}, {"idle", func(*names.Exchange, []byte, error) {}}} {
		p := newPure(b, Config{})
		p.edge.Observe(c.observer)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.try(plain, client)
			}
		})
	}
}
