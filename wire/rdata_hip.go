package wire

import (
	"cmp"
	"encoding/binary"
	"fmt"
)

// HIP is the host identity of a host, and where to meet it (RFC 8005 5).
type HIP struct {
	Algorithm  uint8    // of the key
	HIT        []byte   // host identity tag, at most 255 octets
	PublicKey  []byte   // at most 65535 octets
	Rendezvous NameList // rendezvous servers, none or more
}

// Type returns [TypeHIP].
func (*HIP) Type() Type { return TypeHIP }

// Parse reads the wire form.
func (d *HIP) Parse(c *Cursor) error {
	d.Algorithm, d.HIT, d.PublicKey = c.hip()
	d.Rendezvous = c.nameList()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *HIP) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	tag := d.HIT[:min(len(d.HIT), maxStringLen)]
	key := d.PublicKey[:min(len(d.PublicKey), maxRdataLen)]
	b = append(b, byte(len(tag)), d.Algorithm)
	b = binary.BigEndian.AppendUint16(b, uint16(len(key)))
	b = append(append(b, tag...), key...)
	return append(b, d.Rendezvous...)
}

func (d *HIP) validate() error {
	return cmp.Or(requireLength("HIT", d.HIT, maxStringLen), requireLength("PublicKey", d.PublicKey, maxRdataLen), fieldNames.require("Rendezvous", d.Rendezvous))
}

// Len is the length of the wire form in octets.
func (d *HIP) Len() int {
	return 4 + min(len(d.HIT), maxStringLen) + min(len(d.PublicKey), maxRdataLen) + len(d.Rendezvous)
}

func (d HIP) String() string { return rdataString(&d) }

// hip reads all but the rendezvous servers. Neither tag nor key may be empty
// (RFC 8005 5).
func (c *Cursor) hip() (algorithm uint8, tag, key []byte) {
	tagLen := int(c.Uint8())
	algorithm = c.Uint8()
	keyLen := int(c.Uint16())
	if c.err == nil && (tagLen == 0 || keyLen == 0) {
		c.Fail(fmt.Errorf("%w: host identity tag or public key is empty", ErrRdata))
	}
	return algorithm, c.take(tagLen), c.take(keyLen)
}

// hip reads algorithm, tag and key from text.
func (w *wordReader) hip() {
	const what = "a host identity tag of at most 255 octets in hex"
	algorithm := byte(w.number("a number", 1<<8-1))
	head := len(w.b)
	w.b = append(w.b, 0, algorithm, 0, 0)
	if text := w.word(what); text != nil {
		if len(text) > 2*maxStringLen {
			w.expected(what)
			return
		}
		w.hexWord(text, what)
	}
	tag := len(w.b) - head - 4
	w.base64Word()
	key := len(w.b) - head - 4 - tag
	if w.err == nil && (key == 0 || key > maxRdataLen) {
		w.fail(w.next-1, "expected a public key of 1 to 65535 octets, found %d", key)
	}
	w.b[head] = byte(tag)
	binary.BigEndian.PutUint16(w.b[head+2:], uint16(key))
}

func appendHIPText(b []byte, c *Cursor) []byte {
	algorithm, tag, key := c.hip()
	b = append(appendUint(b, uint64(algorithm)), ' ')
	b = append(appendHex(b, tag), ' ')
	return appendBase64(b, key)
}
