package names

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/names-dns/names/wire"
)

var errNotUTF8 = errors.New("name is neither ASCII nor UTF-8")

// parseName reads a name that a program asks for.
func (config *ClientConfig) parseName(text string) (wire.Name, error) {
	ascii, err := config.ascii(text)
	if err != nil {
		return wire.Name{}, err
	}
	return wire.ParseName(ascii)
}

// ascii returns the name as DNS has it. Labels in front that are ASCII stay
// as they are: those of services (_imap._tcp) are none of a host name, and
// would be refused.
func (config *ClientConfig) ascii(name string) (string, error) {
	first := strings.IndexFunc(name, func(r rune) bool { return r >= utf8.RuneSelf })
	if first < 0 {
		return name, nil
	}
	if config.ToASCII == nil {
		return "", ErrNotASCII
	}
	if !utf8.ValidString(name) {
		return "", errNotUTF8
	}
	first = strings.LastIndexByte(name[:first], '.') + 1
	ascii, err := config.ToASCII(name[first:])
	if err != nil {
		return "", fmt.Errorf("name has no form in ASCII: %w", err)
	}
	return name[:first] + ascii, nil
}
