package bound

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
)

// says is a handler that says a word.
func says(word string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, word) })
}

// TestChange: a server stays as long as it is wanted, whatever it does; a change that
// cannot be made leaves all as it was, and gives back what it has bound.
func TestChange(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	var h Handler
	h.Set(says("first"))
	one := AtAddress("one", "127.0.0.1:0", &h, nil, log)
	s, err := Serve(log, one)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	at := s.Addresses("one")[0].String()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(want string) {
		t.Helper()
		r, err := client.Get("http://" + at)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != want {
			t.Errorf("%q, %v, want %q", body, err, want)
		}
	}
	get("first")
	h.Set(says("second"))
	c, err := s.Change([]Wanted{one, AtAddress("two", "127.0.0.1:0", says("two"), nil, log)})
	if err != nil {
		t.Fatal(err)
	}
	c.Commit()
	get("second")
	if two := s.Addresses("two"); len(two) != 1 || s.Addresses("one")[0].String() != at {
		t.Errorf("%v, and the first at %v", two, s.Addresses("one"))
	}

	var between net.Addr
	free := Wanted{Place{"free", "127.0.0.1:0"}, func(at func(Place) net.Addr) (Server, net.Addr, error) {
		if at(one.Place) != s.open[one.Place].at {
			t.Error("a server does not learn where another is")
		}
		server, bound, err := AtAddress("free", "127.0.0.1:0", says(""), nil, log).Open(at)
		between = bound
		return server, bound, err
	}}
	if _, err := s.Change([]Wanted{one, free, AtAddress("taken", at, says(""), nil, log)}); err == nil || !strings.HasPrefix(err.Error(), "taken: listen tcp "+at) {
		t.Errorf("an address that is taken: %v", err)
	}
	l, err := net.Listen("tcp", between.String())
	if err != nil {
		t.Errorf("what was bound is not given back: %v", err)
	} else {
		l.Close()
	}
	get("second")

	fixed := AtAddress("fixed", between.String(), says("fixed"), nil, log)
	if c, err = s.Change([]Wanted{one, fixed}); err != nil {
		t.Fatal(err)
	}
	c.Commit()
	if _, err := s.Change([]Wanted{one, AtAddress("other", between.String(), says(""), nil, log)}); err == nil || !strings.Contains(err.Error(), "by fixed of this server") {
		t.Errorf("an address that a server has which is to go: %v", err)
	}
}
