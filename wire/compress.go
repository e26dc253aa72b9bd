package wire

import "encoding/binary"

// Compressor remembers where names stand in the message being written, so
// that later ones can point there (RFC 1035 4.1.4). It is a small fixed table
// without a map or an allocation; when it is full, later names are matched
// against what is in it and not remembered.
//
// A nil *Compressor writes names uncompressed.
type Compressor struct {
	start   int // where the message starts in the buffer
	count   int
	entries [compressorSize]suffix
}

// compressorSize bounds the work per name: a reply that holds more distinct
// suffixes is rare and merely gets longer.
const compressorSize = 48

// suffix is a name written earlier, or what is left of one behind some label.
type suffix struct {
	hash uint32 // of the folded octets, the root left out
	at   uint16 // offset from the start of the message, below 0x4000, at a label's length octet
	len  uint8  // octets of the uncompressed suffix, root included
}

const maxPointer = 0x3FFF

// Reset forgets everything; the message starts at offset start of the buffer.
func (c *Compressor) Reset(start int) { c.start, c.count = start, 0 }

// AppendName appends n to b, the tail of it as a pointer where the message
// has it already, case ignored.
func (c *Compressor) AppendName(b []byte, n Name) []byte {
	if c == nil {
		return n.AppendTo(b)
	}
	if len(n.wire) < 2 {
		return append(b, n.wire...)
	}
	var at [maxLabels + 1]uint8
	var hashes [maxLabels + 1]uint32
	labels := n.labelOffsets(&at)
	hash := uint32(hashBasis)
	for i := labels - 1; i >= 0; i-- {
		hash = hashLabel(hash, n.wire[at[i]:int(at[i])+1+int(n.wire[at[i]])])
		hashes[i] = hash
	}
	written := len(b)
	found, pointer := labels, uint16(0)
search:
	for i := range labels {
		length := uint8(len(n.wire) - int(at[i]))
		for j := range c.entries[:c.count] {
			e := &c.entries[j]
			if e.hash == hashes[i] && e.len == length && c.equalAt(b, int(e.at), n.wire[at[i]:]) {
				found, pointer = i, e.at
				break search
			}
		}
	}
	if found == labels {
		b = append(b, n.wire...)
	} else {
		b = append(b, n.wire[:at[found]]...)
		b = binary.BigEndian.AppendUint16(b, 0xC000|pointer)
	}
	for i := range found {
		offset := written - c.start + int(at[i])
		if c.count == compressorSize || offset > maxPointer {
			break
		}
		c.entries[c.count] = suffix{hashes[i], uint16(offset), uint8(len(n.wire) - int(at[i]))}
		c.count++
	}
	return b
}

// equalAt reports whether the name at offset at of the message in b is n.
func (c *Compressor) equalAt(b []byte, at int, n string) bool {
	msg := b[c.start:]
	for {
		l := int(msg[at])
		if l >= 0xC0 {
			at = (l&0x3F)<<8 | int(msg[at+1])
			continue
		}
		if n[0] != byte(l) {
			return false
		}
		if l == 0 {
			return true
		}
		if !equalFold(string(msg[at+1:at+1+l]), n[1:1+l]) {
			return false
		}
		at += 1 + l
		n = n[1+l:]
	}
}

// FNV-1a, chained from the root towards the left: the hash of a name is that
// of its parent carried on.
const (
	hashBasis = 2166136261
	hashPrime = 16777619
)

func hashLabel(h uint32, label string) uint32 {
	for i := range len(label) {
		h = (h ^ uint32(fold[label[i]])) * hashPrime
	}
	return h
}
