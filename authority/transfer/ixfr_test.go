package transfer

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/journal"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// edited is a zone with a history, at a primary, and a secondary that has it.
func edited(t *testing.T, c SecondaryConfig) (zone *authority.Zone, p *primary, s *Secondary) {
	t.Helper()
	zone = authority.NewZone(snapshotOf(t, zoneText(7, 60)))
	p = newPrimary(t, zone, "any")
	history := new(History)
	p.resolver[0].(*Sender).History = history
	zone.SetPipeline(&authority.Pipeline{Tell: []authority.Subscriber{history.Receive}})
	s = follow(t, p, c)
	if _, err := s.update(t.Context(), s.config.Primaries[0]); err != nil {
		t.Fatal(err)
	}
	return zone, p, s
}

func addressRecord(name string, last byte) wire.Record {
	return wire.Record{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, last}}
}

// change makes a new version: one host goes, one comes.
func change(t testing.TB, zone *authority.Zone, n int) {
	t.Helper()
	_, err := zone.Update(authority.FromControl, func(x *authority.Txn) error {
		x.RemoveName(wire.MustParseName(fmt.Sprintf("host%d.example.", n)))
		return x.Add(addressRecord(fmt.Sprintf("new%d.example.", n), byte(n)))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// back undoes change, so that the zone has as many records as before.
func back(t testing.TB, zone *authority.Zone, n int) {
	t.Helper()
	_, err := zone.Update(authority.FromControl, func(x *authority.Txn) error {
		x.RemoveName(wire.MustParseName(fmt.Sprintf("new%d.example.", n)))
		return x.Add(addressRecord(fmt.Sprintf("host%d.example.", n), byte(n)))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What has changed comes as that, one change or several, in one message or many, and
// signed: the secondary has the same zone after each step.
func TestIncremental(t *testing.T) {
	for _, test := range []struct {
		name     string
		signed   bool
		limit    int
		condense bool
		whole    bool
	}{
		{"one message", false, 0, false, false}, {"many messages", false, 512, false, false}, {"signed", true, 512, false, false},
		{"condensed", false, 0, true, false}, {"whole zones only", false, 0, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := SecondaryConfig{Primaries: []Primary{{Address: primaryAddress}}, WholeOnly: test.whole}
				if test.signed {
					c.Primaries[0].Key = parseKey(t)
				}
				var log strings.Builder
				c.Log = slog.New(slog.NewTextHandler(&log, nil))
				zone, p, s := edited(t, c)
				p.limit = test.limit
				p.resolver[0].(*Sender).Condense = func(*authority.Zone) bool { return test.condense }
				n := 0
				for _, steps := range []int{1, 3, 9} {
					for range steps {
						change(t, zone, n)
						n++
					}
					log.Reset()
					isNew, err := s.update(t.Context(), c.Primaries[0])
					if !isNew || err != nil || textOf(s.Zone().Snapshot()) != textOf(zone.Snapshot()) {
						t.Fatalf("%d steps: %v, %v", steps, isNew, err)
					}
					want := fmt.Sprintf("incremental=%v changes=%d ", !test.whole, 4*steps)
					switch {
					case test.whole:
						want = "incremental=false changes=0 "
					case test.condense:
						want = fmt.Sprintf("incremental=true changes=%d ", 2+2*steps)
					}
					if !strings.Contains(log.String(), want) {
						t.Errorf("%d steps: log without %q:\n%s", steps, want, log.String())
					}
				}
				if p.dials.Load() != 1 {
					t.Errorf("%d connections", p.dials.Load())
				}
			})
		})
	}
}

// A primary whose incremental transfers are wrong is asked once for the whole zone.
// If that is wrong, too, the zone stays as it was.
func TestMaliciousIncrements(t *testing.T) {
	soa := func(serial wire.Serial) wire.Record {
		r, err := wire.NewRecord(origin, wire.ClassIN, 60, &wire.SOA{Primary: wire.MustParseName("ns.example."), Mailbox: wire.MustParseName("admin.example."), Serial: serial, Refresh: 100, Retry: 20, Expire: 500, Minimum: 60})
		if err != nil {
			panic(err)
		}
		return r
	}
	host := func(n int) wire.Record { return addressRecord(fmt.Sprintf("host%d.example.", n), byte(n)) }
	for _, test := range []struct {
		name     string
		records  []wire.Record // of the IXFR reply
		want     string        // in the log; "": the zone is transferred incrementally
		noWhole  bool          // the whole zone is not asked for
		repeated int           // each record so often
	}{
		{"good", []wire.Record{soa(8), soa(7), host(0), soa(8), addressRecord("new0.example.", 0), soa(8)}, "", false, 1},
		{"removes what is not there", []wire.Record{soa(8), soa(7), host(61), soa(8), soa(8)}, "removes what zone example. does not have", false, 1},
		{"removes other data", []wire.Record{soa(8), soa(7), addressRecord("host0.example.", 9), soa(8), soa(8)}, "removes what zone example. does not have", false, 1},
		{"goes on after the end", []wire.Record{soa(8), soa(7), soa(8), soa(8), soa(8)}, "it comes after the end", true, 1},
		{"adds what is there", []wire.Record{soa(8), soa(7), soa(8), host(3), soa(8)}, "adds what zone example. has already", false, 1},
		{"makes a zone that is not one", []wire.Record{soa(8), soa(7), addressRecord("ns.example.", 53), {Name: origin, Type: wire.TypeNS, Class: wire.ClassIN, TTL: 60, Data: []byte("\x02ns\x07example\x00")}, soa(8), soa(8)}, "NS", false, 1},
		{"starts from another version", []wire.Record{soa(8), soa(6), soa(8), soa(8)}, "", true, 1},
		{"does not arrive", []wire.Record{soa(9), soa(7), host(0), soa(8), soa(9)}, "serial number 9 follows 8", false, 1},
		{"goes back", []wire.Record{soa(8), soa(7), soa(6), soa(8)}, "leads from serial number 7 to 6", false, 1},
		{"jumps over the last", []wire.Record{soa(8), soa(7), soa(12), soa(8)}, "leads from serial number 7 to 12, and the last is 8", false, 1},
		{"goes round", []wire.Record{soa(8), soa(7), soa(7), soa(8)}, "leads from serial number 7 to 7", false, 1},
		{"nothing", []wire.Record{soa(7)}, "nothing newer, though its serial number is 8", false, 1},
		{"ends early", []wire.Record{soa(8), soa(7), host(0)}, "closed the connection before the end", true, 1},
		{"out of zone", []wire.Record{soa(8), soa(7), addressRecord("other.", 1), soa(8), soa(8)}, "name is outside the zone", true, 1},
		{"endless", []wire.Record{soa(8), soa(7), host(0)}, "larger than the limit", true, 100_000},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				zone, p, s := edited(t, SecondaryConfig{Limits: Limits{Octets: 50_000}, Log: slog.New(slog.NewTextHandler(&log, nil))})
				change(t, zone, 0)
				before := s.Zone().Snapshot()
				alter := func(messages [][]byte) [][]byte {
					m, err := wire.ParseMessage(messages[0])
					if err != nil || m.Questions[0].Type != wire.TypeIXFR {
						return messages
					}
					var altered [][]byte
					for i := range test.repeated {
						m.Answers, m.Additional = test.records, nil
						if i > 0 {
							m.Answers = test.records[2:]
						}
						b, err := m.AppendTo(nil)
						if err != nil {
							panic(err)
						}
						altered = append(altered, b)
						if len(altered) > 2000 {
							break
						}
					}
					return append(altered, nil)
				}
				p.alter.Store(&alter)
				isNew, err := s.update(t.Context(), s.config.Primaries[0])
				said := log.String()
				if err != nil {
					said += err.Error()
				}
				if !strings.Contains(said, test.want) {
					t.Errorf("%q is not said:\n%s", test.want, said)
				}
				if test.noWhole {
					if isNew || err == nil || s.Zone().Snapshot() != before {
						t.Errorf("the zone is not as it was: %v", err)
					}
				} else if !isNew || err != nil || textOf(s.Zone().Snapshot()) != textOf(zone.Snapshot()) {
					t.Errorf("%v, %v; the zone is\n%s", isNew, err, textOf(s.Zone().Snapshot()))
				}
				p.alter.Store(nil)
				if s.Zone().Snapshot() == before {
					if _, err := s.update(t.Context(), s.config.Primaries[0]); err != nil || textOf(s.Zone().Snapshot()) != textOf(zone.Snapshot()) {
						t.Errorf("a good transfer afterwards: %v", err)
					}
				}
			})
		})
	}
}

