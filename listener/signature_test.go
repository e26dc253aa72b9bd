package listener_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/listenertest"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

func parseKey(t *testing.T, text string) wire.TSIGKey {
	t.Helper()
	k, err := wire.ParseTSIGKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Resolvers see the name of the key only if the signature holds; all replies but
// those to unknown keys are signed.
func TestSignedQueries(t *testing.T) {
	key := parseKey(t, "hmac-sha256:right.:c2VjcmV0IG9mIHRoZSB0ZXN0")
	var keys wire.TSIGKeys
	if err := keys.Add(key); err != nil {
		t.Fatal(err)
	}
	other := parseKey(t, "hmac-sha256:right.:YW5vdGhlciBzZWNyZXQ=")
	unknown := parseKey(t, "hmac-sha256:unknown.:YW5vdGhlciBzZWNyZXQ=")
	for _, test := range []struct {
		name   string
		key    *wire.TSIGKey
		at     time.Duration // from now
		keys   *wire.TSIGKeys
		rcode  wire.RCode
		code   wire.RCode // in the TSIG record of the reply
		called string     // what the resolver saw; "-": it was not called
	}{
		{"not signed", nil, 0, &keys, 0, 0, ""},
		{"signed", &key, 0, &keys, 0, 0, "right."},
		{"wrong secret", &other, 0, &keys, wire.RCodeNotAuth, wire.RCodeBadVers, "-"},
		{"unknown key", &unknown, 0, &keys, wire.RCodeNotAuth, wire.RCodeBadKey, "-"},
		{"no keys", &key, 0, nil, wire.RCodeNotAuth, wire.RCodeBadKey, "-"},
		{"too old", &key, -time.Hour, &keys, wire.RCodeNotAuth, wire.RCodeBadTime, "-"},
	} {
		for _, transport := range []names.Transport{names.UDP, names.TCP, names.TLS, names.HTTPS, names.QUIC} {
			called := "-"
			resolver := names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
				called = ""
				if !x.Peer.Key.IsZero() {
					called = x.Peer.Key.String()
				}
				return nil
			})
			query := wire.AppendQuery(nil, 7, 0, wire.Question{Name: wire.MustParseName("a.example."), Type: wire.TypeA, Class: wire.ClassIN}, nil)
			var session *wire.TSIGSession
			if test.key != nil {
				var err error
				if query, session, err = test.key.Sign(query, time.Now().Add(test.at)); err != nil {
					t.Fatal(err)
				}
			}
			reply := listenertest.AskConfig(listener.Config{Resolver: resolver, TSIGKeys: test.keys}, query, transport)
			m, err := wire.ParseMessage(reply)
			if err != nil {
				t.Fatal(err)
			}
			if m.RCode != test.rcode || called != test.called {
				t.Errorf("%s, %v: %v, resolver saw %q, want %v, %q", test.name, transport, m.RCode, called, test.rcode, test.called)
			}
			if session == nil {
				continue
			}
			err = session.Verify(reply, time.Now())
			var refused *wire.TSIGError
			if test.code == 0 && err != nil || test.code != 0 && (!errors.As(err, &refused) || refused.Code != test.code) {
				t.Errorf("%s, %v: signature of the reply: %v", test.name, transport, err)
			}
		}
	}
}
