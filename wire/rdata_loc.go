package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// LOC is where the owner is on the earth (RFC 1876 2). Sizes are a digit and
// the number of zeros after it, four bits each, in centimetres.
type LOC struct {
	Version             uint8 // 0
	Size                uint8
	HorizontalPrecision uint8
	VerticalPrecision   uint8
	Latitude            uint32 // thousandths of a second of arc, 1<<31 is the equator
	Longitude           uint32 // thousandths of a second of arc, 1<<31 is Greenwich
	Altitude            uint32 // centimetres above 100000 m below WGS 84's spheroid
}

// Type returns [TypeLOC].
func (*LOC) Type() Type { return TypeLOC }

// Parse reads the wire form.
func (d *LOC) Parse(c *Cursor) error {
	*d = c.loc()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *LOC) AppendTo(b []byte, _ *Compressor) []byte {
	if d.check() != nil {
		return b
	}
	b = append(b, d.Version, d.Size, d.HorizontalPrecision, d.VerticalPrecision)
	b = binary.BigEndian.AppendUint32(b, d.Latitude)
	b = binary.BigEndian.AppendUint32(b, d.Longitude)
	return binary.BigEndian.AppendUint32(b, d.Altitude)
}

// Len is the length of the wire form in octets.
func (d *LOC) Len() int { return 16 }

func (d LOC) String() string { return rdataString(&d) }

const (
	locEquator  = 1 << 31
	locDegree   = 3600 * 1000 // thousandths of a second of arc
	locMinute   = 60 * 1000
	locSeaLevel = 100000 * 100 // centimetres
)

// loc reads the whole data. Of versions but 0 nothing may be assumed (RFC 1876
// 2), so they are errors.
func (c *Cursor) loc() LOC {
	d := LOC{
		Version: c.Uint8(), Size: c.Uint8(), HorizontalPrecision: c.Uint8(), VerticalPrecision: c.Uint8(),
		Latitude: c.Uint32(), Longitude: c.Uint32(), Altitude: c.Uint32(),
	}
	if err := d.check(); err != nil {
		c.Fail(err)
	}
	return d
}

func (d *LOC) validate() error { return d.check() }

// check reports what no location can be.
func (d LOC) check() error {
	switch {
	case d.Version != 0:
		return fmt.Errorf("%w: location of version %d", ErrRdata, d.Version)
	case !isLOCSize(d.Size), !isLOCSize(d.HorizontalPrecision), !isLOCSize(d.VerticalPrecision):
		return fmt.Errorf("%w: size or precision is not two decimal digits", ErrRdata)
	case awayFrom(d.Latitude) > 90*locDegree, awayFrom(d.Longitude) > 180*locDegree:
		return fmt.Errorf("%w: latitude beyond 90 or longitude beyond 180 degrees", ErrRdata)
	}
	return nil
}

func isLOCSize(s uint8) bool { return s>>4 <= 9 && s&0xF <= 9 }

// awayFrom is how far angle is from the equator or from Greenwich.
func awayFrom(angle uint32) uint32 {
	if angle >= locEquator {
		return angle - locEquator
	}
	return locEquator - angle
}

// loc reads latitude, longitude, altitude and up to three sizes (RFC 1876 3).
func (w *wordReader) loc() {
	latitude := w.angle("a latitude", 90, 'n', 's')
	longitude := w.angle("a longitude", 180, 'e', 'w')
	altitude := w.altitude()
	w.b = append(w.b, 0)
	for _, def := range [...]uint8{0x12, 0x16, 0x13} { // 1 m, 10000 m, 10 m
		if w.more() {
			def = w.locSize()
		}
		w.b = append(w.b, def)
	}
	w.append32(latitude)
	w.append32(longitude)
	w.append32(altitude)
}

// angle reads degrees, minutes and seconds, the latter two optional, and a
// letter for the side.
func (w *wordReader) angle(what string, most uint64, plus, minus byte) uint32 {
	thousandths := w.number(what+": degrees", most) * locDegree
	for part := 0; ; part++ {
		text := w.word(what + ": its direction")
		if text == nil {
			return 0
		}
		if len(text) == 1 && fold[text[0]] == plus {
			return w.checkAngle(what, most, thousandths) + locEquator
		}
		if len(text) == 1 && fold[text[0]] == minus {
			return locEquator - w.checkAngle(what, most, thousandths)
		}
		switch part {
		case 0:
			minutes, ok := parseUint(text, 59)
			if !ok {
				w.expected("minutes from 0 to 59, or the letter of a direction")
			}
			thousandths += minutes * locMinute
		case 1:
			seconds, ok := parseDecimal(text, 59, 3)
			if !ok {
				w.expected("seconds from 0 to 59.999, or the letter of a direction")
			}
			thousandths += seconds
		default:
			w.expected("the letter of a direction")
		}
	}
}

