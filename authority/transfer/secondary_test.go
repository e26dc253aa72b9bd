package transfer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

var primaryAddress = netip.MustParseAddrPort("192.0.2.53:53")

// follow returns a secondary of p.
func follow(t testing.TB, p *primary, c SecondaryConfig) *Secondary {
	t.Helper()
	if c.Primaries == nil {
		c.Primaries = []Primary{{Address: primaryAddress}}
	}
	c.Pool = &Pool{Dial: p.dial}
	c.Timers.MinRefresh, c.Timers.MinRetry = time.Second, time.Second
	t.Cleanup(c.Pool.CloseIdle)
	return NewSecondary(authority.NewEmptyZone(origin, wire.ClassIN), c)
}

// The life of a secondary zone in virtual time: loaded at once, refreshed when its
// timers say so, kept while the primary is down, and expired in the end.
func TestSecondaryLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone := authority.NewZone(snapshotOf(t, zoneText(7, 3)))
		p := newPrimary(t, zone, "any")
		p.down.Store(true)
		s := follow(t, p, SecondaryConfig{})
		ctx, cancel := context.WithCancel(t.Context())
		go s.Run(ctx)
		// at lets time pass until so long after the start.
		began := time.Now()
		at := func(d time.Duration) {
			time.Sleep(time.Until(began.Add(d)))
			synctest.Wait()
		}
		check := func(what string, state authority.State, serial, transfers int) {
			t.Helper()
			got := s.Zone().Stats()
			if got.State != state || got.Serial != wire.Serial(serial) || int(p.transfers.Load()) != transfers {
				t.Errorf("%s: %v, serial %v, %d transfers; want %v, %d, %d", what, got.State, got.Serial, p.transfers.Load(), state, serial, transfers)
			}
		}
		synctest.Wait()
		check("primary is down", authority.NotLoaded, 0, 0)
		if p.dials.Load() != 1 {
			t.Errorf("%d attempts at the start", p.dials.Load())
		}
		p.down.Store(false)
		at(2 * time.Second)
		check("first transfer", authority.Loaded, 7, 1)
		if got, want := textOf(s.Zone().Snapshot()), textOf(zone.Snapshot()); got != want {
			t.Errorf("the zone is\n%s\nnot\n%s", got, want)
		}
		at(110 * time.Second) // REFRESH is 100 s
		check("nothing new", authority.Loaded, 7, 1)
		if p.dials.Load() != 3 {
			t.Errorf("%d attempts, not one refresh", p.dials.Load())
		}
		if err := zone.Replace(authority.FromFile, snapshotOf(t, zoneText(8, 5))); err != nil {
			t.Fatal(err)
		}
		s.Check()
		at(111 * time.Second)
		check("after a NOTIFY", authority.Loaded, 8, 2)
		p.down.Store(true)
		before := p.dials.Load()
		at(111*time.Second + 400*time.Second)
		check("primary is down", authority.Loaded, 8, 2)
		if n := p.dials.Load() - before; n < 14 || n > 20 { // RETRY is 20 s, after the first refresh
			t.Errorf("%d attempts in 400 s", n)
		}
		at(111*time.Second + 505*time.Second) // EXPIRE is 500 s
		check("expired", authority.Expired, 8, 2)
		p.down.Store(false)
		at(111*time.Second + 1300*time.Second)
		check("the primary is back with the same version", authority.Loaded, 8, 3)
		cancel()
		synctest.Wait()
	})
}

