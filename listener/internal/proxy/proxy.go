// Package proxy reads the headers that a load balancer puts in front of a
// connection or a datagram to say whose it is: the PROXY protocol, version 1
// (a line of text) and version 2 (binary).
//
// A header is believed only from an address that the operator named: that
// decision is the listener's. What is malformed is an error, never a guess.
package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// MaxLen is the length of the longest header that is read. Version 2 allows
// 65,551 octets; addresses and the TLVs that proxies send take far fewer.
const MaxLen = 536

// Header is what a header says.
type Header struct {
	// Source and Destination are the client and the address it asked. They are
	// zero if IsLocal.
	Source, Destination netip.AddrPort
	// IsLocal is set for what the proxy itself sends, its health checks: the
	// addresses of the connection itself hold.
	IsLocal bool
	// Len is how many octets the header takes. The DNS message follows.
	Len int
}

// ErrShort is returned for a header whose end has not arrived. A stream waits for
// more, up to [MaxLen]; for a datagram it is an error.
var ErrShort = errors.New("PROXY header ends too early")

// ErrNone is returned for what does not begin with a header.
var ErrNone = errors.New("not a PROXY header")

// signature starts a header of version 2.
const signature = "\r\n\r\n\x00\r\nQUIT\n"

// v1Start starts a header of version 1, of at least v1Least octets and at most maxV1.
const (
	v1Start = "PROXY "
	v1Least = len("PROXY UNKNOWN\r\n")
	maxV1   = 107
)

// Read reads the header at the start of b.
func Read(b []byte) (Header, error) {
	switch {
	case bytes.HasPrefix(b, []byte(signature)):
		return readV2(b)
	case bytes.HasPrefix(b, []byte(v1Start)):
		return readV1(b)
	case len(b) < len(signature) && strings.HasPrefix(signature, string(b)),
		len(b) < len(v1Start) && strings.HasPrefix(v1Start, string(b)):
		return Header{}, ErrShort
	}
	return Header{}, ErrNone
}

// ReadFrom reads the header at the start of a stream, and no octet after it.
func ReadFrom(r io.Reader) (Header, error) {
	var space [MaxLen]byte
	b, missing := space[:0], v1Least
	for {
		n, err := io.ReadFull(r, space[len(b):len(b)+missing])
		b = b[:len(b)+n]
		h, wrong := Read(b)
		switch {
		case wrong != ErrShort:
			return h, wrong
		case err != nil:
			return h, err
		case b[0] != signature[0]:
			missing = 1 // only its end says how long a header of version 1 is
		case len(b) < v2HeaderLen:
			missing = v2HeaderLen - len(b)
		default:
			missing = int(binary.BigEndian.Uint16(b[14:]))
		}
	}
}

// Begins reports whether b, of [Telling] octets or more, begins as a header does. A
// DNS message does not.
func Begins(b []byte) bool {
	return bytes.HasPrefix(b, []byte(signature)) || bytes.HasPrefix(b, []byte(v1Start))
}

// Telling is how many octets tell a header from a message.
const Telling = len(signature)

// Commands, families and protocols of version 2.
const (
	v2Local = 0x20
	v2Proxy = 0x21

	v2Unspecified = 0x00
	v2TCP4        = 0x11
	v2UDP4        = 0x12
	v2TCP6        = 0x21
	v2UDP6        = 0x22
	v2UnixStream  = 0x31
	v2UnixDgram   = 0x32

	v2HeaderLen = 16
)

