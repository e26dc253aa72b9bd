package upstream

import (
	"crypto/rand"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/names-dns/names/wire"
)

// Server is one server and what was learned of it.
type Server struct {
	client *Client
	addr   netip.AddrPort

	mu     sync.Mutex
	memory memory
	pool   pool
}

// Addr returns where the server is.
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
}

// The ways a server fails to answer, beside the errors of sockets.
var (
	ErrMalformed = errors.New("the reply cannot be read")
	ErrTruncated = errors.New("the reply over TCP is truncated")
	ErrMismatch  = errors.New("the reply does not match the question")

	errServerClosed = errors.New("the server is no longer in use")
)

// NotSentError is returned where a question could not be sent: the fault is
// on this side, and says nothing about the server.
type NotSentError struct{ Err error }

func (e *NotSentError) Error() string { return "query not sent: " + e.Err.Error() }

func (e *NotSentError) Unwrap() error { return e.Err }

// TCPError is returned where a question had to go over TCP and got no answer
// there, while the server is there for UDP or may be.
type TCPError struct{ Err error }

func (e *TCPError) Error() string { return "over TCP: " + e.Err.Error() }

func (e *TCPError) Unwrap() error { return e.Err }

// maxSteps is how often a server is asked in one [Asking]: over UDP without
// options, without EDNS, with a new cookie, over TCP.
const maxSteps = 6

// less returns the form in which to ask again a server that did not understand
// f, as its reply m shows; again is false where it did.
func (f form) less(m *wire.Query, rcode wire.RCode) (next form, again bool) {
	if !f.edns || !isBewildered(rcode) && rcode != wire.RCodeBadVers {
		return f, false
	}
	next = f
	if f.cookie && m.HasEDNS && rcode != wire.RCodeBadVers {
		next.cookie = false // it knows EDNS, and what it does not like is the option
		return next, true
	}
	next.edns, next.cookie = false, false
	return next, true
}

// memory is what was learned of a server. Everything in it is forgotten after
// a while, for servers are replaced.
type memory struct {
	noEDNS    time.Time // no EDNS until then
	silence   silence
	noOptions time.Time // no EDNS options until then
	plainCase time.Time // no mixed case until then
	cookie    cookie
}

const (
	ednsMemory = 15 * time.Minute
	caseMemory = time.Hour
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

// isSuspect notes that a question is sent, and reports whether it is better
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
	server []byte // what the server gave us
}

// usual is the form the server is asked in first.
func (s *Server) usual(now time.Time) form {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := form{edns: !now.Before(s.memory.noEDNS), mixed: !s.client.plainCase && !now.Before(s.memory.plainCase)}
	if f.edns && s.memory.silence.isSuspect(now) {
		f.edns, f.doubtful = false, true
	}
	f.cookie = f.edns && !s.client.noCookies && !now.Before(s.memory.noOptions)
	return f
}

// learn keeps what the answer a to a question in the form f says about the
// server, where the form first tried was another.
func (s *Server) learn(now time.Time, first, f form, a *answer, overTCP bool) {
	rcode := a.rcode()
	understood := !isBewildered(rcode) && rcode != wire.RCodeBadVers
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case understood && first.edns && !f.edns:
		s.memory.noEDNS = now.Add(ednsMemory)
	case understood && first.doubtful:
		s.memory.noEDNS = now.Add(silenceMemory)
	case f.edns:
		s.memory.silence.knownUntil = now.Add(ednsMemory)
	}
	s.memory.silence.asked = 0
	if understood && first.cookie && !f.cookie && f.edns {
		s.memory.noOptions = now.Add(ednsMemory)
	}
	if first.mixed && (!f.mixed || overTCP && !a.repeats) {
		s.memory.plainCase = now.Add(caseMemory)
	}
	if overTCP && f.cookie {
		if _, ok := a.message.EDNS.Options.Find(wire.OptionCookie); !ok {
			s.memory.cookie.server = nil // its cookies are not to be counted on
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
	c := &s.memory.cookie
	if c.local != local || c.client == [8]byte{} {
		s.forgetCookie()
		c.local = local
		rand.Read(c.client[:])
		s.client.own.addCookie(c.client)
	}
	o.cookie = c.client
	return c.server
}

// forgetCookie lets go of the cookie, if there is one. The server is locked.
func (s *Server) forgetCookie() {
	if c := &s.memory.cookie; c.client != [8]byte{} {
		s.client.own.removeCookie(c.client)
		*c = cookie{}
	}
}

// learnCookie keeps the server cookie of a reply.
func (s *Server) learnCookie(o *outgoing, m *wire.Query) {
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
	if s.memory.cookie.client == c.Client && string(s.memory.cookie.server) != string(c.Server) {
		s.memory.cookie.server = append([]byte(nil), c.Server...)
	}
}