// However a primary fails or cheats, the zone stays as it was, and the next
// transfer that is right is taken.
func TestMaliciousPrimaries(t *testing.T) {
	edit := func(i int, change func(m *wire.Message)) func([][]byte) [][]byte {
		return func(messages [][]byte) [][]byte {
			if i < 0 {
				i += len(messages)
			}
			m, err := wire.ParseMessage(messages[i])
			if err != nil {
				panic(err)
			}
			m.Additional = nil
			change(m)
			if messages[i], err = m.AppendTo(nil); err != nil {
				panic(err)
			}
			return messages
		}
	}
	a := func(name string) wire.Record {
		return wire.Record{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 1}}
	}
	soa := func(serial wire.Serial) wire.Record {
		r, err := wire.NewRecord(origin, wire.ClassIN, 60, &wire.SOA{Primary: origin, Mailbox: origin, Serial: serial, Refresh: 1, Retry: 1, Expire: 1})
		if err != nil {
			panic(err)
		}
		return r
	}
	for _, test := range []struct {
		name   string
		signed bool
		alter  func([][]byte) [][]byte
		want   string
	}{
		{"ends early", false, func(m [][]byte) [][]byte { return [][]byte{m[0], nil} }, "closed the connection before the end"},
		{"endless", false, func(m [][]byte) [][]byte {
			endless := [][]byte{m[0]}
			for range 5000 {
				endless = append(endless, m[len(m)-2])
			}
			return endless
		}, "larger than the limit"},
		{"no reply", false, func([][]byte) [][]byte { return nil }, "i/o timeout"},
		{"out of zone", false, edit(1, func(m *wire.Message) { m.Answers = append(m.Answers, a("other.")) }), "name is outside the zone"},
		{"longer name", false, edit(1, func(m *wire.Message) { m.Answers = append(m.Answers, a("fooexample.")) }), "name is outside the zone"},
		{"another class", false, edit(1, func(m *wire.Message) { m.Answers[0].Class = wire.ClassCH }), "class is CH"},
		{"no SOA first", false, edit(0, func(m *wire.Message) { m.Answers = m.Answers[1:] }), "does not begin with its SOA"},
		{"another serial at the end", false, edit(-1, func(m *wire.Message) { m.Answers = append(m.Answers[:len(m.Answers)-1], soa(9)) }), "is 9 at the end"},
		{"records after the end", false, edit(-1, func(m *wire.Message) { m.Answers = append(m.Answers, a("late.example.")) }), "after the end of the zone"},
		{"serial jumps back", false, func(m [][]byte) [][]byte {
			m = edit(0, func(m *wire.Message) { m.Answers[0] = soa(3) })(m)
			return edit(-1, func(m *wire.Message) { m.Answers[len(m.Answers)-1] = soa(3) })(m)
		}, "is not the one that the SOA query found"},
		{"wrong question", false, edit(0, func(m *wire.Message) { m.Questions[0].Name = wire.MustParseName("other.") }), errNotAsked.Error()},
		{"no question", false, edit(0, func(m *wire.Message) { m.Questions = nil }), errNotAsked.Error()},
		{"another ID", false, edit(1, func(m *wire.Message) { m.ID++ }), errNotAsked.Error()},
		{"not a reply", false, edit(0, func(m *wire.Message) { m.Flags &^= wire.FlagQR }), errNotAsked.Error()},
		{"an error in the middle", false, edit(1, func(m *wire.Message) { m.RCode = wire.RCodeServFail }), "SERVFAIL"},
		{"truncated", false, edit(0, func(m *wire.Message) { m.Flags |= wire.FlagTC }), "truncated"},
		{"empty message", false, edit(1, func(m *wire.Message) { m.Answers = nil }), "no records"},
		{"cut message", false, func(m [][]byte) [][]byte { m[1] = m[1][:len(m[1])-1]; return m }, "malformed"},
		{"a name that points to itself", false, func(m [][]byte) [][]byte {
			m[1][wire.HeaderLen], m[1][wire.HeaderLen+1] = 0xC0, wire.HeaderLen
			return m
		}, "malformed"},
		{"compressed bomb", false, edit(1, func(m *wire.Message) { // 32,000 octets are half a million
			label := strings.Repeat("x", 60)
			owner := fmt.Sprintf("%s.%[1]s.%[1]s.%[1]s.example.", label)
			for i := range 2000 {
				r := a(owner)
				r.Data = []byte{10, 0, byte(i >> 8), byte(i)}
				m.Answers = append(m.Answers, r)
			}
		}), "larger than the limit"},
		{"only a CNAME and data", false, edit(1, func(m *wire.Message) {
			r, _ := wire.NewRecord(wire.MustParseName("host0.example."), wire.ClassIN, 60, &wire.CNAME{Target: origin})
			m.Answers = append(m.Answers, r)
		}), "CNAME"},
		{"signature stripped from the first", true, edit(0, func(*wire.Message) {}), "not signed"},
		{"signature stripped from the middle", true, edit(1, func(*wire.Message) {}), "not signed"},
		{"signature stripped from the last", true, edit(-1, func(*wire.Message) {}), "not signed"},
		{"messages in another order", true, func(m [][]byte) [][]byte { m[1], m[2] = m[2], m[1]; return m }, "MAC"},
		{"a message left out", true, func(m [][]byte) [][]byte { return append(m[:1], m[2:]...) }, "MAC"},
		{"a bit flipped", true, func(m [][]byte) [][]byte { m[1][40] ^= 1; return m }, "MAC"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				zone := authority.NewZone(snapshotOf(t, zoneText(7, 60)))
				p := newPrimary(t, zone, "any")
				p.limit = 512
				c := SecondaryConfig{Limits: Limits{Octets: 100_000}, Primaries: []Primary{{Address: primaryAddress}}}
				if test.signed {
					c.Primaries[0].Key = parseKey(t)
				}
				s := follow(t, p, c)
				if _, err := s.update(t.Context(), c.Primaries[0]); err != nil {
					t.Fatal(err)
				}
				before := s.Zone().Snapshot()
				if err := zone.Replace(authority.FromFile, snapshotOf(t, zoneText(8, 70))); err != nil {
					t.Fatal(err)
				}
				p.alter.Store(&test.alter)
				_, err := s.update(t.Context(), c.Primaries[0])
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error is %v, not %q", err, test.want)
				}
				if s.Zone().Snapshot() != before {
					t.Error("the zone is not as it was")
				}
				p.alter.Store(nil)
				if _, err := s.update(t.Context(), c.Primaries[0]); err != nil || s.Zone().Snapshot().Serial() != 8 {
					t.Errorf("a good transfer afterwards: %v", err)
				}
			})
		})
	}
}

