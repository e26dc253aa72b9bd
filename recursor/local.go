package recursor

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// LocalNames answers for the names that mean something on this machine or on
// this network only, and that the servers of the Internet must not be troubled
// with: localhost, test, invalid (RFC 6761), onion (RFC 7686), home.arpa (RFC
// 8375), resolver.arpa (RFC 9462), the reverse zones of addresses that have no owner
// (RFC 6303, RFC 7793), and ipv4only.arpa with the names of its addresses (RFC 8880). It
// passes all else.
//
// In front of a forwarder the names of RFC 8880 have to be left to it ([IPv4OnlyNames]): the
// server that it asks may be the one that knows the network's NAT64 prefix.
type LocalNames struct {
	except map[string]bool // in lower case, wire form
	own    ownZones
}

// LeaveTo has l pass the names that zones, which this process serves itself,
// delegate: a reverse zone of 10.0.0.0/8, say, with subnets that have servers of
// their own. The names of zones exist, too. It is called before the first query.
func (l *LocalNames) LeaveTo(zones names.Resolver) { l.own.zones = zones }

// NewLocalNames returns a resolver for the local names. Those at and below the
// names in except are left to others: private reverse zones that a server of
// one's own has, say.
func NewLocalNames(except ...wire.Name) (*LocalNames, error) {
	l := &LocalNames{except: map[string]bool{}}
	for _, name := range except {
		if name.IsZero() {
			return nil, fmt.Errorf("exception from the local names is empty")
		}
		l.except[name.Fold().Wire()] = true
	}
	return l, nil
}

// localKind is how the names of a local zone are answered.
type localKind uint8

const (
	kindAbsent   localKind = iota + 1 // none exists but the apex (RFC 6303 3)
	kindLoopback                      // every name is this machine (RFC 6761 6.3)
	kindReverse                       // one name is this machine's
	kindNoData                        // every name exists and has nothing (RFC 9462 4)
	kindIPv4Only                      // the apex has the two addresses of RFC 7050 2.2
)

// localZone is one of the zones, with its data besides the SOA record.
type localZone struct {
	kind localKind
	host string // of kindReverse: the wire form of the name that ptr is at
	ptr  *wire.PTR
	soa  []byte // the data of the SOA record
	ns   []byte // and of the NS record
}

// localTLDs are the last labels of all zones, for most names end in none.
var localTLDs = map[string]bool{"arpa": true, "localhost": true, "test": true, "invalid": true, "onion": true}

// localZones has the zones by the wire form of their names.
var localZones = func() map[string]localZone {
	zones := map[string]localZone{}
	add := func(apex wire.Name, kind localKind, host wire.Name) {
		soa := &wire.SOA{
			Primary: apex, Mailbox: wire.MustParseName("nobody.invalid."),
			Serial: 1, Refresh: 3600, Retry: 1200, Expire: 604800, Minimum: localTTL,
		}
		ptr := loopbackPTR
		if kind == kindReverse && slices.ContainsFunc(ipv4OnlyAddresses[:], func(a *wire.A) bool { return host.Equal(wire.ReverseName(a.Addr)) }) {
			ptr = ipv4OnlyPTR
		}
		zones[apex.Wire()] = localZone{kind, host.Wire(), ptr, soa.AppendTo(nil, nil), apex.AppendTo(nil)}
	}
	addReverse := func(prefix netip.Prefix, kind localKind, host netip.Addr) {
		labels := 2 + prefix.Bits()/8
		if prefix.Addr().Is6() {
			labels = 2 + prefix.Bits()/4
		}
		add(wire.ReverseName(prefix.Addr()).Ancestor(labels), kind, wire.ReverseName(host))
	}
	add(localhost, kindLoopback, wire.Name{})
	for _, text := range []string{"test.", "invalid.", "onion.", "home.arpa."} {
		add(wire.MustParseName(text), kindAbsent, wire.Name{})
	}
	add(wire.MustParseName("resolver.arpa."), kindNoData, wire.Name{})
	for _, prefix := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16",
		"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "255.255.255.255/32",
		"::/128", "fd00::/8", "fe80::/12", "fe90::/12", "fea0::/12", "feb0::/12", "2001:db8::/32",
	} {
		addReverse(netip.MustParsePrefix(prefix), kindAbsent, netip.Addr{})
	}
	for second := byte(16); second < 32; second++ {
		addReverse(netip.PrefixFrom(netip.AddrFrom4([4]byte{172, second}), 16), kindAbsent, netip.Addr{})
	}
	for second := byte(64); second < 128; second++ { // RFC 7793
		addReverse(netip.PrefixFrom(netip.AddrFrom4([4]byte{100, second}), 16), kindAbsent, netip.Addr{})
	}
	addReverse(netip.MustParsePrefix("127.0.0.0/8"), kindReverse, netip.MustParseAddr("127.0.0.1"))
	addReverse(netip.MustParsePrefix("::1/128"), kindReverse, netip.IPv6Loopback())
	add(ipv4Only, kindIPv4Only, wire.Name{})
	for _, a := range ipv4OnlyAddresses {
		addReverse(netip.PrefixFrom(a.Addr, 32), kindReverse, a.Addr) // RFC 8880 7.2
	}
	return zones
}()

// What the answers are made of: RFC 6303 3.
const localTTL = 10800 // seconds

