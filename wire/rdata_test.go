package wire

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// sample is one block of testdata/rdata.txt.
type sample struct {
	Type    Type
	texts   []string // what follows the type; the first is what we print
	forBIND []string // whole lines that BIND reads
	data    []byte
}

func (s sample) name() string { return s.Type.String() + " " + s.texts[0] }

// loadSamples reads the table. The data comes from the generic form, decoded
// here, so that nothing under test is needed for it.
func loadSamples(t testing.TB) (samples []sample) {
	file, err := os.ReadFile("testdata/rdata.txt")
	if err != nil {
		t.Fatal(err)
	}
	for block := range strings.SplitSeq(strings.TrimSpace(string(file)), "\n\n") {
		if strings.HasPrefix(block, "#") {
			continue
		}
		var s sample
		for line := range strings.SplitSeq(block, "\n") {
			line, noBIND := strings.CutPrefix(line, "~")
			if !noBIND {
				s.forBIND = append(s.forBIND, line)
			}
			mnemonic, text, _ := strings.Cut(line, " ")
			if s.Type, err = ParseType(mnemonic); err != nil {
				t.Fatal(err)
			}
			s.texts = append(s.texts, text)
		}
		last := s.texts[len(s.texts)-1]
		fields := strings.Fields(last)
		if fields[0] != `\#` {
			t.Fatalf("%s: last line is not generic", s.name())
		}
		s.data = unhex(t, strings.Join(fields[2:], ""))
		samples = append(samples, s)
	}
	return samples
}

func unhex(t testing.TB, digits string) []byte {
	b := make([]byte, len(digits)/2)
	for i := range b {
		high, low := strings.IndexByte("0123456789ABCDEF", digits[2*i]), strings.IndexByte("0123456789ABCDEF", digits[2*i+1])
		if high < 0 || low < 0 {
			t.Fatalf("%s is not hex", digits)
		}
		b[i] = byte(high<<4 | low)
	}
	return b
}

// splitWords cuts one line into words, parentheses and comments unknown.
func splitWords(text string) (words []Word) {
	skip := func(i int, end string) int {
		for i < len(text) && !strings.Contains(end, text[i:i+1]) {
			if text[i] == '\\' && i+1 < len(text) {
				i++
			}
			i++
		}
		return i
	}
	for i := 0; i < len(text); {
		switch text[i] {
		case ' ':
			i++
		case '"':
			end := skip(i+1, `"`)
			words = append(words, Word{[]byte(text[i+1 : end]), true})
			i = end + 1
		default:
			end := skip(i, ` "`)
			words = append(words, Word{[]byte(text[i:end]), false})
			i = end
		}
	}
	return words
}

var testOrigin = MustParseName("example.")

func rdataFromText(t testing.TB, typ Type, text string) []byte {
	t.Helper()
	data, err := AppendRdataFromText(nil, typ, splitWords(text), testOrigin)
	if err != nil {
		t.Fatalf("%v %s: %v", typ, text, err)
	}
	return data
}

func TestRdataText(t *testing.T) {
	for _, s := range loadSamples(t) {
		for _, text := range s.texts {
			before := []byte("before")
			got, err := AppendRdataFromText(before, s.Type, splitWords(text), testOrigin)
			if err != nil {
				t.Errorf("%v %s: %v", s.Type, text, err)
			} else if !bytes.Equal(got[len(before):], s.data) {
				t.Errorf("%v %s:\n got %X\nwant %X", s.Type, text, got[len(before):], s.data)
			}
		}
		if got := string(AppendRdataText(nil, s.Type, s.data)); got != s.texts[0] {
			t.Errorf("%v prints %s, want %s", s.Type, got, s.texts[0])
		}
		if err := CheckRdata(s.Type, s.data); err != nil {
			t.Errorf("%s: CheckRdata: %v", s.name(), err)
		}
	}
}

