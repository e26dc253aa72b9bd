package alias

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/internal/zonetest"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// elsewhere are the zones of other servers: its own apex is the root.
const elsewhere = `
. 3600 SOA ns.example. h.example. 1 2 3 4 60
. NS ns.example.
cdn.example.net. 60 A 198.51.100.1
cdn.example.net. 120 AAAA 2001:db8::1
only4.example.net. 60 A 198.51.100.4
chain.example.net. 30 CNAME cdn.example.net.
back.example.net. CNAME @.example.com.
tous.example.net. 3600 CNAME www.example.com.
round.example.net. CNAME apex.example.com.
deep.sub.example.com. 3600 A 198.51.100.7
none.example.net. TXT x
`

const ours = `
@ 3600 SOA ns h 1 2 3 4 60
@ NS ns
ns A 192.0.2.53
www 90 A 192.0.2.80
cname CNAME www
out CNAME cdn.example.net.
apex ALIAS round.example.net.
apex A 192.0.2.66
one ALIAS two
two ALIAS one
first ALIAS second
second ALIAS cdn.example.net.
second A 192.0.2.67
self ALIAS self
c1 CNAME c2
c2 CNAME c1
sub NS ns.sub.example.net.
`

func TestFinder(t *testing.T) {
	internet := new(authority.Set)
	if err := internet.Add(authority.NewZone(zonetest.Snapshot(t, wire.Root, elsewhere))); err != nil {
		t.Fatal(err)
	}
	own := new(authority.Set)
	if err := own.Add(authority.NewZone(zonetest.Snapshot(t, wire.MustParseName("example.com."), ours))); err != nil {
		t.Fatal(err)
	}
	down := false
	client, err := names.NewClient(names.ClientConfig{NoHosts: true, Resolver: names.ResolverFunc(func(ctx context.Context, x *names.Exchange) error {
		if down {
			return errors.New("no reply")
		}
		return internet.Resolve(ctx, x)
	})})
	if err != nil {
		t.Fatal(err)
	}
	f := Finder{Own: own, Ask: client}
	for _, test := range []struct {
		target, want string
		ttl          time.Duration
		err          error
	}{
		{"cdn.example.net.", "198.51.100.1 2001:db8::1", time.Minute, nil},
		{"only4.example.net.", "198.51.100.4", time.Minute, nil},
		{"chain.example.net.", "198.51.100.1 2001:db8::1", 30 * time.Second, nil},
		{"tous.example.net.", "192.0.2.80", 90 * time.Second, nil},
		{"www.example.com.", "192.0.2.80", 90 * time.Second, nil},
		{"cname.example.com.", "192.0.2.80", 90 * time.Second, nil},
		{"out.example.com.", "198.51.100.1 2001:db8::1", time.Minute, nil},
		{"first.example.com.", "198.51.100.1 2001:db8::1", time.Minute, nil},
		{"deep.sub.example.com.", "198.51.100.7", time.Hour, nil},
		{"apex.example.com.", "", 0, errLoop},
		{"round.example.net.", "", 0, errLoop},
		{"one.example.com.", "", 0, errLoop},
		{"self.example.com.", "", 0, errLoop},
		{"c1.example.com.", "", 0, errLoop},
		{"none.example.net.", "", 0, errNoAddress},
		{"missing.example.net.", "", 0, errNoAddress},
		{"missing.example.com.", "", 0, errNoAddress},
	} {
		got, err := f.Lookup(t.Context(), wire.MustParseName(test.target))
		if !errors.Is(err, test.err) || test.err == nil && (err != nil || got.String() != test.want || got.TTL != test.ttl) {
			t.Errorf("%s: %v %v %v, want %s %v %v", test.target, got, got.TTL, err, test.want, test.ttl, test.err)
		}
	}
	down = true
	if got, err := f.Lookup(t.Context(), wire.MustParseName("cdn.example.net.")); err == nil || errors.Is(err, errNoAddress) {
		t.Errorf("%v %v", got, err)
	}
	if got, err := f.Lookup(t.Context(), wire.MustParseName("www.example.com.")); err != nil {
		t.Errorf("%v %v", got, err)
	}
}
