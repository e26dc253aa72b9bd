package validate

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/names-dns/names/wire"
)

// ErrAnchors is wrapped by errors about files of trust anchors.
var ErrAnchors = errors.New("not a file of trust anchors")

// MaxAnchorFile is the size of the largest file that is read, in octets.
const MaxAnchorFile = 1 << 20

// ParseAnchors reads trust anchors in any of these forms, and tells which by
// looking: DS and DNSKEY records as in zone files (and in unbound's state
// files, of which keys that are pending, revoked or removed do not count); BIND's
// trust-anchors and trusted-keys statements; and IANA's root-anchors.xml (RFC 9718), of
// which the keys count that are valid at now. Any other key that has the REVOKE flag is an
// error.
//
// name is for errors, which say file, line and what to do. Nothing is added to
// a unless all of the file is good.
func (a *Anchors) ParseAnchors(name string, text []byte, now time.Time) error {
	if len(text) > MaxAnchorFile {
		return fmt.Errorf("%w: %s has %d octets, at most %d are read", ErrAnchors, name, len(text), MaxAnchorFile)
	}
	found, err := parseAnchors(name, text, now)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAnchors, err)
	}
	if len(found) == 0 {
		return fmt.Errorf("%w: %s has neither a DS nor a DNSKEY record to trust", ErrAnchors, name)
	}
	for _, r := range found {
		switch data := r.data.(type) {
		case *wire.DS:
			a.AddDS(r.zone, data)
		case *wire.DNSKEY:
			if err := a.AddDNSKEY(r.zone, data); err != nil {
				return fmt.Errorf("%w: %s: %w", ErrAnchors, name, err)
			}
		}
	}
	return nil
}

// foundAnchor is a record that was read.
type foundAnchor struct {
	zone wire.Name
	data wire.Rdata
}

func parseAnchors(name string, text []byte, now time.Time) ([]foundAnchor, error) {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("<")) {
		return anchorsFromXML(name, text, now)
	}
	if isStatements(string(text)) {
		tokens, err := scanAnchors(name, string(text))
		if err != nil {
			return nil, err
		}
		return anchorsFromBIND(name, tokens)
	}
	tokens, err := scanAnchors(name, withoutUntrusted(string(text)))
	if err != nil {
		return nil, err
	}
	return anchorsFromRecords(name, tokens)
}

// withoutUntrusted leaves lines of unbound's state file empty if the key on them is
// none to trust: its state is in a comment, and only keys that are valid (2) or
// missing (3) count. A pending one is trusted after 30 days (RFC 5011 2.2).
func withoutUntrusted(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if _, state, found := strings.Cut(line, ";;state="); found && !strings.HasPrefix(state, "2") && !strings.HasPrefix(state, "3") {
			line = "\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// token is a word of a file.
type token struct {
	text   string
	line   int
	quoted bool
}

// isStatements reports whether a file is one of BIND's: it has a brace that is
// not after a semicolon on its line, and so not in a comment of a zone file.
func isStatements(text string) bool {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, ";")
		if strings.Contains(line, "{") {
			return true
		}
	}
	return false
}

