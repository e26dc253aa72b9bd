package wire

import (
	"net/netip"
	"strconv"
)

// The zones that hold names for addresses (RFC 1035 3.5, RFC 3596 2.5).
var (
	inAddrArpa = MustParseName("in-addr.arpa.")
	ip6Arpa    = MustParseName("ip6.arpa.")
)

// ReverseName returns the name under in-addr.arpa or ip6.arpa for an address:
// 4.3.2.1.in-addr.arpa for 1.2.3.4. An IPv4 address mapped into IPv6 is
// treated as IPv4, a zone is left out. The zero Addr gives no name.
func ReverseName(addr netip.Addr) Name {
	addr = addr.Unmap()
	if !addr.IsValid() {
		return Name{}
	}
	b := make([]byte, 0, 80)
	if addr.Is4() {
		octets := addr.As4()
		for i := len(octets) - 1; i >= 0; i-- {
			length := len(b)
			b = append(b, 0)
			b = strconv.AppendUint(b, uint64(octets[i]), 10)
			b[length] = byte(len(b) - length - 1)
		}
		return Name{string(inAddrArpa.AppendTo(b))}
	}
	const digits = "0123456789abcdef"
	octets := addr.As16()
	for i := len(octets) - 1; i >= 0; i-- {
		b = append(b, 1, digits[octets[i]&0xF], 1, digits[octets[i]>>4])
	}
	return Name{string(ip6Arpa.AppendTo(b))}
}

// AddrFromReverseName returns the address that n is the reverse name of, case
// ignored; ok is false for every other name, those of networks included.
func AddrFromReverseName(n Name) (addr netip.Addr, ok bool) {
	switch {
	case n.LabelCount() == 4+2 && n.HasSuffix(inAddrArpa):
		var octets [4]byte
		for i := len(octets) - 1; i >= 0; i-- {
			label := n.FirstLabel()
			v, err := strconv.ParseUint(label, 10, 8)
			if err != nil || len(label) > 1 && label[0] == '0' {
				return netip.Addr{}, false
			}
			octets[i] = byte(v)
			n = n.Parent()
		}
		return netip.AddrFrom4(octets), true
	case n.LabelCount() == 32+2 && n.HasSuffix(ip6Arpa):
		var octets [16]byte
		for i := 2*len(octets) - 1; i >= 0; i-- {
			label := n.FirstLabel()
			v, err := strconv.ParseUint(label, 16, 4)
			if err != nil || len(label) != 1 {
				return netip.Addr{}, false
			}
			octets[i/2] |= byte(v) << (4 * (1 - i%2))
			n = n.Parent()
		}
		return netip.AddrFrom16(octets), true
	}
	return netip.Addr{}, false
}
