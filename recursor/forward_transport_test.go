package recursor

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// A server is asked by another transport from one query to the next; the query over which that
// turns out to have failed is answered in the clear.
func TestAskBy(t *testing.T) {
	isBroken, over, inTheClear := false, 0, 0
	var s *scene
	transport := &upstream.Transport{Protocol: names.TLS, Name: "tls://a.example", Exchange: func(_ context.Context, query []byte) ([]byte, error) {
		if isBroken {
			s.f.AskBy(serverA, nil)
			return nil, errors.New("connection refused")
		}
		over++
		return rightReply(query), nil
	}}
	play(t, ForwardConfig{Servers: []netip.AddrPort{serverA}, Zones: []ForwardZone{{Zone: wire.MustParseName("zone.example."), Servers: []netip.AddrPort{serverA}}}}, func(playing *scene) {
		s = playing
		s.serve(serverA, func(q *upstreamtest.Query) {
			inTheClear++
			right(q)
		}, nil)
		expect := func(when string, wantOver, wantClear int) {
			t.Helper()
			over, inTheClear = 0, 0
			for _, name := range []string{"www.example.com.", "www.zone.example."} {
				if m := namestest.Ask(s, s.f, name, wire.TypeA); len(m.Answers) != 1 {
					t.Errorf("%s: %v", when, m)
				}
				pass(time.Second)
			}
			if over != wantOver || inTheClear != wantClear {
				t.Errorf("%s: %d queries by the transport, %d in the clear", when, over, inTheClear)
			}
		}
		expect("at first", 0, 2)
		s.f.AskBy(serverB, transport) // which is not asked for anything
		s.f.AskBy(serverA, transport)
		expect("by the transport", 2, 0)
		if status := s.f.Servers(); len(status) != 1 || status[0].Name != "tls://a.example" || status[0].Addr != serverA {
			t.Errorf("%+v", status)
		}
		isBroken = true
		expect("the transport fails", 0, 2)
		if status := s.f.Servers(); status[0].Dead || status[0].Name != serverA.String() {
			t.Errorf("%+v", status)
		}
	})
}
