package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"unicode/utf8"
)

// SvcKey is the number of a parameter of SVCB and HTTPS records.
type SvcKey uint16

// Parameters in IANA's registry.
const (
	SvcMandatory          SvcKey = 0  // RFC 9460 8
	SvcALPN               SvcKey = 1  // RFC 9460 7.1
	SvcNoDefaultALPN      SvcKey = 2  // RFC 9460 7.1
	SvcPort               SvcKey = 3  // RFC 9460 7.2
	SvcIPv4Hint           SvcKey = 4  // RFC 9460 7.3
	SvcECH                SvcKey = 5  // RFC 9848
	SvcIPv6Hint           SvcKey = 6  // RFC 9460 7.3
	SvcDoHPath            SvcKey = 7  // RFC 9461 5
	SvcOHTTP              SvcKey = 8  // RFC 9540 4
	SvcTLSSupportedGroups SvcKey = 9  // draft-ietf-tls-key-share-prediction 3.1
	SvcDoCPath            SvcKey = 10 // RFC 9953
)

// svcKeyNames has a line for each parameter with a name: how its value looks
// is in svcValueOf.
var svcKeyNames = map[SvcKey]string{
	SvcMandatory: "mandatory", SvcALPN: "alpn", SvcNoDefaultALPN: "no-default-alpn",
	SvcPort: "port", SvcIPv4Hint: "ipv4hint", SvcECH: "ech", SvcIPv6Hint: "ipv6hint",
	SvcDoHPath: "dohpath", SvcOHTTP: "ohttp",
	SvcTLSSupportedGroups: "tls-supported-groups", SvcDoCPath: "docpath",
}

var svcKeysByName = invert(svcKeyNames)

// String returns the name, or keyNNNNN.
func (k SvcKey) String() string {
	if s, ok := svcKeyNames[k]; ok {
		return s
	}
	return "key" + strconv.Itoa(int(k))
}

// parseSvcKey reads a name or keyNNNNN. Under its number a parameter is
// opaque whatever its name (RFC 9460 2.1).
func parseSvcKey(text []byte) (key SvcKey, opaque, ok bool) {
	if k, ok := svcKeysByName[string(text)]; ok {
		return k, false, true
	}
	digits, ok := bytes.CutPrefix(text, []byte("key"))
	if !ok || len(digits) > 1 && digits[0] == '0' {
		return 0, false, false
	}
	n, ok := parseUint(digits, 1<<16-1)
	return SvcKey(n), true, ok
}

// svcValue is how the value of a parameter looks.
type svcValue uint8

const (
	svcOpaque  svcValue = iota // any octets
	svcNone                    // none
	svcKeys                    // keys in ascending order, at least one
	svcNumber                  // 16 bits
	svcNumbers                 // 16 bits each, at least one, none twice
	svcIPv4s                   // addresses, at least one
	svcIPv6s
	svcBase64  // octets, at least one
	svcText    // octets, at least one
	svcStrings // after a length octet each, none empty, at least one
	svcPath    // after a length octet each, or nothing
)

func svcValueOf(k SvcKey) svcValue {
	switch k {
	case SvcMandatory:
		return svcKeys
	case SvcALPN:
		return svcStrings
	case SvcNoDefaultALPN, SvcOHTTP:
		return svcNone
	case SvcPort:
		return svcNumber
	case SvcIPv4Hint:
		return svcIPv4s
	case SvcECH:
		return svcBase64
	case SvcIPv6Hint:
		return svcIPv6s
	case SvcDoHPath:
		return svcText
	case SvcTLSSupportedGroups:
		return svcNumbers
	case SvcDoCPath:
		return svcPath
	}
	return svcOpaque
}

// valid reports whether value is what v wants.
func (v svcValue) valid(value []byte) bool {
	switch v {
	case svcNone:
		return len(value) == 0
	case svcKeys:
		last := 0 // mandatory itself is not in its list (RFC 9460 8)
		for len(value) >= 2 {
			k := int(binary.BigEndian.Uint16(value))
			if k <= last {
				return false
			}
			last, value = k, value[2:]
		}
		return last > 0 && len(value) == 0
	case svcNumber:
		return len(value) == 2
	case svcNumbers:
		return len(value) > 0 && len(value)%2 == 0 && isDistinct(value)
	case svcIPv4s:
		return len(value) > 0 && len(value)%4 == 0
	case svcIPv6s:
		return len(value) > 0 && len(value)%16 == 0
	case svcBase64, svcText:
		return len(value) > 0
	case svcStrings, svcPath:
		if len(value) == 0 {
			return v == svcPath
		}
		for len(value) > 0 {
			n := int(value[0])
			if n == 0 || 1+n > len(value) {
				return false
			}
			value = value[1+n:]
		}
	}
	return true
}

// isDistinct reports whether no two of the numbers of 16 bits are the same.
func isDistinct(numbers []byte) bool {
	var seen [1 << 16 / 64]uint64
	for ; len(numbers) >= 2; numbers = numbers[2:] {
		n := binary.BigEndian.Uint16(numbers)
		if seen[n/64]&(1<<(n%64)) != 0 {
			return false
		}
		seen[n/64] |= 1 << (n % 64)
	}
	return true
}

// SvcParams is the list of parameters in wire form: key, length, value of
// each, keys in ascending order (RFC 9460 2.2).
type SvcParams []byte

// next returns the first parameter and the list after it; ok is false if
// the octets hold no whole one.
func (p SvcParams) next() (key SvcKey, value []byte, rest SvcParams, ok bool) {
	if len(p) < 4 {
		return 0, nil, nil, false
	}
	end := 4 + int(binary.BigEndian.Uint16(p[2:]))
	if end > len(p) {
		return 0, nil, nil, false
	}
	return SvcKey(binary.BigEndian.Uint16(p)), p[4:end:end], p[end:], true
}

