package names

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/names-dns/names/wire"
)

// toASCII knows one word. As golang.org/x/net/idna it refuses underscores.
func toASCII(name string) (string, error) {
	if strings.Contains(name, "_") {
		return "", errors.New("disallowed rune U+005F")
	}
	return strings.ReplaceAll(name, "bücher", "xn--bcher-kva"), nil
}

func TestInternationalisedNames(t *testing.T) {
	const zone = `xn--bcher-kva.example. 60 IN A 192.0.2.1
www.xn--bcher-kva.example. 60 IN A 192.0.2.2
xn--bcher-kva.xn--bcher-kva.example. 60 IN A 192.0.2.3
_imap._tcp.xn--bcher-kva.example. 60 IN SRV 0 0 1143 www.xn--bcher-kva.example.
`
	synctest.Test(t, func(t *testing.T) {
		c := newTestClient(t, newUpstream(t, data(zone)), func(config *ClientConfig) {
			config.ToASCII = toASCII
			config.Search = []string{"bücher.example"}
		})
		for name, want := range map[string]string{
			"bücher.example": "192.0.2.1", "bücher.example.": "192.0.2.1", "www.bücher.example": "192.0.2.2",
			"www": "192.0.2.2", "bücher": "192.0.2.3", // with the search list
		} {
			addrs, err := c.LookupHost(t.Context(), name)
			if err != nil || strings.Join(addrs, " ") != want {
				t.Errorf("%s: %v, %v", name, addrs, err)
			}
		}
		if _, servers, err := c.LookupSRV(t.Context(), "imap", "tcp", "bücher.example"); err != nil || len(servers) != 1 {
			t.Errorf("SRV: %v, %v", servers, err)
		}
		if m, err := c.Query(t.Context(), "bücher.example", wire.TypeA); err != nil || len(m.Answers) != 1 {
			t.Errorf("query: %v, %v", m, err)
		}
		hosts := &dialed{}
		service := &Service{Name: "imap", Proto: "tcp", Domain: "bücher.example", Dialer: &Dialer{Client: c, Dial: hosts.Dial}}
		if got, err := dialService(t, service); err != nil || got != "www.xn--bcher-kva.example. 1143" {
			t.Errorf("service: %s, %v", got, err)
		}

		_, err := c.LookupHost(t.Context(), "bücher._x")
		var e *Error
		if !errors.As(err, &e) || e.Name != "bücher._x" || !strings.Contains(err.Error(), "no form in ASCII: disallowed rune U+005F") {
			t.Errorf("a name that cannot be converted: %v", err)
		}
		synctest.Wait()
	})
}

// Without a way to convert them such names are refused, and the error says
// what to do. Names in ASCII are never converted.
func TestInternationalisedNamesNeedAHook(t *testing.T) {
	for name, want := range map[string]error{"bücher.example": ErrNotASCII, "books.example": nil} {
		if _, err := new(ClientConfig).ascii(name); err != want {
			t.Errorf("%q: %v", name, err)
		}
	}
	if !strings.Contains(ErrNotASCII.Error(), "ToASCII") {
		t.Error(ErrNotASCII)
	}
	if _, err := (&ClientConfig{ToASCII: toASCII}).ascii("\xff.example"); err != errNotUTF8 {
		t.Error(err)
	}
	never := ClientConfig{ToASCII: func(string) (string, error) { return "", errors.New("called") }}
	if got, err := never.ascii("_imap._tcp.Books.example."); got != "_imap._tcp.Books.example." || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