func readV2(b []byte) (Header, error) {
	if len(b) < v2HeaderLen {
		return Header{}, ErrShort
	}
	command, family := b[12], b[13]
	length := int(binary.BigEndian.Uint16(b[14:]))
	switch {
	case v2HeaderLen+length > MaxLen:
		return Header{}, fmt.Errorf("PROXY header of %d octets exceeds the limit of %d", v2HeaderLen+length, MaxLen)
	case command != v2Local && command != v2Proxy:
		return Header{}, fmt.Errorf("PROXY header has unknown version and command %#x", command)
	case len(b) < v2HeaderLen+length:
		return Header{}, ErrShort
	}
	h := Header{Len: v2HeaderLen + length}
	if command == v2Local {
		h.IsLocal = true
		return h, nil
	}
	addresses := b[v2HeaderLen : v2HeaderLen+length]
	switch family {
	case v2Unspecified, v2UnixStream, v2UnixDgram:
		// The proxy does not know a client with an address: its own holds.
		h.IsLocal = true
		return h, nil
	case v2TCP4, v2UDP4:
		return h, h.readAddresses(addresses, 4)
	case v2TCP6, v2UDP6:
		return h, h.readAddresses(addresses, 16)
	}
	return Header{}, fmt.Errorf("PROXY header has unknown address family and protocol %#x", family)
}

// readAddresses reads two addresses of size octets and two ports. TLVs that
// follow are checked for their form and skipped.
func (h *Header) readAddresses(b []byte, size int) error {
	if len(b) < 2*size+4 {
		return fmt.Errorf("PROXY header has %d octets of addresses instead of %d", len(b), 2*size+4)
	}
	source, _ := netip.AddrFromSlice(b[:size])
	destination, _ := netip.AddrFromSlice(b[size : 2*size])
	ports := b[2*size:]
	h.Source = netip.AddrPortFrom(source.Unmap(), binary.BigEndian.Uint16(ports))
	h.Destination = netip.AddrPortFrom(destination.Unmap(), binary.BigEndian.Uint16(ports[2:]))
	for tlvs := ports[4:]; len(tlvs) > 0; {
		if len(tlvs) < 3 || int(binary.BigEndian.Uint16(tlvs[1:])) > len(tlvs)-3 {
			return errors.New("PROXY header has a malformed TLV")
		}
		tlvs = tlvs[3+binary.BigEndian.Uint16(tlvs[1:]):]
	}
	return nil
}

// readV1 reads "PROXY TCP4 192.0.2.1 192.0.2.53 56324 53\r\n".
func readV1(b []byte) (Header, error) {
	end := bytes.Index(b[:min(len(b), maxV1)], []byte("\r\n"))
	switch {
	case end < 0 && len(b) < maxV1:
		return Header{}, ErrShort
	case end < 0:
		return Header{}, fmt.Errorf("PROXY header has no end of line within %d octets", maxV1)
	}
	h := Header{Len: end + 2}
	words := strings.Split(string(b[len(v1Start):end]), " ")
	if words[0] == "UNKNOWN" {
		h.IsLocal = true
		return h, nil
	}
	if len(words) != 5 || words[0] != "TCP4" && words[0] != "TCP6" {
		return Header{}, fmt.Errorf("PROXY header is malformed: %q", b[:end])
	}
	source, err1 := parseV1(words[1], words[3], words[0] == "TCP4")
	destination, err2 := parseV1(words[2], words[4], words[0] == "TCP4")
	if err := errors.Join(err1, err2); err != nil {
		return Header{}, fmt.Errorf("PROXY header is malformed: %q", b[:end])
	}
	h.Source, h.Destination = source, destination
	return h, nil
}

func parseV1(address, port string, isIPv4 bool) (netip.AddrPort, error) {
	addr, err := netip.ParseAddr(address)
	switch {
	case err != nil:
		return netip.AddrPort{}, err
	case addr.Is4() != isIPv4 || addr.Zone() != "" || len(port) > 1 && port[0] == '0':
		return netip.AddrPort{}, errors.New("wrong family, zone or port")
	}
	var n uint32
	for _, c := range []byte(port) {
		if c < '0' || c > '9' || n > 65535 {
			return netip.AddrPort{}, errors.New("port out of range")
		}
		n = 10*n + uint32(c-'0')
	}
	if port == "" || n > 65535 {
		return netip.AddrPort{}, errors.New("port out of range")
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), nil
}