// A primary that knows neither IXFR nor EDNS is asked again without.
func TestOldPrimary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone, p, s := edited(t, SecondaryConfig{})
		change(t, zone, 0)
		p.refuses = func(q *wire.Query) wire.RCode {
			switch {
			case q.HasEDNS:
				return wire.RCodeFormErr
			case q.Question.Type == wire.TypeIXFR:
				return wire.RCodeNotImp
			}
			return 0
		}
		if isNew, err := s.update(t.Context(), s.config.Primaries[0]); !isNew || err != nil || s.Zone().Snapshot().Serial() != 8 {
			t.Errorf("%v, %v", isNew, err)
		}
	})
}

// With several primaries, the first that has a newer version is taken; one that has
// an older one, or is down, is passed over; the sender of a NOTIFY comes first.
func TestSeveralPrimaries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := map[netip.AddrPort]*primary{}
		var primaries []Primary
		for i, serial := range []int{7, 5, 7} {
			address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 53)
			servers[address] = newPrimary(t, authority.NewZone(snapshotOf(t, zoneText(serial, 3))), "any")
			primaries = append(primaries, Primary{Address: address})
		}
		var mu sync.Mutex
		var order []byte
		pool := &Pool{Dial: func(ctx context.Context, network string, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
			mu.Lock()
			order = append(order, '0'+to.Addr().As4()[3])
			mu.Unlock()
			return servers[to].dial(ctx, network, from, to)
		}}
		defer pool.CloseIdle()
		var log strings.Builder
		s := NewSecondary(authority.NewEmptyZone(origin, wire.ClassIN), SecondaryConfig{Primaries: primaries, Pool: pool, Log: slog.New(slog.NewTextHandler(&log, nil))})
		step := func(wantOrder string, serial wire.Serial) {
			t.Helper()
			order = nil
			if !s.attempt(t.Context()) || s.Zone().Stats().Serial != serial || s.failed != 0 || string(order) != wantOrder {
				t.Errorf("serial %v, %d failures, asked %s; want %v, asked %s", s.Zone().Stats().Serial, s.failed, order, serial, wantOrder)
			}
			pool.CloseIdle()
			time.Sleep(time.Second)
		}
		set := func(i, serial int) {
			z := servers[primaries[i].Address].set.Zones()[0]
			if err := z.Replace(authority.FromFile, snapshotOf(t, zoneText(serial, 3))); err != nil {
				t.Error(err)
			}
		}
		step("0", 7)
		step("012", 7)
		set(2, 9)
		step("012", 9)
		if strings.Contains(log.String(), "cannot bring") && !strings.Contains(log.String(), "does not come after ours, 7") {
			t.Errorf("log:\n%s", log.String())
		}
		set(2, 10)
		s.checkFrom(&primaries[2].Address)
		step("2", 10)
		servers[primaries[0].Address].down.Store(true)
		set(1, 11)
		step("01", 11)
	})
}

