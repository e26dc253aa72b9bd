package listener

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/names-dns/names/internal/frame"
)

// feed puts b into f, at most n octets at a time, and collects the messages.
func feed(f *frames, b []byte, n int) (messages [][]byte) {
	for len(b) > 0 {
		space := f.space()
		n := copy(space[:min(n, len(space))], b)
		f.added(n)
		b = b[n:]
		for {
			m, ok := f.next()
			if !ok {
				break
			}
			messages = append(messages, bytes.Clone(m))
		}
	}
	return messages
}

func TestFramesInAnyPieces(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var want [][]byte
	var stream []byte
	for _, n := range []int{0, 1, 12, 100, 509, 510, 511, 512, 513, 5000, 3, 65535, 0, 40, 65534} {
		m := make([]byte, n)
		for i := range m {
			m[i] = byte(random.Uint32())
		}
		want = append(want, m)
		stream = frame.Append(stream, m)
	}
	for _, n := range []int{1, 2, 3, 511, 512, 1000, 100000} {
		var f frames
		got := feed(&f, stream, n)
		if len(got) != len(want) {
			t.Fatalf("pieces of %d: %d messages of %d", n, len(got), len(want))
		}
		for i := range got {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("pieces of %d: message %d differs", n, i)
			}
		}
	}
}

func TestFramesGrowByWhatComesNotByWhatIsAnnounced(t *testing.T) {
	var f frames
	feed(&f, []byte{0xFF, 0xFF}, 2)
	if n := len(f.space()); n > firstBuffer {
		t.Errorf("room for %d octets after an announcement", n)
	}
	for received := 2; received < 60000; received += 100 {
		feed(&f, make([]byte, 100), 100)
		if cap(f.buf) > 2*received+firstBuffer {
			t.Fatalf("%d octets of memory for %d received", cap(f.buf), received)
		}
	}
	feed(&f, make([]byte, 65535-60000+98), 65535)
	for {
		if _, ok := f.next(); !ok {
			break
		}
	}
	f.taken = len(f.buf)
	f.space()
	if cap(f.buf) > firstBuffer {
		t.Errorf("%d octets of memory are kept for nothing", cap(f.buf))
	}
}
