package names

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/names-dns/names/wire"
)

// ErrServiceNotAvailable is returned if a domain says that it does not
// offer a service: with an SRV record whose target is the root (RFC 2782).
var ErrServiceNotAvailable = errors.New("service is not offered by this domain")

// Service is a service that a domain offers, found by SRV records (RFC 2782).
//
// It remembers where it may connect until the TTLs are over, for half a minute
// at least, and what it has tried: a connection that is lost is made anew to the next server, and none
// is tried again before all have been. A Service may be used by many
// goroutines; it must not be copied.
type Service struct {
	Dialer      *Dialer // nil: a Dialer without anything set
	Name        string  // "xmpp-client", without an underscore
	Proto       string  // "tcp" or "udp"
	Domain      string  // taken as absolute
	DefaultPort uint16  // where neither SRV records nor this machine know the port; 0: that fails

	mu      sync.Mutex
	targets []Target // as they were found
	left    []Target // of this round
	expires time.Time
}

// Target is where a service is offered.
type Target struct {
	Host string // with its final dot
	Port uint16
	SRV  wire.SRV // zero if the domain has no SRV records

	addrs []netip.Addr // those the server sent along
}

// Dial connects to the first server that takes the connection, and says which.
// If the domain has no SRV records it is the domain itself, at the port
// that this machine has for the service. Network is "tcp" or "udp", or one of
// those followed by 4 or 6.
func (s *Service) Dial(ctx context.Context, network string) (net.Conn, Target, error) {
	var failures []error
	tried := map[targetKey]bool{}
	for {
		target, err := s.next(ctx, network, tried)
		if err != nil {
			return nil, Target{}, err
		}
		if target == nil {
			return nil, Target{}, fmt.Errorf("%s: no server took the connection: %w", s.question(), errors.Join(failures...))
		}
		conn, err := s.dialer().dialHost(ctx, network, target.Host, target.Port, target.addrs)
		if err == nil {
			return conn, *target, nil
		}
		if ctx.Err() != nil {
			return nil, Target{}, err
		}
		failures = append(failures, err)
	}
}

// targetKey tells targets apart.
type targetKey struct {
	host wire.Key
	port uint16
}

// next returns the next target that is not in tried, and adds it to it: nil
// when all were tried.
func (s *Service) next(ctx context.Context, network string, tried map[targetKey]bool) (*Target, error) {
	if target := s.take(tried); target != nil {
		return target, nil
	}
	if err := s.refill(ctx, network); err != nil {
		return nil, err
	}
	return s.take(tried), nil
}

// take takes the next target of this round that is not in tried.
func (s *Service) take(tried map[targetKey]bool) *Target {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !time.Now().Before(s.expires) {
		return nil
	}
	for len(s.left) > 0 {
		target := s.left[0]
		key := targetKey{wire.MustParseName(target.Host).Key(), target.Port}
		s.left = s.left[1:]
		if !tried[key] {
			tried[key] = true
			return &target
		}
	}
	return nil
}