// All goes through keys and values in wire form, which are borrowed.
func (p SvcParams) All() iter.Seq2[SvcKey, []byte] {
	return func(yield func(SvcKey, []byte) bool) {
		for {
			key, value, rest, ok := p.next()
			if !ok || !yield(key, value) {
				return
			}
			p = rest
		}
	}
}

// Get returns the value of a parameter in wire form.
func (p SvcParams) Get(key SvcKey) (value []byte, ok bool) {
	for k, v := range p.All() {
		if k == key {
			return v, true
		}
	}
	return nil, false
}

// Set returns the list with the value of a parameter added, or replaced where
// the list has one. The value is in wire form, of at most 65535 octets.
func (p SvcParams) Set(key SvcKey, value []byte) SvcParams {
	value = value[:min(len(value), 1<<16-1)]
	out := make(SvcParams, 0, len(p)+4+len(value))
	add := func(k SvcKey, v []byte) {
		out = binary.BigEndian.AppendUint16(out, uint16(k))
		out = binary.BigEndian.AppendUint16(out, uint16(len(v)))
		out = append(out, v...)
	}
	done := false
	for k, v := range p.All() {
		if k >= key && !done {
			add(key, value)
			done = true
		}
		if k != key {
			add(k, v)
		}
	}
	if !done {
		add(key, value)
	}
	return out
}

// svcParams reads parameters up to the end. What RFC 9460 2.2 calls malformed
// is an error; a record that merely contradicts itself is none.
func (c *Cursor) svcParams() SvcParams {
	start := c.at
	last := -1
	for c.Len() > 0 {
		key := SvcKey(c.Uint16())
		value := c.take(int(c.Uint16()))
		if c.err != nil {
			break
		}
		switch {
		case int(key) <= last:
			c.Fail(fmt.Errorf("%w: parameter %v is not in ascending order", ErrRdata, key))
		case !svcValueOf(key).valid(value):
			c.Fail(fmt.Errorf("%w: value of parameter %v", ErrRdata, key))
		}
		last = int(key)
	}
	return SvcParams(c.since(start))
}

// contradiction says what makes the list useless though it is well-formed:
// what is missing in it, or a template that leads nowhere. Such a list may come
// out of a message; a zone file may not have one (RFC 9460 7.1.1, 8, RFC 9461
// 5).
func (p SvcParams) contradiction() error {
	mandatory, _ := p.Get(SvcMandatory)
	for rest := p; len(mandatory) >= 2; mandatory = mandatory[2:] {
		want := SvcKey(binary.BigEndian.Uint16(mandatory))
		key, _, after, ok := rest.next() // both lists ascend
		for ok && key < want {
			rest = after
			key, _, after, ok = rest.next()
		}
		if !ok || key != want {
			return fmt.Errorf("parameter %v is mandatory and missing", want)
		}
	}
	if _, ok := p.Get(SvcNoDefaultALPN); ok {
		if _, ok := p.Get(SvcALPN); !ok {
			return errors.New("parameter no-default-alpn requires the parameter alpn")
		}
	}
	if template, ok := p.Get(SvcDoHPath); ok {
		if err := checkDoHPath(template); err != nil {
			return fmt.Errorf("parameter dohpath: %w", err)
		}
	}
	return nil
}

// checkDoHPath checks a URI template (RFC 6570) that is relative and has the
// variable dns (RFC 9461 5). It begins with a slash, for what it expands to is
// the path of a request, and not with two, for that would be a host.
func checkDoHPath(template []byte) error {
	switch {
	case !utf8.Valid(template):
		return errors.New("template is not UTF-8")
	case template[0] != '/' || bytes.HasPrefix(template, []byte("//")):
		return fmt.Errorf("template %q is not a path: it has to begin with a single slash", template)
	}
	hasDNS := false
	for rest := template; len(rest) > 0; {
		at := bytes.IndexAny(rest, "{}")
		if at < 0 {
			break
		}
		end := bytes.IndexByte(rest[at:], '}')
		if rest[at] == '}' || end < 0 {
			return fmt.Errorf("template %q has a brace without the other", template)
		}
		expression := rest[at+1 : at+end]
		rest = rest[at+end+1:]
		if len(expression) > 0 && bytes.IndexByte([]byte("+#./;?&"), expression[0]) >= 0 { // RFC 6570 2.2
			expression = expression[1:]
		}
		for variable := range bytes.SplitSeq(expression, []byte(",")) {
			name, ok := templateVariable(variable)
			if !ok {
				return fmt.Errorf("template %q has an expression that is malformed: %q", template, variable)
			}
			hasDNS = hasDNS || string(name) == "dns"
		}
	}
	if !hasDNS {
		return fmt.Errorf("template %q has no variable dns, as in /dns-query{?dns}", template)
	}
	return nil
}

// templateVariable takes the modifier off a variable (RFC 6570 2.3, 2.4).
func templateVariable(variable []byte) (name []byte, ok bool) {
	name, isExploded := bytes.CutSuffix(variable, []byte("*"))
	if !isExploded {
		var length []byte
		var hasPrefix bool
		if name, length, hasPrefix = bytes.Cut(variable, []byte(":")); hasPrefix {
			if n, ok := parseUint(length, 9999); !ok || n == 0 || length[0] == '0' {
				return nil, false
			}
		}
	}
	for i, c := range name {
		switch {
		case isDigit(c), fold[c] >= 'a' && fold[c] <= 'z', c == '_', c == '%':
		case c == '.' && i > 0 && i < len(name)-1 && name[i-1] != '.':
		default:
			return nil, false
		}
	}
	return name, len(name) > 0
}
