package listener

import "github.com/names-dns/names/internal/frame"

// frames takes messages out of the octets of a stream, where each stands
// after its length in two octets (RFC 1035 4.2.2), however they were cut up on
// their way. Its buffer is small and grows as a longer message comes in, never
// because one is announced.
type frames struct {
	buf   []byte // what was read
	taken int    // octets of it that were given out
}

// Sizes of the read buffer in octets: at first, and the largest that is kept
// while nothing is in it.
const (
	firstBuffer = 512
	keptBuffer  = 4096
)

// next returns the next whole message, which is lent until the next call of
// space. ok is false if more has to be read first.
func (f *frames) next() (message []byte, ok bool) {
	message, rest, ok := frame.Cut(f.buf[f.taken:])
	f.taken = len(f.buf) - len(rest)
	return message, ok
}

// space returns room to read into, never none. What is read goes in by added.
func (f *frames) space() []byte {
	rest := f.buf[f.taken:]
	switch {
	case len(rest) == 0 && (cap(f.buf) == 0 || cap(f.buf) > keptBuffer):
		f.buf, f.taken = make([]byte, 0, firstBuffer), 0
	case f.taken > 0 && (len(rest) == 0 || cap(f.buf)-len(f.buf) < firstBuffer):
		n := copy(f.buf, rest)
		f.buf, f.taken = f.buf[:n], 0
	}
	if len(f.buf) == cap(f.buf) {
		f.buf = append(make([]byte, 0, 2*cap(f.buf)), f.buf...)
	}
	return f.buf[len(f.buf):cap(f.buf)]
}

// skip leaves out octets that are not of a message.
func (f *frames) skip(n int) { f.taken += n }

// rest is what was read and not given out.
func (f *frames) rest() []byte { return f.buf[f.taken:] }

// takeOver makes the rest of from that of f, which has none.
func (f *frames) takeOver(from *frames) {
	f.buf, f.taken = append(f.buf[:0], from.rest()...), 0
	from.buf, from.taken = from.buf[:0], 0
}

// added says that n octets were read into space.
func (f *frames) added(n int) { f.buf = f.buf[:len(f.buf)+n] }