// refill begins a new round over the targets, and finds them if they are
// not known or too old.
func (s *Service) refill(ctx context.Context, network string) error {
	s.mu.Lock()
	targets, expires := s.targets, s.expires
	s.mu.Unlock()
	if !time.Now().Before(expires) {
		found, ttl, err := s.find(ctx, network)
		if err != nil {
			return err
		}
		targets, expires = found, time.Now().Add(ttl)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.targets, s.expires, s.left = targets, expires, orderTargets(targets, rand.IntN)
	return nil
}

// minKnown is how long targets are remembered at least, so that a round over
// them comes to its end.
const minKnown = 30 * time.Second

// find looks up where the service is offered, and for how long that is true.
func (s *Service) find(ctx context.Context, network string) ([]Target, time.Duration, error) {
	name := s.question()
	if s.Domain == "" {
		return nil, 0, &Error{Name: name, Type: wire.TypeSRV, Err: wire.ErrEmptyName}
	}
	parsed, err := s.dialer().client().config.parseName(name)
	if err != nil {
		return nil, 0, &Error{Name: name, Type: wire.TypeSRV, Err: err}
	}
	records, err := s.dialer().client().find(ctx, parsed, wire.TypeSRV)
	if isNotFound(err) {
		return s.fallback(ctx, network)
	}
	if err != nil {
		return nil, 0, err
	}
	servers, err := parseServers(records.records)
	if err != nil {
		return nil, 0, &Error{Name: name, Type: wire.TypeSRV, Err: err}
	}
	ttl := maxTTL
	for _, r := range records.records {
		ttl = min(ttl, seconds(r.TTL))
	}
	var targets []Target
	for _, server := range servers {
		if server.Target.IsRoot() {
			continue
		}
		addrs, life := sentAlong(records.additional, server.Target)
		ttl = min(ttl, life)
		targets = append(targets, Target{Host: server.Target.String(), Port: server.Port, SRV: server, addrs: addrs})
	}
	if len(targets) == 0 {
		return nil, 0, &Error{Name: name, Type: wire.TypeSRV, Err: ErrServiceNotAvailable}
	}
	return targets, max(ttl, minKnown), nil
}

// maxTTL is the longest time anything is remembered.
const maxTTL = 24 * time.Hour

func seconds(ttl uint32) time.Duration { return time.Duration(ttl) * time.Second }

// fallback is the domain itself, for those that have no SRV records.
func (s *Service) fallback(ctx context.Context, network string) ([]Target, time.Duration, error) {
	port, err := services.LookupPort(ctx, network, s.Name)
	if err != nil {
		port, err = int(s.DefaultPort), fmt.Errorf("%s: no SRV records, and no port is known for the service: %w", s.question(), err)
	}
	if port == 0 {
		return nil, 0, err
	}
	domain, err := s.dialer().client().config.parseName(s.Domain)
	if err != nil {
		return nil, 0, err
	}
	return []Target{{Host: domain.String(), Port: uint16(port)}}, minKnown, nil
}

// sentAlong returns the addresses that a reply has for a target, and how long
// they live. If it has but one family, it has nothing: the other may exist.
func sentAlong(additional []wire.Record, target wire.Name) (addrs []netip.Addr, life time.Duration) {
	life = maxTTL
	families := map[wire.Type]bool{}
	for _, r := range additional {
		isAddress := r.Type == wire.TypeA || r.Type == wire.TypeAAAA
		if addr, ok := netip.AddrFromSlice(r.Data); ok && isAddress && r.Class == wire.ClassIN && r.Name.Equal(target) {
			addrs = append(addrs, addr)
			families[r.Type] = true
			life = min(life, seconds(r.TTL))
		}
	}
	if len(families) < 2 {
		return nil, maxTTL
	}
	return addrs, life
}

func (s *Service) question() string { return serviceName(s.Name, s.Proto, s.Domain) }

func (s *Service) dialer() *Dialer {
	if s.Dialer == nil {
		return new(Dialer)
	}
	return s.Dialer
}

// serviceName is the name that holds the SRV records.
func serviceName(service, proto, domain string) string {
	if service == "" && proto == "" {
		return domain
	}
	return "_" + service + "._" + proto + "." + domain
}

func parseServers(records []wire.Record) ([]wire.SRV, error) {
	servers := make([]wire.SRV, len(records))
	for i, r := range records {
		c := wire.CursorOver(r.Data)
		if err := servers[i].Parse(&c); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
	}
	return servers, nil
}

// orderServers puts servers into the order in which they are to be tried.
func orderServers(servers []wire.SRV, random func(n int) int) {
	order(servers, func(s wire.SRV) wire.SRV { return s }, random)
}

func orderTargets(targets []Target, random func(n int) int) []Target {
	ordered := slices.Clone(targets)
	order(ordered, func(t Target) wire.SRV { return t.SRV }, random)
	return ordered
}

// order sorts by priority; if that is equal, the next one is drawn with a
// chance in proportion to its weight (RFC 2782, "Weight"). Random returns a
// number from 0 to n-1.
func order[T any](all []T, srv func(T) wire.SRV, random func(n int) int) {
	slices.SortStableFunc(all, func(a, b T) int {
		return cmp.Or(cmp.Compare(srv(a).Priority, srv(b).Priority), cmp.Compare(srv(a).Weight, srv(b).Weight))
	})
	for i := range all {
		var group int // all[i:group] have one priority, by ascending weight
		total := 0
		for group = i; group < len(all) && srv(all[group]).Priority == srv(all[i]).Priority; group++ {
			total += int(srv(all[group]).Weight)
		}
		drawn := random(total + 1)
		chosen, sum := i, int(srv(all[i]).Weight)
		for sum < drawn {
			chosen++
			sum += int(srv(all[chosen]).Weight)
		}
		picked := all[chosen]
		copy(all[i+1:chosen+1], all[i:chosen]) // the others stay in their order
		all[i] = picked
	}
}

// services knows the ports of services from the file of this machine; it asks
// neither the DNS nor the C library.
var services = &net.Resolver{PreferGo: true}

// portNumber reads a port as it is written in an address.
func portNumber(ctx context.Context, network, port string) (uint16, error) {
	if n, err := strconv.ParseUint(port, 10, 16); err == nil {
		return uint16(n), nil
	}
	n, err := services.LookupPort(ctx, network, port)
	return uint16(n), err
}
