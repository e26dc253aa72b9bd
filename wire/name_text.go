package wire

import (
	"fmt"
	"strconv"
)

// ParseName reads a name in presentation format (RFC 1035 5.1: \X, \DDD). The
// name is taken as absolute whether or not it ends in a dot, as dig takes it.
func ParseName(text string) (Name, error) {
	var buf [MaxNameLen]byte
	b, err := AppendNameFromText(buf[:0], text, Root)
	if err != nil {
		return Name{}, fmt.Errorf("name %s: %w", quoteForError(text), err)
	}
	return Name{string(b)}, nil
}

// MustParseName is [ParseName] for names known to be right; it panics otherwise.
func MustParseName(text string) Name {
	n, err := ParseName(text)
	if err != nil {
		panic(err)
	}
	return n
}

// AppendNameFromText appends the wire form of a name in presentation format
// to b. A name without a final dot is completed with origin, "@" is origin
// itself. On an error b is returned as it was.
func AppendNameFromText[T string | []byte](b []byte, text T, origin Name) ([]byte, error) {
	start := len(b)
	if len(text) == 0 {
		return b, ErrEmptyName
	}
	if len(text) == 1 && text[0] == '@' {
		if origin.IsZero() {
			return b, ErrNoOrigin
		}
		return append(b, origin.wire...), nil
	}
	if len(text) == 1 && text[0] == '.' {
		return append(b, 0), nil
	}
	b, open, err := appendLabels(b, text)
	if err != nil {
		return b[:start], err
	}
	if len(b)-open == 1 { // the text ended in a dot: the open label is the root
		b[open] = 0
		return b, nil
	}
	if origin.IsZero() {
		return b[:start], ErrNoOrigin
	}
	b[open] = byte(len(b) - open - 1)
	if len(b)-start+len(origin.wire) > MaxNameLen {
		return b[:start], ErrNameTooLong
	}
	return append(b, origin.wire...), nil
}

// appendLabels appends the labels in text. The last of them is open: its length
// octet, at open, is not set. Without escapes the wire form is the text after
// one more octet, with a length where there was a dot in front of a label.
func appendLabels[T string | []byte](b []byte, text T) (_ []byte, open int, err error) {
	if len(text) >= MaxNameLen {
		return appendEscapedLabels(b, text)
	}
	open = len(b)
	b = append(append(b, 0), text...)
	for i := open + 1; i < len(b); i++ {
		switch b[i] {
		case '.':
			length := i - open - 1
			if length == 0 {
				return b, open, ErrEmptyLabel
			}
			if length > MaxLabelLen {
				return b, open, ErrLabelTooLong
			}
			b[open] = byte(length)
			open = i
		case '\\':
			return appendEscapedLabels(b[:len(b)-len(text)-1], text)
		}
	}
	if len(b)-open-1 > MaxLabelLen {
		return b, open, ErrLabelTooLong
	}
	return b, open, nil
}

// appendEscapedLabels is appendLabels for any text, octet by octet.
func appendEscapedLabels[T string | []byte](b []byte, text T) (_ []byte, open int, err error) {
	start := len(b)
	open = start
	b = append(b, 0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch c {
		case '.':
			if len(b)-open == 1 {
				return b, open, ErrEmptyLabel
			}
			b[open] = byte(len(b) - open - 1)
			open = len(b)
			b = append(b, 0)
			if len(b)-start > MaxNameLen {
				return b, open, ErrNameTooLong
			}
			continue
		case '\\':
			octet, width, err := unescape(text[i:])
			if err != nil {
				return b, open, err
			}
			c = octet
			i += width - 1
		}
		b = append(b, c)
		if len(b)-open-1 > MaxLabelLen {
			return b, open, ErrLabelTooLong
		}
		if len(b)-start > MaxNameLen {
			return b, open, ErrNameTooLong
		}
	}
	return b, open, nil
}

// unescape reads the escape that text starts with: the octet it stands for
// and how many octets of text it takes.
func unescape[T string | []byte](text T) (octet byte, width int, err error) {
	if len(text) < 2 {
		return 0, 0, ErrEscape
	}
	if !isDigit(text[1]) {
		return text[1], 2, nil
	}
	if len(text) < 4 || !isDigit(text[2]) || !isDigit(text[3]) {
		return 0, 0, ErrEscape
	}
	v := int(text[1]-'0')*100 + int(text[2]-'0')*10 + int(text[3]-'0')
	if v > 255 {
		return 0, 0, ErrEscape
	}
	return byte(v), 4, nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// String returns the presentation form with its final dot, "" for no name.
func (n Name) String() string {
	if n.wire == "" {
		return ""
	}
	return string(n.AppendText(make([]byte, 0, len(n.wire)+8)))
}

// AppendText appends the presentation form to b. What it writes reads back to
// the same octets.
func (n Name) AppendText(b []byte) []byte {
	if n.IsRoot() {
		return append(b, '.')
	}
	for i := 0; i < len(n.wire) && n.wire[i] != 0; {
		end := i + 1 + int(n.wire[i])
		label := n.wire[i+1 : end]
		for label != "" {
			plain := 0
			for plain < len(label) && isPlain[label[plain]] {
				plain++
			}
			b = append(b, label[:plain]...)
			if label = label[plain:]; label != "" {
				b = appendEscaped(b, label[0], isNameSpecial(label[0]))
				label = label[1:]
			}
		}
		b = append(b, '.')
		i = end
	}
	return b
}

// isPlain says which octets are written as they are, in names and between quotes.
var isPlain = func() (plain [256]bool) {
	for c := byte('!'); c <= '~'; c++ {
		plain[c] = !isNameSpecial(c)
	}
	return plain
}()

// isNameSpecial reports whether c needs a backslash inside a label: what a
// zone file or a shell of ours would read as something else.
func isNameSpecial(c byte) bool {
	switch c {
	case '.', ';', '\\', '(', ')', '"', '@', '$':
		return true
	}
	return false
}

// appendEscaped appends one octet in presentation form: \DDD if it cannot
// be printed, \X where special says so.
func appendEscaped(b []byte, c byte, special bool) []byte {
	switch {
	case c <= ' ' || c > '~':
		return append(b, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
	case special:
		return append(b, '\\', c)
	}
	return append(b, c)
}

// quoteForError shows text from a stranger's file in an error, bounded.
func quoteForError[T string | []byte](text T) string {
	const most = 60
	if len(text) > most {
		return strconv.Quote(string(text[:most])) + "…"
	}
	return strconv.Quote(string(text))
}
