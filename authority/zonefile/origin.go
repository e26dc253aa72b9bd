package zonefile

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// FindOrigin reads at most originWithin, originBlock at once: only comments and a
// few directives come before the first record.
const (
	originWithin = 1 << 20
	originBlock  = 2 << 10
)

// FindOrigin returns the name of the zone in the file at path. That is the owner
// of its SOA record, if that is its first record and its owner is absolute or
// follows a $ORIGIN; else the first $ORIGIN before all records; else the name of
// the file, see nameFromPath. [ReadFile] reports errors in the rest of the file.
func FindOrigin(path string, o Options) (wire.Name, error) {
	problems := &diagnostic.List{}
	o.blockSize = originBlock
	r := newReader(o, problems, nil)
	c, err := r.open(path)
	if err != nil {
		return wire.Name{}, fmt.Errorf("%s: %w", path, err)
	}
	defer c.file.Close()
	defer r.borrow()()
	r.enter(path, r.options.Origin)
	defer r.leave()
	b := block{memory: r.spareBlock}
	defer func() { r.spareBlock = b.memory }()
	for left := originWithin; left > 0 && !b.last; left -= len(b.text) {
		if err := c.next(&b); err != nil {
			return wire.Name{}, fmt.Errorf("%s: %w", path, err)
		}
		if !r.beginBlock(&b) {
			continue
		}
		for r.scanner.next() {
			word, ok := r.scanner.keyword(0)
			switch isDirective := ok && !r.scanner.blank && !r.scanner.broken; {
			case isDirective && bytes.EqualFold(word, []byte("$TTL")):
			case isDirective && bytes.EqualFold(word, []byte("$ORIGIN")) && r.origin.IsZero():
				if r.readOrigin(); problems.Errors > 0 {
					return wire.Name{}, problems.Err()
				}
			default:
				return r.nameOfZone(path)
			}
		}
		r.endBlock()
	}
	if !r.origin.IsZero() {
		return r.origin, nil
	}
	return nameFromPath(path, nil)
}

// nameOfZone returns the name of the zone whose first entry the scanner is at.
func (r *reader) nameOfZone(path string) (wire.Name, error) {
	var owner, servers []wire.Word
	if !r.scanner.broken {
		owner, servers = soaWords(r.scanner.words, r.scanner.blank)
	}
	if len(owner) > 0 {
		if name, ok := absoluteName(owner[0].Text, r.origin); ok {
			return name, nil
		}
	}
	if !r.origin.IsZero() {
		return r.origin, nil
	}
	return nameFromPath(path, servers)
}

// soaWords returns the owner of an entry that is a SOA record, if it has one, and
// its MNAME and RNAME, as far as they are there.
func soaWords(words []wire.Word, isInherited bool) (owner, servers []wire.Word) {
	i := 0
	if !isInherited && len(words) > 0 {
		owner, i = words[:1], 1
	}
	for ; i < len(words) && i < 4 && !words[i].Quoted; i++ { // owner, TTL and class before the type
		if bytes.EqualFold(words[i].Text, []byte("SOA")) {
			return owner, words[i+1 : min(i+3, len(words))]
		}
	}
	return nil, nil
}

// absoluteName reads a name that is absolute, or that origin makes so.
func absoluteName(text []byte, origin wire.Name) (wire.Name, bool) {
	b, err := wire.AppendNameFromText(nil, text, origin)
	if err != nil {
		return wire.Name{}, false
	}
	name, _, err := wire.NameFromWire(b)
	return name, err == nil
}

// Usual parts of file names. Endings that cannot be top-level domains are never part of
// the zone's name.
var (
	sureEndings    = []string{".db", ".rev", ".txt", ".hosts", ".zonefile", ".signed", ".bind", ".master", ".fwd"}
	unsureEndings  = []string{".zone", ".dns"}
	unsurePrefixes = []string{"db.", "zone.", "named.", "pri.", "master.", "fwd.", "rev."}
)

// nameFromPath returns the name that the file's own name gives the zone: example.com
// for zones/example.com, example.com.db, db.example.com and example.com.zone,
// 2.0.192.in-addr.arpa for 192.0.2.rev. If a prefix or an ending may be part of the
// name, as in db.example.com, servers decides: MNAME and RNAME of the SOA record,
// one of which is probably in the zone.
func nameFromPath(path string, servers []wire.Word) (wire.Name, error) {
	base := filepath.Base(path)
	if base == "-" || strings.HasPrefix(path, "/dev/") || strings.HasPrefix(path, "/proc/") {
		return wire.Name{}, fmt.Errorf("%s: %w", path, errNameless)
	}
	short, isSure := stripUsual(base)
	whole, err := wire.ParseName(base)
	if err != nil && short == base {
		return wire.Name{}, fmt.Errorf("%s: the zone's name is neither in the file nor in the file's name: %w", path, err)
	}
	name, errShort := wire.ParseName(short)
	switch {
	case errShort != nil:
		return whole, err
	case err != nil:
		return name, nil
	case !isSure && anyBelow(servers, whole), !isSure && !anyBelow(servers, name) && name.LabelCount() < 2:
		return whole, nil
	}
	return name, nil
}

var errNameless = errors.New("the zone's name is not known: write it as the owner of the SOA record, with a dot at its end, or as $ORIGIN before it, or give it as --origin")

// anyBelow reports whether one of the words is an absolute name in the zone.
func anyBelow(words []wire.Word, zone wire.Name) bool {
	for _, w := range words {
		if name, ok := absoluteName(w.Text, wire.Name{}); ok && name.HasSuffix(zone) {
			return true
		}
	}
	return false
}

// stripUsual returns the name of a file without what is usually put before and
// after the zone's name, and whether there is no doubt about it.
func stripUsual(base string) (short string, isSure bool) {
	short, isSure = base, true
	cut := func(parts []string, sure bool, has func(s, part string) bool, without func(s string, n int) string) {
		for _, part := range parts {
			if len(short) > len(part) && has(strings.ToLower(short), part) {
				short, isSure = without(short, len(part)), isSure && sure
			}
		}
	}
	dropEnd := func(s string, n int) string { return s[:len(s)-n] }
	cut([]string{".signed"}, true, strings.HasSuffix, dropEnd)
	cut(sureEndings, true, strings.HasSuffix, dropEnd)
	cut(unsureEndings, false, strings.HasSuffix, dropEnd)
	cut(unsurePrefixes, false, strings.HasPrefix, func(s string, n int) string { return s[n:] })
	if reverse, ok := reverseZone(short); ok {
		return reverse, true
	}
	return short, isSure
}

// reverseZone returns the zone of the IPv4 addresses that begin as text does:
// 2.0.192.in-addr.arpa for 192.0.2.
func reverseZone(text string) (string, bool) {
	numbers := strings.Split(text, ".")
	if len(numbers) > 4 {
		return "", false
	}
	zone := "in-addr.arpa"
	for _, n := range numbers {
		if value, err := strconv.ParseUint(n, 10, 8); err != nil || strconv.FormatUint(value, 10) != n {
			return "", false
		}
		zone = n + "." + zone
	}
	return zone, true
}
