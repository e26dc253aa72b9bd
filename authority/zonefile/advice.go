package zonefile

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// What to write instead, for errors and for text that does not mean what it looks
// like.

// commonTypes are proposed before other types that are one letter off.
var commonTypes = []wire.Type{
	wire.TypeA, wire.TypeAAAA, wire.TypeCNAME, wire.TypeMX, wire.TypeNS, wire.TypeTXT, wire.TypePTR, wire.TypeSOA, wire.TypeSRV,
	wire.TypeCAA, wire.TypeDS, wire.TypeDNAME, wire.TypeNAPTR, wire.TypeTLSA, wire.TypeSSHFP, wire.TypeHTTPS, wire.TypeSVCB,
	wire.TypeDNSKEY, wire.TypeRRSIG, wire.TypeNSEC, wire.TypeNSEC3, wire.TypeNSEC3PARAM, wire.TypeCDS, wire.TypeCDNSKEY, wire.TypeHINFO, wire.TypeLOC,
}

// adviseType proposes what a word that is not a record type may mean.
func (r *reader) adviseType(word []byte) string {
	s := &r.scanner
	upper := string(bytes.ToUpper(word))
	for _, t := range commonTypes {
		if len(upper) > 1 && isOneOff(upper, t.String()) {
			return fmt.Sprintf("; did you mean %s?", t)
		}
	}
	if s.blank && len(s.words) > 1 && !s.words[1].Quoted {
		if next := s.words[1].Text; isHeaderWord(next) {
			return "; the line is indented, so that it has the owner of the record before: an owner starts in the first column"
		}
	}
	if !s.blank && !s.words[0].Quoted {
		owner := s.words[0].Text
		if _, ok := lookupType(owner); ok && bytes.Equal(owner, bytes.ToUpper(owner)) {
			return fmt.Sprintf("; %s, the first word of the line, is its owner: indent the line if it is to have the owner of the record before", owner)
		}
	}
	return ""
}

// isHeaderWord reports whether a word is a type, a class or a TTL.
func isHeaderWord(word []byte) bool {
	_, isType := lookupType(word)
	_, isClass := lookupClass(word)
	_, err := parseTTL(word)
	return isType || isClass || err == nil
}

// adviseDirective proposes what a word that is not a directive may mean.
func adviseDirective(word []byte) string {
	for _, d := range []string{"$ORIGIN", "$TTL", "$INCLUDE", "$GENERATE"} {
		if isOneOff(string(bytes.ToUpper(word)), d) {
			return fmt.Sprintf("; did you mean %s?", d)
		}
	}
	return ""
}

// isOneOff reports whether two different words become the same when a letter is
// added, left out, or replaced, or when two neighbours change places.
func isOneOff(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	switch {
	case len(a) == len(b):
		return i < len(a) && (a[i+1:] == b[i+1:] ||
			i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:])
	case len(a)+1 == len(b):
		return len(a) > 0 && a[i:] == b[i+1:]
	}
	return false
}

// fieldNames are what the RFCs call the fields of common types, for errors.
var fieldNames = map[wire.Type][]string{
	wire.TypeSOA:    {"MNAME", "RNAME", "SERIAL", "REFRESH", "RETRY", "EXPIRE", "MINIMUM"},
	wire.TypeMX:     {"preference", "exchange"},
	wire.TypeSRV:    {"priority", "weight", "port", "target"},
	wire.TypeCAA:    {"flags", "tag", "value"},
	wire.TypeNAPTR:  {"order", "preference", "flags", "services", "regexp", "replacement"},
	wire.TypeTLSA:   {"certificate usage", "selector", "matching type", "certificate data"},
	wire.TypeSSHFP:  {"algorithm", "fingerprint type", "fingerprint"},
	wire.TypeDS:     {"key tag", "algorithm", "digest type", "digest"},
	wire.TypeDNSKEY: {"flags", "protocol", "algorithm", "key"},
}

// adviseData completes the error about field number field of data of type t,
// which words hold.
func adviseData(t wire.Type, field int, words []wire.Word, err error) error {
	name := "data"
	if names := fieldNames[t]; field < len(names) {
		name = names[field]
	}
	advice := ""
	if field < len(words) {
		advice = adviseWord(t, field, words[field])
	}
	return fmt.Errorf("%s %s: %w%s", t, name, err, advice)
}

