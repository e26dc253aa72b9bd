package wire

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Parameters of services in presentation format (RFC 9460 2.1, A).

// svcParams reads parameters in any order: key, or key=value, where the value
// or the part after "=" may be quoted.
func (w *wordReader) svcParams() {
	start := len(w.b)
	first := w.next
	for w.more() {
		text := w.word("a parameter")
		at := w.next - 1
		name, value, hasValue := bytes.Cut(text, []byte("="))
		key, opaque, ok := parseSvcKey(name)
		if !ok {
			w.expected("a parameter of a service")
			return
		}
		if hasValue && len(value) == 0 && w.more() && w.words[w.next].Quoted {
			value = w.word("a value")
		} else if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1]
		} else if hasValue && n == 0 { // RFC 9460 A: what follows "=" is one character at least, or quoted
			w.fail(at, "expected a value after %s, or no \"=\"", text)
			return
		}
		from := len(w.b)
		w.append16(uint16(key))
		w.append16(0)
		kind := svcValueOf(key)
		if opaque {
			kind = svcOpaque
		}
		if !w.svcValue(kind, value) {
			w.fail(at, "expected a value that parameter %v can have, found %s", key, quoteForError(value))
			return
		}
		got := w.b[from+4:]
		if len(got) > 1<<16-1 || !svcValueOf(key).valid(got) {
			w.fail(at, "expected a value that parameter %v can have, found %s", key, quoteForError(value))
			return
		}
		binary.BigEndian.PutUint16(w.b[from+2:], uint16(len(got)))
		if !sortIn(w.b[start:], from-start) {
			w.fail(at, "parameter %v is there twice", key)
			return
		}
	}
	if err := SvcParams(w.b[start:]).contradiction(); err != nil {
		w.fail(first, "%w", err)
	}
}

// sortIn moves the parameter at list[from:] to where its key belongs among
// those before it, which are sorted; false if its key is there already.
func sortIn(list []byte, from int) bool {
	key := binary.BigEndian.Uint16(list[from:])
	at := 0
	for at < from {
		k := binary.BigEndian.Uint16(list[at:])
		if k == key {
			return false
		}
		if k > key {
			break
		}
		at += 4 + int(binary.BigEndian.Uint16(list[at+2:]))
	}
	if at < from {
		moved := slices.Clone(list[from:])
		copy(list[at+len(moved):], list[at:from])
		copy(list[at:], moved)
	}
	return true
}

// svcValue appends the value that text stands for; false if it is wrong.
func (w *wordReader) svcValue(kind svcValue, text []byte) bool {
	var few [256]byte
	raw, err := appendUnescaped(few[:0], text)
	if err != nil {
		return false
	}
	switch kind {
	case svcOpaque, svcText:
		w.b = append(w.b, raw...)
	case svcNone:
		return len(raw) == 0
	case svcBase64:
		var d base64Decoder
		var ok bool
		w.b, ok = d.append(w.b, raw)
		return ok && d.whole()
	case svcNumber:
		n, ok := parseUint(raw, 1<<16-1)
		w.append16(uint16(n))
		return ok
	case svcStrings, svcPath:
		return w.svcStrings(raw)
	case svcKeys:
		return w.svcKeys(raw)
	default:
		return w.svcItems(kind, raw)
	}
	return true
}

// svcItems appends the items of a list in which no comma can be escaped.
func (w *wordReader) svcItems(kind svcValue, raw []byte) bool {
	for item := range bytes.SplitSeq(raw, []byte(",")) {
		var ok bool
		switch kind {
		case svcIPv4s:
			w.b, ok = appendIPv4(w.b, item)
		case svcIPv6s:
			w.b, ok = appendIPv6(w.b, item)
		case svcNumbers:
			var n uint64
			n, ok = parseUint(item, 1<<16-1)
			w.append16(uint16(n))
		}
		if !ok {
			return false
		}
	}
	return true
}

// svcKeys appends a list of keys, sorted.
func (w *wordReader) svcKeys(raw []byte) bool {
	var keys []SvcKey
	for item := range bytes.SplitSeq(raw, []byte(",")) {
		key, _, ok := parseSvcKey(item)
		if !ok {
			return false
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		w.append16(uint16(key))
	}
	return true
}

// svcStrings appends the items of a list in which "\," is a comma that does
// not end one, and "\\" a backslash (RFC 9460 A.1).
func (w *wordReader) svcStrings(raw []byte) bool {
	if len(raw) == 0 {
		return true
	}
	length := len(w.b)
	w.b = append(w.b, 0)
	for i := 0; i <= len(raw); i++ {
		if i == len(raw) || raw[i] == ',' {
			n := len(w.b) - length - 1
			if n == 0 || n > maxStringLen {
				return false
			}
			w.b[length] = byte(n)
			if i < len(raw) {
				length = len(w.b)
				w.b = append(w.b, 0)
			}
			continue
		}
		if raw[i] == '\\' {
			if i++; i == len(raw) {
				return false
			}
		}
		w.b = append(w.b, raw[i])
	}
	return true
}

// appendSvcParamsText appends parameters with a space in between. A list that
// no zone file may have has no text.
func appendSvcParamsText(b []byte, c *Cursor) []byte {
	p := c.svcParams()
	if p.contradiction() != nil {
		c.Fail(errNoText)
	}
	first := true
	for key, value := range p.All() {
		if !first {
			b = append(b, ' ')
		}
		first = false
		b = append(b, key.String()...)
		if len(value) > 0 {
			b = svcValueOf(key).appendText(append(b, '='), value)
		}
	}
	return b
}

func (v svcValue) appendText(b, value []byte) []byte {
	switch v {
	case svcBase64:
		return appendBase64(b, value)
	case svcStrings, svcPath:
		return appendSvcStringsText(b, value)
	case svcOpaque, svcText, svcNone:
		return appendQuoted(b, value)
	}
	c := CursorOver(value)
	for first := true; c.Len() > 0; first = false {
		if !first {
			b = append(b, ',')
		}
		switch v {
		case svcKeys:
			b = append(b, SvcKey(c.Uint16()).String()...)
		case svcNumber, svcNumbers:
			b = appendUint(b, uint64(c.Uint16()))
		case svcIPv4s:
			b = c.ipv4().AppendTo(b)
		case svcIPv6s:
			b = c.ipv6().AppendTo(b)
		}
	}
	return b
}

// appendSvcStringsText appends a quoted list: an escape of the list within an
// escape of the quotes.
func appendSvcStringsText(b, value []byte) []byte {
	b = append(b, '"')
	first := true
	for s := range CharacterStrings(value).All() {
		if !first {
			b = append(b, ',')
		}
		first = false
		for _, c := range s {
			switch c {
			case ',':
				b = append(b, `\\,`...)
			case '\\':
				b = append(b, `\\\\`...)
			default:
				b = appendEscaped(b, c, c == '"')
			}
		}
	}
	return append(b, '"')
}
