package wire

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// ClientSubnet says for which network a query is made or an answer is good
// (RFC 7871).
type ClientSubnet struct {
	// Source is the network: of the client in a query, repeated in the answer.
	// Bits after the prefix are not sent. The zero Prefix stands for family
	// 0, by which dig asks that no address be passed on.
	Source netip.Prefix
	// Scope is how many bits of the address the answer depends on, 0 in queries.
	Scope uint8
}

// Address families (RFC 7871 6).
const (
	familyNone = 0
	familyIPv4 = 1
	familyIPv6 = 2
)

// OptionCode implements [Option].
func (o *ClientSubnet) OptionCode() OptionCode { return OptionClientSubnet }

// Parse implements [Option]. As RFC 7871 6 wants it, the address must have as
// many octets as its prefix takes, and zeros after it.
func (o *ClientSubnet) Parse(data []byte) error {
	if len(data) < 4 {
		return fmt.Errorf("%w: shorter than four octets", ErrOption)
	}
	family, source, scope := binary.BigEndian.Uint16(data), data[2], data[3]
	var address [16]byte
	var whole int
	switch family {
	case familyNone:
	case familyIPv4:
		whole = 4
	case familyIPv6:
		whole = 16
	default:
		return fmt.Errorf("%w: address family %d", ErrOption, family)
	}
	if int(source) > 8*whole || int(scope) > 8*whole {
		return fmt.Errorf("%w: prefix is longer than the address", ErrOption)
	}
	if len(data)-4 != (int(source)+7)/8 {
		return fmt.Errorf("%w: address has not the octets of its prefix", ErrOption)
	}
	copy(address[:], data[4:])
	if bits := source % 8; bits != 0 && address[source/8]<<bits != 0 {
		return fmt.Errorf("%w: bits are set after the prefix", ErrOption)
	}
	*o = ClientSubnet{Scope: scope}
	switch family {
	case familyIPv4:
		o.Source = netip.PrefixFrom(netip.AddrFrom4([4]byte(address[:4])), int(source))
	case familyIPv6:
		o.Source = netip.PrefixFrom(netip.AddrFrom16(address), int(source))
	}
	return nil
}

// Len implements [Option].
func (o *ClientSubnet) Len() int {
	if !o.Source.IsValid() {
		return 4
	}
	return 4 + (o.Source.Bits()+7)/8
}

// AppendTo implements [Option].
func (o *ClientSubnet) AppendTo(b []byte) []byte {
	if !o.Source.IsValid() {
		return append(b, 0, familyNone, 0, o.Scope)
	}
	source := o.Source.Masked()
	octets := (source.Bits() + 7) / 8
	if source.Addr().Is4() {
		address := source.Addr().As4()
		b = append(b, 0, familyIPv4, byte(source.Bits()), o.Scope)
		return append(b, address[:octets]...)
	}
	address := source.Addr().As16()
	b = append(b, 0, familyIPv6, byte(source.Bits()), o.Scope)
	return append(b, address[:octets]...)
}

// AppendText implements [Option]: 192.0.2.0/24/0, address, source and scope;
// 0/0/0 for family 0.
func (o *ClientSubnet) AppendText(b []byte) []byte {
	if o.Source.IsValid() {
		source := o.Source.Masked()
		b = source.Addr().AppendTo(b)
		b = append(b, '/')
		b = strconv.AppendInt(b, int64(source.Bits()), 10)
	} else {
		b = append(b, "0/0"...)
	}
	b = append(b, '/')
	return strconv.AppendUint(b, uint64(o.Scope), 10)
}

// ParseText implements [Option]. The scope may be left out.
func (o *ClientSubnet) ParseText(text string) error {
	fields := strings.Split(text, "/")
	if len(fields) == 2 {
		fields = append(fields, "0")
	}
	if len(fields) != 3 {
		return fmt.Errorf("%w: not of the form ADDRESS/SOURCE/SCOPE", ErrOption)
	}
	source, err := parseNumber(fields[1], 8)
	if err != nil {
		return err
	}
	scope, err := parseNumber(fields[2], 8)
	if err != nil {
		return err
	}
	if fields[0] == "0" && source == 0 && scope == 0 {
		*o = ClientSubnet{}
		return nil
	}
	address, err := netip.ParseAddr(fields[0])
	if err != nil || address.Zone() != "" {
		return fmt.Errorf("%w: %s is not an address", ErrOption, quoteForError(fields[0]))
	}
	prefix := netip.PrefixFrom(address, int(source))
	if !prefix.IsValid() || int(scope) > address.BitLen() {
		return fmt.Errorf("%w: prefix is longer than the address", ErrOption)
	}
	*o = ClientSubnet{prefix.Masked(), uint8(scope)}
	return nil
}
