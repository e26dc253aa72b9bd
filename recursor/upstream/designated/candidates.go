package designated

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream/encrypted"
	"github.com/names-dns/names/wire"
)

// The limits of what a resolver may designate.
const (
	maxRecords    = 8
	maxCandidates = 8
)

// queryName is what resolvers are asked for (RFC 9462 4).
var queryName = wire.MustParseName("_dns.resolver.arpa.")

// designation is one SVCB record that can be used.
type designation struct {
	record wire.SVCB
	target string // as TLS has it
	ttl    uint32
}

// designations returns the records of a reply in the order of their priority. Left out are
// those of AliasMode, without a name, with parameters that are unknown and mandatory (RFC
// 9460 8), and others than the first.
func designations(m *wire.Message) (all []designation) {
	for _, r := range m.Answers {
		if len(all) == maxRecords {
			break
		}
		if r.Type != wire.TypeSVCB || r.Class != wire.ClassIN || !r.Name.Equal(queryName) {
			continue
		}
		data, err := r.Rdata()
		if err != nil {
			continue
		}
		d := designation{record: *data.(*wire.SVCB), ttl: r.TTL}
		d.target = strings.TrimSuffix(d.record.Target.Fold().String(), ".")
		if d.record.Priority == 0 || d.record.Target.IsRoot() || strings.ContainsFunc(d.target, isOdd) || !knowsMandatory(d.record.Params) {
			continue
		}
		all = append(all, d)
	}
	slices.SortStableFunc(all, func(a, b designation) int { return cmp.Compare(a.record.Priority, b.record.Priority) })
	return all
}

// isOdd reports whether c is not in the name of a host: nothing else is put into URLs and
// handshakes.
func isOdd(c rune) bool {
	return !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_')
}

func knowsMandatory(p wire.SvcParams) bool {
	mandatory, _ := p.Get(wire.SvcMandatory)
	for ; len(mandatory) >= 2; mandatory = mandatory[2:] {
		switch wire.SvcKey(binary.BigEndian.Uint16(mandatory)) {
		case wire.SvcALPN, wire.SvcNoDefaultALPN, wire.SvcPort, wire.SvcIPv4Hint, wire.SvcIPv6Hint, wire.SvcDoHPath:
		default:
			return false
		}
	}
	return true
}

// protocols are those that can be asked for, the best first, as ALPN has them.
var protocols = []struct {
	alpn string
	like encrypted.Server
}{
	{"doq", encrypted.Server{Protocol: names.QUIC, Port: 853}},
	{"dot", encrypted.Server{Protocol: names.TLS, Port: 853}},
	{"h2", encrypted.Server{Protocol: names.HTTPS, Port: 443}},
	{"h3", encrypted.Server{Protocol: names.HTTPS, HTTP3: true, Port: 443}},
}

// candidates are the servers of a record. addresses are those of its target.
func (d *designation) candidates(resolver netip.Addr, addresses []netip.Addr) (all []encrypted.Server) {
	at, ok := nearest(resolver, addresses)
	if !ok {
		return nil
	}
	alpn, _ := d.record.Params.Get(wire.SvcALPN)
	port, hasPort := d.record.Params.Get(wire.SvcPort)
	path, _ := d.record.Params.Get(wire.SvcDoHPath)
	plainPath, hasPath := pathOf(string(path))
	for _, p := range protocols {
		s := p.like
		if !hasALPN(alpn, p.alpn) || s.Protocol == names.HTTPS && !hasPath {
			continue
		}
		s.Host, s.Name, s.Address, s.Proof = d.target, d.target, at, resolver.WithZone("")
		if s.Protocol == names.HTTPS {
			s.Path = plainPath
		}
		if hasPort && len(port) == 2 {
			s.Port = binary.BigEndian.Uint16(port)
		}
		if s.Port != 0 {
			all = append(all, s)
		}
	}
	return all
}

func hasALPN(list []byte, protocol string) bool {
	for len(list) > 0 && len(list) > int(list[0]) {
		if string(list[1:1+list[0]]) == protocol {
			return true
		}
		list = list[1+list[0]:]
	}
	return false
}

// pathOf is the path of a template (RFC 9461 5) for POST, which has no variables.
func pathOf(template string) (path string, ok bool) {
	path = strings.Replace(template, "{?dns}", "", 1)
	return path, path != "" && path[0] == '/' && !strings.ContainsAny(path, "{}?#@ \\") && len(path) <= 255
}

// hints are the addresses of a target in the reply itself.
func (d *designation) hints(m *wire.Message) (all []netip.Addr) {
	for _, r := range slices.Concat(m.Answers, m.Additional) {
		if r.Name.Equal(d.record.Target) && (r.Type == wire.TypeA || r.Type == wire.TypeAAAA) && r.Class == wire.ClassIN {
			if a, ok := netip.AddrFromSlice(r.Data); ok {
				all = append(all, a)
			}
		}
	}
	for key, size := range map[wire.SvcKey]int{wire.SvcIPv4Hint: 4, wire.SvcIPv6Hint: 16} {
		list, _ := d.record.Params.Get(key)
		for ; len(list) >= size; list = list[size:] {
			a, _ := netip.AddrFromSlice(list[:size])
			all = append(all, a)
		}
	}
	return all
}

// nearest is which of the addresses of a target is asked: the resolver's own, or one that
// can be reached as it can.
func nearest(resolver netip.Addr, addresses []netip.Addr) (best netip.Addr, ok bool) {
	bestRank := 0
	for _, a := range addresses {
		a = a.Unmap()
		rank := 1
		switch {
		case a.IsUnspecified() || a.IsMulticast():
			continue
		case a == resolver.WithZone(""):
			a, rank = resolver, 3
		case a.Is4() == resolver.Is4():
			rank = 2
		}
		if rank > bestRank || rank == bestRank && a.Less(best) {
			best, bestRank = a, rank
		}
	}
	return best, bestRank > 0
}

// withoutProof are those candidates that may be used although nothing proves them: they
// are where the resolver is, and that is in a private network (RFC 9462 4.3).
func withoutProof(resolver netip.Addr, candidates []encrypted.Server) (all []encrypted.Server) {
	if !resolver.IsPrivate() && !resolver.IsLoopback() && !resolver.IsLinkLocalUnicast() {
		return nil
	}
	for _, s := range candidates {
		if s.Address == resolver {
			s.Proof, s.NoProof = netip.Addr{}, true
			all = append(all, s)
		}
	}
	return all
}
