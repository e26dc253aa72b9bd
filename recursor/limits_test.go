package recursor

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// TestZoneCutsAreLimited: where each zone has a server of its own that knows
// the next one below, a name of many labels is not followed to its end
// (CERT's VU#264212).
func TestZoneCutsAreLimited(t *testing.T) {
	// server has zone d., d.d. and so on; number 0 is the root's.
	address := func(number int) netip.Addr {
		if number == 0 {
			return netip.MustParseAddr("198.41.0.4")
		}
		return netip.AddrFrom4([4]byte{192, 0, 2, byte(number)})
	}
	server := func(number int) upstreamtest.Handler {
		return func(q *upstreamtest.Query) {
			m := q.Reply()
			child := strings.Repeat("d.", number+1)
			m.Authority = upstreamtest.Records(wire.Root, child+" NS ns."+child)
			m.Additional = upstreamtest.Records(wire.Root, "ns."+child+" A "+address(number+1).String())
			q.SendMessage(m)
		}
	}
	playRoot(t, Config{}, server(0), func(r *Recursor, network *upstreamtest.Network) {
		asked := make([]bool, 100)
		for number := 1; number < len(asked); number++ {
			answer := server(number)
			network.Serve(netip.AddrPortFrom(address(number), dnsPort), func(q *upstreamtest.Query) {
				asked[number] = true
				answer(q)
			}, nil)
		}
		_, err := namestest.Try(t, r, "www."+strings.Repeat("d.", 100), wire.TypeA)
		if !errors.Is(err, errExhausted) {
			t.Errorf("got %v", err)
		}
		if !asked[maxReferrals] || asked[maxReferrals+1] {
			t.Errorf("zone %d asked: %t, the one below: %t", maxReferrals, asked[maxReferrals], asked[maxReferrals+1])
		}
	})
}
