package names

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// PeerSet is a set of addresses, the one matcher of all access lists. It
// never changes; a nil one is empty.
type PeerSet struct {
	ranges []addrRange // in order, no two touch
}

// addrRange is all addresses from first to last, both of one family.
type addrRange struct{ first, last netip.Addr }

// peerWords are the words that stand for networks.
var peerWords = map[string][]string{
	"none":     {},
	"any":      {"0.0.0.0/0", "::/0"},
	"loopback": {"127.0.0.0/8", "::1"},
	"private": {
		"127.0.0.0/8", "::1",
		"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", // RFC 1918
		"100.64.0.0/10",               // RFC 6598: shared by the customers of a provider
		"169.254.0.0/16", "fe80::/10", // link-local: RFC 3927, RFC 4291 2.5.6
		"fc00::/7", // RFC 4193: unique local
	},
}

var privatePeers = func() *PeerSet {
	s, err := ParsePeerSet("private")
	if err != nil {
		panic(err)
	}
	return s
}()

// PrivatePeers returns the set that "private" stands for: loopback and the
// networks that are not reachable from outside (RFC 1918, RFC 6598, link-local,
// unique local).
func PrivatePeers() *PeerSet { return privatePeers }

// ParsePeerSet returns the set of all that texts name. Each is an address, a
// prefix such as "192.0.2.0/24", or a word: "any", "none", "loopback",
// "private".
func ParsePeerSet(texts ...string) (*PeerSet, error) {
	var prefixes []netip.Prefix
	for _, text := range texts {
		if nets, ok := peerWords[text]; ok {
			for _, n := range nets {
				p, err := parsePeer(n)
				if err != nil {
					return nil, err
				}
				prefixes = append(prefixes, p)
			}
			continue
		}
		p, err := parsePeer(text)
		if err != nil {
			return nil, err
		}
		prefixes = append(prefixes, p)
	}
	return NewPeerSet(prefixes...), nil
}

// parsePeer reads an address or a prefix.
func parsePeer(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf(`%q is not an address, a prefix such as 192.0.2.0/24, or one of "any", "none", "loopback", "private"`, text)
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not a prefix such as 192.0.2.0/24", text)
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%q has bits set after its length: either %s/%d or %s", text, p.Addr(), p.Addr().BitLen(), p.Masked())
	}
	return p, nil
}

// NewPeerSet returns the set of all addresses in prefixes. Prefixes of IPv4
// addresses mapped into IPv6 stand for IPv4; invalid ones for none.
func NewPeerSet(prefixes ...netip.Prefix) *PeerSet {
	ranges := make([]addrRange, 0, len(prefixes))
	for _, p := range prefixes {
		if r, ok := rangeOf(p); ok {
			ranges = append(ranges, r)
		}
	}
	slices.SortFunc(ranges, func(a, b addrRange) int { return a.first.Compare(b.first) })
	s := &PeerSet{}
	for _, r := range ranges {
		if n := len(s.ranges); n > 0 && touches(s.ranges[n-1], r) {
			if s.ranges[n-1].last.Less(r.last) {
				s.ranges[n-1].last = r.last
			}
			continue
		}
		s.ranges = append(s.ranges, r)
	}
	return s
}

// touches reports whether b, which does not begin before a, begins in a or
// right after it.
func touches(a, b addrRange) bool {
	return a.first.BitLen() == b.first.BitLen() && (!a.last.Less(b.first) || a.last.Next() == b.first)
}

func rangeOf(p netip.Prefix) (addrRange, bool) {
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	p = p.Masked()
	if !p.IsValid() {
		return addrRange{}, false
	}
	last := p.Addr().AsSlice()
	for i := range last {
		if host := 8*(i+1) - p.Bits(); host > 0 {
			last[i] |= byte(1<<min(host, 8) - 1)
		}
	}
	end, _ := netip.AddrFromSlice(last)
	return addrRange{p.Addr(), end}, true
}

// Contains reports whether a is in the set. A mapped IPv4 address is seen as
// IPv4, a zone is left out of account.
func (s *PeerSet) Contains(a netip.Addr) bool {
	if s == nil || !a.IsValid() {
		return false
	}
	a = a.Unmap().WithZone("")
	low, high := 0, len(s.ranges)
	for low < high { // the first range that ends at a or after it
		middle := (low + high) / 2
		if s.ranges[middle].last.Less(a) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low < len(s.ranges) && !a.Less(s.ranges[low].first)
}

// IsEmpty reports whether the set has no addresses.
func (s *PeerSet) IsEmpty() bool { return s == nil || len(s.ranges) == 0 }

// String returns the ranges of the set, for logs.
func (s *PeerSet) String() string {
	if s.IsEmpty() {
		return "none"
	}
	var b strings.Builder
	for i, r := range s.ranges {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(r.first.String())
		if r.first != r.last {
			b.WriteByte('-')
			b.WriteString(r.last.String())
		}
	}
	return b.String()
}
