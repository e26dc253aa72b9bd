package zonefile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/names-dns/names/wire"
)

// directives are the control entries (RFC 1035 5.1, RFC 2308 4; $GENERATE is
// BIND's), by name in upper case.
var directives = map[string]func(*reader){}

func init() { // a literal would be an initialisation cycle: $INCLUDE reads directives
	directives["$ORIGIN"] = (*reader).readOrigin
	directives["$TTL"] = (*reader).readDefaultTTL
	directives["$INCLUDE"] = (*reader).include
	directives["$GENERATE"] = (*reader).generate
}

// directive returns what reads the entry if it is a control entry: one whose
// first word is at the start of the line and starts with a dollar sign.
func (r *reader) directive() (func(*reader), bool) {
	s := &r.scanner
	word, ok := s.keyword(0)
	if !ok || s.blank || len(word) == 0 || word[0] != '$' {
		return nil, false
	}
	if s.broken {
		return func(*reader) {}, true
	}
	if d, ok := directives[string(bytes.ToUpper(word))]; ok {
		return d, true
	}
	return func(r *reader) {
		r.scanner.failWord(0, fmt.Errorf(`%s is not a directive; an owner that starts with a dollar sign is written with \ before it%s`, quoteWord(word), adviseDirective(word)))
	}, true
}

// readOrigin reads $ORIGIN name.
func (r *reader) readOrigin() {
	if !r.wantWords(1, 1, "name") {
		return
	}
	if origin, ok := r.readName(1); ok {
		r.setOrigin(origin)
		r.movedOrigin, r.movedBy = true, "$ORIGIN"
	}
}

func (r *reader) setOrigin(origin wire.Name) {
	r.origin = origin
	r.ownerText = nil // the same word may mean another name from here on
}

// readDefaultTTL reads $TTL ttl.
func (r *reader) readDefaultTTL() {
	if !r.wantWords(1, 1, "TTL") {
		return
	}
	word, ok := r.scanner.keyword(1)
	if !ok {
		r.scanner.failWord(1, errors.New("TTL is between quotes"))
		return
	}
	t, err := r.readTTL(1, word)
	if err != nil {
		r.scanner.failWord(1, err)
		return
	}
	r.defaultTTL = t
}

// include reads $INCLUDE file [origin]. The file starts with the current owner.
// Origin and owner are restored afterwards (RFC 1035 5.1); a $TTL in the file
// stays.
func (r *reader) include() {
	if !r.wantWords(1, 2, "file name, then an origin or nothing") {
		return
	}
	s := &r.scanner
	path, err := unescapePath(s.words[1].Text)
	if err != nil {
		s.failWord(1, err)
		return
	}
	origin := r.origin
	if len(s.words) == 3 {
		var ok bool
		if origin, ok = r.readName(2); !ok {
			return
		}
	}
	if len(r.chain) >= r.options.MaxDepth {
		s.failWord(1, fmt.Errorf("more than %d files included in each other: %s", r.options.MaxDepth, strings.Join(append(slices.Clone(r.chain), path), " -> ")))
		return
	}
	path, file, err := r.openIncluded(path)
	if err == nil {
		saved := r.context
		r.context = context{badOwner: saved.badOwner}
		r.setOwner(slices.Clone(saved.owner))
		err = r.readFile(path, file, origin)
		r.context = saved
		r.movedOrigin, r.movedBy = true, "$INCLUDE"
		if err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
	}
	if err != nil {
		r.scanner.failWord(1, err)
	}
}

// openIncluded opens a file that a file includes: next to that one, or else in the
// working directory, where BIND and NSD look.
func (r *reader) openIncluded(path string) (string, *blockReader, error) {
	places := []string{path}
	if !filepath.IsAbs(path) {
		places = slices.Compact([]string{filepath.Join(filepath.Dir(r.scanner.file), path), filepath.Clean(path)})
	}
	for _, place := range places {
		if slices.ContainsFunc(r.chain, func(open string) bool { return filepath.Clean(open) == filepath.Clean(place) }) {
			return place, nil, fmt.Errorf("file includes itself: %s", strings.Join(append(slices.Clone(r.chain), place), " -> "))
		}
		file, err := r.open(place)
		if err == nil {
			return place, file, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return place, nil, fmt.Errorf("%s: %w", place, err)
		}
	}
	if len(places) == 1 {
		return path, nil, fmt.Errorf("%s: %w", places[0], fs.ErrNotExist)
	}
	return path, nil, fmt.Errorf("%w: looked for %s, then for %s in the working directory", fs.ErrNotExist, places[0], places[1])
}

// withoutPath is the error without the name of the file, for callers that add it.
func withoutPath(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// unescapePath resolves the escapes in a file name.
func unescapePath(text []byte) (string, error) {
	path := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\\' && i+1 < len(text) {
			i++
			c = text[i]
			if '0' <= c && c <= '9' {
				octet, err := strconv.ParseUint(string(text[i:min(i+3, len(text))]), 10, 8)
				if err != nil || i+3 > len(text) {
					return "", wire.ErrEscape
				}
				c = byte(octet)
				i += 2
			}
		}
		path = append(path, c)
	}
	if len(path) == 0 {
		return "", errors.New("file name is empty")
	}
	return string(path), nil
}

// readName reads word i as a name that stays.
func (r *reader) readName(i int) (wire.Name, bool) {
	var buf [wire.MaxNameLen]byte
	text := r.scanner.words[i].Text
	b, err := wire.AppendNameFromText(buf[:0], text, r.origin)
	if err == nil {
		var name wire.Name
		if name, _, err = wire.NameFromWire(b); err == nil {
			return name, true
		}
	}
	r.scanner.failWord(i, fmt.Errorf("origin %s: %w", quoteWord(text), err))
	return wire.Name{}, false
}

// wantWords reports whether the directive has a valid number of words.
func (r *reader) wantWords(least, most int, what string) bool {
	s := &r.scanner
	switch n := len(s.words) - 1; {
	case n < least:
		s.failWord(len(s.words), fmt.Errorf("%s wants a %s", s.words[0].Text, what))
	case n > most:
		s.failWord(most+1, fmt.Errorf("%s wants a %s and no more", s.words[0].Text, what))
	default:
		return true
	}
	return false
}
