package serve

import (
	"cmp"
	"context"
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// discovery tells clients what the resolver is: over which encrypted transports it
// answers (DDR, RFC 9462), and what it does (RFC 9606). Other names and types it passes.
type discovery struct {
	transports []wire.Record // SVCB
	about      []wire.Record // RESINFO
}

var (
	resolverName   = wire.MustParseName("resolver.arpa.")
	transportsName = wire.MustParseName("_dns.resolver.arpa.")
)

// discoveryTTL is short: what a client finds out is for the network that it is in.
const discoveryTTL = 60

// newDiscovery describes a resolver by its settings.
func newDiscovery(s *settings.Settings) *discovery {
	d := new(discovery)
	if !s.TLS.Name.IsZero() {
		path := []byte(cmp.Or(s.HTTPS.Path, "/dns-query") + "{?dns}")
		overHTTP := []string{"h2", "h3"}
		if s.HTTPS.NoHTTP3 {
			overHTTP = overHTTP[:1]
		}
		d.add(s, s.QUIC.Addresses, nil, "doq")
		d.add(s, s.TLS.Addresses, nil, "dot")
		d.add(s, s.HTTPS.Addresses, path, overHTTP...)
	}
	// The extended errors that are sent (RFC 9606 5).
	text := []string{"exterr=0-3,5-12,14,15,18-20,22-25,29-31,33"}
	if s.Recursion.FromRoot && !s.Recursion.Iteration.FullNames {
		text = append([]string{"qnamemin"}, text...)
	}
	var data []byte
	for _, t := range text {
		data = append(append(data, byte(len(t))), t...)
	}
	d.about = []wire.Record{{Name: resolverName, Type: wire.TypeRESINFO, Class: wire.ClassIN, TTL: discoveryTTL, Data: data}}
	return d
}

// add adds a record for each port of a transport, those that were added first being
// preferred.
func (d *discovery) add(s *settings.Settings, addresses []netip.AddrPort, path []byte, protocols ...string) {
	var alpn []byte
	for _, p := range protocols {
		alpn = append(append(alpn, byte(len(p))), p...)
	}
	var ports []uint16
	for _, a := range addresses {
		if a.Port() == 0 || slices.Contains(ports, a.Port()) {
			continue
		}
		ports = append(ports, a.Port())
		record := wire.SVCB{Priority: uint16(len(d.transports) + 1), Target: s.TLS.Name}
		record.Params = record.Params.Set(wire.SvcALPN, alpn).Set(wire.SvcPort, binary.BigEndian.AppendUint16(nil, a.Port()))
		if path != nil {
			record.Params = record.Params.Set(wire.SvcDoHPath, path)
		}
		var ipv4, ipv6 []byte
		for _, b := range addresses {
			switch {
			case b.Port() != a.Port() || b.Addr().IsUnspecified() || b.Addr().IsLinkLocalUnicast():
			case b.Addr().Is4():
				ipv4 = append(ipv4, b.Addr().AsSlice()...)
			default:
				ipv6 = append(ipv6, b.Addr().AsSlice()...)
			}
		}
		if ipv4 != nil {
			record.Params = record.Params.Set(wire.SvcIPv4Hint, ipv4)
		}
		if ipv6 != nil {
			record.Params = record.Params.Set(wire.SvcIPv6Hint, ipv6)
		}
		d.transports = append(d.transports, wire.Record{Name: transportsName, Type: wire.TypeSVCB, Class: wire.ClassIN, TTL: discoveryTTL, Data: record.AppendTo(nil, nil)})
	}
}

func (d *discovery) Resolve(_ context.Context, x *names.Exchange) error { return d.TryResolve(x) }

func (d *discovery) TryResolve(x *names.Exchange) error {
	q := x.Question()
	var records []wire.Record
	switch {
	case q.Class != wire.ClassIN:
	case q.Type == wire.TypeSVCB && q.Name.Equal(transportsName):
		records = d.transports
	case q.Type == wire.TypeRESINFO && q.Name.Equal(resolverName):
		records = d.about
	}
	if len(records) == 0 {
		return names.ErrPass
	}
	x.MarkAnswered("local")
	for _, r := range records {
		if err := x.Reply.Raw(q.Name, r.Type, r.Class, r.TTL, r.Data); err != nil {
			return err
		}
	}
	return nil
}
