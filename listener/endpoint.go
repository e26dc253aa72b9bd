package listener

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/names-dns/names/names"
)

// Endpoint is an address and the transport that is served there.
type Endpoint struct {
	// Address is what is bound. An unspecified address (0.0.0.0, ::) means that
	// of every interface, of its own family only: list both for both. Port 0
	// means any that is free; a UDP and a TCP endpoint of one address get the
	// same.
	Address netip.AddrPort

	// Transport is [names.UDP], [names.TCP] or [names.TLS]. Others are served by
	// packages of their own, by way of [Server.Edge].
	Transport names.Transport

	// TLS is the server's side of TLS: its certificates, and whether clients need
	// one. It is required for the transport TLS and for no other.
	TLS *tls.Config

	// Network opens the socket. By default that of the server.
	Network Network

	// Optional says that the server may do without this endpoint if the machine
	// has no such addresses: it then says so in the log. One endpoint at least
	// has to be bound.
	Optional bool
}

// Plain returns endpoints for UDP and TCP at each address, as every DNS server
// has to have (RFC 7766 5).
func Plain(addresses ...netip.AddrPort) []Endpoint {
	var all []Endpoint
	for _, a := range addresses {
		all = append(all, Endpoint{Address: a, Transport: names.UDP}, Endpoint{Address: a, Transport: names.TCP})
	}
	return all
}

// complete checks e, and makes its address one that compares.
func (e *Endpoint) complete() error {
	switch {
	case !e.Address.Addr().IsValid():
		return errors.New("an address to listen on is empty")
	case e.Transport > names.TLS:
		return fmt.Errorf("endpoint %v: transport %v is served by a package of its own", e.Address, e.Transport)
	case e.Transport == names.TLS && e.TLS == nil:
		return fmt.Errorf("endpoint %v: TLS without a configuration", e.Address)
	case e.Transport != names.TLS && e.TLS != nil:
		return fmt.Errorf("endpoint %v: a configuration for TLS, and transport %v", e.Address, e.Transport)
	}
	e.Address = netip.AddrPortFrom(e.Address.Addr().Unmap(), e.Address.Port())
	return nil
}

// boundEndpoint is an endpoint, its sockets and what serves them.
type boundEndpoint struct {
	Endpoint
	configured Endpoint     // with the port 0 if any was wanted
	packets    []PacketConn // one, or one for each worker
	streams    net.Listener

	workers   []*worker
	dedicated int            // how many of them have a thread to themselves
	loops     []streamLoop   // that serve the connections; nil: each has a goroutine
	running   sync.WaitGroup // workers, or the goroutine that accepts
	stopping  chan struct{}
	stopOnce  sync.Once
	unbound   chan struct{} // of one that leaves: closed with its stream socket
}

// stop receives nothing more. Replies still go out until close.
func (e *boundEndpoint) stop() {
	e.stopOnce.Do(func() { close(e.stopping) })
	if e.streams != nil {
		e.streams.Close()
	}
	for _, w := range e.workers {
		w.io.stop()
	}
}

// close gives the sockets back.
func (e *boundEndpoint) close() {
	for _, w := range e.workers {
		w.io.close()
	}
	for _, p := range e.packets {
		p.Close()
	}
	if e.streams != nil {
		e.streams.Close()
	}
}

// bindAll binds endpoints, or none of them; optional ones that the machine has no
// addresses for are left out, and given to skipped. sockets is how many a
// datagram endpoint has.
func bindAll(endpoints []Endpoint, sockets func(Network) int, skipped func(Endpoint, error)) (bound []*boundEndpoint, err error) {
	defer func() {
		if err != nil {
			for _, e := range bound {
				e.close()
			}
			bound = nil
		}
	}()
	places := make([]*boundEndpoint, len(endpoints)) // in the order of the configuration
	var failure error                                // of one that was left out
	for i, e := range endpoints {
		if places[i] != nil {
			continue
		}
		group := []int{i}
		if j := partner(endpoints, i); j >= 0 {
			group = append(group, j)
		}
		sameAs, err := bindGroup(endpoints, group, sockets)
		switch {
		case err == nil:
		case e.Optional && hasNoSuchAddresses(err):
			failure = err
			skipped(e, err)
			sameAs = make([]*boundEndpoint, len(group)) // not tried again
			for k := range sameAs {
				sameAs[k] = &boundEndpoint{}
			}
		default:
			return bound, err
		}
		for k, j := range group {
			places[j] = sameAs[k]
			if sameAs[k].Address.IsValid() {
				bound = append(bound, sameAs[k])
			}
		}
	}
	if len(bound) == 0 {
		return nil, failure
	}
	bound = bound[:0]
	for _, e := range places {
		if e.Address.IsValid() {
			bound = append(bound, e)
		}
	}
	return bound, nil
}

// partner is the endpoint of the other of UDP and TCP, after i, at the same
// address: -1 if there is none.
func partner(endpoints []Endpoint, i int) int {
	e := endpoints[i]
	if e.Transport == names.TLS {
		return -1
	}
	for j := i + 1; j < len(endpoints); j++ {
		if o := endpoints[j]; o.Address == e.Address && o.Transport != e.Transport && o.Transport != names.TLS {
			return j
		}
	}
	return -1
}

// portAttempts is how many ports are tried for one that is free for UDP and
// TCP both.
const portAttempts = 20

// bindGroup binds endpoints of one address, all on the same port.
func bindGroup(endpoints []Endpoint, group []int, sockets func(Network) int) ([]*boundEndpoint, error) {
	for attempt := 1; ; attempt++ {
		bound, err := bindGroupOnce(endpoints, group, sockets)
		if err == nil {
			return bound, nil
		}
		if endpoints[group[0]].Address.Port() != 0 || attempt == portAttempts || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, err
		}
	}
}

func bindGroupOnce(endpoints []Endpoint, group []int, sockets func(Network) int) ([]*boundEndpoint, error) {
	bound := make([]*boundEndpoint, len(group))
	address := endpoints[group[0]].Address
	// The stream socket first: it cannot be shared, so that a second server on
	// the address is noticed though datagram sockets could be.
	for _, isStream := range []bool{true, false} {
		for k, i := range group {
			e := endpoints[i]
			if (e.Transport != names.UDP) != isStream {
				continue
			}
			configured := e
			e.Address = address
			var err error
			bound[k], err = bind(e, sockets(e.Network))
			if err == nil {
				bound[k].configured = configured
			} else {
				for _, b := range bound {
					if b != nil {
						b.close()
					}
				}
				return nil, err
			}
			address = bound[k].Address
		}
	}
	return bound, nil
}

// hasNoSuchAddresses reports whether the machine lacks the family of an address,
// or that address: IPv6 may be left out of a kernel, or switched off.
func hasNoSuchAddresses(err error) bool {
	return errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL) ||
		errors.Is(err, syscall.EPROTONOSUPPORT)
}
