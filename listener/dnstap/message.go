package dnstap

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Kind says who sent a message to whom, and whether it is a query or a response:
// Message.Type of dnstap.proto.
type Kind uint8

// The kinds of message. A server sees client messages on its listening side, and
// on the other resolver messages (to authoritative servers) or forwarder
// messages. Auth messages are the client messages of an authoritative server.
const (
	AuthQuery         Kind = 1
	AuthResponse      Kind = 2
	ResolverQuery     Kind = 3
	ResolverResponse  Kind = 4
	ClientQuery       Kind = 5
	ClientResponse    Kind = 6
	ForwarderQuery    Kind = 7
	ForwarderResponse Kind = 8
	UpdateQuery       Kind = 13
	UpdateResponse    Kind = 14
)

// isResponse reports whether the message in a frame of this kind is a response.
func (k Kind) isResponse() bool { return k&1 == 0 }

// Protocol is how a message travelled: SocketProtocol of dnstap.proto.
type Protocol uint8

// The protocols.
const (
	UDP Protocol = 1
	TCP Protocol = 2
	DoT Protocol = 3
	DoH Protocol = 4
	DoQ Protocol = 7
)

// Message is one DNS message and how it travelled.
type Message struct {
	Kind     Kind
	Protocol Protocol
	// Querier and Responder are the two ends: the querier is the client, or this
	// server on its way upstream. Zero: not known, left out.
	Querier, Responder netip.AddrPort
	// QueryTime is when the query was sent or received, ResponseTime when the
	// response was. Zero: left out.
	QueryTime, ResponseTime time.Time
	// Zone is the wire form of the zone whose server answered, for resolver and
	// forwarder messages. Nil: left out.
	Zone []byte
	// Packet is the DNS message. It is copied.
	Packet []byte
}

// Fields of Dnstap and Message in dnstap.proto, with their wire types.
const (
	identityField = 1<<3 | lengthDelimited
	versionField  = 2<<3 | lengthDelimited
	messageField  = 14<<3 | lengthDelimited
	typeField     = 15<<3 | varint

	kindField             = 1<<3 | varint
	familyField           = 2<<3 | varint
	protocolField         = 3<<3 | varint
	queryAddressField     = 4<<3 | lengthDelimited
	responseAddressField  = 5<<3 | lengthDelimited
	queryPortField        = 6<<3 | varint
	responsePortField     = 7<<3 | varint
	queryTimeField        = 8<<3 | varint
	queryNanosecondsField = 9<<3 | fixed32
	queryMessageField     = 10<<3 | lengthDelimited
	queryZoneField        = 11<<3 | lengthDelimited
	responseTimeField     = 12<<3 | varint
	responseNanosField    = 13<<3 | fixed32
	responseMessageField  = 14<<3 | lengthDelimited

	varint          = 0
	lengthDelimited = 2
	fixed32         = 5

	dnstapTypeMessage = 1
	familyIPv4        = 1
	familyIPv6        = 2
)

// lengthRoom is how many octets the length of a nested message takes: a varint
// padded to its longest form, so that it can be filled in afterwards.
const lengthRoom = 4

// AppendFrame appends m as a data frame of Frame Streams: its length in 32 bits,
// then the Dnstap message. It allocates only if b has to grow.
func AppendFrame(b []byte, identity, version string, m *Message) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	if identity != "" {
		b = appendText(b, identityField, identity)
	}
	if version != "" {
		b = appendText(b, versionField, version)
	}
	b = append(b, messageField)
	length := len(b)
	b = append(b, make([]byte, lengthRoom)...)
	b = m.appendFields(b)
	putPaddedVarint(b[length:], uint32(len(b)-length-lengthRoom))
	b = appendVarint(b, typeField, dnstapTypeMessage)
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

func (m *Message) appendFields(b []byte) []byte {
	b = appendVarint(b, kindField, uint64(m.Kind))
	if family := m.family(); family != 0 {
		b = appendVarint(b, familyField, family)
	}
	b = appendVarint(b, protocolField, uint64(m.Protocol))
	b = appendAddress(b, queryAddressField, queryPortField, m.Querier)
	b = appendAddress(b, responseAddressField, responsePortField, m.Responder)
	b = appendTime(b, queryTimeField, queryNanosecondsField, m.QueryTime)
	if m.Zone != nil {
		b = appendBytes(b, queryZoneField, m.Zone)
	}
	if m.Kind.isResponse() {
		b = appendTime(b, responseTimeField, responseNanosField, m.ResponseTime)
		return appendBytes(b, responseMessageField, m.Packet)
	}
	return appendBytes(b, queryMessageField, m.Packet)
}

// family is that of the address which is known.
func (m *Message) family() uint64 {
	addr := m.Querier.Addr()
	if !addr.IsValid() {
		addr = m.Responder.Addr()
	}
	switch addr = addr.Unmap(); {
	case addr.Is4():
		return familyIPv4
	case addr.Is6():
		return familyIPv6
	}
	return 0
}

func appendAddress(b []byte, addressField, portField byte, a netip.AddrPort) []byte {
	addr := a.Addr().Unmap()
	switch {
	case addr.Is4():
		octets := addr.As4()
		b = appendBytes(b, addressField, octets[:])
	case addr.Is6():
		octets := addr.As16()
		b = appendBytes(b, addressField, octets[:])
	default:
		return b
	}
	return appendVarint(b, portField, uint64(a.Port()))
}

func appendTime(b []byte, secondsField, nanosecondsField byte, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	b = appendVarint(b, secondsField, uint64(t.Unix()))
	b = append(b, nanosecondsField)
	return binary.LittleEndian.AppendUint32(b, uint32(t.Nanosecond()))
}

func appendVarint(b []byte, field byte, v uint64) []byte {
	return binary.AppendUvarint(append(b, field), v)
}

func appendBytes(b []byte, field byte, octets []byte) []byte {
	return append(appendVarint(b, field, uint64(len(octets))), octets...)
}

func appendText(b []byte, field byte, text string) []byte {
	return append(appendVarint(b, field, uint64(len(text))), text...)
}

// putPaddedVarint writes v, below 2^28, in lengthRoom octets.
func putPaddedVarint(b []byte, v uint32) {
	for i := range lengthRoom - 1 {
		b[i] = byte(v>>(7*i)) | 0x80
	}
	b[lengthRoom-1] = byte(v>>(7*(lengthRoom-1))) & 0x7F
}