// A key that the primary does not accept, limits, serials that go back.
func TestUpdateRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone := authority.NewZone(snapshotOf(t, zoneText(7, 60)))
		p := newPrimary(t, zone, "any")
		wrong := *parseKey(t)
		wrong.Secret = []byte("another secret")
		for _, test := range []struct {
			limits Limits
			key    *wire.TSIGKey
			want   string
		}{
			{Limits{Records: 50}, nil, "more than 50 records"},
			{Limits{Octets: 300}, nil, errTooLarge.Error()},
			{Limits{}, &wrong, "BADSIG"},
		} {
			primary := Primary{Address: primaryAddress, Key: test.key}
			s := follow(t, p, SecondaryConfig{Limits: test.limits, Primaries: []Primary{primary}})
			if _, err := s.update(t.Context(), primary); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, not %q", err, test.want)
			}
			if s.Zone().State() != authority.NotLoaded {
				t.Errorf("%q: zone is %v", test.want, s.Zone().State())
			}
		}
		s := follow(t, p, SecondaryConfig{})
		if _, err := s.update(t.Context(), s.config.Primaries[0]); err != nil {
			t.Fatal(err)
		}
		if err := zone.Replace(authority.FromFile, snapshotOf(t, zoneText(6, 1))); err != nil {
			t.Fatal(err)
		}
		if _, err := s.update(t.Context(), s.config.Primaries[0]); err == nil || !strings.Contains(err.Error(), "does not come after ours") {
			t.Errorf("an older version: %v", err)
		}
		if n := s.Zone().Snapshot().Serial(); n != 7 {
			t.Errorf("serial is %v", n)
		}
	})
}

