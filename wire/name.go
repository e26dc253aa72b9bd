package wire

import (
	"cmp"
	"encoding/binary"
	"unsafe"
)

// Limits of RFC 1035 2.3.4, in octets.
const (
	MaxNameLen  = 255 // a whole name in wire form, root label included
	MaxLabelLen = 63  // one label, without its length octet
	maxLabels   = 127 // labels of one octet that fit a name, root not counted
)

// Name is a domain name in uncompressed wire form with its case kept: each
// label after its length octet, the root label last.
//
// It is an immutable, comparable value of two words. The zero value is "no
// name"; [Root] is a name. Go's == compares octets and so tells Example.com
// from example.com: use [Name.Equal], or a [Key] in maps.
//
// A Name shares the memory it was made from. One that comes out of a [Reader]
// that is used again, or out of a names.Exchange, is borrowed: [Name.Clone]
// keeps it.
type Name struct {
	wire string
}

// Root is the name of the DNS root, ".".
var Root = Name{"\x00"}

// NameFromWire returns the uncompressed name that b starts with and its
// length in octets. The name is a copy.
func NameFromWire(b []byte) (Name, int, error) {
	n, err := wireNameLen(b)
	if err != nil {
		return Name{}, 0, err
	}
	return Name{string(b[:n])}, n, nil
}

// BorrowName returns the uncompressed name that b starts with without a copy.
// The name is valid until b is written to.
func BorrowName(b []byte) (Name, int, error) {
	n, err := wireNameLen(b)
	if err != nil {
		return Name{}, 0, err
	}
	return Name{unsafe.String(unsafe.SliceData(b), n)}, n, nil
}

// StoredName is [BorrowName] for octets that are exactly one name, which a program has
// stored after it was checked: it is not checked again. Other octets make a name that no
// function of this package is safe with.
func StoredName(b []byte) Name {
	checkStored(b)
	return Name{unsafe.String(unsafe.SliceData(b), len(b))}
}

// NameFromLabels joins labels, the leftmost first, to an absolute name.
// A label holds raw octets, not text: a dot in it is part of the label.
func NameFromLabels(labels ...string) (Name, error) {
	b := make([]byte, 0, MaxNameLen)
	for _, l := range labels {
		if len(l) == 0 {
			return Name{}, ErrEmptyLabel
		}
		if len(l) > MaxLabelLen {
			return Name{}, ErrLabelTooLong
		}
		if len(b)+1+len(l)+1 > MaxNameLen {
			return Name{}, ErrNameTooLong
		}
		b = append(b, byte(len(l)))
		b = append(b, l...)
	}
	return Name{string(append(b, 0))}, nil
}

// wireNameLen checks the uncompressed name that b starts with.
func wireNameLen(b []byte) (int, error) {
	for i := 0; i < len(b); {
		l := int(b[i])
		if l > MaxLabelLen {
			if l >= 0xC0 {
				return 0, ErrCompressed
			}
			return 0, ErrLabelType
		}
		i += 1 + l
		if i > MaxNameLen {
			return 0, ErrNameTooLong
		}
		if l == 0 {
			return i, nil
		}
	}
	return 0, ErrShort
}

// IsZero reports whether n is the zero Name, which is not a name.
func (n Name) IsZero() bool { return n.wire == "" }

// IsRoot reports whether n is the root.
func (n Name) IsRoot() bool { return n.wire == "\x00" }

// Len is the length of the wire form in octets: 1 for the root, 0 for no name.
func (n Name) Len() int { return len(n.wire) }

// AppendTo appends the wire form to b.
func (n Name) AppendTo(b []byte) []byte { return append(b, n.wire...) }

// Wire returns the wire form.
func (n Name) Wire() string { return n.wire }

// Clone returns a copy of n that shares no memory with it.
func (n Name) Clone() Name { return Name{string(append([]byte(nil), n.wire...))} }

// LabelCount is the number of labels, the root label not counted.
func (n Name) LabelCount() int {
	count := 0
	for i := 0; i < len(n.wire) && n.wire[i] != 0; i += 1 + int(n.wire[i]) {
		count++
	}
	return count
}

// FirstLabel returns the octets of the leftmost label; "" for the root.
func (n Name) FirstLabel() string {
	if len(n.wire) < 2 {
		return ""
	}
	return n.wire[1 : 1+n.wire[0]]
}

// Parent returns n without its leftmost label. The root and no name have no
// parent and give no name.
func (n Name) Parent() Name {
	if len(n.wire) < 2 {
		return Name{}
	}
	return Name{n.wire[1+n.wire[0]:]}
}

// Ancestor returns the rightmost labels of n, labels of them: n itself where
// it has no more.
func (n Name) Ancestor(labels int) Name {
	for drop := n.LabelCount() - labels; drop > 0; drop-- {
		n = n.Parent()
	}
	return n
}

