package names

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// AttemptDelay is how long a [Dialer] waits for a connection before it also
// tries the next address (RFC 8305 5).
const AttemptDelay = 250 * time.Millisecond

// Dialer connects to hosts by name: to all their addresses, IPv6 and IPv4 by
// turns, each a little after the one before, and the first to take the
// connection has it (RFC 8305, "happy eyeballs"). Its DialContext fits
// http.Transport. The zero value is ready.
type Dialer struct {
	// Client finds the addresses. By default it is [Default].
	Client *Client

	// Dial connects to one address, a literal one with its port. By default
	// that of a [net.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// DialContext connects to address, a host and a port. Network is "tcp" or
// "udp", or one of those with 4 or 6 behind it.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := portNumber(ctx, network, service)
	if err != nil {
		return nil, err
	}
	return d.dialHost(ctx, network, host, port, nil)
}

// DialSRV connects to a service of a domain, as [Service.Dial] does, once.
func (d *Dialer) DialSRV(ctx context.Context, network, service, proto, domain string) (net.Conn, error) {
	conn, _, err := (&Service{Dialer: d, Name: service, Proto: proto, Domain: domain}).Dial(ctx, network)
	return conn, err
}

func (d *Dialer) client() *Client {
	if d.Client == nil {
		return Default
	}
	return d.Client
}

// ipNetworks is which addresses there are for a network.
var ipNetworks = map[string]string{"tcp": "ip", "tcp4": "ip4", "tcp6": "ip6", "udp": "ip", "udp4": "ip4", "udp6": "ip6"}

// dialHost connects to a host, whose addresses may be known.
func (d *Dialer) dialHost(ctx context.Context, network, host string, port uint16, addrs []netip.Addr) (net.Conn, error) {
	family := ipNetworks[network]
	if family == "" {
		return nil, net.UnknownNetworkError(network)
	}
	if len(addrs) == 0 {
		var err error
		if addrs, err = d.client().LookupNetIP(ctx, family, host); err != nil {
			return nil, err
		}
	}
	addrs = interleave(addrs, family)
	if len(addrs) == 0 {
		return nil, fmt.Errorf("%s has no address for network %s", host, network)
	}
	return d.race(ctx, network, addrs, port)
}

// interleave returns the addresses of a family, IPv6 and IPv4 by turns.
func interleave(addrs []netip.Addr, family string) []netip.Addr {
	var four, six, mixed []netip.Addr
	for _, a := range addrs {
		switch {
		case a.Is4() && family != "ip6":
			four = append(four, a)
		case !a.Is4() && family != "ip4":
			six = append(six, a)
		}
	}
	for len(four)+len(six) > 0 {
		if len(six) > 0 {
			mixed, six = append(mixed, six[0]), six[1:]
		}
		if len(four) > 0 {
			mixed, four = append(mixed, four[0]), four[1:]
		}
	}
	return mixed
}

// race connects to the addresses, one more whenever [AttemptDelay] is over or
// an attempt has failed, and returns the first connection. It leaves nothing
// open behind it.
func (d *Dialer) race(ctx context.Context, network string, addrs []netip.Addr, port uint16) (net.Conn, error) {
	dial := d.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		conn net.Conn
		err  error
	}
	results := make(chan result)
	waiting := 0
	start := func() {
		address := netip.AddrPortFrom(addrs[0], port).String()
		addrs = addrs[1:]
		waiting++
		go func() {
			conn, err := dial(ctx, network, address)
			results <- result{conn, err}
		}()
	}
	defer func() { // the losers
		if waiting == 0 {
			return
		}
		go func() {
			for range waiting {
				if late := <-results; late.err == nil {
					late.conn.Close()
				}
			}
		}()
	}()

	var failures []error
	delay := time.NewTimer(AttemptDelay)
	defer delay.Stop()
	for start(); ; {
		select {
		case r := <-results:
			waiting--
			if r.err == nil {
				return r.conn, nil
			}
			failures = append(failures, r.err)
			if len(addrs) == 0 && waiting == 0 {
				return nil, errors.Join(failures...)
			}
		case <-delay.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if len(addrs) > 0 {
			start()
			delay.Reset(AttemptDelay)
		}
	}
}
