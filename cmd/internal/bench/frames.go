package bench

import "encoding/binary"

// frameHeads follows messages in a stream, each after its length in two octets
// (RFC 1035 4.2.2), and keeps their beginnings only.
type frameHeads struct {
	head [2 + replyHead]byte
	have int // octets of head
	left int // octets of the message after head
}

// next reads on and returns what is left of b. ended says that a message of
// some length has ended, of which message returns the beginning until the next
// call.
func (f *frameHeads) next(b []byte) (rest []byte, length int, ended bool) {
	for len(b) > 0 {
		if f.have < f.wanted() {
			n := copy(f.head[f.have:f.wanted()], b)
			f.have += n
			b = b[n:]
			if f.have < f.wanted() {
				continue
			}
			f.left = f.length() + 2 - f.have
		}
		n := min(f.left, len(b))
		f.left -= n
		b = b[n:]
		if f.left == 0 {
			f.have = 0
			return b, f.length(), true
		}
	}
	return nil, 0, false
}

func (f *frameHeads) length() int { return int(binary.BigEndian.Uint16(f.head[:])) }

// wanted is how much of head the message has, as far as is known.
func (f *frameHeads) wanted() int {
	if f.have < 2 {
		return 2
	}
	return 2 + min(f.length(), replyHead)
}

// message is the beginning of the message that has just ended.
func (f *frameHeads) message() []byte { return f.head[2 : 2+min(f.length(), replyHead)] }
