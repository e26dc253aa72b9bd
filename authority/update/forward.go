package update

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Forwarder passes requests on to the primaries of a zone (RFC 2136 6), over TCP.
type Forwarder struct {
	Primaries []netip.AddrPort // asked in this order until one replies
	// Keys has the keys of clients: a request that was signed goes out signed with
	// the same key, which the primary has to know, too. Others go out unsigned.
	Keys *wire.TSIGKeys
	// Timeout is for each primary. Default: 5 s.
	Timeout time.Duration
	// Dial opens connections. By default that of the operating system does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

const forwardTimeout = 5 * time.Second

// forward returns the RCODE of the first primary that replies.
func (f *Forwarder) forward(ctx context.Context, x *names.Exchange) (wire.RCode, error) {
	request, err := ParseRequest(x.Query.Message)
	if err != nil {
		return RCodeOf(err), nil
	}
	message, err := request.AppendTo(nil, 0)
	if err != nil {
		return 0, err
	}
	key, isSigned := wire.TSIGKey{}, !x.Peer.Key.IsZero()
	if isSigned {
		if key, isSigned = f.Keys.Find(x.Peer.Key); !isSigned {
			return 0, fmt.Errorf("TSIG key %v is not known", x.Peer.Key)
		}
	}
	var failures error
	for _, primary := range f.Primaries {
		c := Client{Server: primary, Timeout: f.Timeout, Dial: f.Dial}
		if isSigned {
			c.Key = &key
		}
		if c.Timeout == 0 {
			c.Timeout = forwardTimeout
		}
		reply, err := c.send(ctx, message)
		if err == nil {
			return reply.RCode, nil
		}
		failures = errors.Join(failures, fmt.Errorf("primary %v: %w", primary, err))
		if ctx.Err() != nil {
			break
		}
	}
	if failures == nil {
		failures = errors.New("the zone has no primary")
	}
	return 0, failures
}
