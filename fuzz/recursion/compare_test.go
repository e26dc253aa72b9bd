//go:build interop

package recursion

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// outcome is what a resolver said to one question, and when.
type outcome struct {
	*answer
	Err   error
	Again int   // how often it was asked again because it failed
	First error // how, the first time
	Took  time.Duration
}

// clients is how many questions a resolver has at a time.
const clients = 48

// patience is how long a client waits for an answer: resolvers give up on
// their servers after ten seconds or so, and say SERVFAIL.
const patience = 12 * time.Second

// askAll asks a resolver all questions. Those that fail and should not are
// asked again, as clients do: a resolver may run out of time with the first, and
// knows by the second which servers not to ask.
func askAll(p *process, questions []question, truths []*answer) []outcome {
	results := make([]outcome, len(questions))
	next := make(chan int)
	var asking sync.WaitGroup
	for range clients {
		asking.Go(func() {
			for i := range next {
				begun := time.Now()
				for results[i].again(truths[i]) {
					results[i].answer, results[i].Err = p.ask(questions[i])
				}
				results[i].Took = time.Since(begun)
			}
		})
	}
	for i := range questions {
		next <- i
	}
	close(next)
	asking.Wait()
	return results
}

// tries is how often a question is asked at most.
const tries = 3

// again reports whether the question is to be asked, again or at all.
func (o *outcome) again(truth *answer) bool {
	if o.answer == nil && o.Err == nil {
		return true
	}
	if o.Err == nil && o.RCode != wire.RCodeServFail || truth.Loop || o.Again == tries-1 {
		return false
	}
	if o.Again++; o.Again == 1 {
		if o.First = o.Err; o.First == nil {
			o.First = fmt.Errorf("%s", o.RCode)
		}
	}
	return true
}

// ask asks one question, over TCP too if the answer does not fit.
func (p *process) ask(q question) (*answer, error) {
	querier := names.Querier{Timeouts: []time.Duration{patience}, TCP: q.Form.TCP}
	opt := &wire.EDNS{UDPSize: 1232}
	if q.Form.DO {
		opt.Flags = wire.FlagDO
	}
	if q.Form.NoEDNS {
		opt = nil
	}
	query := wire.AppendQuery(nil, 1, wire.FlagRD, wire.Question{Name: q.Name, Type: q.Type, Class: wire.ClassIN}, opt)
	reply, err := querier.Query(context.Background(), query, p.Addrs[0])
	if err != nil {
		return nil, err
	}
	m, err := wire.ParseMessage(reply.Message)
	if err != nil {
		return nil, err
	}
	if !m.Flags.Has(wire.FlagRA) {
		return nil, fmt.Errorf("%s without RA", m.RCode)
	}
	a := &answer{RCode: m.RCode}
	for i := range m.Answers {
		a.Records = append(a.Records, lineOf(&m.Answers[i]))
	}
	sort.Strings(a.Records)
	return a, nil
}

// pair is a question, the answer of the tree and that of a resolver.
type pair struct {
	question
	Whose  string // the resolver
	Truth  *answer
	Theirs *answer
}

// same reports whether both answers say the same.
func (p *pair) same() bool {
	return p.Truth.RCode == p.Theirs.RCode && slices.Equal(p.Truth.Records, p.Theirs.Records)
}

// missing and extra are the records that only the tree has, and only the resolver.
func (p *pair) missing() []string { return without(p.Truth.Records, p.Theirs.Records) }
func (p *pair) extra() []string   { return without(p.Theirs.Records, p.Truth.Records) }

func without(all, these []string) (left []string) {
	for _, r := range all {
		if !slices.Contains(these, r) {
			left = append(left, r)
		}
	}
	return left
}

// isType reports whether a line of an answer is a record of type t.
func isType(line string, t wire.Type) bool {
	return strings.Contains(line, " "+t.String()+" ")
}
