package bench

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

func TestReplyAnswers(t *testing.T) {
	question := []byte("\x03www\x07Example\x00\x00\x01\x00\x01")
	header := func(flags, rcode, questions byte) []byte {
		return []byte{1, 2, flags, rcode, 0, questions, 0, 0, 0, 0, 0, 0}
	}
	with := func(head []byte, more ...string) []byte { return append(head, strings.Join(more, "")...) }
	for _, test := range []struct {
		name    string
		message []byte
		want    bool
	}{
		{"the question", with(header(0x80, 0, 1), string(question)), true},
		{"the question, and records", with(header(0x84, 0, 1), string(question), "\xc0\x0c..."), true},
		{"a query", with(header(0, 0, 1), string(question)), false},
		{"another type", with(header(0x80, 0, 1), "\x03www\x07Example\x00\x00\x02\x00\x01"), false},
		{"another case", with(header(0x80, 0, 1), "\x03www\x07example\x00\x00\x01\x00\x01"), false},
		{"a question cut short", with(header(0x80, 0, 1), string(question[:10])), false},
		{"two questions", with(header(0x80, 0, 2), string(question), string(question)), false},
		{"no question, FORMERR", header(0x80, 1, 0), true},
		{"no question, NOERROR", header(0x80, 0, 0), false},
		{"no header", []byte{1, 2, 0x80}, false},
		{"nothing", nil, false},
	} {
		r := replyTo(test.message)
		if got := r.answers(question); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	r := replyTo(with(header(0x82, 0x85, 1), string(question)))
	if r.id != 0x0102 || !r.truncated || r.rcode != wire.RCodeRefused {
		t.Errorf("read %+v", r)
	}
}

// TestFrameHeads cuts a stream of messages into pieces of every size.
func TestFrameHeads(t *testing.T) {
	var stream []byte
	var want []string
	var lengths []int
	for _, length := range []int{12, 0, 1, 11, 13, 100, replyHead - 1, replyHead, replyHead + 1, 1000, 65535, 12} {
		message := bytes.Repeat([]byte{byte(length), 7, 9}, length/3+1)[:length]
		stream = append(append(stream, byte(length>>8), byte(length)), message...)
		want = append(want, string(message[:min(length, replyHead)]))
		lengths = append(lengths, length)
	}
	for _, piece := range []int{1, 2, 3, 13, 271, 273, 4096, len(stream)} {
		var f frameHeads
		var got []string
		var gotLengths []int
		for b := range slices.Chunk(stream, piece) {
			for len(b) > 0 {
				var length int
				var ended bool
				if b, length, ended = f.next(b); ended {
					got = append(got, string(f.message()))
					gotLengths = append(gotLengths, length)
				}
			}
		}
		if !slices.Equal(got, want) || !slices.Equal(gotLengths, lengths) {
			t.Errorf("in pieces of %d octets: lengths %v, want %v; contents %q", piece, gotLengths, lengths, got)
		}
	}
}
