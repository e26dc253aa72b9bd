package testnet

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/names-dns/names/internal/signedtree"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// signing is how a zone is signed, from the lines of a story that begin with
// $SIGN, $KEY, $UNSIGNED and $BREAK. It is signed when the story comes to the
// zone: times are counted from there.
type signing struct {
	algorithm wire.Algorithm
	options   signedtree.Options
	keys      []zoneKey
	from, to  time.Duration
	unsigned  []wire.Record
	breaks    []breakage
}

// zoneKey is a $KEY line.
type zoneKey struct {
	key                  *dnssec.SigningKey
	signsZone, signsKeys bool
	isHidden             bool // it signs and is not published
}

// breakage is a $BREAK line: what is wrong with an RRset or its signatures.
type breakage struct {
	owner wire.Name
	kind  wire.Type
	how   string
	arg   string
}

const (
	defaultFrom = -240 * time.Hour
	defaultTo   = 480 * time.Hour
)

// directive reads a line of a zone that says how it is signed. ok is false for
// any other line.
func (r *recordReader) directive(words []wire.Word, columns []int) (ok bool, err error) {
	what := strings.ToUpper(string(words[0].Text))
	var read func(words []string) (at int, err error)
	switch what {
	case "$SIGN":
		read = r.readSign
	case "$KEY":
		read = r.readKey
	case "$DS":
		read = r.readDS
	case "$BREAK":
		read = r.readBreak
	case "$UNSIGNED":
		if r.signing == nil {
			return true, &atColumn{columns[0], errNotSigned}
		}
		before := len(r.records)
		if err := r.record(words[1:], columns[1:]); err != nil {
			return true, err
		}
		r.signing.unsigned = append(r.signing.unsigned, r.records[before])
		r.records = r.records[:before]
		return true, nil
	default:
		return false, nil
	}
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w.Text)
	}
	if at, err := read(texts); err != nil {
		return true, &atColumn{columns[min(at, len(columns)-1)], err}
	}
	return true, nil
}

func parseAlgorithm(text string) (wire.Algorithm, error) {
	n, ok := wire.ParseAlgorithm(text)
	if !ok {
		return 0, fmt.Errorf("%q is not an algorithm", text)
	}
	return n, nil
}

var errNotSigned = errors.New("zone has no $SIGN line above")

// readSign reads "$SIGN ALGORITHM [NSEC|NSEC3] [opt-out] [iterations N] [salt HEX]
// [from TIME] [to TIME]".
func (r *recordReader) readSign(words []string) (at int, err error) {
	if len(words) < 2 {
		return 1, errors.New("expected an algorithm")
	}
	if r.signing != nil {
		return 0, errors.New("zone is signed once")
	}
	s := &signing{from: defaultFrom, to: defaultTo, options: signedtree.Options{Denial: signedtree.NSEC}}
	if s.algorithm, err = parseAlgorithm(words[1]); err != nil {
		return 1, err
	}
	for i := 2; i < len(words); i++ {
		switch words[i] {
		case "NSEC":
		case "NSEC3":
			s.options.Denial = signedtree.NSEC3
		case "opt-out":
			s.options.OptOut = true
		case "iterations", "salt", "from", "to":
			if i++; i == len(words) {
				return i, fmt.Errorf("something is missing after %s", words[i-1])
			}
			switch words[i-1] {
			case "iterations":
				n, e := strconv.ParseUint(words[i], 10, 16)
				s.options.Iterations, err = uint16(n), e
			case "salt":
				s.options.Salt, err = hex.DecodeString(words[i])
			case "from":
				s.from, err = time.ParseDuration(words[i])
			case "to":
				s.to, err = time.ParseDuration(words[i])
			}
			if err != nil {
				return i, err
			}
		default:
			return i, fmt.Errorf("%q is none of NSEC, NSEC3, opt-out, iterations N, salt HEX, from TIME, to TIME", words[i])
		}
	}
	r.signing = s
	return 0, nil
}

// Flags of DNSKEY records.
const (
	zoneFlags = wire.FlagZoneKey
	keyFlags  = wire.FlagZoneKey | wire.FlagSecureEntry
)

