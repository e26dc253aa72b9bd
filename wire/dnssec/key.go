package dnssec

import (
	"encoding/binary"
	"fmt"

	"github.com/names-dns/names/wire"
)

// Key is the public key of a DNSKEY record, ready to verify with.
type Key struct {
	Algorithm wire.Algorithm
	Flags     uint16
	Tag       uint16
	public    PublicKey
}

// dnssecProtocol is the only value of the protocol field (RFC 4034 2.1.2).
const dnssecProtocol = 3

// ParseKey reads the data of a DNSKEY record and checks its shape whole: a key
// that it returns can be verified with. The error wraps [ErrAlgorithm] if the
// algorithm does not count here, else [ErrKey].
//
// Keep data unchanged as long as the key is used.
func (a *Algorithms) ParseKey(data []byte) (*Key, error) {
	if len(data) < 4 {
		return nil, fmt.Errorf("%w: data has %d octets", ErrKey, len(data))
	}
	if data[2] != dnssecProtocol {
		return nil, fmt.Errorf("%w: protocol is %d, not 3", ErrKey, data[2])
	}
	k := &Key{
		Algorithm: wire.Algorithm(data[3]),
		Flags:     binary.BigEndian.Uint16(data),
		Tag:       KeyTag(data),
	}
	s, err := a.scheme(k.Algorithm)
	if err != nil {
		return nil, err
	}
	if k.public, err = s.ParseKey(data[4:]); err != nil {
		return nil, err
	}
	return k, nil
}

// IsZoneKey reports whether k may sign the RRsets of a zone (RFC 4034 2.1.1).
func (k *Key) IsZoneKey() bool { return k.Flags&wire.FlagZoneKey != 0 }

// IsRevoked reports whether k may sign only the DNSKEY RRset that says
// so (RFC 5011 2.1).
func (k *Key) IsRevoked() bool { return k.Flags&wire.FlagRevoked != 0 }

// Verify reports whether signature is one of k over message, the octets of
// [Canonical.AppendSigned].
func (k *Key) Verify(message, signature []byte) bool { return k.public.Verify(message, signature) }

// KeyTag returns the tag of a key from the data of its DNSKEY record (RFC 4034
// B), 0 for data that is too short for a key.
func KeyTag(data []byte) uint16 {
	if len(data) < 4 {
		return 0
	}
	if wire.Algorithm(data[3]) == wire.AlgorithmRSAMD5 { // RFC 4034 B.1
		if len(data) < 4+3 {
			return 0
		}
		return binary.BigEndian.Uint16(data[len(data)-3:])
	}
	sum := uint32(0) // of at most 65535 octets: no overflow
	for len(data) >= 2 {
		sum += uint32(data[0])<<8 | uint32(data[1])
		data = data[2:]
	}
	if len(data) == 1 {
		sum += uint32(data[0]) << 8
	}
	return uint16(sum + sum>>16)
}
