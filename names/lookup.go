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
	"strings"

	"github.com/names-dns/names/wire"
)

// Lookup returns the data of all records that name has of one type, that of T:
//
//	boxes, err := names.Lookup[wire.MX](ctx, names.Default, "example.com")
//
// Aliases are followed, the search list is gone through unless name ends in a
// dot, the hosts file is left out. If there are no such records, the error
// is [ErrNotExist] or [ErrNoData], in an [*Error]. Types without data of their
// own here ([wire.Unknown]) are asked for with [Client.Query].
func Lookup[T any, P interface {
	*T
	wire.Rdata
}](ctx context.Context, c *Client, name string) ([]T, error) {
	t := P(new(T)).Type()
	a, err := c.searched(ctx, name, t)
	if err != nil {
		return nil, err
	}
	all := make([]T, len(a.records))
	for i, r := range a.records {
		cursor := wire.CursorOver(r.Data)
		if err := P(&all[i]).Parse(&cursor); err != nil {
			return nil, &Error{Name: name, Type: t, Err: fmt.Errorf("%w: %w", ErrMalformed, err)}
		}
	}
	return all, nil
}

// found is what a look-up found.
type found struct {
	name       wire.Name     // the owner of the records: the target of the last alias
	records    []wire.Record // never none
	additional []wire.Record
}

// searched looks name up, completed with the search list.
func (c *Client) searched(ctx context.Context, name string, t wire.Type) (*found, error) {
	return search(ctx, c, name, t, func(candidate wire.Name) (*found, error) { return c.find(ctx, candidate, t) })
}

