package wire

import (
	"bytes"
	"testing"
)

// FuzzRdataText: text becomes data or an error that names a word; the data is
// right, and its own text means the same.
func FuzzRdataText(f *testing.F) {
	for _, s := range loadSamples(f) {
		for _, text := range s.texts {
			f.Add(uint16(s.Type), text)
		}
	}
	f.Fuzz(func(t *testing.T, code uint16, text string) {
		typ := Type(code)
		words := splitWords(text + `"`) // closes a quote that is open, or opens an empty one
		data, err := AppendRdataFromText(nil, typ, words, testOrigin)
		if err != nil {
			at, ok := err.(*WordError)
			if !ok || at.Index < 0 || at.Index > len(words) {
				t.Fatalf("%v of %d words: %v", typ, len(words), err)
			}
			return
		}
		if err := CheckRdata(typ, data); err != nil {
			t.Fatalf("%v: %X from text: %v", typ, data, err)
		}
		checkRdataText(t, typ, data)
	})
}

// FuzzRdataWire: whatever the octets, Parse and CheckRdata agree about them,
// and a value and a text that come of them lead back to them.
func FuzzRdataWire(f *testing.F) {
	for _, s := range loadSamples(f) {
		f.Add(uint16(s.Type), s.data)
	}
	f.Fuzz(func(t *testing.T, code uint16, data []byte) {
		typ := Type(code)
		checked := CheckRdata(typ, data)
		d := NewRdata(typ)
		c := CursorOver(data)
		parsed := d.Parse(&c)
		if (checked == nil) != (parsed == nil) && len(data) <= maxRdataLen {
			t.Fatalf("%v %X: CheckRdata says %v, Parse %v", typ, data, checked, parsed)
		}
		if checked != nil {
			AppendRdataText(nil, typ, data)
			if got := AppendCanonicalRdata(nil, typ, data); !bytes.Equal(got, data) {
				t.Fatalf("%v %X: canonical form %X", typ, data, got)
			}
			return
		}
		if got := d.AppendTo(nil, nil); !bytes.Equal(got, data) || d.Len() != len(data) {
			t.Fatalf("%v %X: value gives %X, Len %d", typ, data, got, d.Len())
		}
		canonical := AppendCanonicalRdata(nil, typ, data)
		if again := AppendCanonicalRdata(nil, typ, canonical); !bytes.Equal(again, canonical) || len(canonical) != len(data) {
			t.Fatalf("%v %X: canonical form %X, its own %X", typ, data, canonical, again)
		}
		checkRdataText(t, typ, data)
	})
}

// checkRdataText holds data against what its text reads as.
func checkRdataText(t *testing.T, typ Type, data []byte) {
	t.Helper()
	text := AppendRdataText(nil, typ, data)
	again, err := AppendRdataFromText(nil, typ, splitWords(string(text)), Root)
	if err != nil || !bytes.Equal(again, data) {
		t.Fatalf("%v %X prints %s, which reads as %X, %v", typ, data, text, again, err)
	}
}
