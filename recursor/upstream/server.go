package upstream

import (
	"crypto/rand"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/wire"
)

// Server is one server and what was learned of it.
type Server struct {
	client    *Client
	addr      netip.AddrPort
	transport *Transport   // nil: UDP, and TCP if necessary
	exchanges atomic.Int32 // in flight by the transport's Exchange

	mu      sync.Mutex
	profile profile
	pool    pool
}

// Addr returns the address of the server: what it is known by, if it has a transport.
func (s *Server) Addr() netip.AddrPort { return s.addr }

// Close ends the server's connections. What is asked over them fails, and so
// does what would need a new one.
func (s *Server) Close() {
	s.mu.Lock()
	conns := s.pool.close()
	s.forgetCookie()
	s.mu.Unlock()
	for _, c := range conns {
		c.close(errServerClosed)
	}
	if s.transport != nil && s.transport.Close != nil {
		s.transport.Close()
	}
}

// The ways a server fails to answer, in addition to the errors of sockets.
var (
	ErrMalformed = errors.New("malformed reply")
	ErrTruncated = errors.New("truncated reply over TCP")
	ErrMismatch  = errors.New("reply does not match the question")

	errServerClosed = errors.New("server closed")
)

// NotSentError is returned if a query could not be sent: the fault is
// on this side, and says nothing about the server.
type NotSentError struct{ Err error }

func (e *NotSentError) Error() string { return "query not sent: " + e.Err.Error() }

func (e *NotSentError) Unwrap() error { return e.Err }

// TCPError is returned if a query had to go over TCP and got no answer
// there, while the server is there for UDP or may be.
type TCPError struct{ Err error }

func (e *TCPError) Error() string { return "over TCP: " + e.Err.Error() }

func (e *TCPError) Unwrap() error { return e.Err }

// maxSteps is how often a server is asked in one [Request]: over UDP without
// options, without EDNS, with a new cookie, over TCP.
const maxSteps = 6

// less returns the form in which to ask again a server that did not understand
// f, as its reply m shows; again is false if it did.
func (f queryForm) less(m *wire.Query, rcode wire.RCode, overTCP bool) (next queryForm, again bool) {
	next = f
	if rcode == wire.RCodeBadCookie && f.cookie && overTCP {
		next.cookie = false // it likes none, and there is nothing to prove over TCP
		return next, true
	}
	if !f.edns || !seemsToLackEDNS(rcode) && rcode != wire.RCodeBadVers {
		return f, false
	}
	if f.cookie && m.HasEDNS && rcode != wire.RCodeBadVers {
		next.cookie = false // it knows EDNS, and what it does not like is the option
		return next, true
	}
	next.edns, next.cookie, next.padded = false, false, false
	return next, true
}

// profile is what was learned of a server. Everything in it is forgotten after
// a while, for servers are replaced.
type profile struct {
	noEDNS    time.Time // no EDNS until then
	silence   silence
	noOptions time.Time // no EDNS options until then
	plainCase time.Time // no mixed case until then
	mixedCase time.Time // until then it is known to repeat mixed case
	cookie    cookie
}

const (
	ednsMemory = 15 * time.Minute
	caseMemory = time.Hour
	// cookieMemory is how long a server is known to send cookies after it did:
	// about as long as such a cookie is good for (RFC 9018 4.3).
	cookieMemory = time.Hour
)

// silence is that of a server that answers no question with EDNS. Some drop
// them (RFC 6891 6.2.2), but most that are silent are just not there, or far
// away: so every other question goes without EDNS once it has lasted, and what
// comes of that is not believed for long.
type silence struct {
	asked      int       // questions since the server was last heard
	since      time.Time // when the first of them was sent
	suspected  bool      // the last one went without EDNS
	knownUntil time.Time // until then it is known to answer questions with EDNS
}

const (
	silentQuestions = 2
	silentTime      = 800 * time.Millisecond
	silenceMemory   = 2 * time.Minute
)

// isSuspect records that a question is sent, and reports whether it is better
// asked without EDNS.
func (s *silence) isSuspect(now time.Time) bool {
	if now.Before(s.knownUntil) {
		return false
	}
	if s.asked == 0 {
		s.since = now
	}
	s.asked++
	s.suspected = !s.suspected && s.asked > silentQuestions && now.Sub(s.since) >= silentTime
	return s.suspected
}

