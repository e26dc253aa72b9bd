package main

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/names-dns/names/internal/signedtree"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

//go:embed signed.txt
var signedText string

// signing is what makes a zone signed: "signed nsec", "signed nsec3 ITERATIONS" or
// "signed optout" after its addresses, and these lines among its records:
//
//	+ds ZONE [for OWNER] [among N]   the DS record of a signed zone, N-1 others next to it
//	+keys N [of one tag]             N keys more, of which there are no private ones
//	+signatures OWNER TYPE N         N signatures in the place of that of an RRset,
//	                                 with the tag of the last of these keys
//	+break OWNER                     the signatures of that name do not hold
type signing struct {
	signedtree.Options
	more       []wire.Record // that are signed with the others
	keys       [][]byte
	signatures []extraSignatures
	broken     []wire.Name
}

type extraSignatures struct {
	owner wire.Name
	kind  wire.Type
	count int
}

// random makes the same octets in every run.
var random = rand.New(rand.NewChaCha8([32]byte{1}))

func keyOf(zone wire.Name) (*dnssec.SigningKey, error) {
	return signedtree.Key(zone, "key", wire.AlgorithmECDSAP256SHA256, wire.FlagZoneKey|wire.FlagSecureEntry)
}

// rootAnchor is the DS record of the root, in words.
func rootAnchor() (string, error) {
	key, err := keyOf(wire.Root)
	if err != nil {
		return "", err
	}
	ds, err := key.DS(wire.Root, dnssec.DigestSHA256)
	if err != nil {
		return "", err
	}
	return ds.String(), nil
}

// parseSigning reads what comes after "signed", and takes the lines with + out of
// the records.
func parseSigning(zone wire.Name, how string, lines []string) (s *signing, records []string, err error) {
	key, err := keyOf(zone)
	if err != nil {
		return nil, nil, err
	}
	s = &signing{Options: signedtree.Options{
		Keys:      []*dnssec.SigningKey{key},
		Inception: wire.SerialFromTime(time.Now().Add(-24 * time.Hour)), Expiration: wire.SerialFromTime(time.Now().Add(24 * time.Hour)),
	}}
	words := strings.Fields(how)
	switch {
	case len(words) == 1 && words[0] == "nsec":
		s.Denial = signedtree.NSEC
	case len(words) == 1 && words[0] == "optout":
		s.Denial, s.OptOut = signedtree.NSEC3, true
	case len(words) == 2 && words[0] == "nsec3":
		n, err := strconv.ParseUint(words[1], 10, 16)
		if err != nil {
			return nil, nil, err
		}
		s.Denial, s.Iterations = signedtree.NSEC3, uint16(n)
	default:
		return nil, nil, fmt.Errorf("%q is not a way to sign", how)
	}
	for _, line := range lines {
		if line[0] != '+' {
			records = append(records, line)
		} else if err := s.add(zone, strings.Fields(line)); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", line, err)
		}
	}
	return s, records, nil
}

// add reads one line.
func (s *signing) add(zone wire.Name, words []string) error {
	number := func(after string) int {
		i := slices.Index(words, after)
		if i < 0 || i+1 == len(words) {
			return 0
		}
		n, _ := strconv.Atoi(words[i+1])
		return n
	}
	name := func(word string) (wire.Name, error) {
		if !strings.HasSuffix(word, ".") {
			word += "." + strings.TrimPrefix(zone.String(), ".")
		}
		return wire.ParseName(word)
	}
	if len(words) < 2 {
		return errors.New("words are missing")
	}
	switch words[0] {
	case "+ds":
		of, err := name(words[1])
		if err != nil {
			return err
		}
		owner := of
		if i := slices.Index(words, "for"); i > 0 {
			if owner, err = name(words[i+1]); err != nil {
				return err
			}
		}
		return s.addDS(of, owner, number("among"))
	case "+keys":
		tag := -1
		for range number("+keys") {
			key := randomKey(tag)
			if slices.Contains(words, "tag") {
				tag = int(dnssec.KeyTag(key))
			}
			s.keys = append(s.keys, key)
			s.more = append(s.more, wire.Record{Name: zone, Type: wire.TypeDNSKEY, Class: wire.ClassIN, TTL: 3600, Data: key})
		}
	case "+signatures":
		owner, err := name(words[1])
		if err != nil {
			return err
		}
		kind, err := wire.ParseType(words[2])
		if err != nil {
			return err
		}
		s.signatures = append(s.signatures, extraSignatures{owner, kind, number(words[2])})
	case "+break":
		owner, err := name(words[1])
		if err != nil {
			return err
		}
		s.broken = append(s.broken, owner)
	default:
		return errors.New("there is no such line")
	}
	return nil
}

