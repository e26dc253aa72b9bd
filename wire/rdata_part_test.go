package wire

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// cutRandomly cuts text into words anywhere.
func cutRandomly(random *rand.Rand, text string) (words []Word) {
	for text != "" {
		n := 1 + random.IntN(len(text))
		words = append(words, Word{Text: []byte(text[:n])})
		text = text[n:]
	}
	return words
}

func randomOctets(random *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// TestEncodings holds base64, hex and base32hex against those of the standard
// library, which can neither read pieces nor lower case.
func TestEncodings(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		octets := randomOctets(random, 1+random.IntN(40))
		mixed := func(text string) string {
			b := []byte(text)
			for i := range b {
				if random.IntN(2) == 0 {
					b[i] = fold[b[i]]
				}
			}
			return string(b)
		}
		for _, test := range []struct {
			typ    Type
			before []string // words
			text   string
			pieces bool
			data   []byte
		}{
			{TypeDHCID, nil, base64.StdEncoding.EncodeToString(octets), true, octets},
			{TypeEID, nil, mixed(hex.EncodeToString(octets)), true, octets},
			{TypeNSEC3, strings.Fields("0 0 0 -"), mixed(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(octets)), false,
				slices.Concat([]byte{0, 0, 0, 0, 0, byte(len(octets))}, octets)},
		} {
			var words []Word
			for _, text := range test.before {
				words = append(words, Word{Text: []byte(text)})
			}
			if test.pieces {
				words = append(words, cutRandomly(random, test.text)...)
			} else {
				words = append(words, Word{Text: []byte(test.text)})
			}
			got, err := AppendRdataFromText(nil, test.typ, words, Root)
			if err != nil || !bytes.Equal(got, test.data) {
				t.Fatalf("%v %s: %X, %v; want %X", test.typ, test.text, got, err, test.data)
			}
			text := string(AppendRdataText(nil, test.typ, got))
			if back := rdataFromText(t, test.typ, text); !bytes.Equal(back, got) {
				t.Fatalf("%v: %X prints %s", test.typ, got, text)
			}
		}
	}
}

// TestBadBase64 cuts and changes base64 and expects the library's verdict.
func TestBadBase64(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	strict := base64.StdEncoding.Strict()
	for range 20000 {
		text := []byte(base64.StdEncoding.EncodeToString(randomOctets(random, 1+random.IntN(8))))
		text[random.IntN(len(text))] = "=+/Az0-*"[random.IntN(8)]
		text = text[:1+random.IntN(len(text))]
		want, wantErr := strict.DecodeString(string(text))
		got, err := AppendRdataFromText(nil, TypeDHCID, []Word{{Text: text}}, Root)
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%s: %X, %v; want %X, %v", text, got, err, want, wantErr)
		}
	}
}

func TestIPv4Text(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 20000 {
		text := make([]byte, 0, 16)
		for range 1 + random.IntN(5) {
			text = appendUint(text, uint64(random.IntN(300)))
			text = append(text, '.')
		}
		text = text[:len(text)-random.IntN(2)]
		text[random.IntN(len(text))] = "0123456789.. -x:"[random.IntN(16)]
		got, ok := appendIPv4(nil, text)
		want, err := netip.ParseAddr(string(text))
		if wantOK := err == nil && want.Is4(); ok != wantOK || ok && !bytes.Equal(got, want.AsSlice()) {
			t.Fatalf("%s: %v %v, want %v", text, got, ok, want)
		}
	}
}

func TestIPv6Text(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	right := 0
	for range 50000 {
		groups := make([]string, 1+random.IntN(9))
		for i := range groups {
			groups[i] = "2001"[:random.IntN(5)]
		}
		if random.IntN(8) == 0 {
			groups[len(groups)-1] = "192.0.2.1"
		}
		if random.IntN(2) == 0 {
			groups[random.IntN(len(groups))] = ""
		}
		text := []byte(strings.Join(groups, ":"))
		for range random.IntN(3) {
			text = slices.Insert(text, random.IntN(len(text)+1), "0123aF9g::::.%"[random.IntN(14)])
		}
		got, ok := appendIPv6(nil, text)
		want, err := netip.ParseAddr(string(text))
		if wantOK := err == nil && want.Is6() && want.Zone() == ""; ok != wantOK || ok && !bytes.Equal(got, want.AsSlice()) {
			t.Fatalf("%s: %v %v, want %v", text, got, ok, want)
		}
		if ok {
			right++
		}
	}
	if right < 1000 {
		t.Errorf("%d of the addresses were right: the test shows little", right)
	}
}