// readKey reads "$KEY NAME [ALGORITHM] [KSK|ZSK|idle] [hidden] [revoked]
// [no-zone-key]".
func (r *recordReader) readKey(words []string) (at int, err error) {
	switch {
	case r.signing == nil:
		return 0, errNotSigned
	case len(words) < 2:
		return 1, errors.New("a key has a name")
	}
	n, flags := r.signing.algorithm, uint16(keyFlags)
	k := zoneKey{signsZone: true, signsKeys: true}
	for i := 2; i < len(words); i++ {
		switch words[i] {
		case "KSK":
			k.signsZone = false
		case "ZSK":
			k.signsKeys, flags = false, zoneFlags
		case "idle":
			k.signsKeys, k.signsZone = false, false
		case "hidden":
			k.isHidden = true
		case "revoked":
			flags |= wire.FlagRevoked
		case "no-zone-key":
			flags &^= wire.FlagZoneKey
		default:
			if n, err = parseAlgorithm(words[i]); err != nil {
				return i, fmt.Errorf("%q is none of KSK, ZSK, idle, hidden, revoked, no-zone-key, and no algorithm", words[i])
			}
		}
	}
	if k.key, err = signedtree.Key(r.origin, words[1], n, flags); err != nil {
		return 1, err
	}
	r.signing.keys = append(r.signing.keys, k)
	return 0, nil
}

// defaultKey is the name of the only key of a zone without $KEY lines.
const defaultKey = "key"

// readDS reads "$DS OWNER ALGORITHM [key NAME] [digest N] [ZSK|revoked|no-zone-key]
// [wrong]".
func (r *recordReader) readDS(words []string) (at int, err error) {
	if len(words) < 3 {
		return len(words), errors.New("a DS record has an owner and the algorithm of the key")
	}
	owner, err := wire.AppendNameFromText(nil, []byte(words[1]), r.origin)
	if err != nil {
		return 1, err
	}
	zone, _, err := wire.NameFromWire(owner)
	if err != nil {
		return 1, err
	}
	n, err := parseAlgorithm(words[2])
	if err != nil {
		return 2, err
	}
	name, digest, isWrong, flags := defaultKey, dnssec.DigestSHA256, false, uint16(keyFlags)
	for i := 3; i < len(words); i++ {
		switch words[i] {
		case "wrong":
			isWrong = true
		case "revoked":
			flags |= wire.FlagRevoked
		case "no-zone-key":
			flags &^= wire.FlagZoneKey
		case "ZSK":
			flags = zoneFlags
		case "key", "digest":
			if i++; i == len(words) {
				return i, fmt.Errorf("something is missing after %s", words[i-1])
			}
			if words[i-1] == "key" {
				name = words[i]
				break
			}
			d, err := strconv.ParseUint(words[i], 10, 8)
			if err != nil {
				return i, err
			}
			digest = uint8(d)
		default:
			return i, fmt.Errorf("%q is none of key NAME, digest N, ZSK, revoked, no-zone-key, wrong", words[i])
		}
	}
	k, err := signedtree.Key(zone, name, n, flags)
	if err != nil {
		return 2, err
	}
	ds, err := k.DS(zone, digest)
	if err != nil { // a type that cannot be computed
		ds = &wire.DS{KeyTag: k.Tag, Algorithm: n, DigestType: digest, Digest: make([]byte, 32)}
	}
	if isWrong {
		ds.Digest[0]++
	}
	r.records = append(r.records, wire.Record{Name: zone, Type: wire.TypeDS, Class: wire.ClassIN, TTL: r.ttl, Data: ds.AppendTo(nil, nil)})
	return 0, nil
}

// breakages are what $BREAK lines say, and whether a word follows.
var breakages = map[string]bool{
	"unsigned": false, "missing": false, "signature": false, "data": false, "stranger": false,
	"expired": true, "future": true, "signer": true, "tag": true, "algorithm": true, "labels": true, "copies": true, "ttl": true, "zsk-only": false,
	"without": true, "spoiled": true,
}