// scanAnchors cuts a file into words; in BIND's, braces and semicolons are words
// of their own. Otherwise a semicolon starts a
// comment, as in zone files, and so do # and // everywhere.
func scanAnchors(name, text string) (tokens []token, err error) {
	isBIND := isStatements(text)
	line := 1
	for i := 0; i < len(text); {
		rest := text[i:]
		switch c := text[i]; {
		case c == '\n':
			line++
			i++
			if !isBIND {
				tokens = append(tokens, token{text: "\n", line: line - 1})
			}
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '#' || strings.HasPrefix(rest, "//") || c == ';' && !isBIND:
			if end := strings.IndexByte(rest, '\n'); end >= 0 {
				i += end
			} else {
				i = len(text)
			}
		case isBIND && strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest, "*/")
			if end < 0 {
				return nil, fmt.Errorf("%s:%d: comment is not closed", name, line)
			}
			line += strings.Count(rest[:end], "\n")
			i += end + 2
		case isBIND && (c == '{' || c == '}' || c == ';'), !isBIND && (c == '(' || c == ')'):
			tokens = append(tokens, token{text: string(c), line: line})
			i++
		case c == '"':
			end := strings.IndexByte(rest[1:], '"')
			if end < 0 {
				return nil, fmt.Errorf("%s:%d: quoted text is not closed", name, line)
			}
			tokens = append(tokens, token{rest[1 : 1+end], line, true})
			line += strings.Count(rest[:end], "\n")
			i += end + 2
		default:
			end := strings.IndexAny(rest, " \t\r\n\"#;{}()")
			if isBIND {
				end = strings.IndexAny(rest, " \t\r\n\"#;{}")
			}
			if end <= 0 {
				end = len(rest)
			}
			tokens = append(tokens, token{text: rest[:end], line: line})
			i += end
		}
	}
	return tokens, nil
}

// anchorsFromRecords reads "owner [TTL] [class] DS|DNSKEY data", one a line,
// parentheses as in zone files.
func anchorsFromRecords(name string, tokens []token) (found []foundAnchor, err error) {
	var line []token
	depth := 0
	for _, t := range append(tokens, token{text: "\n"}) {
		switch {
		case t.text == "(":
			depth++
		case t.text == ")":
			depth--
		case t.text != "\n":
			line = append(line, t)
		case depth <= 0 && len(line) > 0:
			r, err := anchorFromRecord(line)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, line[0].line, err)
			}
			found = append(found, r)
			line = nil
		}
	}
	if len(line) > 0 || depth != 0 {
		return nil, fmt.Errorf("%s: parentheses are not balanced", name)
	}
	return found, nil
}

func anchorFromRecord(words []token) (foundAnchor, error) {
	zone, err := wire.ParseName(words[0].text)
	if err != nil {
		return foundAnchor{}, err
	}
	for i, w := range words[1:] {
		t, err := wire.ParseType(w.text)
		if err != nil {
			_, notTTL := strconv.ParseUint(w.text, 10, 32)
			_, notClass := wire.ParseClass(w.text)
			if notTTL != nil && notClass != nil {
				return foundAnchor{}, fmt.Errorf("expected DS or DNSKEY, found %q", w.text)
			}
			continue
		}
		if t != wire.TypeDS && t != wire.TypeDNSKEY {
			return foundAnchor{}, fmt.Errorf("%v records are not trust anchors; give DS or DNSKEY records", t)
		}
		return anchorFromWords(zone, t, words[i+2:])
	}
	return foundAnchor{}, errors.New("line ends before DS or DNSKEY")
}

func anchorFromWords(zone wire.Name, t wire.Type, words []token) (foundAnchor, error) {
	var texts []string
	for _, w := range words {
		texts = append(texts, w.text)
	}
	data, err := rdataFromText(t, strings.Join(texts, " "))
	if err != nil {
		return foundAnchor{}, err
	}
	r, err := wire.Record{Name: zone, Type: t, Class: wire.ClassIN, Data: data}.Rdata()
	if key, ok := r.(*wire.DNSKEY); ok && err == nil {
		err = checkAnchor(zone, key)
	}
	return foundAnchor{zone, r}, err
}

// rdataFromText is the data of a record in presentation format.
func rdataFromText(t wire.Type, text string) ([]byte, error) {
	var words []wire.Word
	for _, w := range strings.Fields(text) {
		words = append(words, wire.Word{Text: []byte(w)})
	}
	return wire.AppendRdataFromText(nil, t, words, wire.Root)
}