// Prepend returns the name with label, raw octets, in front of n.
func (n Name) Prepend(label string) (Name, error) {
	if n.IsZero() {
		return Name{}, ErrEmptyName
	}
	if len(label) == 0 {
		return Name{}, ErrEmptyLabel
	}
	if len(label) > MaxLabelLen {
		return Name{}, ErrLabelTooLong
	}
	if 1+len(label)+len(n.wire) > MaxNameLen {
		return Name{}, ErrNameTooLong
	}
	return Name{string(rune(len(label))) + label + n.wire}, nil
}

// IsWildcard reports whether the leftmost label is a lone asterisk (RFC 4592 2.1.1).
func (n Name) IsWildcard() bool {
	return len(n.wire) > 2 && n.wire[0] == 1 && n.wire[1] == '*'
}

// Equal reports whether n and o are the same name: case is ignored in ASCII
// letters and nowhere else (RFC 4343).
func (n Name) Equal(o Name) bool {
	if len(n.wire) != len(o.wire) {
		return false
	}
	return n.wire == o.wire || equalFold(n.wire, o.wire)
}

// HasSuffix reports whether n is zone or a name below it, case ignored.
// No name has no suffix and is none.
func (n Name) HasSuffix(zone Name) bool {
	if zone.wire == "" {
		return false
	}
	for skip := len(n.wire) - len(zone.wire); skip >= 0; {
		if skip == 0 {
			return equalFold(n.wire, zone.wire)
		}
		label := 1 + int(n.wire[0])
		if label > skip {
			return false
		}
		n.wire = n.wire[label:]
		skip -= label
	}
	return false
}

// Compare orders names canonically (RFC 4034 6.1): label by label from the
// root, as unsigned octets with upper case read as lower case. No name comes
// before the root.
func (n Name) Compare(o Name) int {
	var atN, atO [maxLabels + 1]uint8
	i, j := n.labelOffsets(&atN), o.labelOffsets(&atO)
	for i > 0 && j > 0 {
		i--
		j--
		a, b := n.labelAt(atN[i]), o.labelAt(atO[j])
		if c := compareFold(a, b); c != 0 {
			return c
		}
	}
	if i == 0 && j == 0 {
		return cmp.Compare(len(n.wire), len(o.wire))
	}
	return cmp.Compare(i, j)
}

// labelOffsets fills at with where each label starts and returns how many there are.
func (n Name) labelOffsets(at *[maxLabels + 1]uint8) int {
	count := 0
	for i := 0; i < len(n.wire) && n.wire[i] != 0; i += 1 + int(n.wire[i]) {
		at[count] = uint8(i)
		count++
	}
	return count
}

func (n Name) labelAt(offset uint8) string {
	return n.wire[int(offset)+1 : int(offset)+1+int(n.wire[offset])]
}

// Fold returns n with its ASCII letters in lower case.
func (n Name) Fold() Name {
	for i := range len(n.wire) {
		if fold[n.wire[i]] != n.wire[i] {
			return Name{string(n.AppendFolded(make([]byte, 0, MaxNameLen)))}
		}
	}
	return n
}

// AppendFolded appends the wire form in lower case to b.
func (n Name) AppendFolded(b []byte) []byte {
	b = append(b, n.wire...)
	own := b[len(b)-len(n.wire):]
	for ; len(own) >= 8; own = own[8:] {
		binary.LittleEndian.PutUint64(own, FoldWord(binary.LittleEndian.Uint64(own)))
	}
	for i := range own {
		own[i] = fold[own[i]]
	}
	return b
}

// fold maps ASCII upper case to lower case and every other octet to itself.
// Length octets are at most 63 and so below 'A': a whole wire form may be
// folded without looking where its labels end.
var fold = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = byte(c) + 'a' - 'A'
	}
	return t
}()

// FoldByte returns c in lower case if it is an ASCII letter.
func FoldByte(c byte) byte { return fold[c] }

// FoldWord is [FoldByte] for eight octets at once. Length octets of labels are at
// most 63, below 'A': names in wire form can be folded without looking where
// their labels end.
//
// Adding to the low seven bits of an octet carries into its top bit if the octet
// is at least 'A', or above 'Z'. ASCII octets for which only the first holds get
// bit 5.
func FoldWord(w uint64) uint64 {
	const ones = 0x0101010101010101
	low := w & (0x7F * ones)
	atLeastA, aboveZ := low+(0x80-'A')*ones, low+(0x7F-'Z')*ones
	upper := (atLeastA ^ aboveZ) &^ w & (0x80 * ones)
	return w | upper>>2
}

// equalFold compares two strings of one length.
func equalFold(a, b string) bool {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] != b[i] && fold[a[i]] != fold[b[i]] {
			return false
		}
	}
	return true
}

func compareFold(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if c := cmp.Compare(fold[a[i]], fold[b[i]]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}
