package acme

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// info is what the authority has said of when to renew (ARI, RFC 9773).
type info struct {
	window window
	at     time.Time // in the window, chosen at random; zero: the authority says nothing
	next   time.Time // when to ask again
}

// window is a time in which to renew (RFC 9773 4.2).
type window struct{ Start, End time.Time }

// How often the authority is asked: it may ask for more and less (RFC 9773 4.3.1).
const (
	infoInterval                  = 6 * time.Hour
	shortestInterval, longestInfo = 10 * time.Minute, 24 * time.Hour
)

// suggested is when the authority wants the certificate to be renewed; zero: it does not
// say.
func (m *Manager) suggested(ctx context.Context, leaf *x509.Certificate) time.Time {
	if time.Now().Before(m.info.next) {
		return m.info.at
	}
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	w, again, err := m.askInfo(ctx, leaf)
	m.info.next = time.Now().Add(again)
	switch {
	case err != nil: // what was said before holds
		m.config.Log.Debug("the authority does not say when to renew", "error", err)
	case w != m.info.window || m.info.at.IsZero():
		m.info.window = w
		m.info.at = w.Start.Add(rand.N(w.End.Sub(w.Start))) // so that not all come at once (RFC 9773 4.2)
	}
	return m.info.at
}

// askInfo asks the authority about a certificate, and returns when to ask again.
func (m *Manager) askInfo(ctx context.Context, leaf *x509.Certificate) (w window, again time.Duration, err error) {
	again = infoInterval
	if len(leaf.AuthorityKeyId) == 0 {
		return w, again, errors.New("the certificate does not name the key of its authority")
	}
	text, _, err := m.get(ctx, m.config.Directory)
	if err != nil {
		return w, again, err
	}
	var directory struct {
		RenewalInfo string `json:"renewalInfo"`
	}
	if err := json.Unmarshal(text, &directory); err != nil {
		return w, again, err
	}
	base, err := url.Parse(directory.RenewalInfo)
	if err != nil || directory.RenewalInfo == "" || base.Scheme != "https" {
		return w, again, errors.New("the authority has no address for that")
	}
	text, header, err := m.get(ctx, strings.TrimRight(directory.RenewalInfo, "/")+"/"+certificateID(leaf))
	if err != nil {
		return w, again, err
	}
	if asked := readRetryAfter(header.Get("Retry-After"), time.Now()); asked > 0 {
		again = min(max(asked, shortestInterval), longestInfo)
	}
	w, err = parseWindow(text)
	return w, again, err
}

// certificateID names a certificate by the key of its authority and its serial number
// (RFC 9773 4.1).
func certificateID(leaf *x509.Certificate) string {
	serial := leaf.SerialNumber.Bytes()
	if len(serial) == 0 || serial[0]&0x80 != 0 {
		serial = append([]byte{0}, serial...) // as DER has it
	}
	return base64.RawURLEncoding.EncodeToString(leaf.AuthorityKeyId) + "." + base64.RawURLEncoding.EncodeToString(serial)
}

// parseWindow reads what an authority says of a certificate (RFC 9773 4.2).
func parseWindow(text []byte) (window, error) {
	var said struct {
		SuggestedWindow window `json:"suggestedWindow"`
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return window{}, err
	}
	w := said.SuggestedWindow
	if w.Start.IsZero() || !w.End.After(w.Start) {
		return window{}, fmt.Errorf("the window from %v to %v is not one", w.Start, w.End)
	}
	return w, nil
}

// get gets what needs no account.
func (m *Manager) get(ctx context.Context, url string) ([]byte, http.Header, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	if m.config.UserAgent != "" {
		r.Header.Set("User-Agent", m.config.UserAgent)
	}
	reply, err := m.httpClient(false).Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("%s: %s", url, reply.Status)
	}
	text, err := io.ReadAll(reply.Body)
	return text, reply.Header, err
}