func TestParsePeriod(t *testing.T) {
	for text, want := range map[string]uint32{
		"0": 0, "4294967295": 1<<32 - 1, "1h30m": 5400, "1H30M": 5400, "1w2d3h4m5s": 788645,
		"30m1h": 5400, "7101w": 7101 * 604800, "1h30": 3630, "0s": 0, "00010": 10,
	} {
		if got, ok := parsePeriod([]byte(text)); !ok || got != want {
			t.Errorf("%s: %d %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "h", "1x", "1hh", "-1", "1.5h", "4294967296", "7102w", "1h ", "7101w99999999", "99999999999999999999s"} {
		if got, ok := parsePeriod([]byte(text)); ok {
			t.Errorf("%s is taken as %d", text, got)
		}
	}
}

// TestTypeBitmap holds bitmaps against a map.
func TestTypeBitmap(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 40 {
		set := make(map[Type]bool)
		var types []Type
		for range random.IntN(60) {
			typ := Type(random.IntN(1 << (1 + random.IntN(16))))
			types = append(types, typ)
			set[typ] = true
		}
		bitmap := TypeBitmap(AppendTypeBitmap([]byte("x"), types)[1:])
		c := CursorOver(bitmap)
		if c.typeBitmap(); c.Close() != nil {
			t.Fatalf("%v: %X: %v", types, bitmap, c.Err())
		}
		for typ := range Type(65535) {
			if bitmap.Has(typ) != set[typ] {
				t.Fatalf("%v: Has(%d) is %v", types, typ, bitmap.Has(typ))
			}
		}
		listed := slices.Collect(bitmap.All())
		if len(listed) != len(set) || !slices.IsSorted(listed) {
			t.Fatalf("%v: All gives %v", types, listed)
		}
		for _, typ := range listed {
			if !set[typ] {
				t.Fatalf("%v: All gives %v", types, typ)
			}
		}
	}
	for _, broken := range []string{"\x00", "\x00\x05\x40", "\x00\x01"} {
		if TypeBitmap(broken).Has(TypeA) || len(slices.Collect(TypeBitmap(broken).All())) != 0 {
			t.Errorf("%q has types", broken)
		}
	}
}

func TestNXTBitmap(t *testing.T) {
	data := rdataFromText(t, TypeNXT, ". A NXT MX")
	bitmap := NXTBitmap(data[1:])
	if got := slices.Collect(bitmap.All()); !slices.Equal(got, []Type{TypeA, TypeMX, TypeNXT}) {
		t.Errorf("All gives %v", got)
	}
	if !bitmap.Has(TypeMX) || bitmap.Has(TypeNS) || bitmap.Has(TypeCAA) {
		t.Error("Has is wrong")
	}
}

func TestCharacterStrings(t *testing.T) {
	long := strings.Repeat("ab", 300)
	list := CharacterStrings(nil).Append("x").Append("").Append(long)
	var got []string
	for s := range list.All() {
		got = append(got, string(s))
	}
	if !slices.Equal(got, []string{"x", "", long[:255], long[255:510], long[510:]}) {
		t.Errorf("%q", got)
	}
	for range CharacterStrings("\x05abc").All() {
		t.Error("a string that is cut short is listed")
	}
}

func TestNameList(t *testing.T) {
	data := rdataFromText(t, TypeHIP, "1 AA AAAA a. b.c. .")
	var hip HIP
	c := CursorOver(data)
	if err := hip.Parse(&c); err != nil {
		t.Fatal(err)
	}
	var got []string
	for n := range hip.Rendezvous.All() {
		got = append(got, n.String())
	}
	if !slices.Equal(got, []string{"a.", "b.c.", "."}) {
		t.Errorf("%q", got)
	}
}

func TestAPLItems(t *testing.T) {
	data := rdataFromText(t, TypeAPL, "1:192.0.2.0/24 !2:ff00::/8")
	got := slices.Collect(APLItems(data).All())
	if len(got) != 2 ||
		got[0].Family != 1 || got[0].Prefix != 24 || got[0].Negated || string(got[0].Address) != "\xC0\x00\x02" ||
		got[1].Family != 2 || got[1].Prefix != 8 || !got[1].Negated || string(got[1].Address) != "\xFF" {
		t.Errorf("%+v", got)
	}
	// A family that is none of ours has no text but may be received.
	other := []byte("\x40\x05\x00\x02ab")
	if err := CheckRdata(TypeAPL, other); err != nil {
		t.Error(err)
	}
	if text := string(AppendRdataText(nil, TypeAPL, other)); text != `\# 6 400500026162` {
		t.Error(text)
	}
}

func TestSvcParams(t *testing.T) {
	var p SvcParams
	p = p.Set(SvcPort, []byte{1, 187}).Set(SvcALPN, []byte("\x02h2")).Set(667, nil)
	p = p.Set(SvcPort, []byte{0, 53})
	d := SVCB{Priority: 1, Target: Root, Params: p}
	if got, want := d.String(), `1 . alpn="h2" port=53 key667`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if v, ok := p.Get(SvcPort); !ok || string(v) != "\x00\x35" {
		t.Errorf("port: %X %v", v, ok)
	}
	if _, ok := p.Get(SvcECH); ok {
		t.Error("ech is there")
	}
	var keys []SvcKey
	for k := range p.All() {
		keys = append(keys, k)
	}
	if !slices.Equal(keys, []SvcKey{SvcALPN, SvcPort, 667}) {
		t.Errorf("%v", keys)
	}
}

// TestSvcParamWords: a value is quoted as a word of its own, inside the word,
// or not at all.
func TestSvcParamWords(t *testing.T) {
	want := rdataFromText(t, TypeHTTPS, "1 . alpn=h2,h3 port=443")
	plain := func(text string) Word { return Word{Text: []byte(text)} }
	quoted := func(text string) Word { return Word{Text: []byte(text), Quoted: true} }
	for _, words := range [][]Word{
		{plain("1"), plain("."), plain(`alpn="h2,h3"`), plain(`port="443"`)},
		{plain("1"), plain("."), plain("alpn="), quoted("h2,h3"), plain("port="), quoted("443")},
		{plain("1"), plain("."), quoted("port=443"), quoted("alpn=h2,h3")},
	} {
		if got, err := AppendRdataFromText(nil, TypeHTTPS, words, Root); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: %X, %v", words, got, err)
		}
	}
}

// TestSelfContradiction: such SVCB data may be received, and its text is one
// that reads back.
func TestSelfContradiction(t *testing.T) {
	for _, data := range []string{
		"\x00\x01\x00\x00\x00\x00\x02\x00\x01",                              // mandatory=alpn
		"\x00\x01\x00\x00\x00\x00\x04\x00\x01\x00\x05\x00\x01\x00\x02\x01a", // mandatory=alpn,ech alpn=a
		"\x00\x01\x00\x00\x02\x00\x00",                                      // no-default-alpn
	} {
		if err := CheckRdata(TypeSVCB, []byte(data)); err != nil {
			t.Errorf("%q: %v", data, err)
		}
		text := string(AppendRdataText(nil, TypeSVCB, []byte(data)))
		if got := rdataFromText(t, TypeSVCB, text); string(got) != data {
			t.Errorf("%q: %s gives %q", data, text, got)
		}
	}
}

func TestGateway(t *testing.T) {
	for text, want := range map[string]Gateway{
		"10 0 0 .":           {},
		"10 0 1 192.0.2.1":   {Addr: netip.MustParseAddr("192.0.2.1")},
		"10 0 2 2001:db8::1": {Addr: netip.MustParseAddr("2001:db8::1")},
		"10 0 3 a.":          {Name: MustParseName("a.")},
	} {
		d := AMTRELAY{Precedence: 10, Relay: want}
		if got := d.String(); got != text {
			t.Errorf("%s, want %s", got, text)
		}
		if d.Len() != len(d.AppendTo(nil, nil)) {
			t.Errorf("%s: Len is %d", text, d.Len())
		}
	}
}

func TestMappedAddress(t *testing.T) {
	d := A{netip.MustParseAddr("::ffff:192.0.2.1")}
	if got := d.String(); got != "192.0.2.1" || len(d.AppendTo(nil, nil)) != 4 {
		t.Errorf("mapped address: %s", got)
	}
}

func TestAlgorithm(t *testing.T) {
	for a, name := range algorithmNames {
		if got, ok := ParseAlgorithm(name); !ok || got != a {
			t.Errorf("%s: %v %v", name, got, ok)
		}
		if a.String() != name {
			t.Errorf("%d: %s", uint8(a), a)
		}
	}
	if got, ok := ParseAlgorithm("200"); !ok || got != 200 || got.String() != "200" {
		t.Errorf("200: %v %v", got, ok)
	}
	for _, text := range []string{"", "256", "PIGEON", "-1"} {
		if got, ok := ParseAlgorithm(text); ok {
			t.Errorf("%s: %v", text, got)
		}
	}
}
