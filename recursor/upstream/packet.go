package upstream

import (
	"net/netip"
	"time"

	"github.com/names-dns/names/names"
)

// Packet is a message that was sent to a server, or that came from one and is
// the reply to what was sent. It is lent to the function that receives it.
type Packet struct {
	Server, Local netip.AddrPort
	Transport     names.Transport
	IsReply       bool
	Recursion     bool   // the query has RD: the server is asked to resolve, not for what it owns
	Message       []byte // in wire form, as it is on the network

	Sent     time.Time // when the query was
	Received time.Time // when the reply was; zero for a query
}

// tap passes on a message that was sent or received.
func (s *Server) tap(o *outgoing, p Packet) {
	p.Server, p.Recursion = s.addr, o.packet[2]&1 != 0
	s.client.packet(p)
}