// search returns the result of the first candidate that has one. A failure does
// not end the search: a server may say SERVFAIL or REFUSED for a whole domain of
// the search list, and net.Resolver and glibc go on then.
func search[T any](ctx context.Context, c *Client, name string, t wire.Type, find func(wire.Name) (T, error)) (T, error) {
	var none T
	s, err := c.current()
	var ascii string
	if err == nil {
		ascii, err = c.config.ascii(name)
	}
	if err != nil {
		return none, &Error{Name: name, Type: t, Err: err}
	}
	candidates, err := s.Candidates(ascii)
	if err != nil {
		return none, &Error{Name: name, Type: t, Err: err}
	}
	var failure error
	for _, candidate := range candidates {
		result, err := find(candidate)
		if err == nil {
			return result, nil
		}
		if failure == nil || searchRank(err) >= searchRank(failure) {
			failure = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	var e *Error
	if errors.As(failure, &e) {
		asGiven := *e
		asGiven.Name = name
		return none, &asGiven
	}
	return none, failure
}

// searchRank orders the failures of candidates by what they say of the name that
// was given, as glibc does: one of its candidates exists, or may exist, or none
// does.
func searchRank(err error) int {
	switch {
	case errors.Is(err, ErrNoData):
		return 2
	case errors.Is(err, ErrNotExist):
		return 0
	}
	return 1
}

// find looks one name up and follows its aliases.
func (c *Client) find(ctx context.Context, name wire.Name, t wire.Type) (*found, error) {
	fail := func(rcode wire.RCode, err error) error {
		return &Error{Name: name.String(), Type: t, RCode: rcode, Err: err}
	}
	target := name
	for range MaxAliases {
		if isSpecialUse(target) {
			return nil, fail(wire.RCodeNXDomain, ErrNotExist)
		}
		m, err := c.query(ctx, wire.Question{Name: target, Type: t, Class: wire.ClassIN})
		if err != nil {
			return nil, err
		}
		end, records, err := follow(m.Answers, target, t)
		switch {
		case err != nil:
			return nil, fail(0, err)
		case len(records) > 0:
			return &found{end, records, m.Additional}, nil
		case end.Equal(target), isNegative(m):
			return nil, fail(0, ErrNoData)
		}
		target = end // the server left it to us to go on
	}
	return nil, fail(0, ErrAliases)
}

// isSpecialUse reports whether n is in a special-use domain that is never
// queried: RFC 6761 6.4, RFC 7686 2.
func isSpecialUse(n wire.Name) bool { return n.HasSuffix(invalidDomain) || n.HasSuffix(onionDomain) }

var (
	invalidDomain   = wire.MustParseName("invalid.")
	onionDomain     = wire.MustParseName("onion.")
	localhostDomain = wire.MustParseName("localhost.")
)

// isNegative reports whether the reply says that there is no such data (RFC
// 2308 2.2).
func isNegative(m *wire.Message) bool {
	return slices.ContainsFunc(m.Authority, func(r wire.Record) bool { return r.Type == wire.TypeSOA })
}

// follow returns the records of a type that name has in answers, after following
// the aliases there, and their owner.
func follow(answers []wire.Record, name wire.Name, t wire.Type) (wire.Name, []wire.Record, error) {
	for range MaxAliases {
		var records []wire.Record
		var alias wire.Name
		for _, r := range answers {
			switch {
			case r.Class != wire.ClassIN || !r.Name.Equal(name):
			case r.Type == t || t == wire.TypeANY:
				records = append(records, r)
			case r.Type == wire.TypeCNAME:
				alias, _, _ = wire.NameFromWire(r.Data)
			}
		}
		if len(records) > 0 || alias.IsZero() {
			return name, records, nil
		}
		name = alias
	}
	return name, nil, ErrAliases
}

// LookupNetIP returns the addresses of a host; network is "ip", "ip4" or
// "ip6". A literal address is its own. The hosts file is looked into first;
// then A and AAAA are asked for at the same time, and the names below
// localhost are this machine (RFC 6761 6.3).
//
// IPv6 comes first, each family in the order of the reply. If one family has
// addresses, a failure of the other is not reported.
func (c *Client) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	a, err := c.lookupAddresses(ctx, network, host, func([]netip.Addr) {})
	return a.addrs, err
}

// addresses are those of a host.
type addresses struct {
	name  wire.Name // the canonical one; none for a literal address
	addrs []netip.Addr
}

// familyTypes are the types that hold the addresses of a network.
var familyTypes = map[string][]wire.Type{"ip": {wire.TypeAAAA, wire.TypeA}, "ip4": {wire.TypeA}, "ip6": {wire.TypeAAAA}}

// lookupAddresses returns all addresses of a host, and gives early those of
// each family as soon as they are known.
func (c *Client) lookupAddresses(ctx context.Context, network, host string, early func([]netip.Addr)) (addresses, error) {
	types := familyTypes[network]
	if types == nil {
		return addresses{}, &Error{Name: host, Type: wire.TypeA, Err: net.UnknownNetworkError(network)}
	}
	fail := func(err error) (addresses, error) {
		return addresses{}, &Error{Name: host, Type: types[0], Err: err}
	}
	known := func(name wire.Name, all []netip.Addr) (addresses, error) {
		some := onlyTypes(all, types)
		if len(some) == 0 {
			return fail(ErrNoData)
		}
		early(some)
		return addresses{name, some}, nil
	}
	if literal, err := netip.ParseAddr(host); err == nil {
		return known(wire.Name{}, []netip.Addr{literal.Unmap()})
	}
	name, err := c.config.parseName(host)
	if err != nil {
		return fail(err)
	}
	var local []netip.Addr
	if hosts := c.currentHosts(); hosts != nil {
		local = hosts.Addresses(name)
	}
	if len(local) == 0 && name.HasSuffix(localhostDomain) {
		local = []netip.Addr{netip.IPv6Loopback(), loopback.Addr()}
	}
	if len(local) > 0 {
		return known(name, local)
	}
	return search(ctx, c, host, types[0], func(candidate wire.Name) (addresses, error) {
		return c.findAddresses(ctx, candidate, types, early)
	})
}

// onlyTypes returns the addresses that records of these types hold, those of
// the first type first.
func onlyTypes(all []netip.Addr, types []wire.Type) (some []netip.Addr) {
	for _, t := range types {
		for _, a := range all {
			if a.Is4() == (t == wire.TypeA) {
				some = append(some, a)
			}
		}
	}
	return some
}

// findAddresses asks for all types at the same time.
func (c *Client) findAddresses(ctx context.Context, name wire.Name, types []wire.Type, early func([]netip.Addr)) (addresses, error) {
	type result struct {
		*found
		err error
		of  int // index in types
	}
	results := make(chan result)
	for i, t := range types {
		go func() {
			f, err := c.find(ctx, name, t)
			results <- result{f, err, i}
		}()
	}
	byType := make([][]netip.Addr, len(types))
	errs := make([]error, len(types))
	var all addresses
	for range types {
		r := <-results
		if errs[r.of] = r.err; r.err != nil {
			continue
		}
		all.name = r.name
		for _, record := range r.records {
			if a, ok := netip.AddrFromSlice(record.Data); ok {
				byType[r.of] = append(byType[r.of], a)
			}
		}
		early(byType[r.of])
	}
	if all.addrs = slices.Concat(byType...); len(all.addrs) > 0 {
		return all, nil
	}
	var failure error
	for _, err := range errs {
		failure = worse(failure, err)
	}
	return all, failure
}

// worse returns what to say of a host that has no address of two families: a
// name that does not exist has neither (RFC 8020), and what could not be found
// out may exist.
func worse(a, b error) error {
	if a == nil || errors.Is(b, ErrNotExist) || errors.Is(a, ErrNoData) {
		return b
	}
	return a
}

// LookupHost returns the addresses of a host as text, as [net.Resolver] does.
func (c *Client) LookupHost(ctx context.Context, host string) ([]string, error) {
	addrs, err := c.LookupNetIP(ctx, "ip", host)
	return convert(addrs, netip.Addr.String), err
}

// LookupIP is [Client.LookupNetIP] with the older type of address.
func (c *Client) LookupIP(ctx context.Context, network, host string) ([]net.IP, error) {
	addrs, err := c.LookupNetIP(ctx, network, host)
	return convert(addrs, func(a netip.Addr) net.IP { return a.AsSlice() }), err
}

// LookupIPAddr is [Client.LookupNetIP] with the older type of address.
func (c *Client) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	addrs, err := c.LookupNetIP(ctx, "ip", host)
	return convert(addrs, func(a netip.Addr) net.IPAddr { return net.IPAddr{IP: a.AsSlice(), Zone: a.Zone()} }), err
}

