package wire

import "encoding/binary"

// DOA is an object or says where it is; it never got beyond a draft.
type DOA struct {
	Enterprise uint32
	ObjectType uint32
	Location   uint8
	MediaType  []byte
	Data       []byte
}

// Type returns [TypeDOA].
func (*DOA) Type() Type { return TypeDOA }

// Parse reads the wire form.
func (d *DOA) Parse(c *Cursor) error {
	d.Enterprise = c.Uint32()
	d.ObjectType = c.Uint32()
	d.Location = c.Uint8()
	d.MediaType = c.CharacterString()
	d.Data = c.Rest()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *DOA) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = binary.BigEndian.AppendUint32(b, d.Enterprise)
	b = binary.BigEndian.AppendUint32(b, d.ObjectType)
	b = append(b, d.Location)
	b = appendString(b, d.MediaType)
	return append(b, d.Data...)
}

func (d *DOA) validate() error { return requireString("MediaType", d.MediaType) }

// Len is the length of the wire form in octets.
func (d *DOA) Len() int { return 9 + stringLen(d.MediaType) + len(d.Data) }

func (d DOA) String() string { return rdataString(&d) }

// mediaData reads a media type, and base64 or "-" for no data.
func (w *wordReader) mediaData() {
	w.characterString()
	if w.more() && string(w.words[w.next].Text) == "-" {
		w.next++
		return
	}
	w.base64Rest(true)
}

func appendMediaDataText(b []byte, c *Cursor) []byte {
	b = append(appendQuoted(b, c.CharacterString()), ' ')
	if c.Len() == 0 {
		return append(b, '-')
	}
	return appendBase64(b, c.Rest())
}
