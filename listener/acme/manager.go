// Package acme gets a certificate from an authority by ACME (RFC 8555), and renews it
// before it ends. That the names are ours is shown by TXT records (DNS-01, RFC 8555 8.4),
// which the program publishes: no web server is needed.
package acme

import (
	"cmp"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
)

// Challenges publishes the TXT records that the authority looks for.
type Challenges interface {
	// Publish adds a TXT record to those of name, and returns when all servers of the
	// zone have it, or when waiting for them is pointless.
	Publish(ctx context.Context, name, value string) error
	// Remove removes it. It is called once for each Publish, failed ones too, and may be
	// called for records that are not there.
	Remove(name, value string) error
}

// Config is what a certificate is for, and where it comes from.
type Config struct {
	Directory   string         // the URL at which the authority says what it offers (RFC 8555 7.1.1)
	Names       []string       // that the certificate is for, without a dot at the end; *.NAME is for all names below
	Email       string         // where the authority reaches the operator; "": nowhere
	Dir         string         // the folder for the key of the account and the certificate
	Authorities *x509.CertPool // that vouch for the authority's own server; nil: those of the system
	UserAgent   string         // what the authority's logs call the program
	External    ExternalAccount

	Challenges Challenges
	// Issued is called after a new certificate is in the file.
	Issued func()
	Log    *slog.Logger
}

// Manager keeps a certificate good. [Manager.Run] does the work.
type Manager struct {
	config  Config
	account crypto.Signer
	base    http.RoundTripper
	wake    chan struct{} // renew now

	unsaved []byte // a certificate that is not in the file yet: the disk may be full. Run's alone
	info    info   // what the authority says of when to renew. Run's alone

	earliest time.Time                    // when the next attempt may be made. Run's alone
	external *acme.ExternalAccountBinding // nil: there is none

	mu    sync.Mutex // guards state; nothing is waited for under it
	leaf  *x509.Certificate
	state State
}

// State is how far a certificate is.
type State struct {
	Directory string
	Names     []string
	NotAfter  time.Time // of the authority's certificate; zero: there is none yet
	Next      time.Time // when the next step is taken; zero: it is being taken
	Failures  int       // attempts that have failed since one succeeded
	LastError string    // of the last attempt, if it failed

	Issued, Failed uint64 // attempts since the start
}

const (
	attemptTime = 10 * time.Minute // for an order, with all that is waited for
	firstRetry  = 5 * time.Minute  // Let's Encrypt allows five failures of a name in an hour
	lastRetry   = 12 * time.Hour
	longestWait = 24 * time.Hour // that an authority which limits rates can ask for, and between any two orders
)

// New prepares a manager: it reads its folder, and makes the key of the account and,
// until there is another, a certificate that no authority vouches for. Nothing is sent.
func New(c Config) (*Manager, error) {
	m := &Manager{config: c, wake: make(chan struct{}, 1), state: State{Directory: c.Directory, Names: c.Names}}
	if err := m.open(); err != nil {
		return nil, fmt.Errorf("acme: %w", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if c.Authorities != nil {
		transport.TLSClientConfig.RootCAs = c.Authorities
	}
	transport.ResponseHeaderTimeout = answerTime
	m.base = transport
	return m, nil
}

// Renew has the certificate renewed now, whatever its age.
func (m *Manager) Renew() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// State returns how far the certificate is.
func (m *Manager) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.state
	if m.leaf != nil {
		s.NotAfter = m.leaf.NotAfter
	}
	return s
}

// Run gets the certificate and renews it until ctx is done. Failures are logged, and
// tried again.
func (m *Manager) Run(ctx context.Context) {
	m.removeLeftovers()
	for {
		due := m.dueAt(ctx)
		if due.Before(m.earliest) {
			due = m.earliest
		}
		next, isAsked := due, m.info.next // a look at what the authority says comes in between
		if !isAsked.IsZero() && isAsked.Before(next) {
			next = isAsked
		}
		renew, ok := m.waitUntil(ctx, next)
		switch {
		case !ok:
			return
		case !renew && time.Now().Before(due):
			continue
		}
		wait := m.tryOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		m.earliest = time.Now().Add(wait)
	}
}

// waitUntil waits until then. renew reports that it has to be now; ok is false if ctx is
// done.
func (m *Manager) waitUntil(ctx context.Context, then time.Time) (renew, ok bool) {
	m.mu.Lock()
	m.state.Next = then
	m.mu.Unlock()
	timer := time.NewTimer(time.Until(then))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false, false
	case <-m.wake:
		renew = true
	case <-timer.C:
	}
	m.mu.Lock()
	m.state.Next = time.Time{}
	m.mu.Unlock()
	return renew, ctx.Err() == nil
}

