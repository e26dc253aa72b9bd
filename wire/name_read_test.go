package wire

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

const twelve = "............" // stands for a header

func TestReadName(t *testing.T) {
	long := strings.Repeat("\x01a", 127) + "\x00" // 255 octets
	for _, test := range []struct {
		what   string
		octets string // after the header
		at     int    // in the message
		want   string
		next   int
		err    error
	}{
		{"root", "\x00", 12, ".", 13, nil},
		{"plain", "\x01a\x00", 12, "a.", 15, nil},
		{"pointer", "\x01a\x00\xc0\x0c", 15, "a.", 17, nil},
		{"label and pointer", "\x01a\x00\x01b\xc0\x0c", 15, "b.a.", 19, nil},
		{"pointer to a suffix", "\x01b\x01a\x00\xc0\x0e", 17, "a.", 19, nil},
		{"pointer to a pointer", "\x01a\x00\xc0\x0c\xc0\x0f", 17, "a.", 19, nil},
		{"pointer to the root", "\x00\xc0\x0c", 13, ".", 15, nil},
		{"longest", long, 12, strings.Repeat("a.", 127), 267, nil},
		{"pointer to the longest", long + "\xc0\x0c", 267, strings.Repeat("a.", 127), 269, nil},

		{"nothing", "", 12, "", 0, ErrShort},
		{"no root label", "\x01a", 12, "", 0, ErrShort},
		{"half a label", "\x02a", 12, "", 0, ErrShort},
		{"half a pointer", "\x01a\x00\xc0", 15, "", 0, ErrShort},
		{"pointer to itself", "\xc0\x0c", 12, "", 0, ErrPointer},
		{"loop over a label", "\x01a\xc0\x0c", 12, "", 0, ErrPointer},
		{"forward", "\xc0\x0e\x01a\x00", 12, "", 0, ErrPointer},
		{"forward by one", "\x01a\x00\xc0\x10\x00", 15, "", 0, ErrPointer},
		{"loop of two", "\x01a\xc0\x10\x01b\xc0\x0c", 16, "", 0, ErrPointer},
		{"into its own labels", "\x01a\x01b\xc0\x0e", 12, "", 0, ErrPointer},
		{"the target of the pointer runs into the name", "\x03a\x01b\x00", 14, "b.", 17, nil},
		{"back into a run that goes on here", "\x03xxx\x01b\xc0\x0c", 16, "", 0, ErrPointer},
		{"into the header", "\xc0\x0b", 12, "", 0, ErrPointer},
		{"past the end", "\x01a\x00\xff\xff", 15, "", 0, ErrPointer},
		{"extended label", "\x41a\x00", 12, "", 0, ErrLabelType},
		{"label type 10", "\x80a\x00", 12, "", 0, ErrLabelType},
		{"too long", "\x01a" + long, 12, "", 0, ErrNameTooLong},
		{"too long over a pointer", long + "\x01a\xc0\x0c", 267, "", 0, ErrNameTooLong},
	} {
		msg := []byte(twelve + test.octets)
		for _, warm := range []bool{false, true} {
			var memory nameMemory
			if warm { // with the first name known
				readName(msg, HeaderLen, len(msg), &memory)
			}
			n, next, err := readName(msg, test.at, len(msg), &memory)
			if !errors.Is(err, test.err) || n.String() != test.want || next != test.next {
				t.Errorf("%s (warm %v): %s, %d, %v; want %s, %d, %v", test.what, warm, n, next, err, test.want, test.next, test.err)
			}
		}
	}
}

// What is after the end of the data is not the data's, though a pointer may
// lead anywhere before it.
func TestReadNameStopsAtEnd(t *testing.T) {
	msg := []byte(twelve + "\x01a\x00\x01b\xc0\x0c")
	var memory nameMemory
	for end := 15; end < len(msg); end++ {
		if n, _, err := readName(msg, 15, end, &memory); !errors.Is(err, ErrShort) {
			t.Errorf("end %d: %s, %v", end, n, err)
		}
	}
	if n, _, err := readName(msg, 15, len(msg), &memory); err != nil || n.String() != "b.a." {
		t.Errorf("%s, %v", n, err)
	}
}

// Octets at random: readName never accepts what the slow twin refuses, and
// reads the same where it accepts; skipName ends at the same place.
func TestReadNameAgainstSlowTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	accepted := 0
	for range 100_000 {
		msg := make([]byte, HeaderLen+r.IntN(40))
		for i := range msg {
			switch r.IntN(4) {
			case 0:
				msg[i] = 0xC0
			case 1:
				msg[i] = byte(r.IntN(len(msg)))
			default:
				msg[i] = byte(r.IntN(4))
			}
		}
		var memory nameMemory
		for at := HeaderLen; at < len(msg); {
			n, next, err := readName(msg, at, len(msg), &memory)
			if err != nil {
				at++
				continue
			}
			accepted++
			slow, slowNext, slowErr := slowReadName(msg, at)
			if slowErr != nil || slow != n || slowNext != next {
				t.Fatalf("%q at %d: %s, %d; the slow twin says %s, %d, %v", msg, at, n, next, slow, slowNext, slowErr)
			}
			skipped, skipErr := skipName(msg, at, len(msg))
			if skipErr != nil || skipped != next {
				t.Fatalf("%q at %d: skipName ends at %d, %v; readName at %d", msg, at, skipped, skipErr, next)
			}
			at = next
		}
	}
	if accepted < 10_000 {
		t.Errorf("only %d names were accepted: the test tests nothing", accepted)
	}
}

// Names stay what they are however many follow them.
func TestNameMemoryGrows(t *testing.T) {
	var r Reader
	var names []Name
	var want []string
	for round := range 3 {
		msg := Header{Counts: [4]uint16{400, 0, 0, 0}}.AppendTo(nil)
		names, want = names[:0], want[:0]
		for i := range 400 {
			n, err := NameFromLabels(strings.Repeat(string(rune('a'+i%26)), 1+i%63), strings.Repeat("x", 1+round))
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, n.String())
			msg = append(n.AppendTo(msg), 0, 1, 0, 1)
		}
		if err := r.Reset(msg); err != nil {
			t.Fatal(err)
		}
		for range want {
			q, err := r.Question()
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, q.Name)
		}
		for i := range want {
			if names[i].String() != want[i] {
				t.Fatalf("name %d is %s, want %s", i, names[i], want[i])
			}
		}
	}
}