// anchorsFromBIND reads the statements trust-anchors, trusted-keys and
// managed-keys of named.conf and bind.keys. An initial key is taken as a static
// one.
func anchorsFromBIND(name string, tokens []token) (found []foundAnchor, err error) {
	isStatement := map[string]bool{"trust-anchors": true, "trusted-keys": true, "managed-keys": true}
	for i := 0; i < len(tokens); {
		if !isStatement[tokens[i].text] || i+1 == len(tokens) || tokens[i+1].text != "{" {
			return nil, fmt.Errorf("%s:%d: expected trust-anchors { ... };, found %q", name, tokens[i].line, tokens[i].text)
		}
		hasKind := tokens[i].text != "trusted-keys"
		i += 2
		for i < len(tokens) && tokens[i].text != "}" {
			end := i
			for end < len(tokens) && tokens[end].text != ";" {
				end++
			}
			if end == len(tokens) {
				return nil, fmt.Errorf("%s:%d: anchor does not end in a semicolon", name, tokens[i].line)
			}
			r, err := anchorFromBIND(tokens[i:end], hasKind)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, tokens[i].line, err)
			}
			found = append(found, r)
			i = end + 1
		}
		if i == len(tokens) {
			return nil, fmt.Errorf("%s: statement is not closed; it ends in };", name)
		}
		i++
		if i < len(tokens) && tokens[i].text == ";" {
			i++
		}
	}
	return found, nil
}

// anchorFromBIND reads name [kind] number number number "data".
func anchorFromBIND(words []token, hasKind bool) (foundAnchor, error) {
	want := 5
	if hasKind {
		want = 6
	}
	if len(words) < want {
		return foundAnchor{}, errors.New("anchor has too few words")
	}
	zone, err := wire.ParseName(words[0].text)
	if err != nil {
		return foundAnchor{}, err
	}
	t, data := wire.TypeDNSKEY, words[1:]
	if hasKind {
		data = words[2:]
		switch kind := words[1].text; kind {
		case "static-ds", "initial-ds":
			t = wire.TypeDS
		case "static-key", "initial-key":
		default:
			return foundAnchor{}, fmt.Errorf("%q is not a kind of anchor; use static-ds or static-key", kind)
		}
	}
	return anchorFromWords(zone, t, data)
}

// anchorsFromXML reads root-anchors.xml (RFC 9718 2).
func anchorsFromXML(name string, text []byte, now time.Time) (found []foundAnchor, err error) {
	var file struct {
		XMLName xml.Name `xml:"TrustAnchor"`
		Zone    string
		Digests []struct {
			ValidFrom  string `xml:"validFrom,attr"`
			ValidUntil string `xml:"validUntil,attr"`
			KeyTag     string
			Algorithm  string
			DigestType string
			Digest     string
		} `xml:"KeyDigest"`
	}
	if err := xml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	zone, err := wire.ParseName(strings.TrimSpace(file.Zone))
	if err != nil {
		return nil, fmt.Errorf("%s: zone: %w", name, err)
	}
	for i, d := range file.Digests {
		isValid, err := isValidAt(now, d.ValidFrom, d.ValidUntil)
		if err != nil {
			return nil, fmt.Errorf("%s: KeyDigest %d: %w", name, i+1, err)
		}
		if !isValid {
			continue
		}
		data, err := rdataFromText(wire.TypeDS, strings.Join([]string{d.KeyTag, d.Algorithm, d.DigestType, d.Digest}, " "))
		if err != nil {
			return nil, fmt.Errorf("%s: KeyDigest %d: %w", name, i+1, err)
		}
		r, err := wire.Record{Name: zone, Type: wire.TypeDS, Class: wire.ClassIN, Data: data}.Rdata()
		if err != nil {
			return nil, fmt.Errorf("%s: KeyDigest %d: %w", name, i+1, err)
		}
		found = append(found, foundAnchor{zone, r})
	}
	return found, nil
}

// isValidAt reads the two ends of a period; either may be missing.
func isValidAt(now time.Time, from, until string) (bool, error) {
	for _, end := range []struct {
		text    string
		isUntil bool
	}{{from, false}, {until, true}} {
		if end.text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, end.text)
		if err != nil {
			return false, fmt.Errorf("%q is not a time such as 2026-10-11T00:00:00+00:00", end.text)
		}
		if now.Before(at) != end.isUntil {
			return false, nil
		}
	}
	return true, nil
}
