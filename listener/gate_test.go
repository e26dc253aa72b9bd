package listener

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Queries pass gates in order, replies in the other.
func TestGatesInOrder(t *testing.T) {
	var passed []string
	note := func(name string) Gate {
		return Gate{
			Query: func(*names.Exchange) Verdict { passed = append(passed, name); return Continue },
			Reply: func(*names.Exchange) bool { passed = append(passed, name); return true },
		}
	}
	p := newPure(t, Config{Gates: []Gate{note("a"), note("b"), note("c")}})
	p.try(plain, client)
	if got := strings.Join(passed, ""); got != "abccba" {
		t.Errorf("gates are passed as %s", got)
	}
	passed = nil
	p.try(plain[:14], client) // malformed: it has a reply, and so passes
	if got := strings.Join(passed, ""); got != "abccba" {
		t.Errorf("gates are passed by a malformed query as %s", got)
	}
	passed = nil
	p.try(append([]byte{0, 0, 0x80}, plain[3:]...), client)
	if passed != nil {
		t.Errorf("a response passes %v", passed)
	}
}

func TestVerdicts(t *testing.T) {
	asked := false
	resolver := names.ResolverFunc(func(context.Context, *names.Exchange) error { asked = true; return nil })
	for what, c := range map[string]struct {
		gate  Gate
		rcode wire.RCode
		none  bool
		asked bool
		count func(Stats) uint64
	}{
		"continue": {Gate{Query: func(*names.Exchange) Verdict { return Continue }}, 0, false, true, func(c Stats) uint64 { return c.Slow }},
		"refuse": {Gate{Query: func(x *names.Exchange) Verdict { x.RCode = wire.RCodeRefused; return Continue }}, wire.RCodeRefused, false, false,
			func(c Stats) uint64 { return c.Rejected }},
		"answer":   {Gate{Query: func(x *names.Exchange) Verdict { x.RCode = wire.RCodeNXDomain; return Answer }}, wire.RCodeNXDomain, false, false, func(c Stats) uint64 { return c.Replies }},
		"drop":     {Gate{Query: func(*names.Exchange) Verdict { return Drop }}, 0, true, false, func(c Stats) uint64 { return c.Silent }},
		"panic":    {Gate{Query: func(*names.Exchange) Verdict { panic("out of order") }}, 0, true, false, func(c Stats) uint64 { return c.Panics }},
		"withhold": {Gate{Reply: func(*names.Exchange) bool { return false }}, 0, true, true, func(c Stats) uint64 { return c.Silent }},
		"panic over the reply": {Gate{Reply: func(*names.Exchange) bool { panic("out of order") }}, 0, true, true,
			func(c Stats) uint64 { return c.Panics }},
	} {
		asked = false
		e, err := NewEdge(Config{Resolver: resolver, Gates: []Gate{c.gate}})
		if err != nil {
			t.Fatal(err)
		}
		var x names.Exchange
		got := e.Answer(context.Background(), &x, plain, client, nil)
		if (got == nil) != c.none || asked != c.asked || c.count(e.Stats()) != 1 {
			t.Errorf("%s: reply %x, resolver asked: %v, %+v", what, got, asked, e.Stats())
			continue
		}
		if got != nil && ParseReply(t, got).RCode != c.rcode {
			t.Errorf("%s: %v", what, ParseReply(t, got).RCode)
		}
	}
}

// A gate is passed by those that it is for.
func TestConditions(t *testing.T) {
	secure := names.Peer{Transport: names.TLS, Remote: client.Remote}
	quic := names.Peer{Transport: names.QUIC, Remote: client.Remote}
	withOption := modern
	for _, c := range []struct {
		what  string
		query []byte
		peer  names.Peer
		want  []Condition
	}{
		{"plain", plain, client, []Condition{0}},
		{"options", withOption, client, []Condition{0, WithOptions}},
		{"TLS", plain, secure, []Condition{0, Encrypted, Connected, Encrypted | Connected}},
		{"QUIC with options", withOption, quic, []Condition{0, WithOptions, Encrypted, WithOptions | Encrypted}},
		{"malformed", plain[:14], client, []Condition{0, WithError}},
	} {
		var passed []Condition
		var config Config
		for when := range Condition(conditions) {
			config.Gates = append(config.Gates, Gate{When: when, Query: func(*names.Exchange) Verdict { passed = append(passed, when); return Continue }})
		}
		newPure(t, config).try(c.query, c.peer)
		slices.Sort(c.want)
		if !slices.Equal(passed, c.want) {
			t.Errorf("%s: %v pass, want %v", c.what, passed, c.want)
		}
	}
}

// signature signs with one octet.
type signature struct{ signed *int }

func (signature) Len() int { return 12 }

func (s signature) Sign(message []byte) []byte {
	*s.signed = len(message)
	message[11]++
	return append(message, 0, byte(wire.TypeTSIG>>8), byte(wire.TypeTSIG), 0, 255, 0, 0, 0, 0, 0, 1, 'x')
}

// What a gate signs has everything else in it: OPT, padding, the RCODE of a
// resolver that fails. Copies that are answered later are signed, too.
func TestSignedAfterEverything(t *testing.T) {
	for _, name := range []string{"www.example.", "slow.example.", "error.example.", "pass.example."} {
		signed := 0
		e, err := NewEdge(Config{Resolver: Echo{}, Gates: []Gate{{Query: func(x *names.Exchange) Verdict {
			x.Peer.Key = wire.MustParseName("key.")
			x.SetSigner(signature{&signed})
			return Continue
		}}}})
		if err != nil {
			t.Fatal(err)
		}
		query := Question(1, name, &wire.EDNS{UDPSize: 1232, Options: wire.Options{}.AppendOption(wire.OptionPadding, make([]byte, 10))})
		var x names.Exchange
		got := e.Answer(context.Background(), &x, query, names.Peer{Transport: names.TLS, Remote: client.Remote}, nil)
		var q wire.Query
		if err := q.Parse(got); err != nil || q.TSIG == 0 || signed != q.TSIG || len(got)%paddedReply != 0 || x.Peer.Key.IsZero() {
			t.Errorf("%s: %d octets, signed %d, TSIG at %d: %v", name, len(got), signed, q.TSIG, err)
		}
	}
}