// adviseWord says what to write instead of a word of data.
func adviseWord(t wire.Type, field int, word wire.Word) string {
	text := string(word.Text)
	if c, what := diagnostic.Typography(text); c != 0 {
		return fmt.Sprintf("; there is %s in it (%U): write it as on a keyboard", what, c)
	}
	a, err := netip.ParseAddr(text)
	isAddress := err == nil
	switch {
	case t == wire.TypeA && isAddress && a.Is6():
		return "; this is an IPv6 address: type AAAA"
	case t == wire.TypeAAAA && isAddress && a.Is4():
		return "; this is an IPv4 address: type A"
	case t == wire.TypeA || t == wire.TypeAAAA:
		return adviseAddress(text)
	case t == wire.TypeMX && field == 0 && !startsWithDigit(text):
		return fmt.Sprintf("; the preference is missing: write MX 10 %s", text)
	case (t == wire.TypeTXT || t == wire.TypeSPF) && len(text) > 255:
		return "; split it into strings of at most 255 octets, which clients put together again: \"...\" \"...\""
	}
	return ""
}

// adviseAddress says what is wrong with an address.
func adviseAddress(text string) string {
	if trimmed, ok := strings.CutSuffix(text, "."); ok {
		if _, err := netip.ParseAddr(trimmed); err == nil {
			return "; an address has no dot at its end"
		}
	}
	if _, err := netip.ParsePrefix(text); err == nil {
		return "; this is a network: a record holds one address"
	}
	if _, err := netip.ParseAddrPort(text); err == nil {
		return "; DNS has no place for a port except in SRV and SVCB records: write the address alone"
	}
	if strings.Contains(text, "://") {
		return "; this is a URL: write the address alone"
	}
	if text != "" && !startsWithDigit(text) && strings.Contains(text, ".") && !strings.Contains(text, ":") {
		return "; this looks like a name: type CNAME"
	}
	return ""
}

func startsWithDigit(text string) bool { return text != "" && '0' <= text[0] && text[0] <= '9' }

// adviseEntry warns of a record that does not mean what it looks like.
func (r *reader) adviseEntry(h *header) {
	s := &r.scanner
	switch {
	case s.blank && r.movedOrigin:
		r.problems.Warnf(s.position(s.offset(0)), diagnostic.InheritedOwner,
			"this indented line has the owner %s, which is that of the record before, not one that follows the %s: write the owner", r.name, r.movedBy)
	case !s.blank && len(s.words[0].Text) == 2 && !s.words[0].Quoted && bytes.EqualFold(s.words[0].Text, []byte("IN")):
		r.problems.Warnf(s.position(s.offset(0)), diagnostic.KeywordOwner,
			"%s at the start of a line is the owner %s, not the class: indent the line if it is to have the owner of the record before", s.words[0].Text, r.name)
	}
	r.movedOrigin = false
	if h.t == wire.TypeTXT || h.t == wire.TypeSPF || h.t == wire.TypeCAA {
		r.adviseSemicolon(h.next)
	}
}

// adviseSemicolon warns of text without quotes that a semicolon ends.
func (r *reader) adviseSemicolon(first int) {
	s := &r.scanner
	for i := first; i < len(s.words); i++ {
		w := s.words[i]
		end := s.end(i)
		rest := s.text[end:]
		if n := bytes.IndexAny(rest, "\r\n"); n >= 0 {
			rest = rest[:n]
		}
		trimmed := bytes.TrimLeft(rest, " \t")
		if w.Quoted || len(trimmed) == 0 || trimmed[0] != ';' {
			continue
		}
		isTag := bytes.IndexByte(trimmed, '=') > 0 && bytes.IndexByte(w.Text, '=') > 0
		if len(trimmed) < len(rest) && !isTag && !(isPolicy(s.words[first].Text) && !s.words[first].Quoted) {
			continue // a comment after a blank
		}
		r.problems.Warnf(s.position(s.offset(i)), diagnostic.CutBySemicolon,
			"the text ends after %s: a semicolon starts a comment outside of quotes; write the text between quotes", quoteWord(w.Text))
		return
	}
}

// isPolicy reports whether a text begins as the policies of mail do, which are not
// written in several words and with a comment.
func isPolicy(text []byte) bool {
	for _, version := range []string{"v=spf1", "v=DMARC1", "v=DKIM1"} {
		if bytes.EqualFold(text, []byte(version)) {
			return true
		}
	}
	return false
}

// adviseFault completes an error about a word with the invisible characters in it.
func adviseFault(word []byte, err error) error {
	if c, what := diagnostic.Typography(word); c != 0 && !strings.Contains(err.Error(), "as on a keyboard") {
		return fmt.Errorf("%w; there is %s in it (%U): write it as on a keyboard", err, what, c)
	}
	return err
}

// adviseOwner completes an error about the words after the owner: a blank that is not
// one makes them part of it.
func (r *reader) adviseOwner(err error) error {
	s := &r.scanner
	if s.blank || len(s.words) == 0 {
		return err
	}
	if c, what := diagnostic.Typography(s.words[0].Text); c != 0 {
		return fmt.Errorf("%w; there is %s in the owner (%U): write it as on a keyboard", err, what, c)
	}
	return err
}
