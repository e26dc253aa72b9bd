package doh

import (
	"bytes"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/names-dns/names/listener/odoh"
	"github.com/names-dns/names/listener/odoh/odohtest"
	"github.com/names-dns/names/wire"
)

// A client gets the key, and what it has encrypted is answered, at the same path as
// messages that are not; what cannot be read says whether another key would help.
func TestOblivious(t *testing.T) {
	h, z := newHandler(t, Handler{Oblivious: new(odoh.Keys)})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/odohconfigs", nil))
	if w.Code != 200 || w.Header().Get("Cache-Control") != "max-age=86399" && w.Header().Get("Cache-Control") != "max-age=86400" {
		t.Fatalf("keys: %d %v", w.Code, w.Header())
	}
	configs := w.Body.Bytes()
	send := func(message []byte) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/dns-query", bytes.NewReader(message))
		r.Header.Set("Content-Type", "application/oblivious-dns-message")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	message, client := odohtest.Seal(t, configs, query("www.example."))
	w = send(message)
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/oblivious-dns-message" || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("a query: %d %v", w.Code, w.Header())
	}
	if m, err := wire.ParseMessage(client.Open(t, w.Body.Bytes())); err != nil || len(m.Answers) != 2 {
		t.Errorf("%v, %v", m, err)
	}
	if z.peer.Remote.Addr().String() != "192.0.2.1" {
		t.Errorf("the client is %v, not the proxy", z.peer.Remote)
	}
	w = httptest.NewRecorder()
	if h.ServeHTTP(w, post(query("www.example."))); w.Code != 200 || w.Header().Get("Content-Type") != mediaType {
		t.Errorf("a message as it is: %d %v", w.Code, w.Header())
	}
	other, _, err := new(odoh.Keys).Configs(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	foreign, _ := odohtest.Seal(t, other, query("www.example."))
	noDNS, _ := odohtest.Seal(t, configs, []byte("x"))
	for what, c := range map[string]struct {
		message []byte
		status  int
	}{
		"another key": {foreign, 401}, "damage": {message[:len(message)-1], 400}, "nothing": {nil, 400},
		"not DNS": {noDNS, 400}, "too much": {make([]byte, 65536), 413},
	} {
		if w := send(c.message); w.Code != c.status || w.Body.Len() > 0 {
			t.Errorf("%s: %d, %d octets", what, w.Code, w.Body.Len())
		}
	}
	w = httptest.NewRecorder()
	if h.ServeHTTP(w, httptest.NewRequest("POST", "/.well-known/odohconfigs", nil)); w.Code != 405 {
		t.Errorf("POST of keys: %d", w.Code)
	}
	h.Oblivious = nil
	if w := send(message); w.Code != 415 {
		t.Errorf("without the option: %d", w.Code)
	}
	w = httptest.NewRecorder()
	if h.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/odohconfigs", nil)); w.Code != 404 {
		t.Errorf("keys without the option: %d", w.Code)
	}
}
