package serve

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// parents asks the servers of parent zones which DS records they have.
type parents struct {
	client  *names.Client // finds servers
	querier names.Querier // asks them
}

func newParents(client *names.Client) *parents {
	return &parents{client: client, querier: names.Querier{Timeouts: []time.Duration{3 * time.Second, 5 * time.Second}}}
}

// Bounds on what one look at a parent takes.
const (
	parentTimeout       = time.Minute
	maxParentServers    = 32 // as many as the root has, and some
	maxParentAddresses  = 8  // of one server
	parentsAskedAtATime = 8
)

// parentServer is a name server of a parent zone.
type parentServer struct {
	name      string
	addresses []netip.AddrPort
	err       error // its addresses are not known
}

// look asks all servers of the parent of a zone: these, or those that it finds. An
// error means that the servers are not known.
func (p *parents) look(ctx context.Context, zone wire.Name, given []netip.AddrPort) ([]sign.Sighting, error) {
	ctx, cancel := context.WithTimeout(ctx, parentTimeout)
	defer cancel()
	var servers []parentServer
	for _, address := range given {
		servers = append(servers, parentServer{name: address.String(), addresses: []netip.AddrPort{address}})
	}
	if len(given) == 0 {
		var err error
		if servers, err = p.find(ctx, zone); err != nil {
			return nil, fmt.Errorf("servers of the parent of zone %v: %w", zone, err)
		}
	}
	sightings := make([]sign.Sighting, len(servers))
	eachOf(len(servers), parentsAskedAtATime, func(i int) { sightings[i] = p.ask(ctx, zone, &servers[i]) })
	return sightings, nil
}

// eachOf does n things, at most some at a time.
func eachOf(n, atATime int, do func(i int)) {
	var all sync.WaitGroup
	slots := make(chan struct{}, atATime)
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
	all.Wait()
}

// find looks up the servers of the zone above.
func (p *parents) find(ctx context.Context, zone wire.Name) ([]parentServer, error) {
	above, hosts, err := p.above(ctx, zone)
	switch {
	case err != nil:
		return nil, err
	case len(hosts) > maxParentServers:
		return nil, fmt.Errorf("%v has %d servers; at most %d are asked", above, len(hosts), maxParentServers)
	}
	servers := make([]parentServer, len(hosts))
	eachOf(len(hosts), parentsAskedAtATime, func(i int) { servers[i] = p.server(ctx, hosts[i].Host) })
	return servers, nil
}

// above looks up the zone above: that of the longest name with NS records.
func (p *parents) above(ctx context.Context, zone wire.Name) (above wire.Name, hosts []wire.NS, err error) {
	for above = zone; !above.IsRoot(); {
		above = above.Parent()
		hosts, err = names.Lookup[wire.NS](ctx, p.client, above.String())
		if !errors.Is(err, names.ErrNotExist) && !errors.Is(err, names.ErrNoData) {
			return above, hosts, err
		}
	}
	return above, nil, errors.New("there is no zone above it")
}

func (p *parents) server(ctx context.Context, name wire.Name) parentServer {
	s := parentServer{name: name.String()}
	addresses, err := p.client.LookupNetIP(ctx, "ip", s.name)
	if err != nil {
		s.err = err
		return s
	}
	for _, a := range addresses[:min(len(addresses), maxParentAddresses)] {
		s.addresses = append(s.addresses, netip.AddrPortFrom(a.Unmap(), 53))
	}
	return s
}

var (
	errNotAuthoritative = errors.New("the reply is not authoritative")
	errTheyDiffer       = errors.New("its addresses have different DS records")
)

// ask asks all addresses of a server, of which one at least has to reply: an
// address may be of a network that is not reached from here.
func (p *parents) ask(ctx context.Context, zone wire.Name, server *parentServer) sign.Sighting {
	seen := sign.Sighting{Server: server.name, Err: server.err}
	isFirst := true
	for _, address := range server.addresses {
		ds, err := p.askAddress(ctx, zone, address)
		switch {
		case err != nil:
			if isFirst {
				seen.Err = err
			}
		case isFirst:
			seen.DS, seen.Err, isFirst = ds, nil, false
		case !slices.Equal(textsOf(ds), textsOf(seen.DS)):
			seen.DS, seen.Err = nil, errTheyDiffer
			return seen
		}
	}
	return seen
}

// textsOf are DS records in a form that can be compared, sorted.
func textsOf(all []wire.DS) []string {
	var texts []string
	for i := range all {
		texts = append(texts, all[i].String())
	}
	slices.Sort(texts)
	return texts
}

func (p *parents) askAddress(ctx context.Context, zone wire.Name, address netip.AddrPort) ([]wire.DS, error) {
	m := wire.Message{ID: uint16(rand.Uint32()), Questions: []wire.Question{{Name: zone, Type: wire.TypeDS, Class: wire.ClassIN}}, EDNS: &wire.EDNS{UDPSize: 1232}}
	query, err := m.AppendTo(nil)
	if err != nil {
		return nil, err
	}
	reply, err := p.querier.Query(ctx, query, address)
	if err != nil {
		return nil, err
	}
	r, err := wire.ParseMessage(reply.Message)
	switch {
	case err != nil:
		return nil, fmt.Errorf("server %v: %w", address, err)
	case r.RCode != wire.RCodeNoError:
		return nil, fmt.Errorf("server %v: %v", address, r.RCode)
	case r.Flags&wire.FlagAA == 0:
		return nil, fmt.Errorf("server %v: %w", address, errNotAuthoritative)
	}
	var all []wire.DS
	for _, record := range r.Answers {
		var ds wire.DS
		c := wire.CursorOver(record.Data)
		if record.Type == wire.TypeDS && record.Name.Equal(zone) {
			if err := ds.Parse(&c); err != nil {
				return nil, fmt.Errorf("server %v: DS record: %w", address, err)
			}
			all = append(all, ds)
		}
	}
	return all, nil
}