func (w *wordReader) checkAngle(what string, most, thousandths uint64) uint32 {
	if thousandths > most*locDegree {
		w.fail(w.next-1, "expected %s of at most %d degrees", what, most)
		return 0
	}
	return uint32(thousandths)
}

// altitude reads metres with up to two decimals, below sea level too.
func (w *wordReader) altitude() uint32 {
	const what = "an altitude from -100000.00m to 42849672.95m"
	text := w.word(what)
	if text == nil {
		return 0
	}
	number, below := bytes.CutPrefix(trimMetres(text), []byte("-"))
	if !below {
		number = bytes.TrimPrefix(number, []byte("+"))
	}
	cm, ok := parseDecimal(number, 42849672, 2)
	switch {
	case !ok, below && cm > locSeaLevel, !below && cm > 1<<32-1-locSeaLevel:
		w.expected(what)
		return 0
	case below:
		return locSeaLevel - uint32(cm)
	}
	return locSeaLevel + uint32(cm)
}

// locSize reads a size in metres. Only its first digit is kept, and how many
// follow (RFC 1876 2).
func (w *wordReader) locSize() uint8 {
	const what = "a size from 0.00m to 90000000.00m"
	cm, ok := parseDecimal(trimMetres(w.word(what)), 90000000, 2)
	if !ok || cm > 9e9 {
		w.expected(what)
		return 0
	}
	zeros := uint8(0)
	for ; cm > 9; zeros++ {
		cm /= 10
	}
	return uint8(cm)<<4 | zeros
}

// trimMetres cuts the unit off, which may be missing.
func trimMetres(text []byte) []byte {
	if n := len(text); n > 0 && fold[text[n-1]] == 'm' {
		return text[:n-1]
	}
	return text
}

// parseDecimal reads a number whose whole part is at most limit, with at most
// so many decimals, and returns it without the point: 1.5 with 3 decimals is
// 1500.
func parseDecimal(text []byte, limit uint64, decimals int) (uint64, bool) {
	whole, fraction, hasPoint := bytes.Cut(text, []byte("."))
	n, ok := parseUint(whole, limit)
	if !ok || len(fraction) > decimals || hasPoint && len(fraction) == 0 {
		return 0, false
	}
	for i := range decimals {
		digit := uint64(0)
		if i < len(fraction) {
			if !isDigit(fraction[i]) {
				return 0, false
			}
			digit = uint64(fraction[i] - '0')
		}
		n = n*10 + digit
	}
	return n, true
}

func appendLOCText(b []byte, c *Cursor) []byte {
	d := c.loc()
	b = appendAngle(b, d.Latitude, 'N', 'S')
	b = appendAngle(b, d.Longitude, 'E', 'W')
	if d.Altitude < locSeaLevel {
		b = append(b, '-')
		b = appendDecimal(b, locSeaLevel-uint64(d.Altitude), 100)
	} else {
		b = appendDecimal(b, uint64(d.Altitude)-locSeaLevel, 100)
	}
	b = append(b, 'm')
	for _, size := range [...]uint8{d.Size, d.HorizontalPrecision, d.VerticalPrecision} {
		if size > 0 && size < 0x10 {
			c.Fail(errNoText) // zero with zeros after it
		}
		cm := uint64(size >> 4)
		for range size & 0xF {
			cm *= 10
		}
		b = append(b, ' ')
		if cm < 100 {
			b = appendDecimal(b, cm, 100)
		} else {
			b = appendUint(b, cm/100)
		}
		b = append(b, 'm')
	}
	return b
}

// appendAngle appends an angle and a space.
func appendAngle(b []byte, angle uint32, plus, minus byte) []byte {
	side := plus
	if angle < locEquator {
		side = minus
	}
	away := uint64(awayFrom(angle))
	b = append(appendUint(b, away/locDegree), ' ')
	b = append(appendUint(b, away%locDegree/locMinute), ' ')
	b = append(appendDecimal(b, away%locMinute, 1000), ' ')
	return append(b, side, ' ')
}

// appendDecimal appends n with a point before the last digits: two where unit
// is 100, three if it is 1000.
func appendDecimal(b []byte, n, unit uint64) []byte {
	b = append(appendUint(b, n/unit), '.')
	for unit /= 10; unit > 0; unit /= 10 {
		b = append(b, byte('0'+n/unit%10))
	}
	return b
}
