package web

import (
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/names-dns/names/cmd/internal/control"
)

//go:embed static
var static embed.FS

// Config says where the page is, and for whom.
type Config struct {
	Listen       []netip.AddrPort
	PasswordFile string
}

// Check returns what is wrong with c in itself. Files are not looked at.
func (c *Config) Check() error {
	if len(c.Listen) == 0 {
		if c.PasswordFile != "" {
			return errors.New("password-file requires listen")
		}
		return nil
	}
	if c.PasswordFile == "" {
		return errors.New("listen requires password-file: the page can stop the server")
	}
	for _, a := range c.Listen {
		if !a.Addr().IsLoopback() {
			return fmt.Errorf("%v is not a loopback address, and the password would cross the network in the clear: listen on 127.0.0.1, and reach it through ssh -L or a proxy with TLS", a)
		}
	}
	return nil
}

// minPassword is how many octets a password has at least.
const minPassword = 8

// CheckFiles returns what is wrong with the files of c.
func (c *Config) CheckFiles() error {
	if len(c.Listen) == 0 {
		return nil
	}
	_, err := c.Password()
	return err
}

// Password reads the password.
func (c *Config) Password() (string, error) {
	password, err := control.ReadToken(c.PasswordFile, minPassword)
	if err != nil {
		return "", fmt.Errorf("web: %w", err)
	}
	return password, nil
}

const (
	maxForm     = 4 << 10
	sessionTime = 12 * time.Hour
	maxSessions = 100
	cookieName  = "names"
)

// site is the page and what it takes to see it.
type site struct {
	password string
	log      *slog.Logger
	api      http.Handler
	files    http.Handler
	guesses  control.Guesses

	mu       sync.Mutex           // guards sessions
	sessions map[string]time.Time // when each ends
}

// Handler serves the page, and below /v1/ the API of verbs, to clients that know the
// password.
func Handler(password string, verbs []control.Verb, log *slog.Logger) http.Handler {
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // it is embedded
	}
	s := &site{password: password, log: log, api: control.Handler(verbs, log), files: http.FileServerFS(files), sessions: map[string]time.Time{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("POST /logout", s.logout)
	mux.HandleFunc("/v1/", s.serveAPI)
	mux.HandleFunc("/", s.serveFile)
	return mux
}

// policy allows the page what comes from this server, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func secure(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// serveFile serves the files of the page. They say nothing of the server: without
// a session they show a field for the password.
func (s *site) serveFile(w http.ResponseWriter, r *http.Request) {
	secure(w)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		reply(w, http.StatusMethodNotAllowed, "files take GET")
		return
	}
	s.files.ServeHTTP(w, r)
}

// login begins a session for a client that knows the password.
func (s *site) login(w http.ResponseWriter, r *http.Request) {
	secure(w)
	if !isOwn(r) {
		reply(w, http.StatusForbidden, "the request comes from another page")
		return
	}
	if !s.guesses.Allow() {
		reply(w, http.StatusTooManyRequests, "too many wrong passwords: wait a few seconds")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	var form struct{ Password string }
	if err := json.NewDecoder(r.Body).Decode(&form); err != nil || !control.SameSecret(form.Password, s.password) {
		s.guesses.Wrong()
		s.log.Warn("web: wrong password", "client", r.RemoteAddr)
		reply(w, http.StatusUnauthorized, "the password is wrong")
		return
	}
	s.guesses.Good()
	name := rand.Text()
	s.mu.Lock()
	s.forget(time.Now())
	s.sessions[name] = time.Now().Add(sessionTime)
	s.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: name, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: int(sessionTime.Seconds())})
	reply(w, http.StatusOK, "")
}

// forget ends sessions that are over, and the oldest if there are too many. s.mu is
// held.
func (s *site) forget(now time.Time) {
	oldest := ""
	for name, end := range s.sessions {
		if now.After(end) {
			delete(s.sessions, name)
		} else if oldest == "" || end.Before(s.sessions[oldest]) {
			oldest = name
		}
	}
	if len(s.sessions) >= maxSessions {
		delete(s.sessions, oldest)
	}
}

func (s *site) logout(w http.ResponseWriter, r *http.Request) {
	secure(w)
	if c, err := r.Cookie(cookieName); err == nil && isOwn(r) {
		s.mu.Lock()
		delete(s.sessions, c.Value)
		s.mu.Unlock()
	}
	reply(w, http.StatusOK, "")
}

// serveAPI answers verbs, for sessions and for programs that send the password.
func (s *site) serveAPI(w http.ResponseWriter, r *http.Request) {
	secure(w)
	if !s.mayAsk(r) {
		reply(w, http.StatusUnauthorized, "log in first")
		return
	}
	s.api.ServeHTTP(w, r)
}

func (s *site) mayAsk(r *http.Request) bool {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		if !s.guesses.Allow() {
			return false
		}
		if control.SameSecret(token, s.password) {
			s.guesses.Good()
			return true
		}
		s.guesses.Wrong()
		return false
	}
	c, err := r.Cookie(cookieName)
	if err != nil || r.Method != http.MethodGet && !isOwn(r) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	end, ok := s.sessions[c.Value]
	return ok && time.Now().Before(end)
}

// isOwn reports whether a request that changes something comes from our own page:
// scripts of others cannot set this header without asking first.
func isOwn(r *http.Request) bool { return r.Header.Get("X-Names") == "page" }

func reply(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if text == "" {
		w.Write([]byte("{}\n"))
		return
	}
	json.NewEncoder(w).Encode(map[string]string{"error": text})
}
