package wire

import (
	"strings"
	"testing"
)

func TestTypeNames(t *testing.T) {
	for n := range 1 << 16 {
		typ := Type(n)
		text := typ.String()
		for _, form := range []string{text, strings.ToLower(text)} {
			if back, err := ParseType(form); err != nil || back != typ {
				t.Errorf("ParseType(%q) = %d, %v; want %d", form, back, err, n)
			}
		}
	}
	for _, test := range []struct {
		text string
		want Type
	}{
		{"A", TypeA}, {"aaaa", TypeAAAA}, {"TYPE65280", 65280}, {"type1", TypeA}, {"TYPE0", 0},
		{"TYPE65535", 65535}, {"NSAP-PTR", TypeNSAPPTR}, {"any", TypeANY}, {"TYPE00001", TypeA},
	} {
		if got, err := ParseType([]byte(test.text)); err != nil || got != test.want {
			t.Errorf("ParseType(%q) = %d, %v; want %d", test.text, got, err, test.want)
		}
	}
	for _, text := range []string{"", "TYPE", "TYPE-1", "TYPE+1", "TYPE65536", "TYPE1x", "TYPE 1", "X", "AAAAA", strings.Repeat("A", 1000), "A\x00"} {
		if got, err := ParseType(text); err == nil {
			t.Errorf("ParseType(%q) = %s", text, got)
		} else if len(err.Error()) > 300 {
			t.Errorf("ParseType: an error of %d octets", len(err.Error()))
		}
	}
	if Type(65280).String() != "TYPE65280" || TypeHTTPS.String() != "HTTPS" {
		t.Error("String is wrong")
	}
}

func TestClassNames(t *testing.T) {
	for n := range 1 << 16 {
		class := Class(n)
		if back, err := ParseClass(class.String()); err != nil || back != class {
			t.Errorf("ParseClass(%q) = %d, %v", class, back, err)
		}
	}
	for text, want := range map[string]Class{
		"in": ClassIN, "CHAOS": ClassCH, "Hesiod": ClassHS, "CLASS1": ClassIN, "CLASS32": 32, "none": ClassNone, "ANY": ClassAny,
	} {
		if got, err := ParseClass(text); err != nil || got != want {
			t.Errorf("ParseClass(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "CLASS", "CLASS65536", "INN", "A"} {
		if got, err := ParseClass(text); err == nil {
			t.Errorf("ParseClass(%q) = %s", text, got)
		}
	}
}

func TestOpcodeAndRCodeNames(t *testing.T) {
	for n := range 16 {
		if back, err := ParseOpcode(Opcode(n).String()); err != nil || back != Opcode(n) {
			t.Errorf("ParseOpcode(%q) = %d, %v", Opcode(n), back, err)
		}
	}
	for n := range 1 << 12 {
		if back, err := ParseRCode(RCode(n).String()); err != nil || back != RCode(n) {
			t.Errorf("ParseRCode(%q) = %d, %v", RCode(n), back, err)
		}
	}
	for _, text := range []string{"", "OPCODE256", "OPCODE", "NOPE"} {
		if got, err := ParseOpcode(text); err == nil {
			t.Errorf("ParseOpcode(%q) = %s", text, got)
		}
	}
	for _, text := range []string{"", "RCODE65536", "RCODE", "NOPE"} {
		if got, err := ParseRCode(text); err == nil {
			t.Errorf("ParseRCode(%q) = %s", text, got)
		}
	}
}

func TestQuestionOnlyTypes(t *testing.T) {
	for _, typ := range []Type{TypeNone, TypeOPT, TypeTKEY, TypeTSIG, TypeIXFR, TypeAXFR, TypeMAILA, TypeMAILB, TypeANY, TypeNXNAME} {
		if !typ.IsQuestionOnly() {
			t.Errorf("%s may stand in a zone", typ)
		}
	}
	for _, typ := range []Type{TypeA, TypeURI, TypeCAA, TypeEUI64, TypeDLV, 65280, 65535, 127, 256} {
		if typ.IsQuestionOnly() {
			t.Errorf("%s may not stand in a zone", typ)
		}
	}
}
