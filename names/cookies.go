package names

import (
	"bytes"
	"crypto/rand"
	"net/netip"
	"sync"

	"github.com/names-dns/names/wire"
)

// Lengths of cookies in octets (RFC 7873 4).
const (
	clientCookieLen    = 8
	minServerCookieLen = 8
	maxServerCookieLen = 32
)

// cookies are what a client and its servers know each other by (RFC 7873): an attacker that
// forges a reply has to guess 64 bits more, and servers that are under attack
// still answer those they know. A nil *cookies leaves queries as they are.
type cookies struct {
	mu  sync.Mutex
	jar map[netip.AddrPort]*cookie
}

// cookie is what is sent to one server.
type cookie struct {
	client [clientCookieLen]byte
	server []byte // empty until the server has sent one
}

// add returns query with the cookie for server in its OPT record; query itself
// if it has none, or one with a cookie, or one that is not the last record.
func (c *cookies) add(query []byte, server netip.AddrPort) []byte {
	if c == nil {
		return query
	}
	at, ok := optionsEnd(query, wire.OptionCookie)
	if !ok {
		return query
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.jar[server]
	if known == nil {
		known = new(cookie)
		rand.Read(known.client[:]) // never fails
		if c.jar == nil {
			c.jar = map[netip.AddrPort]*cookie{}
		}
		c.jar[server] = known
	}
	return at.append(query, wire.OptionCookie, append(known.client[:clientCookieLen:clientCookieLen], known.server...))
}

// accept reports whether a reply has the cookie that was sent in query, and
// remembers what the server added. A server that has sent one before must send
// one again; after one that does not, it need not.
func (c *cookies) accept(reply, query []byte, server netip.AddrPort) bool {
	if c == nil {
		return true
	}
	sent, hasSent := findCookie(query)
	if !hasSent {
		return true
	}
	got, has := findCookie(reply)
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.jar[server]
	if !has {
		expected := known != nil && len(known.server) > 0
		if expected {
			known.server = nil
		}
		return !expected
	}
	if len(got) < clientCookieLen || !bytes.Equal(got[:clientCookieLen], sent[:clientCookieLen]) {
		return false
	}
	if n := len(got) - clientCookieLen; known != nil && n >= minServerCookieLen && n <= maxServerCookieLen {
		known.server = bytes.Clone(got[clientCookieLen:])
	}
	return true
}

// isBad reports whether the server wants to be asked again with the cookie it
// sent in reply.
func (c *cookies) isBad(reply []byte) bool {
	var q wire.Query
	return c != nil && q.Parse(reply) == nil && q.HasEDNS && q.EDNS.RCode(q.Header.Flags) == wire.RCodeBadCookie
}

// findCookie returns the data of the cookie option in a message.
func findCookie(message []byte) ([]byte, bool) {
	var q wire.Query
	if q.Parse(message) != nil || !q.HasEDNS {
		return nil, false
	}
	data, ok := q.EDNS.Options.Find(wire.OptionCookie)
	return data, ok && len(data) >= clientCookieLen
}
