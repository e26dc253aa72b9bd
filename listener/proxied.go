package listener

import (
	"errors"
	"log/slog"
	"net/netip"

	"github.com/names-dns/names/internal/throttledlog"
	"github.com/names-dns/names/listener/internal/proxy"
	"github.com/names-dns/names/names"
)

// A proxy of the configuration begins each datagram and each connection with a
// header that says whose it is; no other client may. What does not keep to that is
// not answered: a guess would let clients choose who they are.

var (
	errForged   = errors.New("PROXY header from a client that is not a proxy")
	errImpostor = errors.New("PROXY header with a client that cannot have asked")
	errTooMany  = errors.New("too many connections of the client")
	errTooFast  = errors.New("too many connections a second of the client's network")
)

// refusedHeaders says which headers were refused.
type refusedHeaders struct{ log *throttledlog.Log }

func newRefusedHeaders(log *slog.Logger) refusedHeaders {
	return refusedHeaders{throttledlog.New(log, slog.LevelWarn, "PROXY header refused")}
}

func (r refusedHeaders) say(from netip.AddrPort, transport names.Transport, err error) {
	r.log.Say(func() []any {
		return []any{"from", from.String(), "transport", transport.String(), "error", err}
	})
}

// clientOfHeader makes p, a proxy, the client that its header names.
func clientOfHeader(p *names.Peer, h *proxy.Header) {
	if !h.IsLocal {
		p.Proxy, p.Remote, p.Local = p.Remote, withoutZone(h.Source), withoutZone(h.Destination)
	}
}

// checkHeader refuses what no client can have sent.
func checkHeader(h *proxy.Header) error {
	if !h.IsLocal && !canAsk(h.Source) {
		return errImpostor
	}
	return nil
}

// header is what began a datagram: nothing, if there is no proxy.
type header struct {
	proxy.Header
	wrong error // why it is refused
}

// takeOff reads the header of a datagram, and returns the message, unless h is wrong.
func (h *header) takeOff(data []byte, from netip.Addr, proxies *names.PeerSet) []byte {
	*h = header{Header: proxy.Header{IsLocal: true}}
	switch {
	case proxies.Contains(from):
		if h.Header, h.wrong = proxy.Read(data); h.wrong == nil {
			h.wrong = checkHeader(&h.Header)
		}
	case len(data) >= proxy.Telling && proxy.Begins(data):
		h.wrong = errForged
	}
	if h.wrong != nil {
		return nil
	}
	return data[h.Len:]
}

// apply makes p whose the datagram is, unless h is wrong.
func (h *header) apply(p *names.Peer) bool {
	p.Proxy = netip.AddrPort{}
	if h.wrong != nil {
		return false
	}
	clientOfHeader(p, &h.Header)
	return true
}

// opening is what a connection has to begin with, if its address has proxies.
type opening uint8

const (
	anyOpening opening = iota // messages: nothing was said of proxies
	noHeader                  // messages, and no header
	aHeader                   // a header, and then messages
)

// openingOf is how connections from an address begin.
func (r *rules) openingOf(from netip.Addr) opening {
	switch {
	case r.proxies == nil:
		return anyOpening
	case r.proxies.Contains(from):
		return aHeader
	}
	return noHeader
}
