package control

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
)

// Remote says how a server is reached from other machines: over TLS, by clients
// that have a certificate or know a token.
type Remote struct {
	Listen           []netip.AddrPort
	Certificate, Key string   // files, in PEM
	ClientCA         string   // a file with the certificates that sign those of clients; "": clients have none
	TokenFile        string   // "": there is no token
	Allow            []string // the clients that may try at all, as settings.ParseAccess reads them; none: all
}

// Check returns what is wrong with r in itself. Files are not looked at.
func (r *Remote) Check() error {
	switch {
	case len(r.Listen) == 0 && (r.Certificate != "" || r.Key != "" || r.ClientCA != "" || r.TokenFile != "" || len(r.Allow) > 0):
		return errors.New("what is said of certificates, tokens and clients requires listen: the addresses for clients on other machines")
	case len(r.Listen) == 0:
		return nil
	case r.Certificate == "" || r.Key == "":
		return errors.New("listen requires certificate and key: other machines are spoken to over TLS only")
	case r.ClientCA == "" && r.TokenFile == "":
		return errors.New("listen requires client-ca or token-file: otherwise every client could stop the server")
	}
	return nil
}

// minToken is how many octets a token has at least: it is sent as it is, and
// guessed at as often as the network lets a guesser.
const minToken = 16

const maxSecretFile = 1 << 20

// ReadToken reads a token or password from a file that other users cannot read.
func ReadToken(path string, least int) (string, error) {
	f, info, err := files.Open(path)
	if err != nil {
		return "", err
	}
	f.Close()
	if info.Mode()&0o007 != 0 {
		return "", fmt.Errorf("%s can be read by every user: take that away with chmod o= %s", path, path)
	}
	text, err := files.Read(path, maxSecretFile)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(text))
	if len(token) < least {
		return "", fmt.Errorf("%s has fewer than %d octets: make one with head -c 24 /dev/urandom | base64", path, least)
	}
	return token, nil
}

// load reads the files of r.
func (r *Remote) load() (config *tls.Config, token string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("control: %w", err)
		}
	}()
	pair, err := tls.LoadX509KeyPair(r.Certificate, r.Key)
	if err != nil {
		return nil, "", err
	}
	config = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}
	if r.TokenFile != "" {
		if token, err = ReadToken(r.TokenFile, minToken); err != nil {
			return nil, "", err
		}
	}
	if r.ClientCA != "" {
		text, err := files.Read(r.ClientCA, maxSecretFile)
		if err != nil {
			return nil, "", err
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(text) {
			return nil, "", fmt.Errorf("%s has no certificate in PEM", r.ClientCA)
		}
		config.ClientAuth = tls.VerifyClientCertIfGiven
		if token == "" {
			config.ClientAuth = tls.RequireAndVerifyClientCert
		}
	}
	return config, token, nil
}

// CheckFiles returns what is wrong with the files of r.
func (r *Remote) CheckFiles() error {
	if len(r.Listen) == 0 {
		return nil
	}
	_, _, err := r.load()
	return err
}

// Open reads the files of r. It returns what servers at its addresses do: verbs, for
// clients that may. allowed has those of r.Allow; nil: all.
func (r *Remote) Open(allowed names.PeerMatcher, verbs []Verb, log *slog.Logger) (*tls.Config, http.Handler, error) {
	config, token, err := r.load()
	if err != nil {
		return nil, nil, err
	}
	config.NextProtos = []string{"http/1.1"}
	return config, allowOnly(allowed, authorize(Handler(verbs, log), token, log), log), nil
}

// allowOnly lets requests of some clients through, so that others cannot even guess.
func allowOnly(allowed names.PeerMatcher, next http.Handler, log *slog.Logger) http.Handler {
	if allowed == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer := names.Peer{Transport: names.TLS, TLS: listener.PeerTLS(*r.TLS)}
		peer.Remote, _ = netip.ParseAddrPort(r.RemoteAddr)
		if local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
			peer.Local = netip.AddrPortFrom(local.AddrPort().Addr().Unmap(), uint16(local.Port))
		}
		if !allowed.Matches(&peer) {
			log.Warn("control: request of a client that is not allowed", "client", r.RemoteAddr)
			refuse(w, http.StatusForbidden, "the server takes no orders from this client")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// authorize lets requests through that come with a certificate that was verified,
// or with the token.
func authorize(next http.Handler, token string, log *slog.Logger) http.Handler {
	limit := Guesses{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
			next.ServeHTTP(w, r)
			return
		}
		given, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case !limit.Allow():
			refuse(w, http.StatusTooManyRequests, "too many wrong tokens: wait a few seconds")
		case token != "" && isBearer && SameSecret(given, token):
			limit.Good()
			next.ServeHTTP(w, r)
		default:
			limit.Wrong()
			log.Warn("control: request without permission", "client", r.RemoteAddr)
			refuse(w, http.StatusUnauthorized, "this takes a certificate or the token of the server")
		}
	})
}

func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write([]byte(`{"error":"` + text + "\"}\n"))
}

// SameSecret compares secrets in a time that tells nothing of them.
func SameSecret(a, b string) bool {
	first, second := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(first[:], second[:]) == 1
}

// Guesses bounds how often secrets are guessed at: after five wrong ones one a
// second is let through.
type Guesses struct {
	mu    sync.Mutex // nothing is called under it
	wrong int
	next  time.Time
}

const freeGuesses = 5

// Allow reports whether another guess may be made now.
func (g *Guesses) Allow() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if g.wrong < freeGuesses || !now.Before(g.next) {
		g.next = now.Add(time.Second)
		return true
	}
	return false
}

// Wrong counts a wrong guess.
func (g *Guesses) Wrong() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wrong++
}

// Good forgets wrong guesses: one was right.
func (g *Guesses) Good() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wrong = 0
}