// tryOnce gets a certificate, and returns how long not to try again.
func (m *Manager) tryOnce(ctx context.Context) (wait time.Duration) {
	limited, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	leaf, err := m.attempt(limited)
	if ctx.Err() != nil {
		return 0
	}
	if err == nil {
		m.mu.Lock()
		m.leaf = leaf
		m.state.Issued++
		m.state.Failures, m.state.LastError = 0, ""
		m.mu.Unlock()
		m.info = info{}
		m.forgetFailures()
		m.config.Log.Info("certificate issued", "names", m.config.Names, "expires", leaf.NotAfter, "directory", m.config.Directory)
		if m.config.Issued != nil {
			m.config.Issued()
		}
		// An authority that says "now" again and again does not get an order each time.
		return min(leaf.NotAfter.Sub(leaf.NotBefore)/3, longestWait)
	}
	m.mu.Lock()
	m.state.Failed++
	m.state.Failures++
	m.state.LastError = err.Error()
	wait = retryAfter(m.state.Failures, err)
	again := time.Now().Add(wait)
	attributes := []any{"names", m.config.Names, "error", err, "again", again.UTC().Format(time.RFC3339), "failures", m.state.Failures}
	if m.leaf != nil {
		attributes = append(attributes, "expires", m.leaf.NotAfter)
	}
	s := m.state
	m.mu.Unlock()
	m.noteFailures(&s, again)
	m.config.Log.Error("no certificate from the authority, trying again", attributes...)
	return wait
}

// retryAfter is how long to wait after so many failures: twice as long each time, not the
// same for all, and no less than an authority that limits rates asks for.
func retryAfter(failures int, err error) time.Duration {
	wait := min(firstRetry<<min(failures-1, 16), lastRetry)
	wait = wait*4/5 + rand.N(wait*2/5)
	var refusal *acme.Error
	if errors.As(err, &refusal) {
		if asked, ok := acme.RateLimit(refusal); ok {
			wait = max(wait, min(asked, longestWait))
		}
	}
	return wait
}

// dueAt is when the certificate is to be renewed: with a third of its life left, or when
// the authority says.
func (m *Manager) dueAt(ctx context.Context) time.Time {
	m.mu.Lock()
	leaf := m.leaf
	m.mu.Unlock()
	if leaf == nil {
		return time.Time{}
	}
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	due := leaf.NotAfter.Add(-life / 3)
	if at := m.suggested(ctx, leaf); !at.IsZero() {
		// Whatever it says, the certificate does not end.
		if due = leaf.NotAfter.Add(-life / 6); at.Before(due) {
			due = at
		}
	}
	return due
}

// explain adds what to do to an error of the authority.
func explain(err error) error {
	var refusal *acme.Error
	if !errors.As(err, &refusal) {
		return err
	}
	switch refusal.ProblemType {
	case "urn:ietf:params:acme:error:userActionRequired": // RFC 8555 7.3.3
		return fmt.Errorf("the authority has new terms, which have to be agreed to at %s: %w", cmp.Or(refusal.Instance, "its web site"), err)
	case "urn:ietf:params:acme:error:caa":
		return fmt.Errorf("a CAA record does not let this authority issue: %w", err)
	case "urn:ietf:params:acme:error:externalAccountRequired":
		return fmt.Errorf("the authority wants the account bound to one that was made elsewhere (external account binding), whose key is needed: %w", err)
	}
	return err
}
