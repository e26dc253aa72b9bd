package web

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Sketches are what was asked for most lately, by whom, and what fails. They are
// made of a sample, take a fixed amount of memory, and forget half of what they
// have each minute.
type Sketches struct {
	mu     sync.Mutex // guards what follows; a query that finds it held is left out
	halved time.Time

	names, clients, failing sketch
}

const (
	// sampled is of how many queries one is looked at.
	sampled = 4
	// sketchSize is how many different keys a sketch has.
	sketchSize = 1000
	// halfLife is how often a sketch forgets half.
	halfLife = time.Minute
)

// Observe takes note of a query: see listener.Observer. It never waits: while the
// sketches are read or written the query is left out.
func (s *Sketches) Observe(x *names.Exchange, reply []byte, err error) {
	if rand.Uint32()%sampled != 0 || !s.mu.TryLock() {
		return
	}
	defer s.mu.Unlock()
	if s.halved.IsZero() {
		s.halved = x.Received
	}
	for x.Received.Sub(s.halved) >= halfLife {
		s.halved = s.halved.Add(halfLife)
		s.names.halve()
		s.clients.halve()
		s.failing.halve()
	}
	q := x.Query.Question
	if q.Name.IsZero() {
		return
	}
	s.names.add(q.Name.String() + " " + q.Type.String())
	s.clients.add(x.Peer.Remote.Addr().String())
	if reply == nil || x.RCode != wire.RCodeNoError && x.RCode != wire.RCodeNXDomain {
		s.failing.add(below(q.Name.String()))
	}
}

// below is what the last two labels of a name are, in lower case: nearly a zone.
func below(name string) string {
	labels := strings.Split(strings.ToLower(strings.TrimSuffix(name, ".")), ".")
	return strings.Join(labels[max(0, len(labels)-2):], ".") + "."
}

// Count is a key and about how many queries had it lately.
type Count struct {
	Key     string `json:"key"`
	Queries uint64 `json:"queries"`
}

// Top is the reply to the verb top.
type Top struct {
	Names   []Count `json:"names"`
	Clients []Count `json:"clients"`
	Failing []Count `json:"failing"`
}

// Top returns the n most frequent keys of each sketch.
func (s *Sketches) Top(n int) Top {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Top{s.names.top(n), s.clients.top(n), s.failing.top(n)}
}

// sketch counts keys, of which it has a bounded number: a new one takes the place,
// and the count, of a rare one, so that frequent ones are found though their counts
// may be too high ("space saving", with the rarest of a few instead of all).
type sketch map[string]uint64

func (s *sketch) add(key string) {
	if *s == nil {
		*s = sketch{}
	}
	if n, ok := (*s)[key]; ok || len(*s) < sketchSize {
		(*s)[key] = n + 1
		return
	}
	const looked = 8
	rare, least, i := "", uint64(0), 0
	for k, n := range *s { // begins anywhere
		if i == 0 || n < least {
			rare, least = k, n
		}
		if i++; i == looked {
			break
		}
	}
	delete(*s, rare)
	(*s)[key] = least + 1
}

func (s sketch) halve() {
	for k, n := range s {
		if n /= 2; n == 0 {
			delete(s, k)
		} else {
			s[k] = n
		}
	}
}

func (s sketch) top(n int) []Count {
	all := make([]Count, 0, len(s))
	for k, count := range s {
		all = append(all, Count{k, count * sampled})
	}
	slices.SortFunc(all, func(a, b Count) int {
		if a.Queries != b.Queries {
			return map[bool]int{true: -1, false: 1}[a.Queries > b.Queries]
		}
		return strings.Compare(a.Key, b.Key)
	})
	return all[:min(n, len(all))]
}
