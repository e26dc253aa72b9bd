package wire

// Hex and base64 in presentation format. Both may be split over words
// anywhere.

// hexRest reads hex digits, at least two, split over words up to the end.
func (w *wordReader) hexRest(what string) {
	before := len(w.b)
	high, odd := byte(0), false
	for first := true; first || w.more(); first = false {
		text := w.word(what)
		for !odd && len(text) >= 2 { // whole octets, which is nearly everything
			high, low := hexValues[text[0]], hexValues[text[1]]
			if high|low > 15 {
				break
			}
			w.b = append(w.b, high<<4|low)
			text = text[2:]
		}
		for _, c := range text {
			d := hexValues[c]
			if d > 15 {
				w.expected(what)
				return
			}
			if odd {
				w.b = append(w.b, high|d)
			}
			high, odd = d<<4, !odd
		}
	}
	switch {
	case odd:
		w.fail(w.next-1, "expected an even number of hex digits, found %s at the end", quoteForError(w.words[w.next-1].Text))
	case w.err == nil && len(w.b) == before:
		w.expected(what)
	}
}

// hexWord appends the octets that hex digits in one word stand for.
func (w *wordReader) hexWord(text []byte, what string) {
	if len(text) == 0 || len(text)%2 != 0 {
		w.expected(what)
		return
	}
	for i := 0; i < len(text); i += 2 {
		high, low := hexValues[text[i]], hexValues[text[i+1]]
		if high|low > 15 {
			w.expected(what)
			return
		}
		w.b = append(w.b, high<<4|low)
	}
}

// digitValues is what each character stands for in digits, 255 for none.
func digitValues(digits string) (values [256]byte) {
	for i := range values {
		values[i] = 255
	}
	for i := range len(digits) {
		values[digits[i]] = byte(i)
	}
	return values
}

// foldedDigitValues is digitValues for digits whose case means nothing, given
// in lower case.
func foldedDigitValues(digits string) (values [256]byte) {
	values = digitValues(digits)
	for c := 'A'; c <= 'Z'; c++ {
		values[c] = values[fold[c]]
	}
	return values
}

var (
	hexValues       = foldedDigitValues("0123456789abcdef")
	base32HexValues = foldedDigitValues("0123456789abcdefghijklmnopqrstuv")
	base64Values    = digitValues("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
)

// base64Rest reads base64 split over words up to the end. Unless it is
// required there may be none.
func (w *wordReader) base64Rest(required bool) {
	if !required && !w.more() {
		return
	}
	before := len(w.b)
	var d base64Decoder
	for first := true; first || w.more(); first = false {
		var ok bool
		if w.b, ok = d.append(w.b, w.word("base64")); !ok {
			w.expected("base64")
			return
		}
	}
	switch {
	case w.err != nil:
	case !d.whole():
		w.fail(w.next-1, "base64 ends too early: expected a multiple of four characters, found %s at the end",
			quoteForError(w.words[w.next-1].Text))
	case len(w.b) == before:
		w.expected("base64")
	}
}

// base64Word reads one word of base64.
func (w *wordReader) base64Word() {
	var d base64Decoder
	b, ok := d.append(w.b, w.word("base64"))
	if w.err == nil && (!ok || !d.whole()) {
		w.expected("base64")
		return
	}
	w.b = b
}

// base64Decoder decodes base64 that comes in pieces.
type base64Decoder struct {
	bits   uint32
	count  int // characters of the group so far
	padded int // of them "="
}

// append appends what text encodes; false if it is not base64, bits left
// over at the end that are not zero included.
func (d *base64Decoder) append(b, text []byte) ([]byte, bool) {
	if d.count == 0 && d.padded == 0 { // whole groups, which is nearly everything
		for len(text) >= 4 {
			v0, v1, v2, v3 := base64Values[text[0]], base64Values[text[1]], base64Values[text[2]], base64Values[text[3]]
			if v0|v1|v2|v3 > 63 {
				break
			}
			b = append(b, v0<<2|v1>>4, v1<<4|v2>>2, v2<<6|v3)
			text = text[4:]
		}
	}
	for _, c := range text {
		v := base64Values[c]
		switch {
		case c == '=' && d.count >= 2:
			d.padded++
			v = 0
		case v > 63 || d.padded > 0:
			return b, false
		}
		d.bits = d.bits<<6 | uint32(v)
		if d.count++; d.count < 4 {
			continue
		}
		group := [3]byte{byte(d.bits >> 16), byte(d.bits >> 8), byte(d.bits)}
		n := 3 - d.padded
		for _, left := range group[n:] {
			if left != 0 {
				return b, false
			}
		}
		b = append(b, group[:n]...)
		d.bits, d.count = 0, 0 // padded stays: nothing may follow it
	}
	return b, true
}

// whole reports whether what was decoded ended with a group.
func (d *base64Decoder) whole() bool { return d.count == 0 }
