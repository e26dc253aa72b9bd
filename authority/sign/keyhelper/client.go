package keyhelper

import (
	"bufio"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/wire"
)

// Timeout is how long a client waits for one reply. A module that signs on a chip takes
// some milliseconds; one that makes an RSA key, seconds.
const Timeout = 15 * time.Second

const (
	// maxConnections bounds how many requests a helper has at the same time.
	maxConnections = 8
	// pause is how long a helper that did not reply is not asked again: with many
	// zones, each would wait for as long as Timeout.
	pause = 5 * time.Second
)

// ErrPaused is returned, with its cause, if the helper has failed a moment ago.
var ErrPaused = errors.New("key helper is not asked: it did not reply a moment ago")

// Client is a [sign.Device] at the other end of a Unix socket. Its methods may be called at the
// same time.
type Client struct {
	path  string
	slots chan struct{}
	idle  chan *connection

	// mu guards what is after it. Nothing is waited for under it.
	mu      sync.Mutex
	failure error
	until   time.Time // no request before that

	replied, failed atomic.Uint64

	dial func(ctx context.Context) (net.Conn, error) // tests have another one
}

var _ sign.Device = (*Client)(nil)

type connection struct {
	net.Conn
	read *bufio.Reader
	room []byte
	used bool // for a request that was replied to
}

// NewClient returns a client for the helper at a socket. It connects when something is to
// be done, and again when the helper was restarted.
func NewClient(path string) *Client {
	c := &Client{path: path, slots: make(chan struct{}, maxConnections), idle: make(chan *connection, maxConnections)}
	c.dial = c.connect
	return c
}

// Path is that of the socket.
func (c *Client) Path() string { return c.path }

// Stats counts requests since the start.
type Stats struct {
	Replied uint64 // the helper did what it was asked for
	Failed  uint64 // it did not reply, or could not do it
}

// Stats returns what was counted so far.
func (c *Client) Stats() Stats { return Stats{Replied: c.replied.Load(), Failed: c.failed.Load()} }

// Resume has the next request sent even if the helper did not reply a moment ago.
func (c *Client) Resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = time.Time{}
}

// Close closes the connections that are not in use.
func (c *Client) Close() {
	for {
		select {
		case conn := <-c.idle:
			conn.Close()
		default:
			return
		}
	}
}

// Public returns the public half of a key.
func (c *Client) Public(label string) (crypto.PublicKey, error) {
	return c.public(request{Do: doPublic, Label: label})
}

// Generate makes a key.
func (c *Client) Generate(label string, algorithm wire.Algorithm, bits int) (crypto.PublicKey, error) {
	return c.public(request{Do: doGenerate, Label: label, Algorithm: algorithm, Bits: bits})
}

func (c *Client) public(r request) (crypto.PublicKey, error) {
	answer, err := c.ask(r)
	if err != nil {
		return nil, err
	}
	public, err := sign.ParsePublic(answer.Public)
	if err != nil {
		return nil, fmt.Errorf("key helper at %s: public key %q: %w", c.path, r.Label, err)
	}
	return public, nil
}

// Sign signs.
func (c *Client) Sign(label string, digest []byte, hash crypto.Hash) ([]byte, error) {
	name, err := hashName(hash)
	if err != nil {
		return nil, err
	}
	answer, err := c.ask(request{Do: doSign, Label: label, Hash: name, Digest: digest})
	if err == nil && len(answer.Signature) == 0 {
		err = fmt.Errorf("key helper at %s: a reply without a signature", c.path)
	}
	return answer.Signature, err
}

// ask sends a request and returns what comes.
func (c *Client) ask(r request) (answer reply, err error) {
	defer func() {
		if err != nil {
			c.failed.Add(1)
		} else {
			c.replied.Add(1)
		}
	}()
	line, err := appendLine(nil, r)
	if err != nil {
		return answer, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return answer, fmt.Errorf("key helper at %s has too much to do: %w", c.path, os.ErrDeadlineExceeded)
	}
	c.mu.Lock()
	paused, failure := time.Now().Before(c.until), c.failure
	c.mu.Unlock()
	if paused {
		return answer, fmt.Errorf("%w: %w", ErrPaused, failure)
	}
	answer, refused, err := c.exchange(ctx, line)
	if err != nil {
		err = fmt.Errorf("key helper at %s: %w", c.path, err)
		c.mu.Lock()
		c.failure, c.until = err, time.Now().Add(pause)
		c.mu.Unlock()
		return answer, err
	}
	return answer, refused
}

// exchange does a request over one connection. One that was used before may have been
// closed by a helper that was restarted: then a new one is tried.
func (c *Client) exchange(ctx context.Context, line []byte) (reply, error, error) {
	for {
		conn, err := c.take(ctx)
		if err != nil {
			return reply{}, nil, err
		}
		answer, refused, err := conn.ask(ctx, line)
		if err == nil {
			conn.used = true
			c.idle <- conn // there is room for each that has a slot
			return answer, refused, nil
		}
		conn.Close()
		if !conn.used || ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) {
			return reply{}, nil, err
		}
	}
}

// take returns a connection that is not in use.
func (c *Client) take(ctx context.Context) (*connection, error) {
	select {
	case conn := <-c.idle:
		return conn, nil
	default:
	}
	inner, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	conn := &connection{Conn: inner, read: bufio.NewReader(inner)}
	if err := conn.greet(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// connect connects to the socket, if it belongs to who may have keys.
func (c *Client) connect(ctx context.Context) (net.Conn, error) {
	owner, err := checkSocket(c.path)
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", c.path)
	if err != nil {
		return nil, err
	}
	if err := checkPeer(conn, owner, 0); err != nil { // root: a service manager that made the socket
		conn.Close()
		return nil, err
	}
	return conn, nil
}

func (c *connection) greet(ctx context.Context) error {
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return err
	}
	line, err := readLine(c.read, c.room)
	c.room = line
	if err != nil {
		return fmt.Errorf("waiting for its greeting: %w", err)
	}
	var g greeting
	if err := json.Unmarshal(line, &g); err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	return g.check()
}

func (c *connection) ask(ctx context.Context, request []byte) (answer reply, refused, err error) {
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return answer, nil, err
	}
	if _, err := c.Write(request); err != nil {
		return answer, nil, err
	}
	line, err := readLine(c.read, c.room)
	c.room = line
	if err != nil {
		return answer, nil, fmt.Errorf("waiting for a reply: %w", err)
	}
	return parseReply(line)
}
