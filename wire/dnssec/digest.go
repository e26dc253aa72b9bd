package dnssec

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"

	"github.com/names-dns/names/wire"
)

// Types of digests in DS records.
const (
	DigestSHA1   uint8 = 1 // RFC 4034 5.1.3
	DigestSHA256 uint8 = 2 // RFC 4509
	DigestGOST   uint8 = 3 // RFC 9906: must not be used
	DigestSHA384 uint8 = 4 // RFC 6605
)

// DigestStatus says whether digests of a type are verified. IANA's registry
// has SHA-1 as one for validation, but not for new records; see
// [PreferredDigest] for when it does not count.
func DigestStatus(digestType uint8) Status {
	switch digestType {
	case DigestSHA1, DigestSHA256, DigestSHA384:
		return Supported
	case DigestGOST, 5, 6: // GOST R 34.11-2012 and SM3: optional, and nowhere alone
		return Refused
	}
	return Unknown
}

// AppendDigest appends the digest field of a DS record for the DNSKEY record
// of owner with the given data (RFC 4034 5.1.4).
func AppendDigest(b []byte, owner wire.Name, data []byte, digestType uint8) ([]byte, error) {
	// The sum of the parts, whatever they are: owners go up to 255 octets and
	// keys to 65535.
	message := make([]byte, 0, owner.Len()+len(data))
	message = append(owner.AppendFolded(message), data...)
	switch digestType {
	case DigestSHA1:
		sum := sha1.Sum(message)
		return append(b, sum[:]...), nil
	case DigestSHA256:
		sum := sha256.Sum256(message)
		return append(b, sum[:]...), nil
	case DigestSHA384:
		sum := sha512.Sum384(message)
		return append(b, sum[:]...), nil
	}
	return b, fmt.Errorf("%w: %d is %v", ErrDigestType, digestType, DigestStatus(digestType))
}

// DigestMatches reports whether ds is a digest of the DNSKEY record of owner
// with the given data. It costs a hash: compare tag and algorithm before.
func DigestMatches(ds *wire.DS, owner wire.Name, data []byte) bool {
	var room [sha512.Size384]byte
	sum, err := AppendDigest(room[:0], owner, data, ds.DigestType)
	return err == nil && subtle.ConstantTimeCompare(sum, ds.Digest) == 1
}

// PreferredDigest reports whether a digest of type digestType counts in a DS
// RRset that has digests of the types all: SHA-1 does not if a better one is
// there, so that an attacker who breaks SHA-1 gains nothing by it (RFC 4509 3).
func PreferredDigest(digestType uint8, all []uint8) bool {
	if digestType != DigestSHA1 {
		return DigestStatus(digestType) == Supported
	}
	for _, other := range all {
		if other != DigestSHA1 && DigestStatus(other) == Supported {
			return false
		}
	}
	return true
}
