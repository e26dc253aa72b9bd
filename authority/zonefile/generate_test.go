package zonefile

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestModifiers compares how numbers are written with fmt, which knows all
// bases but the nibbles.
func TestModifiers(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 20_000 {
		n, offset, width := random.Int64N(1<<random.IntN(31)+1), random.Int64N(1<<random.IntN(31)+1), random.IntN(20)
		if random.IntN(2) == 0 {
			offset = -offset
		}
		sum := n + offset
		want := map[byte]string{
			'd': fmt.Sprintf("%0*d", width, sum),
			'o': fmt.Sprintf("%0*o", width, uint32(sum)),
			'x': fmt.Sprintf("%0*x", width, uint32(sum)),
			'X': fmt.Sprintf("%0*X", width, uint32(sum)),
			'n': slowNibbles(fmt.Sprintf("%x", uint32(sum)), width),
			'N': slowNibbles(fmt.Sprintf("%X", uint32(sum)), width),
		}
		for base, want := range want {
			template := fmt.Sprintf("a${%d,%d,%c}b", offset, width, base)
			got, err := appendExpansion(nil, []byte(template), n)
			if err != nil || string(got) != "a"+want+"b" {
				t.Fatalf("%s for %d: %s, %v; want a%sb", template, n, got, err, want)
			}
		}
	}
}

// slowNibbles writes digits from the last on, with a dot after each and zeros
// as far as the width asks for, and takes away what is too much.
func slowNibbles(digits string, width int) string {
	var b strings.Builder
	for i := len(digits) - 1; i >= 0; i-- {
		b.WriteString(digits[i:i+1] + ".")
	}
	for b.Len() < width {
		b.WriteString("0.")
	}
	if least := max(width, 2*len(digits)-1); b.Len() > least {
		return b.String()[:least]
	}
	return b.String()
}

func TestParseRange(t *testing.T) {
	for _, test := range []struct {
		text  string
		want  numbers
		count int64
	}{
		{"0-0", numbers{0, 0, 1}, 1},
		{"1-10", numbers{1, 10, 1}, 10},
		{"1-10/3", numbers{1, 10, 3}, 4},
		{"1-10/100", numbers{1, 10, 100}, 1},
		{"0-2147483647/1", numbers{0, 2147483647, 1}, 2147483648},
	} {
		got, err := parseRange([]byte(test.text))
		if err != nil || got != test.want || got.count() != test.count {
			t.Errorf("%s: %v, %v, %d of them", test.text, got, err, got.count())
		}
	}
	for _, text := range []string{"", "-", "1", "1-", "-1", "1--2", "1-2-3", "1-2/", "1-2/0", "1-2/-1", "1-2/3x", "x1-2", "2-1", "1-2147483648", "99999999999999999999-1", " 1-2"} {
		if got, err := parseRange([]byte(text)); err == nil {
			t.Errorf("%q: %v, want an error", text, got)
		}
	}
}
