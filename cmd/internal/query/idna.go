package query

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/names-dns/names/wire"
)

// toASCII makes the xn-- form of an internationalised name, as browsers do.
var toASCII = idna.Lookup.ToASCII

// parseTypedName reads a name as people type it: what begins with the first
// label that is not ASCII goes through [toASCII], which would refuse what
// stands before the names of hosts (_imap._tcp).
func parseTypedName(text string) (wire.Name, error) {
	first := strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
	if first < 0 {
		return wire.ParseName(text)
	}
	if !utf8.ValidString(text) {
		return wire.Name{}, fmt.Errorf(`%q is not UTF-8; octets are written as \DDD`, text)
	}
	first = strings.LastIndexByte(text[:first], '.') + 1
	ascii, err := toASCII(text[first:])
	if err != nil {
		return wire.Name{}, fmt.Errorf("%q has no form in ASCII: %w", text, err)
	}
	return wire.ParseName(text[:first] + ascii)
}
