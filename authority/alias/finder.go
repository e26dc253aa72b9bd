package alias

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Addresses are those of a name.
type Addresses struct {
	All []netip.Addr
	TTL time.Duration // the least of the answers, aliases included
}

// maxAddresses is how many a target may have; further ones are left out, the highest first.
const maxAddresses = 64

func (a *Addresses) sort() {
	slices.SortFunc(a.All, netip.Addr.Compare)
	a.All = slices.Compact(a.All)
	a.All = a.All[:min(len(a.All), maxAddresses)]
}

func (a Addresses) equal(b Addresses) bool { return slices.Equal(a.All, b.All) }

func (a Addresses) String() string {
	if len(a.All) == 0 {
		return "none"
	}
	var b strings.Builder
	for i, one := range a.All {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(one.String())
	}
	return b.String()
}

// Finder finds addresses: of names in our own zones there, of others by asking.
type Finder struct {
	// Own are our zones; nil: there are none.
	Own *authority.Set
	// Ask is what knows all other names.
	Ask *names.Client
}

var (
	errLoop      = errors.New("ALIAS and CNAME records refer to each other")
	errNoAddress = errors.New("it has no addresses")
	errTooMany   = errors.New("more than 16 aliases follow one another")
)

const maxSteps = names.MaxAliases

// Lookup finds the addresses of a name. It is an error if there are none at all: the last
// ones are worth more than none.
func (f *Finder) Lookup(ctx context.Context, target wire.Name) (Addresses, error) {
	type result struct {
		Addresses
		err error
	}
	ipv6 := make(chan result, 1)
	go func() {
		a, err := f.find(ctx, target, wire.TypeAAAA)
		ipv6 <- result{a, err}
	}()
	all, err := f.find(ctx, target, wire.TypeA)
	more := <-ipv6
	for _, e := range []error{err, more.err} {
		if e != nil && !errors.Is(e, errNoAddress) {
			return Addresses{}, e // one family alone could mean that the other is gone
		}
	}
	switch {
	case err != nil && more.err != nil:
		return Addresses{}, err
	case err != nil:
		all = more.Addresses
	case more.err == nil:
		all.All, all.TTL = append(all.All, more.All...), min(all.TTL, more.TTL)
	}
	return all, nil
}

// find finds the addresses of one family.
func (f *Finder) find(ctx context.Context, name wire.Name, kind wire.Type) (Addresses, error) {
	ttl := time.Duration(1<<31-1) * time.Second
	seen := map[wire.Key]bool{}
	ownClient, _ := names.NewClient(names.ClientConfig{Resolver: f.Own, NoHosts: true}) // no file that could not be read
	for range maxSteps {
		if seen[name.Key()] {
			return Addresses{}, fmt.Errorf("%v: %w", name, errLoop)
		}
		seen[name.Key()] = true
		isOwn := f.isOwn(name)
		if next, ok := f.aliasOf(name); ok { // its addresses may come from the name that is looked up
			name = next
			continue
		}
		ask := f.Ask
		if isOwn {
			ask = ownClient
		}
		m, err := query(ctx, ask, name, kind)
		if err == nil && isOwn && m.Flags&wire.FlagAA == 0 { // it is below a delegation
			isOwn = false
			m, err = query(ctx, f.Ask, name, kind)
		}
		if err != nil {
			return Addresses{}, err
		}
		end, found := f.follow(m, name, kind, !isOwn, seen, &ttl)
		switch {
		case len(found) > 0:
			return Addresses{found, ttl}, nil
		case end.IsZero():
			return Addresses{}, fmt.Errorf("%v: %w", name, errLoop)
		case end.Equal(name):
			return Addresses{}, fmt.Errorf("%v: %w", name, errNoAddress)
		}
		if m.RCode == wire.RCodeNXDomain && !f.isOwn(end) {
			return Addresses{}, fmt.Errorf("%v: %w", end, errNoAddress)
		}
		name = end
	}
	return Addresses{}, fmt.Errorf("%v: %w", name, errTooMany)
}

// query asks one question. Only an answer, or that there is none, is not an error.
func query(ctx context.Context, c *names.Client, name wire.Name, kind wire.Type) (*wire.Message, error) {
	m, err := c.Exchange(ctx, &wire.Message{
		Flags: wire.FlagRD, Questions: []wire.Question{{Name: name, Type: kind, Class: wire.ClassIN}}, EDNS: &wire.EDNS{UDPSize: 1232},
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("%v %v: %w", name, kind, err)
	case m.RCode != wire.RCodeNoError && m.RCode != wire.RCodeNXDomain:
		return nil, fmt.Errorf("%v %v: the reply is %v", name, kind, m.RCode)
	}
	return m, nil
}

func (f *Finder) isOwn(name wire.Name) bool {
	if f.Own == nil {
		return false
	}
	z := f.Own.Closest(name, wire.ClassIN)
	return z != nil && z.State() == authority.Loaded
}

// aliasOf is the target of the ALIAS record that a name of ours has.
func (f *Finder) aliasOf(name wire.Name) (wire.Name, bool) {
	if !f.isOwn(name) {
		return name, false
	}
	s := f.Own.Closest(name, wire.ClassIN).Snapshot()
	if s == nil {
		return name, false
	}
	for r := range s.RecordsOf(name) {
		if r.Type == wire.TypeALIAS {
			next, ok := targetOf(r)
			return next.Clone(), ok
		}
	}
	return name, false
}

// follow goes along the aliases of an answer, to the addresses at their end, or to where
// the answer ends, which is the zero name for one that was looked at before. It stops at names
// of our own zones: what others say of them may be what we have told them.
func (f *Finder) follow(m *wire.Message, name wire.Name, kind wire.Type, stopsAtOwn bool, seen map[wire.Key]bool, ttl *time.Duration) (wire.Name, []netip.Addr) {
	for steps := 0; ; steps++ {
		var found []netip.Addr
		var next wire.Name
		for _, r := range m.Answers {
			if r.Class != wire.ClassIN || !r.Name.Equal(name) {
				continue
			}
			switch r.Type {
			case kind:
				if a, ok := netip.AddrFromSlice(r.Data); ok {
					found = append(found, a)
				}
			case wire.TypeCNAME:
				next, _, _ = wire.NameFromWire(r.Data)
			default:
				continue
			}
			*ttl = min(*ttl, time.Duration(r.TTL)*time.Second)
		}
		if len(found) > 0 || next.IsZero() {
			return name, found
		}
		name = next.Clone()
		if seen[name.Key()] {
			return wire.Name{}, nil
		}
		if steps == maxSteps || stopsAtOwn && f.isOwn(name) {
			return name, nil
		}
		if _, ok := f.aliasOf(name); ok {
			return name, nil
		}
	}
}
