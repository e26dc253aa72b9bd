package authority

import (
	"fmt"
	"strings"
	"testing"

	"github.com/names-dns/names/internal/race"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// hotZone has one of everything that a reply can be made of.
const hotZone = `$TTL 3600
@ SOA ns1 hostmaster 1 7200 3600 604800 300
@ NS ns1
@ NS ns2
@ MX 10 mail
ns1 A 192.0.2.53
ns2 A 192.0.2.54
mail A 192.0.2.25
www CNAME host
host A 192.0.2.80
*.wild A 192.0.2.99
sub NS ns.sub
ns.sub A 192.0.2.55
dn DNAME wild
`

// TestAnswersAllocateNothing lists the kinds of replies that cost no memory.
func TestAnswersAllocateNothing(t *testing.T) {
	plain := new(Set)
	if err := plain.SetZones([]*Zone{NewZone(mustZone(t, "example.com.", hotZone))}); err != nil {
		t.Fatal(err)
	}
	signed := new(Set)
	if err := signed.SetZones([]*Zone{NewZone(mustZone(t, "example.com.", readTestdata(t, "nsec.zone")))}); err != nil {
		t.Fatal(err)
	}
	hashed := new(Set)
	if err := hashed.SetZones([]*Zone{NewZone(mustZone(t, "example.com.", readTestdata(t, "nsec3.zone")))}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		set  *Set
		ask  string
	}{
		{"positive", plain, "host.example.com. A"},
		{"no data", plain, "host.example.com. TXT"},
		{"name error", plain, "nothing.example.com. A"},
		{"alias", plain, "www.example.com. A"},
		{"additional", plain, "example.com. MX"},
		{"wildcard", plain, "any.wild.example.com. A"},
		{"referral", plain, "www.sub.example.com. A"},
		{"redirection", plain, "x.dn.example.com. A"},
		{"any", plain, "example.com. ANY"},
		{"not ours", plain, "example.net. A"},
		{"truncated", plain, "example.com. MX size=60"},
		{"signed positive", signed, "a.example.com. A do"},
		{"signed no data", signed, "a.example.com. TXT do"},
		{"signed name error", signed, "b.example.com. A do"},
		{"hashed no data", hashed, "a.example.com. TXT do"},
		{"hashed name error", hashed, "b.example.com. A do"},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := exchange(t, strings.Fields(test.ask)...)
			if n := testing.AllocsPerRun(100, func() {
				x.Restart()
				if err := test.set.TryResolve(x); err != nil && err != names.ErrPass {
					t.Fatal(err)
				}
			}); n != 0 && !race.Enabled { // with the race detector a pool forgets at random
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func BenchmarkAnswer(b *testing.B) {
	small := new(Set)
	var text strings.Builder
	text.WriteString(hotZone)
	for i := range 1000 {
		fmt.Fprintf(&text, "host%d A 192.0.2.1\nhost%d AAAA 2001:db8::1\n", i, i)
	}
	if err := small.SetZones([]*Zone{NewZone(mustZone(b, "example.com.", text.String()))}); err != nil {
		b.Fatal(err)
	}
	for _, ask := range []string{
		"host500.example.com. A", "host500.example.com. TXT", "nothing.example.com. A", "www.example.com. A",
		"example.com. MX", "www.sub.example.com. A",
	} {
		b.Run(strings.ReplaceAll(ask, " ", "_"), func(b *testing.B) {
			benchmarkAnswers(b, small, [][]byte{exchange(b, strings.Fields(ask)...).Query.Message})
		})
	}
}

// benchmarkAnswers asks set one of queries after the other, from the query as it
// arrives to the reply as it is sent.
func benchmarkAnswers(b *testing.B, set *Set, queries [][]byte) {
	x := new(names.Exchange)
	buf := make([]byte, 0, 1232+wire.WriterSlack)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		x.Read(queries[i%len(queries)], names.Peer{})
		x.Begin(buf, 1232)
		if err := set.TryResolve(x); err != nil {
			b.Fatal(err)
		}
		x.Finish()
	}
}

// TestAllGlueOfManyServers: however many servers a delegation has, a referral
// has the addresses of all or TC (RFC 9471 3.1).
func TestAllGlueOfManyServers(t *testing.T) {
	const servers = 2 * maxAdditional
	var zone strings.Builder
	zone.WriteString(checkedApex)
	for i := range servers {
		fmt.Fprintf(&zone, "sub 60 NS ns%d.sub\nns%d.sub 60 A 192.0.2.%d\n", i, i, i)
	}
	set := new(Set)
	if err := set.SetZones([]*Zone{NewZone(mustZone(t, "example.", zone.String()))}); err != nil {
		t.Fatal(err)
	}
	if reply := ask(t, set, "www.sub.example.", "A", "tcp"); strings.Count(reply, "additional:") != servers {
		t.Errorf("%d of %d addresses:\n%s", strings.Count(reply, "additional:"), servers, reply)
	}
	if reply := ask(t, set, "www.sub.example.", "A", "size=3000"); !strings.HasPrefix(reply, "NOERROR tc") {
		t.Errorf("what does not fit is not told:\n%s", reply)
	}
}