// A zone expires when its primary's copy does, and not later, through a chain (RFC
// 7314); a server that is the first primary says what the SOA record says.
func TestExpireOption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, first, second := edited(t, SecondaryConfig{})
		chain := newPrimary(t, second.Zone(), "any")
		var all Secondaries
		all.Add(second, names.AccessList{})
		chain.resolver[0].(*Sender).Expires = all.Expires
		third := follow(t, chain, SecondaryConfig{})
		left := func(s *Secondary) int {
			d, _ := s.Expires()
			return int(d / time.Second)
		}
		time.Sleep(200 * time.Second) // EXPIRE is 500 s
		if _, err := third.update(t.Context(), third.config.Primaries[0]); err != nil || left(second) != 300 || left(third) != 300 {
			t.Errorf("%v: second %d s, third %d s", err, left(second), left(third))
		}
		time.Sleep(100 * time.Second)
		if _, err := third.update(t.Context(), third.config.Primaries[0]); err != nil || left(third) != 200 {
			t.Errorf("%v: third %d s", err, left(third))
		}
		if _, err := second.update(t.Context(), second.config.Primaries[0]); err != nil || left(second) != 500 {
			t.Errorf("%v: second %d s", err, left(second))
		}
		if _, err := third.update(t.Context(), third.config.Primaries[0]); err != nil || left(third) != 500 {
			t.Errorf("%v: third %d s", err, left(third))
		}
		first.down.Store(true)
	})
}