// readBreak reads "$BREAK OWNER TYPE HOW [WORD]".
func (r *recordReader) readBreak(words []string) (at int, err error) {
	switch {
	case r.signing == nil:
		return 0, errNotSigned
	case len(words) < 4:
		return len(words), errors.New("expected an owner, a type, and what is wrong")
	}
	b := breakage{how: words[3]}
	owner, err := wire.AppendNameFromText(nil, []byte(words[1]), r.origin)
	if err != nil {
		return 1, err
	}
	if b.owner, _, err = wire.NameFromWire(owner); err != nil {
		return 1, err
	}
	if b.kind, err = wire.ParseType(words[2]); err != nil {
		return 2, err
	}
	takesWord, ok := breakages[b.how]
	if !ok || takesWord != (len(words) == 5) {
		return 3, fmt.Errorf("%q is not a way to break an RRset, or a word is missing or too many", b.how)
	}
	if takesWord {
		b.arg = words[4]
	}
	r.signing.breaks = append(r.signing.breaks, b)
	return 0, nil
}

// signed returns the zone with the records, signed now.
func (s *signing) signed(origin wire.Name, records []wire.Record) (*Zone, error) {
	plain := newZone(origin, records)
	if s == nil {
		return plain, nil
	}
	now := time.Now()
	keys := s.keys
	if len(keys) == 0 {
		k, err := signedtree.Key(origin, defaultKey, s.algorithm, keyFlags)
		if err != nil {
			return nil, err
		}
		keys = []zoneKey{{key: k, signsZone: true, signsKeys: true}}
	}
	o := s.options
	o.Keys, o.ZoneSigners, o.KeySigners = []*dnssec.SigningKey{}, []*dnssec.SigningKey{}, []*dnssec.SigningKey{}
	for _, k := range keys {
		if !k.isHidden {
			o.Keys = append(o.Keys, k.key)
		}
		if k.signsZone {
			o.ZoneSigners = append(o.ZoneSigners, k.key)
		}
		if k.signsKeys {
			o.KeySigners = append(o.KeySigners, k.key)
		}
	}
	o.Inception, o.Expiration = wire.SerialFromTime(now.Add(s.from)), wire.SerialFromTime(now.Add(s.to))
	var all []wire.Record
	for _, sets := range plain.nodes {
		for _, set := range sets {
			all = append(all, set...)
		}
	}
	slices.SortStableFunc(all, func(a, b wire.Record) int {
		return cmp.Or(a.Name.Compare(b.Name), cmp.Compare(a.Type, b.Type))
	})
	all, err := signedtree.Sign(origin, all, o)
	if err != nil {
		return nil, err
	}
	t := &signedtree.Zone{Apex: origin, Records: all}
	for _, b := range s.breaks {
		if err := b.apply(t, &o, now); err != nil {
			return nil, fmt.Errorf("$BREAK %v %v %s: %w", b.owner, b.kind, b.how, err)
		}
	}
	t.Records = append(t.Records, s.unsigned...)
	z := newZone(origin, nil)
	z.nodes = map[wire.Key][]rrset{}
	for _, r := range t.Records {
		if isHashed(r) {
			z.addHashed(r)
		} else {
			z.add(r)
		}
	}
	z.proofs = t
	return z, nil
}

// isHashed reports whether r is an NSEC3 record or signs one: its owner is not a
// name of the zone.
func isHashed(r wire.Record) bool { return r.Type == wire.TypeNSEC3 || coveredBy(r) == wire.TypeNSEC3 }

