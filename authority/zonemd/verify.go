package zonemd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

var (
	// ErrMissing says that a zone has no ZONEMD record.
	ErrMissing = errors.New("zone has no ZONEMD record")
	// ErrUnsupported says that it has none of a scheme and an algorithm that are
	// known: whether the zone is as it was made cannot be told.
	ErrUnsupported = errors.New("zone has no ZONEMD record of a scheme and hash algorithm that are known")
	// ErrMismatch says that no digest matches.
	ErrMismatch = errors.New("ZONEMD digest does not match")
)

// Verify verifies the digest of a zone (RFC 8976 4, from step 2 on): nil if one of
// its ZONEMD records matches. The error wraps [ErrMissing], [ErrUnsupported] or
// [ErrMismatch]. Signatures are not looked at.
func Verify(s *authority.Snapshot) error {
	return verify(s.Origin(), s.Unsorted(), s.All())
}

// verify is Verify for all records, and for some that begin with those of the apex:
// most zones have no digest, and need not be sorted.
func verify(origin wire.Name, apex, all iter.Seq[wire.Record]) error {
	var serial wire.Serial
	var records []wire.ZONEMD
	for r := range apex {
		if !r.Name.Equal(origin) {
			break
		}
		switch r.Type {
		case wire.TypeSOA:
			serial = wire.Serial(binary.BigEndian.Uint32(r.Data[len(r.Data)-20:]))
		case wire.TypeZONEMD:
			var d wire.ZONEMD
			c := wire.CursorOver(r.Data)
			if err := d.Parse(&c); err != nil {
				return fmt.Errorf("ZONEMD record: %w", err)
			}
			records = append(records, d)
		}
	}
	if len(records) == 0 {
		return ErrMissing
	}
	usable, reasons := choose(records, serial)
	if len(usable) == 0 {
		if len(reasons) == 0 {
			return ErrUnsupported
		}
		return fmt.Errorf("%w: %s", ErrMismatch, strings.Join(reasons, "; "))
	}
	list := make([]Hash, len(usable))
	for i, d := range usable {
		list[i] = Hash(d.HashAlgorithm)
	}
	for i, sum := range digests(origin, all, list) {
		if bytes.Equal(sum, usable[i].Digest) {
			return nil
		}
		reasons = append(reasons, fmt.Sprintf("the zone has the %v digest %x, the record %x", list[i], sum, usable[i].Digest))
	}
	return fmt.Errorf("%w: %s", ErrMismatch, strings.Join(reasons, "; "))
}

// choose returns the digests that can be verified, and why others that are known
// can not.
func choose(all []wire.ZONEMD, serial wire.Serial) (usable []wire.ZONEMD, reasons []string) {
	count := map[[2]uint8]int{}
	for _, d := range all {
		count[[2]uint8{d.Scheme, d.HashAlgorithm}]++
	}
	for _, d := range all {
		hash := Hash(d.HashAlgorithm)
		switch {
		case d.Scheme != simple || hash.new() == nil:
		case d.Serial != serial:
			reasons = append(reasons, fmt.Sprintf("the record is for serial number %v, the zone has %v", d.Serial, serial))
		case count[[2]uint8{d.Scheme, d.HashAlgorithm}] > 1: // RFC 8976 4
			reasons = append(reasons, fmt.Sprintf("there is more than one record for %v", hash))
		case len(d.Digest) != hash.new().Size() || len(d.Digest) < minDigest:
			reasons = append(reasons, fmt.Sprintf("a %v digest has %d octets", hash, len(d.Digest)))
		default:
			usable = append(usable, d)
		}
	}
	return usable, reasons
}

// Policy says which zones are refused.
type Policy uint8

const (
	// IfPresent refuses a zone whose digest does not match.
	IfPresent Policy = iota
	// Required refuses a zone without a digest that matches, too.
	Required
	// Off refuses none.
	Off
)

var policyNames = [...]string{"verify", "require", "off"}

func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return fmt.Sprintf("policy %d", uint8(p))
}

// ParsePolicy reads "verify", "require" or "off".
func ParsePolicy(text string) (Policy, error) {
	for p, name := range policyNames {
		if text == name {
			return Policy(p), nil
		}
	}
	return 0, fmt.Errorf("%q is not one of verify, require, off", text)
}

// Accept turns what Verify returned into what the policy has: nil if the zone may
// be served.
func (p Policy) Accept(err error) error {
	switch {
	case p == Off, p == IfPresent && (errors.Is(err, ErrMissing) || errors.Is(err, ErrUnsupported)):
		return nil
	}
	return err
}

// Verifier returns a stage for [authority.Pipeline.Check]: it refuses zones from
// files and from primaries by that policy. Edits of dynamic updates and of the
// operator make the digest in the zone out of date, and are not looked at.
func Verifier(p Policy) authority.Stage {
	return func(t *authority.Txn) error {
		if p == Off || t.Source() != authority.FromFile && t.Source() != authority.FromTransfer {
			return nil
		}
		return p.Accept(verifyOf(t))
	}
}

// Guard is a stage that refuses every version of a zone without a digest that matches,
// wherever it comes from.
func Guard(t *authority.Txn) error { return Required.Accept(verifyOf(t)) }

func verifyOf(t *authority.Txn) error { return verify(t.Origin(), t.Records(t.Origin()), t.All()) }

// Generator returns a stage for [authority.Pipeline.Digest]: it replaces the ZONEMD
// records of each version with one of its own, with the TTL of the SOA record (RFC
// 8976 2). It reads the whole zone for each change. Transfers, which bring digests of
// the primary, and replays are left as they are.
//
// A zone with signatures is refused: that of the ZONEMD record would not match.
func Generator(h Hash) authority.Stage {
	return func(t *authority.Txn) error {
		if t.Source() == authority.FromTransfer || t.Source() == authority.FromJournal {
			return nil
		}
		soa := t.RRset(t.Origin(), wire.TypeSOA)
		if len(soa) != 1 {
			return nil // the zone is refused anyway
		}
		if len(t.RRset(t.Origin(), wire.TypeRRSIG)) > 0 {
			return errors.New("ZONEMD cannot be generated in a zone that was signed elsewhere: its signer has to make it")
		}
		return t.Replace(RecordOf(soa[0], Digest(t.Origin(), t.All(), h), h))
	}
}

// Record returns the ZONEMD record that a zone is to have.
func Record(s *authority.Snapshot, h Hash) wire.Record {
	for soa := range s.Unsorted() { // it comes first
		return RecordOf(soa, Digest(s.Origin(), s.All(), h), h)
	}
	return wire.Record{}
}

// RecordOf is the ZONEMD record with a digest, with the TTL of the SOA record.
func RecordOf(soa wire.Record, digest []byte, h Hash) wire.Record {
	d := wire.ZONEMD{
		Serial: wire.Serial(binary.BigEndian.Uint32(soa.Data[len(soa.Data)-20:])),
		Scheme: simple, HashAlgorithm: uint8(h), Digest: digest,
	}
	soa.Type, soa.Data = wire.TypeZONEMD, d.AppendTo(nil, nil)
	return soa
}