// addDS adds the DS record of a zone, and others that are of no key, each of
// another tag.
func (s *signing) addDS(of, owner wire.Name, count int) error {
	key, err := keyOf(of)
	if err != nil {
		return err
	}
	ds, err := key.DS(of, dnssec.DigestSHA256)
	if err != nil {
		return err
	}
	for i := range max(count, 1) {
		if count > 0 { // of count that are wrong, none is right
			ds.KeyTag, ds.Algorithm, ds.Digest = uint16(i*300), wire.AlgorithmRSASHA256, randomOctets(32)
		}
		s.more = append(s.more, wire.Record{Name: owner, Type: wire.TypeDS, Class: wire.ClassIN, TTL: 3600, Data: ds.AppendTo(nil, nil)})
	}
	return nil
}

func randomOctets(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// modulusLen is that of RSA keys of 2048 bits.
const modulusLen = 256

// randomKey is the data of a DNSKEY record with an RSA key that no private key is
// known of; it has that tag unless it is negative.
func randomKey(tag int) []byte {
	key := append([]byte{1, 0, 3, byte(wire.AlgorithmRSASHA256), 3, 1, 0, 1}, randomOctets(modulusLen)...)
	key[8] |= 0x80
	key[len(key)-1] |= 1
	for i := 0; tag >= 0 && dnssec.KeyTag(key) != uint16(tag); i++ {
		binary.BigEndian.PutUint16(key[100:], uint16(i))
	}
	return key
}

// sign returns the records of the zone, signed, with what else there is to be.
func (s *signing) sign(zone wire.Name, records []wire.Record) ([]wire.Record, error) {
	signed, err := signedtree.Sign(zone, append(records, s.more...), s.Options)
	if err != nil {
		return nil, err
	}
	for _, extra := range s.signatures {
		at := slices.IndexFunc(signed, func(r wire.Record) bool { return isSignatureOf(r, extra.owner, extra.kind) })
		if at < 0 || len(s.keys) == 0 {
			return nil, fmt.Errorf("%v %v has no signature", extra.owner, extra.kind)
		}
		good := signed[at]
		signed = slices.Delete(signed, at, at+1)
		var sig wire.RRSIG
		c := wire.CursorOver(good.Data)
		if err := sig.Parse(&c); err != nil {
			return nil, err
		}
		sig.Algorithm, sig.KeyTag = wire.AlgorithmRSASHA256, dnssec.KeyTag(s.keys[len(s.keys)-1])
		for range extra.count {
			sig.Signature = randomOctets(modulusLen)
			sig.Signature[0] &= 0x7f // below the modulus
			good.Data = sig.AppendTo(nil, nil)
			signed = append(signed, good)
		}
	}
	for i, r := range signed {
		if r.Type == wire.TypeRRSIG && slices.ContainsFunc(s.broken, r.Name.Equal) {
			signed[i].Data = slices.Clone(r.Data)
			signed[i].Data[len(r.Data)-1] ^= 1
		}
	}
	return signed, nil
}

func isSignatureOf(r wire.Record, owner wire.Name, kind wire.Type) bool {
	return r.Type == wire.TypeRRSIG && r.Name.Equal(owner) && wire.Type(binary.BigEndian.Uint16(r.Data)) == kind
}