// apply breaks what b names in z.
func (b *breakage) apply(z *signedtree.Zone, o *signedtree.Options, now time.Time) error {
	owner := b.owner
	if b.kind == wire.TypeNSEC3 {
		var err error
		if owner, err = z.Apex.Prepend(signedtree.Hash(owner, o.Iterations, o.Salt).Label()); err != nil {
			return err
		}
	}
	isSet := func(r wire.Record) bool { return r.Type == b.kind && r.Name.Equal(owner) }
	isSignature := func(r wire.Record) bool {
		return r.Type == wire.TypeRRSIG && coveredBy(r) == b.kind && r.Name.Equal(owner)
	}
	set := dnssec.RRset{Name: owner, Type: b.kind, Class: wire.ClassIN}
	found := false
	for i := range z.Records {
		r := &z.Records[i]
		switch {
		case isSet(*r):
			found = true
			set.TTL = r.TTL
			set.Data = append(set.Data, r.Data)
		case isSignature(*r):
			found = true
		}
	}
	if !found {
		return errors.New("there are no such records")
	}
	drop := func(which func(wire.Record) bool) { z.Records = slices.DeleteFunc(z.Records, which) }
	sign := func(k *dnssec.SigningKey, inception, expiration time.Time, change func(*wire.RRSIG)) error {
		sig, err := k.Sign(&set, z.Apex, wire.SerialFromTime(inception), wire.SerialFromTime(expiration))
		if err != nil {
			return err
		}
		if change != nil {
			change(sig)
		}
		z.Records = append(z.Records, wire.Record{Name: owner, Type: wire.TypeRRSIG, Class: wire.ClassIN, TTL: set.TTL, Data: sig.AppendTo(nil, nil)})
		return nil
	}
	signers := o.ZoneSigners
	if b.kind == wire.TypeDNSKEY {
		signers = o.KeySigners
	}
	again := func(inception, expiration time.Time, change func(*wire.RRSIG)) error {
		drop(isSignature)
		for _, k := range signers {
			if err := sign(k, inception, expiration, change); err != nil {
				return err
			}
		}
		return nil
	}
	from, to := now.Add(defaultFrom), now.Add(defaultTo)
	number := func(bits int) (uint64, error) { return strconv.ParseUint(b.arg, 10, bits) }
	switch b.how {
	case "unsigned":
		drop(isSignature)
	case "missing":
		drop(isSet)
		drop(isSignature)
	case "signature", "data":
		for i := range z.Records {
			if r := &z.Records[i]; b.how == "data" && isSet(*r) || b.how == "signature" && isSignature(*r) {
				r.Data = slices.Clone(r.Data)
				r.Data[len(r.Data)-1] ^= 1
			}
		}
	case "stranger":
		k, err := signedtree.Key(z.Apex, "stranger", signers[0].Record.Algorithm, keyFlags)
		if err != nil {
			return err
		}
		drop(isSignature)
		return sign(k, from, to, nil)
	case "zsk-only":
		drop(isSignature)
		return sign(o.ZoneSigners[0], from, to, nil)
	case "expired", "future":
		d, err := time.ParseDuration(b.arg)
		if err != nil {
			return err
		}
		if b.how == "expired" {
			return again(now.Add(-d-240*time.Hour), now.Add(-d), nil)
		}
		return again(now.Add(d), now.Add(d+240*time.Hour), nil)
	case "without", "spoiled":
		n, err := number(8)
		if err != nil {
			return err
		}
		isOf := func(r wire.Record) bool { return isSignature(r) && r.Data[2] == byte(n) }
		if b.how == "without" {
			drop(isOf)
			return nil
		}
		for i := range z.Records {
			if r := &z.Records[i]; isOf(*r) {
				r.Data = slices.Clone(r.Data)
				r.Data[len(r.Data)-1] ^= 1
			}
		}
	case "signer":
		name, err := wire.ParseName(b.arg)
		if err != nil {
			return err
		}
		return again(from, to, func(s *wire.RRSIG) { s.Signer = name })
	case "tag":
		n, err := number(16)
		if err != nil {
			return err
		}
		return again(from, to, func(s *wire.RRSIG) { s.KeyTag = uint16(n) })
	case "algorithm":
		n, err := number(8)
		if err != nil {
			return err
		}
		return again(from, to, func(s *wire.RRSIG) { s.Algorithm = wire.Algorithm(n) })
	case "labels":
		n, err := number(8)
		if err != nil {
			return err
		}
		return again(from, to, func(s *wire.RRSIG) { s.Labels = uint8(n) })
	case "ttl":
		n, err := number(32)
		if err != nil {
			return err
		}
		for i := range z.Records {
			if isSet(z.Records[i]) || isSignature(z.Records[i]) {
				z.Records[i].TTL = uint32(n)
			}
		}
	case "copies":
		n, err := number(12)
		if err != nil {
			return err
		}
		good := slices.IndexFunc(z.Records, isSignature)
		bad := z.Records[good]
		drop(isSignature)
		for i := range n {
			r := bad
			r.Data = slices.Clone(bad.Data)
			r.Data[len(r.Data)-1-int(i/250)] += byte(i%250) + 1
			z.Records = append(z.Records, r)
		}
		z.Records = append(z.Records, bad)
	}
	return nil
}

// prove adds the records of a proof to the authority section of the reply.
func (a *answerer) prove(proof func(z *signedtree.Zone)) {
	if a.do && a.zone.proofs != nil {
		proof(a.zone.proofs)
	}
}