// TestRdataValues takes each sample through its typed value, and through a
// message.
func TestRdataValues(t *testing.T) {
	for _, s := range loadSamples(t) {
		d := NewRdata(s.Type)
		c := CursorOver(s.data)
		if err := d.Parse(&c); err != nil {
			t.Errorf("%s: Parse: %v", s.name(), err)
			continue
		}
		if got := d.AppendTo([]byte("x"), nil)[1:]; !bytes.Equal(got, s.data) {
			t.Errorf("%s: AppendTo gives %X, want %X", s.name(), got, s.data)
		}
		if d.Len() != len(s.data) {
			t.Errorf("%s: Len is %d, want %d", s.name(), d.Len(), len(s.data))
		}
		if d.Type() != s.Type {
			t.Errorf("%s: Type is %v", s.name(), d.Type())
		}
		if got := d.(interface{ String() string }).String(); got != s.texts[0] {
			t.Errorf("%s: String is %s", s.name(), got)
		}

		var w Writer
		w.Reset(nil, 65535)
		w.SetSection(SectionAnswer)
		if err := w.Record(testOrigin, ClassIN, 1, d); err != nil {
			t.Fatal(err)
		}
		typed := bytes.Clone(w.Finish())
		w.Reset(nil, 65535)
		w.SetSection(SectionAnswer)
		if err := w.Raw(testOrigin, s.Type, ClassIN, 1, s.data); err != nil {
			t.Fatal(err)
		}
		message := w.Finish()
		if !bytes.Equal(typed, message) {
			t.Errorf("%s: typed message\n%X, raw\n%X", s.name(), typed, message)
		}

		var r Reader
		if err := r.Reset(message); err != nil {
			t.Fatal(err)
		}
		h, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.AppendRdata([]byte("x"), h.Type)
		if err != nil || !bytes.Equal(got[1:], s.data) {
			t.Errorf("%s: Reader.AppendRdata gives %X, %v", s.name(), got, err)
		}
		d = NewRdata(s.Type)
		if err := r.Parse(d); err != nil {
			t.Errorf("%s: Reader.Parse: %v", s.name(), err)
		} else if got := d.AppendTo(nil, nil); !bytes.Equal(got, s.data) {
			t.Errorf("%s: Reader.Parse gives %X", s.name(), got)
		}
		if err := r.Close(); err != nil {
			t.Errorf("%s: %v", s.name(), err)
		}
	}
}

// isOpen reports whether f takes octets until there are no more, so that
// shorter data may be as good.
func (f field) isOpen() bool {
	switch f {
	case fieldNames, fieldStrings, fieldOptionalString, fieldLongString, fieldHex, fieldBase64, fieldOptionalBase64,
		fieldTypes, fieldAPL, fieldATMA, fieldDigest, fieldFingerprint, fieldZoneDigest, fieldKey, fieldMediaData,
		fieldNSAP, fieldNXTTypes, fieldSvcParams, fieldWKS:
		return true
	}
	return false
}

// lastFieldAt is where the last field of the data starts.
func lastFieldAt(typ Type, data []byte) int {
	l := rdataTypeOf(typ).layout
	c := CursorOver(data)
	for _, f := range l[:len(l)-1] {
		if f.isName() {
			c.Name()
		} else {
			f.skip(&c)
		}
	}
	return c.at
}