var (
	localhost = wire.MustParseName("localhost.")
	arpa      = wire.MustParseName("arpa.")

	loopbackA    = &wire.A{Addr: netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	loopbackAAAA = &wire.AAAA{Addr: netip.IPv6Loopback()}
	loopbackPTR  = &wire.PTR{Target: localhost}

	ipv4Only          = wire.MustParseName("ipv4only.arpa.")
	ipv4OnlyAddresses = [...]*wire.A{{Addr: netip.AddrFrom4([4]byte{192, 0, 0, 170})}, {Addr: netip.AddrFrom4([4]byte{192, 0, 0, 171})}}
	ipv4OnlyPTR       = &wire.PTR{Target: ipv4Only}
)

// IPv4OnlyNames are ipv4only.arpa and the reverse names of its addresses (RFC 8880 7). A
// client that asks for the IPv6 addresses of ipv4only.arpa learns from them which NAT64
// prefix its network has. Without DNS64 there are none.
func IPv4OnlyNames() []wire.Name {
	all := []wire.Name{ipv4Only}
	for _, a := range ipv4OnlyAddresses {
		all = append(all, wire.ReverseName(a.Addr))
	}
	return all
}

// Resolve answers x or passes.
func (l *LocalNames) Resolve(_ context.Context, x *names.Exchange) error { return l.TryResolve(x) }

// TryResolve answers x or passes.
func (l *LocalNames) TryResolve(x *names.Exchange) error {
	q := x.Query.Question
	if q.Class != wire.ClassIN {
		return names.ErrPass
	}
	apex, zone, ok := l.find(q.Name)
	if !ok {
		return names.ErrPass
	}
	isIn, isBelow := l.own.place(q.Name)
	if isBelow {
		return names.ErrPass
	}
	isApex := apex.Len() == q.Name.Len()
	if q.Type == wire.TypeDS && isApex && apex.HasSuffix(arpa) {
		return names.ErrPass // belongs to the parent, which says that the zone is unsigned (RFC 8375 4)
	}
	x.MarkAnswered("local")
	x.Reply.Flags |= wire.FlagAA
	if err := zone.answer(x, q, apex, isApex); err != nil {
		return err
	}
	if isIn && x.RCode == wire.RCodeNXDomain {
		x.RCode = wire.RCodeNoError // its DS records would be here, and there are none
	}
	return nil
}

// find returns the local zone that name is in and the part of name that is its
// apex.
func (l *LocalNames) find(name wire.Name) (apex wire.Name, zone localZone, ok bool) {
	var buf [wire.MaxNameLen]byte
	folded := name.AppendFolded(buf[:0])
	var starts [wire.MaxNameLen/2 + 1]uint8 // of the labels, the root's included
	count := 0
	for at := 0; folded[at] != 0; at += 1 + int(folded[at]) {
		starts[count] = uint8(at)
		count++
	}
	if count == 0 || !localTLDs[string(folded[starts[count-1]+1:len(folded)-1])] {
		return wire.Name{}, localZone{}, false
	}
	starts[count] = uint8(len(folded) - 1)
	for i := range count + 1 {
		suffix := folded[starts[i]:]
		if l.except[string(suffix)] {
			return wire.Name{}, localZone{}, false
		}
		if !ok {
			if zone, ok = localZones[string(suffix)]; ok {
				apex = name.Ancestor(count - i)
			}
		}
	}
	return apex, zone, ok
}

func (z localZone) answer(x *names.Exchange, q wire.Question, apex wire.Name, isApex bool) error {
	answers := 0
	add := func(d wire.Rdata) error {
		if q.Type != d.Type() && (q.Type != wire.TypeANY || answers > 0) { // RFC 8482: one is enough
			return nil
		}
		answers++
		return x.Reply.Record(q.Name, wire.ClassIN, localTTL, d)
	}
	var err error
	switch {
	case z.kind == kindLoopback:
		if err = add(loopbackA); err == nil {
			err = add(loopbackAAAA)
		}
	case z.kind == kindIPv4Only && isApex:
		if err = add(ipv4OnlyAddresses[0]); err == nil {
			err = add(ipv4OnlyAddresses[1])
		}
	case z.kind == kindReverse && isSame(q.Name, z.host):
		err = add(z.ptr)
	case isApex, z.kind == kindNoData, z.kind == kindReverse && isAbove(q.Name, z.host):
	default:
		x.RCode = wire.RCodeNXDomain
	}
	if err == nil && isApex {
		switch q.Type {
		case wire.TypeSOA, wire.TypeANY:
			if answers == 0 {
				answers++
				err = x.Reply.Raw(apex, wire.TypeSOA, wire.ClassIN, localTTL, z.soa)
			}
		case wire.TypeNS:
			answers++
			err = x.Reply.Raw(apex, wire.TypeNS, wire.ClassIN, localTTL, z.ns)
		}
	}
	if err != nil || answers > 0 {
		return err
	}
	x.Reply.SetSection(wire.SectionAuthority)
	return x.Reply.Raw(apex, wire.TypeSOA, wire.ClassIN, localTTL, z.soa)
}

// isSame reports whether name has the wire form folded, which is in lower case.
func isSame(name wire.Name, folded string) bool {
	return name.Len() == len(folded) && isAbove(name, folded)
}

// isAbove reports whether name is one that folded ends in.
func isAbove(name wire.Name, folded string) bool {
	n := name.Wire()
	start := len(folded) - len(n)
	if start < 0 {
		return false
	}
	for i := range len(n) {
		if wire.FoldByte(n[i]) != folded[start+i] {
			return false
		}
	}
	for at := 0; at < start; at += 1 + int(folded[at]) {
		if at+1+int(folded[at]) > start {
			return false // begins inside a label
		}
	}
	return true
}
