package testnet

import (
	"time"

	"github.com/names-dns/names/wire"
)

// rule is what a server does with the queries that its conditions hold for.
type rule struct {
	conditions []condition
	first      int // only so many queries, the first of them; 0: all
	after      int // only those after so many
	effects    []func(b *behaviour)
	takesBelow bool // an effect has read the lines below
}

// condition is something that holds for a query or does not.
type condition func(q *query) bool

// query is what a server got.
type query struct {
	*wire.Message
	overTCP bool
}

func (q *query) question() wire.Question {
	if len(q.Questions) == 0 {
		return wire.Question{}
	}
	return q.Questions[0]
}

// holds reports whether all conditions hold for q, counts aside.
func (r *rule) holds(q *query) bool {
	for _, c := range r.conditions {
		if !c(q) {
			return false
		}
	}
	return true
}

// behaviour is what a server does with a query: first what it says, then how
// that is changed, then how it is sent.
type behaviour struct {
	says    saying
	rcode   wire.RCode
	literal *wire.Message

	adds             [4][]wire.Record // by section
	drops            [4]bool
	noEDNS           bool
	notAuthoritative bool
	lowercases       bool
	cookies          bool // it knows RFC 7873
	demandsCookies   bool
	truncates        bool
	cutAt            int              // octets of the reply that are sent; 0: all
	after            int              // zeros that come after the end of the reply
	wrongID          bool             // of the reply
	agent            wire.Name        // that wants reports of errors (RFC 9567); zero: none
	wrongQuestion    wire.Name        // in the reply; zero: the one asked
	limit            int              // octets over UDP, whatever the client takes; 0: none
	forged           int              // packets with guessed IDs that arrive before the reply
	copies           int              // of the reply, besides the first
	delay            [2]time.Duration // at least, at most
	loss             float64          // probability
	fromElsewhere    bool             // the reply comes from an address that was not asked
	refusesTCP       bool
}

// saying is what a server says before that is changed.
type saying uint8

const (
	fromZones   saying = iota // what its zones have
	nothing                   // it is silent
	unreachable               // the network says that no server is there
	justRCode
	literally
	bomb // a reply that costs much to read
)

// defaultDelay is how long a query and its reply take if nothing else is said.
const defaultDelay = 10 * time.Millisecond

// behave returns what rules make of a query. counts says how often each rule
// was reached before, and is kept up to date.
func behave(rules []*rule, q *query, counts map[*rule]int) *behaviour {
	b := &behaviour{delay: [2]time.Duration{defaultDelay, defaultDelay}}
	for _, r := range rules {
		if !r.holds(q) {
			continue
		}
		counts[r]++
		if n := counts[r]; r.first > 0 && n > r.first || n <= r.after {
			continue
		}
		for _, effect := range r.effects {
			effect(b)
		}
	}
	return b
}