// A zone is served after a restart until it expires, as old as it was then.
func TestKeptZone(t *testing.T) {
	directory := t.TempDir()
	if err := CheckDirectory(directory); err != nil {
		t.Fatal(err)
	}
	p := newPrimary(t, authority.NewZone(snapshotOf(t, zoneText(7, 3))), "any")
	first := follow(t, p, SecondaryConfig{Directory: directory})
	first.Restore() // there is nothing yet
	if !first.attempt(t.Context()) || first.Zone().State() != authority.Loaded {
		t.Fatal("no transfer")
	}
	entries, err := os.ReadDir(directory)
	if err != nil || len(entries) != 1 || entries[0].Name() != "example.secondary" {
		t.Errorf("files: %v, %v", entries, err)
	}
	again := func(age time.Duration) *Secondary {
		when := time.Now().Add(-age)
		if err := os.Chtimes(first.fileName(), when, when); err != nil {
			t.Fatal(err)
		}
		s := follow(t, p, SecondaryConfig{Directory: directory})
		s.Restore()
		return s
	}
	for age, want := range map[time.Duration]authority.State{
		0: authority.Loaded, 400 * time.Second: authority.Loaded, 600 * time.Second: authority.Expired, -time.Hour: authority.Loaded,
	} {
		if got := again(age).Zone().State(); got != want {
			t.Errorf("%v old: %v, want %v", age, got, want)
		}
	}
	if got, want := textOf(again(0).Zone().Snapshot()), textOf(first.Zone().Snapshot()); got != want {
		t.Errorf("kept as\n%s\nnot\n%s", got, want)
	}
	if err := os.WriteFile(first.fileName(), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	s := follow(t, p, SecondaryConfig{Directory: directory, Log: slog.New(slog.NewTextHandler(&log, nil))})
	s.Restore()
	if s.Zone().State() != authority.NotLoaded || !strings.Contains(log.String(), "zone that was kept is not used") {
		t.Errorf("a damaged file: %v\n%s", s.Zone().State(), log.String())
	}
}

// Names of zones make names of files that lead nowhere else.
func TestFileNames(t *testing.T) {
	for name, want := range map[string]string{
		"example.org.":       "d/example.org.secondary",
		"EXAMPLE.org.":       "d/example.org.secondary",
		".":                  "d/.secondary",
		`..\/etc\/passwd.x.`: "",
		`a\/b.x.`:            "d/a%2fb.x.secondary",
		`\.\.x.`:             "d/%5c.%5c.x.secondary",
		strings.Repeat(`\000`, 60) + "." + strings.Repeat(`\000`, 60) + ".": "long",
	} {
		n, err := wire.ParseName(name)
		if err != nil {
			if want != "" {
				t.Error(err)
			}
			continue
		}
		got := NewSecondary(authority.NewEmptyZone(n, wire.ClassIN), SecondaryConfig{Directory: "d"}).fileName()
		if want == "long" {
			if len(got) > 255 {
				t.Errorf("%q has %d octets", got, len(got))
			}
		} else if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// NOTIFY is believed from primaries only, and each makes one check at most.
func TestNotifyReceiver(t *testing.T) {
	byAddress := NewSecondary(authority.NewEmptyZone(origin, wire.ClassIN), SecondaryConfig{Primaries: []Primary{{Address: primaryAddress}}})
	byKey := NewSecondary(authority.NewEmptyZone(wire.MustParseName("signed."), wire.ClassIN), SecondaryConfig{Primaries: []Primary{{Address: primaryAddress, Key: parseKey(t)}}})
	r := new(Secondaries)
	r.Add(byAddress, names.AccessList{})
	r.Add(byKey, names.AccessList{})
	other := netip.MustParseAddrPort("192.0.2.99:53")
	for _, test := range []struct {
		zone, key string
		kind      wire.Type
		from      netip.AddrPort
		rcode     wire.RCode
		checks    int
	}{
		{"example.", "", wire.TypeSOA, primaryAddress, wire.RCodeNoError, 1},
		{"EXAMPLE.", "", wire.TypeSOA, netip.AddrPortFrom(primaryAddress.Addr(), 4000), wire.RCodeNoError, 1},
		{"example.", "", wire.TypeSOA, other, wire.RCodeRefused, 0},
		{"example.", "key.", wire.TypeSOA, other, wire.RCodeRefused, 0},
		{"example.", "", wire.TypeA, primaryAddress, wire.RCodeFormErr, 0},
		{"other.", "", wire.TypeSOA, primaryAddress, wire.RCodeNotAuth, 0},
		{"signed.", "", wire.TypeSOA, primaryAddress, wire.RCodeRefused, 0},
		{"signed.", "KEY.", wire.TypeSOA, other, wire.RCodeNoError, 1},
	} {
		var x names.Exchange
		query := wire.AppendQuery(nil, 5, wire.Flags(0).WithOpcode(wire.OpcodeNotify), wire.Question{Name: wire.MustParseName(test.zone), Type: test.kind, Class: wire.ClassIN}, nil)
		x.Read(query, names.Peer{Remote: test.from})
		if test.key != "" {
			x.Peer.Key = wire.MustParseName(test.key)
		}
		x.Begin(nil, 512)
		x.RCode = 0
		for range 3 {
			if err := r.TryResolve(&x); err != nil {
				t.Fatal(err)
			}
		}
		checks := 0
		for _, s := range []*Secondary{byAddress, byKey} {
			if s.isWanted.Swap(false) {
				checks++
			}
		}
		if x.RCode != test.rcode || checks != test.checks {
			t.Errorf("%+v: %v, %d checks pending", test, x.RCode, checks)
		}
	}
}

// A notice is repeated until it is acknowledged; changes meanwhile make one more.
func TestNotifier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone := authority.NewZone(snapshotOf(t, zoneText(7, 1)))
		var mu sync.Mutex // guards what the secondary has seen, and how it behaves
		var serials []string
		silent, refuse := 2, false
		dial := func(context.Context, string, netip.Addr, netip.AddrPort) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer theirs.Close()
				buf := make([]byte, 512)
				n, err := theirs.Read(buf)
				if err != nil {
					return
				}
				m, err := wire.ParseMessage(buf[:n])
				if err != nil || m.Flags.Opcode() != wire.OpcodeNotify || !m.Flags.Has(wire.FlagAA) || len(m.Answers) != 1 {
					t.Errorf("notice %v, %v", m, err)
					return
				}
				serial, _ := serialOf(m.Answers[0])
				mu.Lock()
				serials = append(serials, serial.String())
				isSilent, refuses := silent > 0, refuse
				silent--
				mu.Unlock()
				if isSilent {
					theirs.Read(buf)
					return
				}
				m.Flags |= wire.FlagQR
				if refuses {
					m.RCode = wire.RCodeNotAuth
				}
				reply, err := m.AppendTo(nil)
				if err != nil {
					t.Error(err)
				}
				theirs.Write(reply)
			}()
			return ours, nil
		}
		var log strings.Builder
		n := NewNotifier(NotifierConfig{Of: func(*authority.Zone) Notify { return Notify{Targets: []Target{{Address: primaryAddress}}} }, Dial: dial, Log: slog.New(slog.NewTextHandler(&log, nil))})
		zone.SetPipeline(&authority.Pipeline{Tell: []authority.Subscriber{n.Receive}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { n.Run(ctx); close(done) }()
		synctest.Wait()
		change := func(serial int) {
			if err := zone.Replace(authority.FromFile, snapshotOf(t, zoneText(serial, 1))); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		change(8)
		change(9)
		change(10)
		time.Sleep(time.Minute)
		synctest.Wait()
		mu.Lock()
		if got := fmt.Sprint(serials); got != "[8 10 10 10]" {
			t.Errorf("serials %s", got)
		}
		serials, refuse = nil, true
		mu.Unlock()
		change(11)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		mu.Lock()
		if len(serials) != notifyTries || !strings.Contains(log.String(), "gave up after 5 attempts: secondary replies NOTAUTH") {
			t.Errorf("%d attempts\n%s", len(serials), log.String())
		}
		if len(n.pending) != 0 {
			t.Errorf("%d are pending for ever", len(n.pending))
		}
		mu.Unlock()
		cancel()
		<-done
	})
}

// FuzzReceive gives whatever a primary may send to the receiving side: it must end,
// with a zone that begins and ends as it should or with an error.
func FuzzReceive(f *testing.F) {
	p := newPrimary(f, authority.NewZone(snapshotOf(f, zoneText(7, 20))), "any")
	p.limit = 512
	var whole []byte
	for _, m := range p.answer(transferQuery(wire.TypeAXFR, "example.", 0), names.TCP) {
		whole = append(append(whole, byte(len(m)>>8), byte(len(m))), m...)
	}
	f.Add(whole)
	f.Add(whole[:100])
	f.Add([]byte{0, 0})
	f.Fuzz(func(t *testing.T, stream []byte) {
		c := connection{conn: &recorded{rest: stream}, newID: func() uint16 { return 9 }, left: 1 << 20, limits: Limits{Records: 1000}}
		c.limits.complete()
		s, err := c.zone(t.Context(), origin, wire.ClassIN, "fuzz")
		if (s == nil) == (err == nil) {
			t.Fatalf("zone %v, error %v", s != nil, err)
		}
		if s != nil && !strings.Contains(textOf(s), "SOA") {
			t.Fatal("zone without SOA")
		}
	})
}

// recorded is a connection that reads what was recorded.
type recorded struct {
	net.Conn
	rest []byte
}

func (r *recorded) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, errors.New("closed")
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
func (r *recorded) Write(b []byte) (int, error)   { return len(b), nil }
func (r *recorded) SetDeadline(t time.Time) error { return nil }
