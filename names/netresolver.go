package names

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/wire"
)

// NetResolver returns a [net.Resolver] whose questions r answers, in memory
// and without a packet: put it into [net.DefaultResolver], or into the Resolver
// of a [net.Dialer], and a program written for package net asks r.
//
// Package net itself looks into the hosts file first, and completes names with
// the search list of resolv.conf; the servers in that file do not matter.
func NetResolver(r Resolver) *net.Resolver {
	return &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return newConversation(ctx, r), nil
		},
	}
}

// NetResolver returns a [net.Resolver] that asks this client, its hosts file
// first.
func (c *Client) NetResolver() *net.Resolver {
	return NetResolver(ResolverFunc(func(ctx context.Context, x *Exchange) error {
		if hosts := c.currentHosts(); hosts != nil {
			if err := hosts.Resolve(ctx, x); err != ErrPass {
				return err
			}
		}
		return c.Resolve(ctx, x)
	}))
}

// answer returns the reply of a server that only has r, or nil if it drops the
// query. The reply is as long as a stream allows. If r failed, cause is its error.
func answer(ctx context.Context, r Resolver, query []byte) (reply []byte, cause error) {
	var x Exchange
	rcode, err := x.Read(query, Peer{Transport: TCP, Remote: loopback, Local: loopback})
	if err != nil {
		return nil, nil
	}
	x.ReplyEDNS.UDPSize = clientUDPSize
	if x.DO() {
		x.ReplyEDNS.Flags = wire.FlagDO // RFC 3225 3
	}
	x.Begin(nil, 65535)
	if rcode != wire.RCodeNoError {
		x.RCode = rcode
		return x.Finish(), nil
	}
	switch err := r.Resolve(ctx, &x); err {
	case nil:
	case ErrDrop:
		return nil, nil
	case ErrPass:
		x.Restart()
		x.RCode = wire.RCodeRefused
	default:
		x.Restart()
		x.RCode = wire.RCodeServFail
		x.explain(err)
		cause = err
	}
	x.Reply.Flags |= wire.FlagRA // a resolver in this program resolves any name
	return x.Finish(), cause
}

// loopback is the client's address if a program queries its own resolver.
var loopback = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 53)

// conversation is a connection to a resolver in the same program. Messages
// have their length in front as on any stream; each is answered while it is
// written, and the reply waits to be read.
type conversation struct {
	resolver Resolver
	ctx      context.Context
	cancel   func()

	mu       sync.Mutex // held while a query is answered
	queries  []byte     // written, and not a whole message yet
	replies  []byte     // not read yet
	deadline time.Time
}

func newConversation(ctx context.Context, r Resolver) *conversation {
	c := &conversation{resolver: r}
	c.ctx, c.cancel = context.WithCancel(ctx)
	return c
}

// Write takes queries, and returns when those that are whole are answered.
func (c *conversation) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.over(); err != nil {
		return 0, err
	}
	c.queries = append(c.queries, b...)
	for {
		query, rest, ok := frame.Cut(c.queries)
		if !ok {
			break
		}
		if reply := c.answer(query); reply != nil {
			c.replies = frame.Append(c.replies, reply)
		}
		c.queries = rest
	}
	return len(b), nil
}

func (c *conversation) answer(query []byte) []byte {
	ctx := c.ctx
	if !c.deadline.IsZero() {
		var cancel func()
		ctx, cancel = context.WithDeadline(ctx, c.deadline)
		defer cancel()
	}
	reply, _ := answer(ctx, c.resolver, query) // on a wire no more can be said than the reply does
	return reply
}

// Read returns replies: [io.EOF] if there are none, because replies come only
// after queries.
func (c *conversation) Read(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.over(); err != nil {
		return 0, err
	}
	if len(c.replies) == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	n := copy(b, c.replies)
	c.replies = c.replies[n:]
	return n, nil
}

// over returns why the conversation has ended, or nil.
func (c *conversation) over() error {
	switch {
	case errors.Is(c.ctx.Err(), context.DeadlineExceeded):
		return os.ErrDeadlineExceeded
	case c.ctx.Err() != nil:
		return net.ErrClosed
	case !c.deadline.IsZero() && !time.Now().Before(c.deadline):
		return os.ErrDeadlineExceeded
	}
	return nil
}

func (c *conversation) Close() error { c.cancel(); return nil }

func (c *conversation) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	return nil
}

func (c *conversation) SetReadDeadline(t time.Time) error  { return c.SetDeadline(t) }
func (c *conversation) SetWriteDeadline(t time.Time) error { return c.SetDeadline(t) }
func (c *conversation) LocalAddr() net.Addr                { return net.TCPAddrFromAddrPort(loopback) }
func (c *conversation) RemoteAddr() net.Addr               { return net.TCPAddrFromAddrPort(loopback) }
