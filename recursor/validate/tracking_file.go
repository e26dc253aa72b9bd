package validate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/names-dns/names/wire"
)

// ErrState is wrapped by errors about files with the state of trust anchors.
var ErrState = errors.New("not a state of trust anchors")

// The file is text, a line each:
//
//	; what it is
//	names trust anchors 1
//	zone . checked 2026-11-29T12:00:00Z next 2026-11-30T00:00:00Z
//	key valid since 2026-11-29T12:00:00Z DNSKEY 257 3 8 AwEA...
//	end SHA-256 of all lines above
const (
	stateHead    = "names trust anchors 1"
	stateComment = "; Keys that names follows (RFC 5011). Do not change this file while names runs.\n"
	never        = "never"
	// MaxState is the size of the largest state that is read, in octets.
	MaxState = 1 << 20
)

// AppendState appends the state of zones as text.
func AppendState(b []byte, zones []*TrackedZone) []byte {
	begin := len(b)
	b = append(b, stateComment+stateHead+"\n"...)
	for _, z := range zones {
		b = fmt.Appendf(b, "zone %v checked %s next %s\n", z.Zone, timeText(z.Checked), timeText(z.Next))
		for _, k := range z.Keys {
			record := wire.Rdata(k.Key)
			kind := wire.TypeDNSKEY
			if k.Key == nil {
				record, kind = k.DS, wire.TypeDS
			}
			b = fmt.Appendf(b, "key %v since %s %v %v\n", k.Status, timeText(k.Since), kind, record)
		}
	}
	sum := sha256.Sum256(b[begin:])
	return fmt.Appendf(b, "end %x\n", sum)
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return never
	}
	return t.UTC().Format(time.RFC3339)
}

// ParseState reads what AppendState has written. Anything else is an error, which
// says file and line: a state that is damaged is never used in part.
func ParseState(name string, text []byte) (zones []*TrackedZone, err error) {
	fail := func(line int, format string, args ...any) ([]*TrackedZone, error) {
		return nil, fmt.Errorf("%w: %s:%d: %s; restore the file, or remove it to begin with the configured trust anchors",
			ErrState, name, line, fmt.Sprintf(format, args...))
	}
	if len(text) > MaxState {
		return fail(1, "%d octets, at most %d are read", len(text), MaxState)
	}
	sumAt := bytes.LastIndex(text, []byte("\nend "))
	if sumAt < 0 || text[len(text)-1] != '\n' {
		return fail(1+bytes.Count(text, []byte("\n")), "the file ends early")
	}
	body, end := text[:sumAt+1], strings.TrimSuffix(string(text[sumAt+1:]), "\n")
	sum := sha256.Sum256(body)
	if end != "end "+hex.EncodeToString(sum[:]) {
		return fail(1+bytes.Count(body, []byte("\n")), "the checksum does not match")
	}
	number := 0
	hasHead := false
	for line := range strings.Lines(string(body)) {
		number++
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(line, ";"):
		case !hasHead:
			if strings.Join(words, " ") != stateHead {
				return fail(number, "%q is not %q", strings.TrimSpace(line), stateHead)
			}
			hasHead = true
		case words[0] == "zone" && len(words) == 6:
			z := new(TrackedZone)
			if z.Zone, err = wire.ParseName(words[1]); err == nil {
				z.Checked, err = parseTime(words[3])
			}
			if err == nil {
				z.Next, err = parseTime(words[5])
			}
			if err != nil {
				return fail(number, "%v", err)
			}
			for _, other := range zones {
				if other.Zone.Equal(z.Zone) {
					return fail(number, "zone %v is there twice", z.Zone)
				}
			}
			zones = append(zones, z)
		case words[0] == "key" && len(words) > 5 && len(zones) > 0:
			k, err := parseTracked(words)
			if err != nil {
				return fail(number, "%v", err)
			}
			z := zones[len(zones)-1]
			if len(z.Keys) == maxTracked {
				return fail(number, "zone %v has more than %d keys", z.Zone, maxTracked)
			}
			z.Keys = append(z.Keys, k)
		default:
			return fail(number, "%q is neither a zone nor a key", strings.TrimSpace(line))
		}
	}
	if !hasHead {
		return fail(number, "%q is missing", stateHead)
	}
	return zones, nil
}

func parseTime(text string) (time.Time, error) {
	if text == never {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, text)
}

// parseTracked reads "key STATUS since TIME TYPE DATA".
func parseTracked(words []string) (k TrackedKey, err error) {
	status := -1
	for i, text := range keyStatusTexts {
		if text == words[1] {
			status = i
		}
	}
	if status < 0 {
		return k, fmt.Errorf("%q is not a status", words[1])
	}
	k.Status = KeyStatus(status)
	if k.Since, err = parseTime(words[3]); err != nil {
		return k, err
	}
	t, err := wire.ParseType(words[4])
	if err != nil {
		return k, err
	}
	data, err := rdataFromText(t, strings.Join(words[5:], " "))
	if err != nil {
		return k, err
	}
	c := wire.CursorOver(data)
	switch t {
	case wire.TypeDNSKEY:
		k.Key = new(wire.DNSKEY)
		err = k.Key.Parse(&c)
	case wire.TypeDS:
		k.DS = new(wire.DS)
		err = k.DS.Parse(&c)
	default:
		err = fmt.Errorf("%v is neither DNSKEY nor DS", t)
	}
	return k, err
}