// TestRdataCut cuts each sample short everywhere, and makes it longer.
func TestRdataCut(t *testing.T) {
	for _, s := range loadSamples(t) {
		l := rdataTypeOf(s.Type).layout
		if l == nil {
			continue
		}
		open := l[len(l)-1].isOpen()
		for cut := 0; cut <= len(s.data)+1; cut++ {
			data := append(bytes.Clone(s.data), 0)[:cut]
			checked := CheckRdata(s.Type, data)
			c := CursorOver(data)
			d := NewRdata(s.Type)
			parsed := d.Parse(&c)
			if (parsed == nil) != (checked == nil) {
				t.Errorf("%s, %d octets: Parse says %v, CheckRdata %v", s.name(), cut, parsed, checked)
			}
			if checked == nil && cut != len(s.data) && (!open || cut < lastFieldAt(s.Type, s.data)) {
				t.Errorf("%s: %d octets of %d are taken as whole", s.name(), cut, len(s.data))
			}
			if checked != nil && !isRdataError(checked) {
				t.Errorf("%s, %d octets: unexpected kind of error %v", s.name(), cut, checked)
			}
			if parsed == nil {
				if got := d.AppendTo(nil, nil); !bytes.Equal(got, data) {
					t.Errorf("%s, %d octets: value gives %X", s.name(), cut, got)
				}
			}
			// Whatever it is, its text reads back.
			if checked == nil {
				text := string(AppendRdataText(nil, s.Type, data))
				if got := rdataFromText(t, s.Type, text); !bytes.Equal(got, data) {
					t.Errorf("%s, %d octets: text %s gives %X, want %X", s.name(), cut, text, got, data)
				}
			}
		}
	}
}

