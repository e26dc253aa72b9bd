package sign_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/wire"
)

var (
	computedZone = wire.MustParseName("example.")
	noon         = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
)

func onlineKeys(t testing.TB) []*sign.Key {
	t.Helper()
	key, err := sign.GenerateKey(wire.AlgorithmECDSAP256SHA256, wire.FlagZoneKey|wire.FlagSecureEntry, 0, noon)
	if err != nil {
		t.Fatal(err)
	}
	return []*sign.Key{key}
}

// online signs the answers of raw.
func online(t testing.TB, change func(*sign.OnlineConfig)) *sign.Online {
	t.Helper()
	config := sign.OnlineConfig{
		Zone: computedZone, Servers: []wire.Name{wire.MustParseName("ns.example.net.")}, Keys: onlineKeys(t),
		Now: func() time.Time { return noon },
	}
	if change != nil {
		change(&config)
	}
	o, err := sign.NewOnline(raw{[]byte{192, 0, 2, 1}}, config)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestOnlineAllowance: what would take more signatures is an error, and what has its
// signatures goes on being answered.
func TestOnlineAllowance(t *testing.T) {
	now := noon
	o := online(t, func(c *sign.OnlineConfig) {
		c.SignaturesPerSecond, c.Now = 3, func() time.Time { return now }
	})
	for i := range 3 {
		namestest.Ask(t, o, fmt.Sprintf("host%d.example.", i), wire.TypeA, namestest.WithDO())
	}
	_, err := namestest.Try(t, o, "host3.example.", wire.TypeA, namestest.WithDO())
	var extended names.ExtendedErrorer
	if !errors.Is(err, names.ErrBusy) || !errors.As(err, &extended) {
		t.Fatal(err)
	}
	if code, _ := extended.ExtendedError(); code != uint16(wire.ExtendedErrorRateLimited) {
		t.Error(code)
	}
	namestest.Ask(t, o, "host0.example.", wire.TypeA, namestest.WithDO())
	namestest.Ask(t, o, "host3.example.", wire.TypeA)
	if got, want := o.Stats(), (sign.OnlineStats{Made: 3, Found: 1, Refused: 1}); got != want {
		t.Errorf("%+v, not %+v", got, want)
	}
	now = now.Add(time.Second)
	namestest.Ask(t, o, "host3.example.", wire.TypeA, namestest.WithDO())
}

// TestOnlineSignsItsSOA: the SOA record of a computed zone is signed, though there is no zone
// whose next change would ask for its signature.
func TestOnlineSignsItsSOA(t *testing.T) {
	m := namestest.Ask(t, online(t, nil), "example.", wire.TypeSOA, namestest.WithDO())
	if len(m.Answers) != 2 || m.Answers[0].Type != wire.TypeSOA || m.Answers[1].Type != wire.TypeRRSIG {
		t.Errorf("%v", m)
	}
}

func TestOnlineWithoutDODoesNotAllocate(t *testing.T) {
	var x names.Exchange
	buffer := make([]byte, 0, 512+wire.WriterSlack)
	query := wire.AppendQuery(nil, 1, 0, wire.Question{Name: wire.MustParseName("host1.example."), Type: wire.TypeA, Class: wire.ClassIN}, nil)
	o := online(t, nil)
	if n := testing.AllocsPerRun(100, func() {
		x.Read(query, names.Peer{})
		x.Begin(buffer, 512)
		if err := o.TryResolve(&x); err != nil {
			t.Fatal(err)
		}
		x.Finish()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestOnlineTry: an answer whose signatures are there needs no waiting.
func TestOnlineTry(t *testing.T) {
	o := online(t, nil)
	query := wire.AppendQuery(nil, 1, 0, wire.Question{Name: wire.MustParseName("host1.example."), Type: wire.TypeA, Class: wire.ClassIN}, &wire.EDNS{UDPSize: 1232, Flags: wire.FlagDO})
	var x names.Exchange
	x.Read(query, names.Peer{})
	x.Begin(nil, 1232)
	if err := o.TryResolve(&x); err != names.ErrSlow || !x.Untouched() {
		t.Fatal(err)
	}
	if err := o.Resolve(t.Context(), &x); err != nil {
		t.Fatal(err)
	}
	x.Restart()
	if err := o.TryResolve(&x); err != nil || x.Reply.Count(wire.SectionAnswer) != 2 {
		t.Fatal(err)
	}
}

// BenchmarkOnline: an answer whose signatures are there, and one that has to be signed.
func BenchmarkOnline(b *testing.B) {
	for _, c := range []struct {
		name  string
		count int // how many names
	}{{"kept", 1}, {"made", 1 << 30}} {
		b.Run(c.name, func(b *testing.B) {
			o := online(b, func(c *sign.OnlineConfig) { c.SignaturesPerSecond = 1 << 30 })
			var x names.Exchange
			buffer := make([]byte, 0, 1232+wire.WriterSlack)
			var query []byte
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				name := wire.MustParseName(fmt.Sprintf("host%d.example.", i%c.count))
				query = wire.AppendQuery(query[:0], 1, 0, wire.Question{Name: name, Type: wire.TypeA, Class: wire.ClassIN}, &wire.EDNS{UDPSize: 1232, Flags: wire.FlagDO})
				x.Read(query, names.Peer{})
				x.Begin(buffer, 1232)
				if err := o.Resolve(b.Context(), &x); err != nil {
					b.Fatal(err)
				}
				x.Finish()
			}
		})
	}
}

// raw has an address for every name.
type raw struct{ address []byte }

func (r raw) Resolve(_ context.Context, x *names.Exchange) error { return r.TryResolve(x) }

func (r raw) TryResolve(x *names.Exchange) error {
	return x.Reply.Raw(x.Question().Name, wire.TypeA, wire.ClassIN, 60, r.address)
}

func TestOnlineConfig(t *testing.T) {
	keys := onlineKeys(t)
	servers := []wire.Name{wire.MustParseName("ns.example.net.")}
	for _, c := range []struct {
		config sign.OnlineConfig
		want   string
	}{
		{sign.OnlineConfig{}, "signing answers needs the name of their zone"},
		{sign.OnlineConfig{Zone: computedZone}, "zone example.: signing answers needs the names of its servers"},
		{sign.OnlineConfig{Zone: computedZone, Servers: servers}, "zone example.: there is no active key to sign with"},
		{sign.OnlineConfig{Zone: computedZone, Servers: servers, Keys: keys, Policy: sign.Policy{NSEC3: true}}, "zone example.: answers that are signed one by one have neither NSEC3 nor ZONEMD nor keys of another server"},
		{sign.OnlineConfig{Zone: computedZone, Servers: servers, Keys: keys, Types: []wire.Type{wire.TypeNS}}, "zone example.: a denial that leaves out NS means something else"},
	} {
		if _, err := sign.NewOnline(raw{}, c.config); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
