package names

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"
)

// AttemptDelay is how long a [Dialer] waits for a connection before it also
// tries the next address (RFC 8305 5).
const AttemptDelay = 250 * time.Millisecond

// resolutionDelay is how long IPv4 addresses wait for those of IPv6 (RFC 8305
// 3).
const resolutionDelay = 50 * time.Millisecond

// Dialer connects to hosts by name: to all their addresses as they become
// known, IPv6 and IPv4 alternately, each a little after the one before, and the
// first to take the connection has it (RFC 8305, "happy eyeballs"). Its DialContext fits
// http.Transport. The zero value is ready.
type Dialer struct {
	// Client finds the addresses. By default it is [Default].
	Client *Client

	// Dial connects to one address, a literal one with its port. By default
	// that of a [net.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// DialContext connects to address, a host and a port. Network is "tcp" or
// "udp", or one of those followed by 4 or 6.
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
func (d *Dialer) dialHost(ctx context.Context, network, host string, port uint16, known []netip.Addr) (net.Conn, error) {
	family := ipNetworks[network]
	if family == "" {
		return nil, net.UnknownNetworkError(network)
	}
	ctx, cancel := context.WithCancel(ctx) // ends the look-up and the attempts that lose
	defer cancel()
	r := race{network: network, port: port, dial: d.Dial, results: make(chan attempt)}
	if r.dial == nil {
		r.dial = new(net.Dialer).DialContext
	}
	defer r.abandon()
	return r.run(ctx, d.find(ctx, family, host, known))
}

// batch is addresses of a host, or why there are none.
type batch struct {
	addrs []netip.Addr
	err   error
}

// find sends the addresses of a host as they become known, each family for
// itself, and closes the channel after the last.
func (d *Dialer) find(ctx context.Context, family, host string, known []netip.Addr) <-chan batch {
	found := make(chan batch)
	go func() {
		defer close(found)
		send := func(b batch) {
			select {
			case found <- b:
			case <-ctx.Done():
			}
		}
		sendAddrs := func(addrs []netip.Addr) { send(batch{addrs: addrs}) }
		if some := onlyTypes(known, familyTypes[family]); len(some) > 0 {
			sendAddrs(some)
		} else if _, err := d.client().lookupAddresses(ctx, family, host, sendAddrs); err != nil {
			send(batch{err: err})
		}
	}()
	return found
}

// race is several attempts to connect to one host, of which the first to
// succeed wins.
type race struct {
	network string
	port    uint16
	dial    func(ctx context.Context, network, address string) (net.Conn, error)

	queue   []netip.Addr // not tried yet
	last    netip.Addr   // tried last; not valid at the start
	results chan attempt
	running int // attempts that have not come to an end
}

// attempt is how an attempt ended.
type attempt struct {
	conn net.Conn
	err  error
}

// run tries one more address whenever [AttemptDelay] is over or an attempt has
// failed, until one succeeds or all have failed.
func (r *race) run(ctx context.Context, found <-chan batch) (net.Conn, error) {
	var failures []error
	mayStart := false
	timer := time.NewTimer(AttemptDelay)
	defer timer.Stop()
	for {
		if mayStart && len(r.queue) > 0 {
			r.start(ctx)
			mayStart = false
			timer.Reset(AttemptDelay)
		}
		if len(r.queue) == 0 && r.running == 0 && found == nil {
			return nil, errors.Join(failures...)
		}
		select {
		case b, more := <-found:
			r.queue = append(r.queue, b.addrs...)
			hasBegun := r.last.IsValid()
			switch {
			case !more:
				found = nil
				mayStart = mayStart || !hasBegun
			case b.err != nil:
				failures = append(failures, b.err)
			case hasBegun: // the timer is running
			case slices.ContainsFunc(b.addrs, netip.Addr.Is6):
				mayStart = true
			default:
				timer.Reset(resolutionDelay)
			}
		case a := <-r.results:
			r.running--
			if a.err == nil {
				return a.conn, nil
			}
			failures = append(failures, a.err)
			mayStart = true
		case <-timer.C:
			mayStart = true
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// start tries the next address: of the other family than the one before, if
// there is one.
func (r *race) start(ctx context.Context) {
	wantsIPv6 := !r.last.IsValid() || r.last.Is4()
	next := max(slices.IndexFunc(r.queue, func(a netip.Addr) bool { return a.Is6() == wantsIPv6 }), 0)
	r.last = r.queue[next]
	r.queue = slices.Delete(r.queue, next, next+1)
	address := netip.AddrPortFrom(r.last, r.port).String()
	r.running++
	go func() {
		conn, err := r.dial(ctx, r.network, address)
		r.results <- attempt{conn, err}
	}()
}

// abandon closes the connections that come too late.
func (r *race) abandon() {
	if r.running == 0 {
		return
	}
	go func() {
		for range r.running {
			if late := <-r.results; late.err == nil {
				late.conn.Close()
			}
		}
	}()
}
