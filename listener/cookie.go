package listener

import (
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// cookieMaker makes server cookies and knows them again. A server cookie shows
// that its bearer has received a reply of ours at its address, which no client
// has that forges source addresses. It is never changed once made.
type cookieMaker struct {
	secrets [][16]byte // the first makes cookies; a cookie of any of them is good
	isOwn   bool       // the secret is random
	retired []retiredSecret
	now     func() time.Time
}

// retiredSecret is one that makes no cookies any longer.
type retiredSecret struct {
	secret [16]byte
	until  uint32 // cookies of this time and before are good, as long as they are young enough
}

// maxRetired is how many such secrets are known at the most.
const maxRetired = 8

// newCookieMaker returns one with the secrets given or, if there are none,
// one of its own that is secret.
func newCookieMaker(secrets [][16]byte) cookieMaker {
	secrets = slices.Clone(secrets)
	if len(secrets) == 0 {
		var secret [16]byte
		rand.Read(secret[:]) // never fails
		return cookieMaker{secrets: [][16]byte{secret}, isOwn: true, now: time.Now}
	}
	return cookieMaker{secrets: secrets, now: time.Now}
}

// succeed makes m recognise the cookies that clients have from before. A random
// secret stays if no other was given.
func (m *cookieMaker) succeed(before *cookieMaker, isGiven bool) {
	m.now = before.now
	if !isGiven && before.isOwn {
		m.secrets = before.secrets
	}
	now := uint32(m.now().Unix())
	for _, secret := range before.secrets {
		if !slices.Contains(m.secrets, secret) {
			m.retired = append(m.retired, retiredSecret{secret, now})
		}
	}
	for _, r := range before.retired {
		if !slices.Contains(m.secrets, r.secret) && int32(now-r.until) <= cookieExpired {
			m.retired = append(m.retired, r)
		}
	}
	m.retired = m.retired[:min(len(m.retired), maxRetired)]
}

// What a server cookie looks like (RFC 9018 4): version, three octets that are
// reserved, the time it was made at in seconds, the hash.
const (
	clientCookieLen = 8
	serverCookieLen = 16
	cookieVersion   = 1
)

// The age of cookies in seconds (RFC 9018 4.3).
const (
	cookieOld     = 30 * 60 // from here on the client gets a fresh one
	cookieExpired = 60 * 60 // the oldest that is good
	cookieEarly   = -5 * 60 // the youngest: clocks of servers that share a secret may differ
)

// cookieState is what a query has in the way of cookies.
type cookieState uint8

const (
	cookieMalformed cookieState = iota // of a length that cannot be
	cookieClient                       // a client cookie alone
	cookieBad                          // a server cookie that is not ours, not this client's, or out of its time
	cookieGood
)

// pass is what the gate for queries with options does with the data of a COOKIE
// option.
func (m *cookieMaker) pass(x *names.Exchange, data []byte, t *counts) Verdict {
	state := m.answer(x, data)
	switch state {
	case cookieGood:
		t[cookiesGood]++
		x.Peer.CookieValid = true
	case cookieBad:
		t[cookiesBad]++
	case cookieMalformed:
		if x.RCode == wire.RCodeNoError {
			x.RCode = wire.RCodeFormErr // RFC 7873 5.2.2
		}
	}
	if x.RCode == wire.RCodeFormErr && state >= cookieClient && asksForCookie(&x.Query) {
		x.RCode = wire.RCodeNoError
		if state == cookieBad {
			x.RCode = wire.RCodeBadCookie // RFC 7873 5.4
		}
		return Answer
	}
	return Continue
}

// answer looks at the cookies in data and, if they are well-formed, adds to the
// reply of x those the client is to use from now on.
func (m *cookieMaker) answer(x *names.Exchange, data []byte) cookieState {
	if n := len(data) - clientCookieLen; n != 0 && (n < 8 || n > 32) {
		return cookieMalformed
	}
	now := uint32(m.now().Unix())
	var cookies [clientCookieLen + serverCookieLen]byte
	state, keep := m.check(data, x.Peer.Remote.Addr(), now)
	if keep {
		copy(cookies[:], data)
	} else {
		cookies = m.make([clientCookieLen]byte(data), x.Peer.Remote.Addr(), now)
	}
	x.AddOption(wire.OptionCookie, cookies[:])
	return state
}

// check judges the data of a COOKIE option. keep is true if the client may
// go on with the server cookie it has.
func (m *cookieMaker) check(data []byte, client netip.Addr, now uint32) (state cookieState, keep bool) {
	if len(data) == clientCookieLen {
		return cookieClient, false
	}
	if len(data) != clientCookieLen+serverCookieLen || data[clientCookieLen] != cookieVersion {
		return cookieBad, false
	}
	made := binary.BigEndian.Uint32(data[clientCookieLen+4:])
	age := int32(now - made) // RFC 1982
	if age > cookieExpired || age < cookieEarly {
		return cookieBad, false
	}
	head, hash := [clientCookieLen + 8]byte(data), binary.LittleEndian.Uint64(data[clientCookieLen+8:])
	for i := range m.secrets {
		// The reserved octets count as they came: RFC 9018 4.2.
		if cookieHash(&m.secrets[i], head, client) == hash {
			return cookieGood, i == 0 && age <= cookieOld
		}
	}
	for i := range m.retired {
		if r := &m.retired[i]; int32(made-r.until) <= 0 && cookieHash(&r.secret, head, client) == hash {
			return cookieGood, false
		}
	}
	return cookieBad, false
}

// make returns the client's cookie with a fresh server cookie after it.
func (m *cookieMaker) make(cookie [clientCookieLen]byte, client netip.Addr, now uint32) (both [clientCookieLen + serverCookieLen]byte) {
	copy(both[:], cookie[:])
	both[clientCookieLen] = cookieVersion
	binary.BigEndian.PutUint32(both[clientCookieLen+4:], now)
	hash := cookieHash(&m.secrets[0], [clientCookieLen + 8]byte(both[:]), client)
	binary.LittleEndian.PutUint64(both[clientCookieLen+8:], hash)
	return both
}

// cookieHash is the hash after head, which is all that comes before it: the
// client cookie, the version, the reserved octets, the time (RFC 9018 4.4).
func cookieHash(secret *[16]byte, head [clientCookieLen + 8]byte, client netip.Addr) uint64 {
	var room [len(head) + 16]byte
	n := copy(room[:], head[:])
	if client.Is4() {
		a := client.As4()
		n += copy(room[n:], a[:])
	} else {
		a := client.As16()
		n += copy(room[n:], a[:])
	}
	return sipHash(secret, room[:n])
}

// asksForCookie reports whether a query has no question but a COOKIE option,
// and nothing else (RFC 7873 5.4). That OPT and header are all of the message
// says that it could be read.
func asksForCookie(q *wire.Query) bool {
	if q.Header.Counts != [4]uint16{wire.SectionAdditional: 1} || !q.HasEDNS || len(q.Message) != wire.HeaderLen+q.EDNS.Len() {
		return false
	}
	_, ok := q.EDNS.Options.Find(wire.OptionCookie)
	return ok
}