// What a primary says of the expiry makes a zone expire sooner, and never later than its SOA
// record says.
func TestExpireOptionIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone, p, s := edited(t, SecondaryConfig{})
		for i, test := range []struct{ says, want time.Duration }{
			{1 << 33 * time.Second, 500 * time.Second}, {501 * time.Second, 500 * time.Second}, {100 * time.Second, 100 * time.Second}, {0, 0}, {time.Hour, 500 * time.Second},
		} {
			p.resolver[0].(*Sender).Expires = func(*authority.Zone) (time.Duration, bool) { return test.says, true }
			change(t, zone, i)
			if _, err := s.update(t.Context(), s.config.Primaries[0]); err != nil {
				t.Fatal(err)
			}
			if left, ok := s.Expires(); !ok || left != test.want {
				t.Errorf("%v: the zone expires in %v, not %v", test.says, left, test.want)
			}
		}
	})
}

// Thousands of zones share a few connections to their primary, and each gets its turn.
func TestManyZones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPrimary(t, authority.NewZone(snapshotOf(t, zoneText(7, 1))), "any")
		var most, open int
		var mu sync.Mutex
		pool := &Pool{PerPrimary: 3, Dial: func(ctx context.Context, network string, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
			conn, err := p.dial(ctx, network, from, to)
			mu.Lock()
			defer mu.Unlock()
			open++
			most = max(most, open)
			return closing{conn, func() { mu.Lock(); defer mu.Unlock(); open-- }, new(sync.Once)}, err
		}}
		var all Secondaries
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { all.Run(ctx); close(done) }()
		var zones []*authority.Zone
		for i := range 2000 {
			name := wire.MustParseName(fmt.Sprintf("zone%d.", i))
			if i == 0 {
				name = origin
			}
			z := authority.NewEmptyZone(name, wire.ClassIN)
			if i > 0 {
				if err := p.set.Add(authority.NewZone(mustZone(t, name))); err != nil {
					t.Fatal(err)
				}
			}
			zones = append(zones, z)
			all.Add(NewSecondary(z, SecondaryConfig{Primaries: []Primary{{Address: primaryAddress}}, Pool: pool}), names.AccessList{})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, z := range zones {
			if z.State() != authority.Loaded {
				t.Fatalf("zone %v is %v", z.Origin(), z.State())
			}
		}
		if most > 3 || p.dials.Load() > 100 {
			t.Errorf("%d connections at once, %d in all", most, p.dials.Load())
		}
		all.Remove(zones[5].Origin())
		if all.Find(zones[5].Origin()) != nil {
			t.Error("a zone that was removed is there")
		}
		cancel()
		<-done
		pool.CloseIdle()
	})
}

// closing is a connection that says when it is closed.
type closing struct {
	net.Conn
	closed func()
	once   *sync.Once
}

func (c closing) Close() error {
	c.once.Do(c.closed)
	return c.Conn.Close()
}

