package listener

import (
	"net/netip"
	"time"

	"github.com/names-dns/names/wire"
)

// packetIO moves datagrams between a socket and the slots of one worker. The
// engines that implement it: udp_mmsg_linux.go, udp_portable.go.
type packetIO interface {
	// receive is an iterator over batches: it waits for datagrams, puts them
	// into the first n slots, and yields n, again and again until the socket
	// fails. So the loop of a worker reads as a loop, though the engine calls it
	// from inside a wait of the runtime.
	receive(yield func(n int) bool)

	// rest is an iterator over batches, as receive is, of what has come before stop
	// and was not received: it does not wait.
	rest(yield func(n int) bool)

	// failure is why receive has ended.
	failure() error

	// send sends the replies of the first n slots if there is one. It is for the
	// loop over receive to call. It returns how many could not be sent; one that
	// cannot does not keep back the others.
	send(n int) (failed int)

	// sendOne sends a reply that comes later. It may be called by any
	// goroutine.
	sendOne(reply []byte, to path) error

	// stop makes receive return, now or when it is called next; replies still
	// go out until close, which gives the socket back. Any goroutine may call
	// them.
	stop()
	close()
}

// longAgo is a deadline that is over.
var longAgo = time.Unix(1, 0)

// slot is one place in a worker's batch.
type slot struct {
	buf   []byte // where the datagram is put: maxQuery octets
	data  []byte // the datagram, in buf; the kernel cuts off what does not fit
	from  path
	space []byte // where the reply is written
	reply []byte // what is sent back, in space; nil: nothing
}

// path is the way a datagram came, and the way its reply goes back.
type path struct {
	remote netip.AddrPort // the sender; IPv4 never in its IPv6-mapped form
	local  netip.Addr     // the address it was sent to; zero if the socket has only one, or it is not known
	scope  uint32         // index of the interface, if one of the addresses is link-local
	toMany bool           // it was sent to more than this server: to a broadcast or multicast address
}

// maxQuery is the longest query that is answered over UDP, in octets; they are
// much shorter in practice. What is longer is cut off and gets FORMERR, unless
// the part that was cut off belongs to nothing.
const maxQuery = 4096

// newSlots returns n slots for replies of at most limit octets.
func newSlots(n, limit int) []slot {
	slots := make([]slot, n)
	for i := range slots {
		// A cache line longer than a page: buffers that all began at a page would
		// share the same few lines of the processor's cache.
		slots[i].buf = make([]byte, maxQuery+64)[:maxQuery]
		slots[i].space = newSpace(limit)
	}
	return slots
}

// newSpace returns room for a reply of at most limit octets.
func newSpace(limit int) []byte { return make([]byte, 0, limit+wire.WriterSlack) }