func isRdataError(err error) bool {
	for _, known := range []error{ErrShort, ErrTrailing, ErrRdata, ErrRdataTooLong, ErrLabelType, ErrNameTooLong, ErrCompressed} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// TestRdataCoverage: every type that may be in a zone has a layout, a value
// and a sample, except those that have no text but the generic one.
func TestRdataCoverage(t *testing.T) {
	sampled := make(map[Type]bool)
	for _, s := range loadSamples(t) {
		sampled[s.Type] = true
	}
	generic := []Type{TypeNULL, TypeUINFO, TypeUID, TypeGID, TypeUNSPEC}
	for typ := range typeNames {
		hasText := !slices.Contains(generic, typ) && (!typ.IsQuestionOnly() || typ == TypeTKEY || typ == TypeTSIG)
		e := rdataTypeOf(typ)
		if (e.layout != nil) != hasText || (e.value != nil) != hasText {
			t.Errorf("%v: layout %v, value %v; want both: %v", typ, e.layout != nil, e.value != nil, hasText)
		}
		if got := NewRdata(typ).Type(); got != typ {
			t.Errorf("NewRdata(%v) is for %v", typ, got)
		}
		if _, isUnknown := NewRdata(typ).(*Unknown); isUnknown == hasText {
			t.Errorf("NewRdata(%v) is %T", typ, NewRdata(typ))
		}
		if hasText && !sampled[typ] {
			t.Errorf("%v has no sample in testdata/rdata.txt", typ)
		}
	}
	for _, typ := range []Type{265, 32767, 32770, 65535} {
		if _, ok := NewRdata(typ).(*Unknown); !ok || CheckRdata(typ, []byte{1}) != nil {
			t.Errorf("%v is not taken as unknown", typ)
		}
	}
}

// TestCompressible holds the list of RFC 3597 4 against the table.
func TestCompressible(t *testing.T) {
	want := []Type{TypeNS, TypeMD, TypeMF, TypeCNAME, TypeSOA, TypeMB, TypeMG, TypeMR, TypePTR, TypeMINFO, TypeMX}
	var got []Type
	for typ := range Type(65535) {
		if compresses(typ) {
			got = append(got, typ)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("compressible: %v, want %v", got, want)
	}
	for typ := range rdataTypes {
		for _, f := range rdataTypes[typ].layout {
			if f == fieldSharedName && !compresses(Type(typ)) {
				t.Errorf("%v has a name to compress after the end of nameShapes", Type(typ))
			}
		}
	}
}

// TestReadCompressed reads names that stand compressed in the data of a
// message, and those that must not be.
func TestReadCompressed(t *testing.T) {
	pointer := "\xC0\x0C" // to the owner of the question
	for _, test := range []struct {
		typ  Type
		data string
		want string // text; "" for an error
	}{
		{TypeNS, pointer, "Example."},
		{TypeNS, "\x01a" + pointer, "a.Example."},
		{TypeSOA, pointer + "\x01b" + pointer + strings.Repeat("\x00", 20), "Example. b.Example. 0 0 0 0 0"},
		{TypeMX, "\x00\x07" + pointer, "7 Example."},
		// Not allowed, but read all the same.
		{TypeSRV, "\x00\x01\x00\x02\x00\x03" + pointer, "1 2 3 Example."},
		{TypeNSEC, pointer + "\x00\x01\x40", "Example. A"},
		{TypeDNAME, pointer, "Example."},
		// If the form of the data depends on other parts, a pointer is an error.
		{TypeIPSECKEY, "\x01\x03\x01" + pointer, ""},
		{TypeHIP, "\x01\x01\x00\x01ab" + pointer, ""},
		{TypeA6, "\x80" + pointer, ""},
		{TypeNS, "\xC0\xFF", ""},
		{TypeNS, pointer + "\x00", ""},
	} {
		message := append([]byte{0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0}, "\x07Example\x00\x00\x01\x00\x01"...)
		message = append(message, "\x00"...)
		message = append(message, byte(test.typ>>8), byte(test.typ), 0, 1, 0, 0, 0, 0, 0, byte(len(test.data)))
		message = append(message, test.data...)
		var r Reader
		if err := r.Reset(message); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		before := []byte("x")
		got, err := r.AppendRdata(before, test.typ)
		if test.want == "" {
			var at *Error
			if !errors.As(err, &at) || at.Section != SectionAnswer || at.Offset < 12 || !bytes.Equal(got, before) {
				t.Errorf("%v %q: %q, %v; want an error that says where", test.typ, test.data, got, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%v %q: %v", test.typ, test.data, err)
			continue
		}
		if text := string(AppendRdataText(nil, test.typ, got[1:])); text != test.want {
			t.Errorf("%v %q: %s, want %s", test.typ, test.data, text, test.want)
		}
		d := NewRdata(test.typ)
		if err := r.Parse(d); err != nil {
			t.Errorf("%v %q: Parse: %v", test.typ, test.data, err)
		} else if got := string(AppendRdataText(nil, test.typ, d.AppendTo(nil, nil))); got != test.want {
			t.Errorf("%v %q: Parse gives %s, want %s", test.typ, test.data, got, test.want)
		}
	}
}

// Data that only fits a message because it is compressed is
// refused when it no longer fits 65535 octets.
func TestRdataTooLong(t *testing.T) {
	long := make([]byte, 65536)
	if err := CheckRdata(TypeNULL, long); !errors.Is(err, ErrRdataTooLong) {
		t.Errorf("65536 octets: %v", err)
	}
	if err := CheckRdata(TypeNULL, long[1:]); err != nil {
		t.Errorf("65535 octets: %v", err)
	}
	word := Word{Text: bytes.Repeat([]byte("x"), 255)}
	for n, want := range map[int]error{255: nil, 256: nil, 257: ErrRdataTooLong} {
		words := slices.Repeat([]Word{word}, n)
		if n == 256 {
			words[0].Text = words[0].Text[:254] // 65535 in all
		}
		if _, err := AppendRdataFromText(nil, TypeTXT, words, Name{}); !errors.Is(err, want) {
			t.Errorf("TXT of %d strings: %v", n, err)
		}
	}
}

func TestCanonicalRdata(t *testing.T) {
	for _, test := range []struct {
		typ        Type
		text, want string
	}{
		{TypeNS, "NS.Example.", "ns.example."},
		{TypeMD, "H.", "h."},
		{TypeMF, "H.", "h."},
		{TypeCNAME, "H.", "h."},
		{TypeSOA, "A. B. 1 2 3 4 5", "a. b. 1 2 3 4 5"},
		{TypeMB, "H.", "h."},
		{TypeMG, "H.", "h."},
		{TypeMR, "H.", "h."},
		{TypePTR, "H.", "h."},
		{TypeHINFO, "CPU OS", `"CPU" "OS"`},
		{TypeMINFO, "A. B.", "a. b."},
		{TypeMX, "10 Mail.", "10 mail."},
		{TypeTXT, "Text", `"Text"`},
		{TypeRP, "A. B.", "a. b."},
		{TypeAFSDB, "1 H.", "1 h."},
		{TypeRT, "1 H.", "1 h."},
		{TypeSIG, "A 5 1 1 1 1 1 S. AAAA", "A 5 1 1 19700101000001 19700101000001 1 s. AAAA"},
		{TypePX, "1 A. B.", "1 a. b."},
		{TypeNXT, "N. A", "n. A"},
		{TypeNAPTR, "1 2 U S R Repl.", `1 2 "U" "S" "R" repl.`},
		{TypeKX, "1 H.", "1 h."},
		{TypeSRV, "1 2 3 H.", "1 2 3 h."},
		{TypeDNAME, "H.", "h."},
		{TypeA6, "64 ::4142 Prefix.", "64 ::4142 prefix."},
		{TypeA6, "0 ::4142", "0 ::4142"},
		{TypeA6, "128 Prefix.", "128 prefix."},
		{TypeRRSIG, "A 5 1 1 1 1 1 S. QUJD", "A 5 1 1 19700101000001 19700101000001 1 s. QUJD"},
		// RFC 6840 5.1: not NSEC. And none of the younger types.
		{TypeNSEC, "N. A", "N. A"},
		{TypeHIP, "1 41 QQ== R.", "1 41 QQ== R."},
		{TypeSVCB, "1 T. alpn=A", `1 T. alpn="A"`},
		{TypeLP, "1 H.", "1 H."},
		{TypeIPSECKEY, "1 3 1 H. QQ==", "1 3 1 H. QQ=="},
		{TypeTALINK, "A. B.", "A. B."},
		{TypeNSAPPTR, "H.", "H."},
		{TypeDSYNC, "CDS 1 53 H.", "CDS NOTIFY 53 H."},
	} {
		data := rdataFromText(t, test.typ, test.text)
		got := AppendCanonicalRdata([]byte("X"), test.typ, data)
		if text := string(AppendRdataText(nil, test.typ, got[1:])); text != test.want || got[0] != 'X' {
			t.Errorf("%v %s: %s, want %s", test.typ, test.text, text, test.want)
		}
	}
	// What is not data of the type stays as it is.
	for _, broken := range []string{"", "\x01", "\x01A", "\x01A\x00B", "\xC0\x0C"} {
		if got := AppendCanonicalRdata(nil, TypeNS, []byte(broken)); string(got) != broken {
			t.Errorf("%q becomes %q", broken, got)
		}
	}
	if got := AppendCanonicalRdata(nil, 65280, []byte("\x01A\x00")); string(got) != "\x01A\x00" {
		t.Errorf("unknown type becomes %q", got)
	}
}

// TestBIND asks BIND's named-rrchecker about every line of the table.
func TestBIND(t *testing.T) {
	program, err := exec.LookPath("named-rrchecker")
	if err != nil {
		t.Skipf("named-rrchecker of BIND is not installed: %v", err)
	}
	if testing.Short() {
		t.Skip("starts a program hundreds of times; -short is set")
	}
	ask := func(option, line string) string {
		t.Helper()
		command := exec.Command(program, "-o", "example.", option)
		command.Stdin = strings.NewReader("IN " + line + "\n")
		out, err := command.CombinedOutput()
		if err != nil {
			t.Errorf("BIND does not read %s: %s", line, out)
		}
		return strings.TrimSpace(string(out))
	}
	for _, s := range loadSamples(t) {
		for _, line := range s.forBIND {
			got := strings.Split(ask("-u", line), "\t")
			if want := string(appendGeneric(nil, s.data)); got[len(got)-1] != want {
				t.Errorf("%s is %s to BIND, %s to us", line, got[len(got)-1], want)
			}
		}
		if len(s.forBIND) == 0 {
			continue
		}
		// BIND breaks long hex and base64 with spaces.
		_, got, _ := strings.Cut(ask("-p", s.forBIND[0]), "\t")
		_, got, _ = strings.Cut(got, "\t")
		if strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(s.texts[0], " ", "") {
			t.Errorf("BIND prints %s, we %s", got, s.texts[0])
		}
	}
}
