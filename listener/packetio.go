package listener

import (
	"net/netip"
	"time"

	"github.com/names-dns/names/wire"
)

// packetIO moves datagrams between a socket and the slots of one worker. The
// engines behind it: udp_mmsg_linux.go, udp_portable.go.
type packetIO interface {
	// receive waits for datagrams, puts them into slots, the first first, and
	// gives them to w, again and again until the socket fails.
	receive(w batchServer) error

	// send sends the replies of the first n slots where there is one. It is for
	// serve to call. It returns how many could not be sent; one that cannot
	// does not keep back the others.
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

// batchServer answers what is in the first n slots, n being at least 1.
type batchServer interface{ serve(n int) }

// slot is one place in a worker's batch.
type slot struct {
	buf   []byte // where the datagram is put: maxQuery octets and one
	data  []byte // the datagram, in buf; the kernel cuts off what does not fit
	from  path
	space []byte // where the reply is written
	reply []byte // what is sent back, in space; nil: nothing
}

// path is the way a datagram came, and the way its reply goes back.
type path struct {
	remote netip.AddrPort // who sent it; IPv4 never in its IPv6-mapped form
	local  netip.Addr     // the address it was sent to; zero where the socket has only one, or nobody knows
	scope  uint32         // index of the interface, where one of the addresses is link-local
}

// maxQuery is the longest query that is answered over UDP, in octets; they are
// much shorter in practice. Receive buffers have room for one octet more, by
// which a longer one is known: it gets FORMERR, cut off or not.
const maxQuery = 4096

// newSlots returns n slots for replies of at most limit octets.
func newSlots(n, limit int) []slot {
	slots := make([]slot, n)
	for i := range slots {
		slots[i].buf = make([]byte, maxQuery+1)
		slots[i].space = make([]byte, 0, limit+wire.WriterSlack)
	}
	return slots
}