// With a journal, changes are in it and not in the file; both together are the zone
// after a restart, and secondaries of ours get the changes.
func TestKeptWithJournal(t *testing.T) {
	dir := t.TempDir()
	zone, p, _ := edited(t, SecondaryConfig{})
	start := func() (*Secondary, *journal.Journal) {
		j, err := journal.Open(journal.Options{Dir: dir + "/journal"})
		if err != nil {
			t.Fatal(err)
		}
		s := follow(t, p, SecondaryConfig{Directory: dir, Journal: j})
		s.Restore()
		s.zone.SetPipeline(&authority.Pipeline{Journal: j})
		return s, j
	}
	s, j := start()
	update := func() {
		t.Helper()
		if _, err := s.update(t.Context(), s.config.Primaries[0]); err != nil || textOf(s.Zone().Snapshot()) != textOf(zone.Snapshot()) {
			t.Fatal(err)
		}
	}
	update()
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 30 {
		change(t, zone, n)
		update()
		if random.IntN(3) == 0 {
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			s, j = start()
			if textOf(s.Zone().Snapshot()) != textOf(zone.Snapshot()) {
				t.Fatalf("restarted after %d changes:\n%s", n, textOf(s.Zone().Snapshot()))
			}
		}
	}
	if changes := j.Between(s.Zone(), 10, s.Zone().Snapshot().Serial()); len(changes) != 27 {
		t.Errorf("%d changes are known", len(changes))
	}
	s.unsaved = 1 << 20 // then the file is written
	change(t, zone, 40)
	update()
	if s.unsaved != 0 {
		t.Error("the file was not written")
	}
	j.Close()
	if s, j = start(); textOf(s.Zone().Snapshot()) != textOf(zone.Snapshot()) {
		t.Error("after the file was written, the zone is another")
	}
	// The file is written, and the process ends before the journal knows.
	change(t, zone, 41)
	if err := s.save(zone.Snapshot()); err != nil {
		t.Fatal(err)
	}
	j.Close()
	if s, j = start(); textOf(s.Zone().Snapshot()) != textOf(zone.Snapshot()) {
		t.Error("a file that is newer than the journal is not used")
	}
	change(t, zone, 42)
	update()
	j.Close()
	if s, j = start(); textOf(s.Zone().Snapshot()) != textOf(zone.Snapshot()) {
		t.Error("after that, the zone is another")
	}
	j.Close()
}

// FuzzIncrement gives whatever a primary may send to the receiving side of IXFR: it
// must end, with changes that lead on from our version, with a zone, or with an error.
func FuzzIncrement(f *testing.F) {
	zone := authority.NewZone(snapshotOf(f, zoneText(7, 20)))
	p := newPrimary(f, zone, "any")
	history := new(History)
	p.resolver[0].(*Sender).History = history
	zone.SetPipeline(&authority.Pipeline{Tell: []authority.Subscriber{history.Receive}})
	ours := reply{after: zone.Snapshot()}
	change(f, zone, 1)
	change(f, zone, 2)
	for _, from := range []int{7, 3, 9} {
		var stream []byte
		for _, m := range p.answer(transferQuery(wire.TypeIXFR, "example.", from), names.TCP) {
			stream = append(append(stream, byte(len(m)>>8), byte(len(m))), m...)
		}
		f.Add(stream)
	}
	base := ours.after
	f.Fuzz(func(t *testing.T, stream []byte) {
		c := connection{conn: &recorded{rest: stream}, newID: func() uint16 { return 9 }, left: 1 << 20, limits: Limits{Records: 1000}}
		c.limits.complete()
		changes, s, err := c.changes(t.Context(), ours.soa(), "fuzz")
		if err != nil {
			return
		}
		at := base.Serial()
		for _, change := range changes {
			if change.From != at || !at.Less(change.To) || len(change.Removed) == 0 || len(change.Added) == 0 {
				t.Fatalf("a change from %v to %v follows %v", change.From, change.To, at)
			}
			at = change.To
		}
		z := authority.NewZone(base)
		if s != nil {
			if err := z.Replace(authority.FromTransfer, s); err != nil {
				t.Fatal(err)
			}
		} else if err := apply(z, changes); err == nil && z.Snapshot().Serial() != at {
			t.Fatalf("serial %v, not %v", z.Snapshot().Serial(), at)
		}
	})
}
