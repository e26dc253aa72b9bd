package recursor

import (
	"net/netip"
	"slices"
	"time"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/wire"
)

// delegation is what is known of the servers of a zone: from the zone's
// parent, from priming, or from the configuration. What the zone says of its
// own servers is an answer like any other and changes nothing here, so that a
// zone cannot outlive what its parent delegated ("ghost domains").
type delegation struct {
	zone    wire.Name
	servers []nameServer
	source  delegationSource
	// expires is when the zone above has to be asked again. No delegation by
	// the zone itself lives longer ("phoenix domains"). Zero: never.
	expires time.Time
	// security is that of the DS records that came with it, or of their absence.
	security cache.Security
}

// delegationSource is where a delegation comes from.
type delegationSource uint8

const (
	fromReferral delegationSource = iota // of this resolution
	fromCache
	fromOwn // a cut in a zone of our own
	fromHints
	fromStub    // configured: authoritative servers
	fromForward // configured: servers that offer recursion
)

// isConfigured reports whether the operator has configured the servers: they
// may have any address.
func (d *delegation) isConfigured() bool { return d.source >= fromHints }

// nameServer is a name server and those of its addresses that came with the
// delegation.
type nameServer struct {
	name      wire.Name // the zero value for one that is configured by address
	addresses []netip.AddrPort
}

const (
	// maxNameServers is how many name servers of a delegation are looked at,
	// maxAddresses how many addresses of each: what BIND 9 does since
	// CVE-2026-3592. Root and com have 13.
	maxNameServers = 13
	maxAddresses   = 6

	dnsPort = 53
)

// readDelegation reads the delegation of child from the section on that has the
// NS records. Only addresses of names at or below zone are believed, the zone
// whose server has sent the message. Names are borrowed from r.
func readDelegation(r *wire.Reader, message []byte, child, zone wire.Name, section wire.Section) (d delegation, err error) {
	d.zone = child
	if err := goTo(r, message, section); err != nil {
		return d, err
	}
	var ns wire.NS
	for {
		h, err := r.Next()
		if err == wire.ErrSectionDone {
			break
		}
		if err != nil {
			return d, err
		}
		if h.Type != wire.TypeNS || h.Class != wire.ClassIN || !h.Name.Equal(child) || len(d.servers) == maxNameServers {
			continue
		}
		if r.Parse(&ns) != nil {
			continue // malformed: the others count
		}
		if d.server(ns.Host) == nil {
			d.servers = append(d.servers, nameServer{name: ns.Host})
		}
		d.expireBy(time.Now().Add(time.Duration(ttlOf(h)) * time.Second))
	}
	for r.Section() != wire.SectionAdditional {
		if err := r.NextSection(); err != nil {
			return d, err
		}
	}
	for {
		h, err := r.Next()
		if err == wire.ErrSectionDone {
			return d, nil
		}
		if err != nil {
			return d, err
		}
		if h.Class != wire.ClassIN || !h.Name.HasSuffix(zone) {
			continue
		}
		if address, ok := addressOf(h.Type, r.Raw()); ok {
			if s := d.server(h.Name); s != nil {
				s.add(netip.AddrPortFrom(address, dnsPort))
			}
		}
	}
}

// goTo begins to read message at a section.
func goTo(r *wire.Reader, message []byte, section wire.Section) error {
	if err := r.Reset(message); err != nil {
		return err
	}
	for r.Section() != section {
		if err := r.NextSection(); err != nil {
			return err
		}
	}
	return nil
}

// addressOf returns the address in the data of a record.
func addressOf(t wire.Type, data []byte) (netip.Addr, bool) {
	switch {
	case t == wire.TypeA && len(data) == 4, t == wire.TypeAAAA && len(data) == 16:
		address, ok := netip.AddrFromSlice(data)
		return address.Unmap(), ok
	}
	return netip.Addr{}, false
}

// expireBy lets d expire at t, unless it does so earlier.
func (d *delegation) expireBy(t time.Time) {
	if d.expires.IsZero() || !t.IsZero() && t.Before(d.expires) {
		d.expires = t
	}
}

func (d *delegation) server(name wire.Name) *nameServer {
	for i := range d.servers {
		if d.servers[i].name.Equal(name) {
			return &d.servers[i]
		}
	}
	return nil
}

func (s *nameServer) add(address netip.AddrPort) {
	if len(s.addresses) < maxAddresses && !slices.Contains(s.addresses, address) {
		s.addresses = append(s.addresses, address)
	}
}

// delegationMessage makes of a message, the referral d by a server of zone, what
// is kept of it: the NS RRset, what says whether the child is signed, and glue.
// section is where the NS records are; in what is kept, it is the authority
// section. Nothing of it is kept beyond the time d expires. The result is lent
// until k is used again.
func (pw *partWriter) delegationMessage(d *delegation, message []byte, zone wire.Name, section wire.Section) ([]byte, error) {
	r, w := &pw.reader, &pw.writer
	if err := r.Reset(message); err != nil {
		return nil, err
	}
	pw.begin(maxDelegation)
	w.Flags = wire.FlagQR
	if err := w.Question(wire.Question{Name: d.zone, Type: wire.TypeNS, Class: wire.ClassIN}); err != nil {
		return nil, err
	}
	w.SetSection(wire.SectionAuthority)
	left := uint32(max(time.Until(d.expires)+time.Second-1, 0) / time.Second)
	for {
		h, err := r.Next()
		if err == wire.ErrSectionDone {
			if err := r.NextSection(); err != nil {
				return nil, err
			}
			if r.Section() == wire.SectionEnd {
				return w.Finish(), nil
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		switch r.Section() {
		case section:
			if !d.isPart(r, h, zone) {
				continue
			}
		case wire.SectionAdditional:
			if !d.hasAddress(h, r.Raw()) {
				continue
			}
			w.SetSection(wire.SectionAdditional)
		default:
			continue
		}
		if pw.rdata, err = r.AppendRdata(pw.rdata[:0], h.Type); err != nil {
			continue // malformed
		}
		if err := w.Raw(h.Name, h.Type, h.Class, min(ttlOf(h), left), pw.rdata); err != nil {
			return nil, err
		}
	}
}

// isPart reports whether the record of h, which comes with the NS records
// of d, is kept: those records themselves, and what says whether d is signed.
func (d *delegation) isPart(r *wire.Reader, h wire.RecordHeader, zone wire.Name) bool {
	if h.Class != wire.ClassIN || !h.Name.HasSuffix(zone) {
		return false
	}
	switch h.Type {
	case wire.TypeNS:
		var ns wire.NS
		return h.Name.Equal(d.zone) && r.Parse(&ns) == nil && d.server(ns.Host) != nil
	case wire.TypeDS:
		return h.Name.Equal(d.zone)
	case wire.TypeNSEC, wire.TypeNSEC3:
		return true
	case wire.TypeRRSIG:
		covered, _, err := readSignature(r)
		return err == nil && (covered == wire.TypeDS || covered == wire.TypeNSEC || covered == wire.TypeNSEC3)
	}
	return false
}

// hasAddress reports whether the record of h is one of the addresses kept.
func (d *delegation) hasAddress(h wire.RecordHeader, data []byte) bool {
	address, ok := addressOf(h.Type, data)
	if !ok {
		return false
	}
	s := d.server(h.Name)
	return s != nil && slices.Contains(s.addresses, netip.AddrPortFrom(address, dnsPort))
}

// maxDelegation is how many octets are kept of a referral at most: 200 DS records
// have room, and a zone with so many is not asked for anew with each name in it.
const maxDelegation = 16 << 10
