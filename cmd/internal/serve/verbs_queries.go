package serve

import (
	"context"
	"errors"
	"strconv"

	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/listener"
)

// queriesReply is what queries and replies were, in the reply to stats.
type queriesReply struct {
	Clients map[string]uint64   `json:"clients"` // by transport and family
	Types   map[string]uint64   `json:"types"`
	RCodes  map[string]uint64   `json:"rcodes"`
	Bounds  []float64           `json:"bounds"`  // the upper limits of latencies, in seconds
	Latency map[string][]uint64 `json:"latency"` // by source: replies up to each bound, and above
}

func queriesOf(b listener.Breakdown) queriesReply {
	r := queriesReply{Clients: map[string]uint64{}, Types: map[string]uint64{}, RCodes: map[string]uint64{}, Bounds: seconds(listener.LatencyBounds[:]), Latency: map[string][]uint64{}}
	for _, c := range b.Clients {
		r.Clients[c.Transport.String()+map[bool]string{false: " ipv4", true: " ipv6"}[c.IPv6]] = c.Queries
	}
	for _, t := range b.Types {
		name := "other"
		if t.Type != 0 {
			name = t.Type.String()
		}
		r.Types[name] = t.Queries
	}
	for _, c := range b.RCodes {
		r.RCodes[c.RCode.String()] = c.Replies
	}
	for _, l := range b.Latencies {
		r.Latency[l.Source] = l.Buckets[:]
	}
	return r
}

const (
	topCount    = 15
	maxTopCount = 1000
)

func (s *Server) doTop(_ context.Context, args []string) (any, error) {
	n := topCount
	if len(args) > 0 {
		var err error
		if n, err = strconv.Atoi(args[0]); err != nil || n < 1 || n > maxTopCount {
			return nil, control.Usagef("top %s: write a number from 1 to %d", args[0], maxTopCount)
		}
	}
	sketches := s.operator.sketches.Load()
	if sketches == nil {
		return nil, errors.New("nothing is noted of queries: that takes the page, [web] listen")
	}
	return sketches.Top(n), nil
}