// cookie is the one we use with a server (RFC 7873).
type cookie struct {
	local  netip.Addr // the address it was made for: it must not tell that two are one (RFC 9018 3)
	client [8]byte
	server []byte    // what the server gave us
	seen   time.Time // when it was last in a reply
}

// initialForm is the form the server is asked in first. It is asked over TCP at once
// if it has a cookie and is to be asked without: nothing else would be believed.
func (s *Server) initialForm(now time.Time) (f queryForm, overTCP bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.transport != nil { // nothing to prove, and nothing to guess
		isKnown := !now.Before(s.profile.noEDNS)
		return queryForm{edns: isKnown, padded: isKnown}, true
	}
	if c := &s.profile.cookie; now.Sub(c.seen) >= cookieMemory {
		c.server = nil
	}
	f = queryForm{edns: !now.Before(s.profile.noEDNS), mixed: !s.client.plainCase && !now.Before(s.profile.plainCase)}
	if f.edns && s.profile.silence.isSuspect(now) {
		f.edns, f.doubtful = false, true
		overTCP = s.profile.cookie.server != nil
	}
	f.cookie = f.edns && !s.client.noCookies && !now.Before(s.profile.noOptions)
	return f, overTCP
}

// learn keeps what the answer a to a question in the form f says about the
// server, if the form first tried was another. What it was known to
// understand it is believed not to understand only over TCP: one forged error
// must not take EDNS, cookies or mixed case away for longer than a question.
func (s *Server) learn(now time.Time, first, f queryForm, a *answer, overTCP bool) {
	rcode := rcodeOf(a.message)
	understood := !seemsToLackEDNS(rcode) && rcode != wire.RCodeBadVers
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &s.profile
	knewEDNS := !overTCP && now.Before(m.silence.knownUntil)
	knewCase := !overTCP && now.Before(m.mixedCase)
	switch {
	case understood && first.edns && !f.edns && !knewEDNS:
		m.noEDNS = now.Add(ednsMemory)
	case understood && first.doubtful:
		m.noEDNS = now.Add(silenceMemory)
	case f.edns:
		m.silence.knownUntil = now.Add(ednsMemory)
	}
	m.silence.asked = 0
	if understood && first.cookie && !f.cookie && f.edns && !knewEDNS {
		m.noOptions = now.Add(ednsMemory)
	}
	switch {
	case !first.mixed || a.message.Question.Name.IsZero():
	case !f.mixed && !knewCase, overTCP && a.wrongCase:
		m.plainCase = now.Add(caseMemory)
	case f.mixed && !a.wrongCase:
		m.mixedCase = now.Add(caseMemory)
	}
	if overTCP && f.cookie && !a.message.Question.Name.IsZero() {
		cookie, ok := a.message.EDNS.Options.Find(wire.OptionCookie)
		switch {
		case !ok:
			m.cookie.server = nil // its cookies are not to be counted on
		case len(cookie) < 8 || [8]byte(cookie) != m.cookie.client:
			m.noOptions = now.Add(ednsMemory) // it does not send back what it is sent
		}
	}
}

// cookieFor puts the client cookie for questions from local into o and returns
// the server cookie that goes with it.
func (s *Server) cookieFor(local netip.Addr, o *outgoing) []byte {
	if !o.form.cookie {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.profile.cookie
	if c.local != local || c.client == [8]byte{} {
		s.forgetCookie()
		c.local = local
		rand.Read(c.client[:])
		s.client.own.addCookie(c.client)
	}
	o.cookie = c.client
	return c.server
}

// forgetCookie drops the cookie, if there is one. The server is locked.
func (s *Server) forgetCookie() {
	if c := &s.profile.cookie; c.client != [8]byte{} {
		s.client.own.removeCookie(c.client)
		*c = cookie{}
	}
}

// learnCookie keeps the server cookie of a reply.
func (s *Server) learnCookie(now time.Time, o *outgoing, m *wire.Query) {
	if !o.form.cookie {
		return
	}
	data, ok := m.EDNS.Options.Find(wire.OptionCookie)
	var c wire.Cookie
	if !ok || c.Parse(data) != nil || c.Client != o.cookie || len(c.Server) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.profile.cookie.client != c.Client {
		return
	}
	s.profile.cookie.seen = now
	if string(s.profile.cookie.server) != string(c.Server) {
		s.profile.cookie.server = append([]byte(nil), c.Server...)
	}
}