// LookupCNAME returns the canonical name of a host: the target of its last
// alias.
func (c *Client) LookupCNAME(ctx context.Context, host string) (string, error) {
	a, err := c.lookupAddresses(ctx, "ip", host, func([]netip.Addr) {})
	return a.name.String(), err
}

// LookupAddr returns the names of an address, those of the hosts file if it
// has any.
func (c *Client) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return nil, &Error{Name: addr, Type: wire.TypePTR, Err: err}
	}
	if hosts := c.currentHosts(); hosts != nil {
		if local := hosts.Names(a); len(local) > 0 {
			return convert(local, wire.Name.String), nil
		}
	}
	pointers, err := Lookup[wire.PTR](ctx, c, wire.ReverseName(a).String())
	var e *Error
	if errors.As(err, &e) {
		asGiven := *e
		asGiven.Name = addr
		return nil, &asGiven
	}
	return convert(pointers, func(p wire.PTR) string { return p.Target.String() }), err
}

// LookupMX returns the mail servers of a domain, the most preferred first, those
// of equal preference in random order (RFC 5321 5.1). The single host "." means
// that the domain accepts no mail (RFC 7505).
func (c *Client) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	boxes, err := Lookup[wire.MX](ctx, c, name)
	rand.Shuffle(len(boxes), func(i, j int) { boxes[i], boxes[j] = boxes[j], boxes[i] })
	slices.SortStableFunc(boxes, func(a, b wire.MX) int { return cmp.Compare(a.Preference, b.Preference) })
	return convert(boxes, func(m wire.MX) *net.MX { return &net.MX{Host: m.Exchange.String(), Pref: m.Preference} }), err
}

// LookupNS returns the name servers of a zone.
func (c *Client) LookupNS(ctx context.Context, name string) ([]*net.NS, error) {
	servers, err := Lookup[wire.NS](ctx, c, name)
	return convert(servers, func(s wire.NS) *net.NS { return &net.NS{Host: s.Host.String()} }), err
}

// LookupTXT returns the TXT records of a name, the strings of each joined.
func (c *Client) LookupTXT(ctx context.Context, name string) ([]string, error) {
	records, err := Lookup[wire.TXT](ctx, c, name)
	return convert(records, func(r wire.TXT) string {
		var text strings.Builder
		for s := range r.Strings.All() {
			text.Write(s)
		}
		return text.String()
	}), err
}

// LookupSRV returns the servers of a service, looked up as _service._proto.name,
// in the order in which to try them (RFC 2782), and the canonical name.
// If service and proto are both empty, name is taken as it is.
func (c *Client) LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error) {
	a, err := c.searched(ctx, serviceName(service, proto, name), wire.TypeSRV)
	if err != nil {
		return "", nil, err
	}
	servers, err := parseServers(a.records)
	if err != nil {
		return "", nil, &Error{Name: a.name.String(), Type: wire.TypeSRV, Err: err}
	}
	orderServers(servers, rand.IntN)
	return a.name.String(), convert(servers, func(s wire.SRV) *net.SRV {
		return &net.SRV{Target: s.Target.String(), Port: s.Port, Priority: s.Priority, Weight: s.Weight}
	}), nil
}

// LookupSOA returns the start of authority of a zone: name has to be its apex.
func (c *Client) LookupSOA(ctx context.Context, name string) (*wire.SOA, error) {
	all, err := Lookup[wire.SOA](ctx, c, name)
	if err != nil {
		return nil, err
	}
	return &all[0], nil
}

// convert returns what to makes of each.
func convert[A, B any](all []A, to func(A) B) []B {
	if all == nil {
		return nil
	}
	converted := make([]B, len(all))
	for i, a := range all {
		converted[i] = to(a)
	}
	return converted
}
