package serve

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/wire"
)

// isReady returns nil, or what is missing: a zone that is not loaded or has expired,
// or any server that answers what this one asks for its clients.
func (s *Server) isReady() error {
	if s.ctx.Err() != nil {
		return errors.New("the server stops")
	}
	v := s.current.Load()
	if stats := v.set.Stats(); stats.Loaded < stats.Zones {
		return fmt.Errorf("%d of %d zones are not loaded", stats.Zones-stats.Loaded, stats.Zones)
	}
	return v.parts.canResolve(s.ctx)
}

// readyTime is how long servers may take to show that they answer.
const readyTime = 2 * time.Second

// canResolve returns an error if every server that was asked is silent. Then one
// question goes out for each call: a server that gets no queries because it is not
// ready would not learn that it is.
func (p *parts) canResolve(ctx context.Context) error {
	if p.servers == nil || p.remote == nil || !allSilent(p.servers()) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	if p.askAnything(ctx) == names.ErrPass { // the servers are those of some zones only
		return nil
	}
	if servers := p.servers(); allSilent(servers) {
		return fmt.Errorf("recursion does not work: none of the %d servers that were asked answers", len(servers))
	}
	return nil
}

// askAnything asks for a name that no cache has.
func (p *parts) askAnything(ctx context.Context) error {
	var label [12]byte
	for i := range label {
		label[i] = 'a' + byte(rand.IntN(26))
	}
	name, err := wire.ParseName(string(label[:]) + ".")
	if err != nil {
		return err
	}
	x := new(names.Exchange)
	query := wire.AppendQuery(nil, 0, wire.FlagRD, wire.Question{Name: name, Type: wire.TypeA, Class: wire.ClassIN}, nil)
	if _, err := x.Read(query, names.Peer{Transport: names.TCP, Remote: netip.AddrPortFrom(netip.IPv6Loopback(), 0)}); err != nil {
		return err
	}
	x.Begin(nil, maxReply)
	return p.remote.Resolve(ctx, x)
}

// allSilent reports whether there are servers, none of which answers.
func allSilent(servers []recursor.ServerStatus) bool {
	return len(servers) > 0 && !slices.ContainsFunc(servers, func(s recursor.ServerStatus) bool { return !s.Dead })
}
