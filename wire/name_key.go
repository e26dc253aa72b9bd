package wire

import "strings"

// Key is a name as a map key and in canonical order: labels folded to lower
// case, the root first. Equality, order (RFC 4034 6.1) and "is below" are
// plain comparison, comparison and prefix of its octets.
//
// Each label, the root's empty one included, ends in a zero octet; a zero or
// one inside a label is written as two octets so that order is kept. The zero
// value is the key of no name.
type Key struct {
	folded string
}

// Key returns the key of n.
func (n Name) Key() Key {
	if n.wire == "" {
		return Key{}
	}
	var buf [2*MaxNameLen + 1]byte
	return Key{string(n.AppendKey(buf[:0]))}
}

// AppendKey appends the octets of n's key to b, for callers that keep keys in
// memory of their own.
func (n Name) AppendKey(b []byte) []byte {
	var at [maxLabels + 1]uint8
	b = append(b, 0)
	for i := n.labelOffsets(&at) - 1; i >= 0; i-- {
		label := n.labelAt(at[i])
		for j := range len(label) {
			switch c := fold[label[j]]; c {
			case 0, 1:
				b = append(b, 1, c+1)
			default:
				b = append(b, c)
			}
		}
		b = append(b, 0)
	}
	return b
}

// Compare orders keys canonically.
func (k Key) Compare(o Key) int { return strings.Compare(k.folded, o.folded) }

// HasSuffix reports whether k is the key of zone's name or of a name below it.
func (k Key) HasSuffix(zone Key) bool {
	return zone.folded != "" && strings.HasPrefix(k.folded, zone.folded)
}

// IsZero reports whether k is the key of no name.
func (k Key) IsZero() bool { return k.folded == "" }

// Name returns the name of k, in lower case.
func (k Key) Name() Name {
	if k.folded == "" {
		return Name{}
	}
	var buf [MaxNameLen]byte
	at := len(buf) - 1 // filled from the back: the root is the last octet
	rest := k.folded[1:]
	for rest != "" {
		end := strings.IndexByte(rest, 0)
		var label [MaxLabelLen]byte
		l := 0
		for i := 0; i < end; i++ {
			c := rest[i]
			if c == 1 {
				i++
				c = rest[i] - 1
			}
			label[l] = c
			l++
		}
		at -= l
		copy(buf[at:], label[:l])
		at--
		buf[at] = byte(l)
		rest = rest[end+1:]
	}
	return Name{string(buf[at:])}
}
