package alias

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/wire"
)

// world is what other servers say of names.
type world struct {
	mu    sync.Mutex
	names map[string]Addresses
	err   error
	asked []string
	at    []time.Time
}

func (w *world) set(name string, ttl time.Duration, addresses ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.names == nil {
		w.names = map[string]Addresses{}
	}
	a := Addresses{TTL: ttl}
	for _, text := range addresses {
		a.All = append(a.All, netip.MustParseAddr(text))
	}
	w.names[name] = a
}

func (w *world) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
}

func (w *world) Lookup(_ context.Context, name wire.Name) (Addresses, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked, w.at = append(w.asked, name.String()), append(w.at, time.Now())
	if w.err != nil {
		return Addresses{}, w.err
	}
	a, ok := w.names[name.String()]
	if !ok {
		return Addresses{}, errNoAddress
	}
	a.All = slices.Clone(a.All)
	return a, nil
}

func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.asked)
}

const head = "$ORIGIN example.com.\n$TTL 3600\n@ SOA ns hostmaster %d 3600 600 86400 300\n@ NS ns\nns A 192.0.2.53\n"

// file is a zone that is loaded from a file.
type file struct {
	path   string
	loader *authority.Loader
	zone   *authority.Zone
	keeper *Keeper
}

func (f *file) write(t *testing.T, serial int, lines ...string) {
	t.Helper()
	text := fmt.Sprintf(head, serial) + strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(f.path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (f *file) reload(t *testing.T) {
	t.Helper()
	if _, err := f.loader.Reload(f.zone, nil); err != nil {
		t.Fatal(err)
	}
}

func newFile(t *testing.T, c Config, lines ...string) *file {
	t.Helper()
	f := &file{path: filepath.Join(t.TempDir(), "example.com"), keeper: New(c)}
	f.write(t, 1, lines...)
	f.loader = &authority.Loader{File: authority.File{Path: f.path}}
	s, err := f.loader.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	f.zone = authority.NewZone(s)
	f.zone.SetPipeline(&authority.Pipeline{Check: []authority.Stage{f.keeper.Stage}, Tell: []authority.Subscriber{f.keeper.Receive}})
	f.keeper.Keep(maps.All(map[*authority.Zone]authority.SerialPolicy{f.zone: authority.SerialIncrement}))
	return f
}

// addresses are those of a name, with their TTL.
func addresses(z *authority.Zone, name string) string {
	var texts []string
	for r := range z.Snapshot().RecordsOf(wire.MustParseName(name)) {
		if authority.IsAddress(r.Type) {
			texts = append(texts, fmt.Sprintf("%d %s", r.TTL, dataText(r)))
		}
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

func wantAddresses(t *testing.T, z *authority.Zone, name, want string) {
	t.Helper()
	if got := addresses(z, name); got != want {
		t.Errorf("%s: %q, want %q", name, got, want)
	}
}

// run has the keeper work in virtual time while do runs.
func run(t *testing.T, k *Keeper, do func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		k.Run(ctx)
	}()
	synctest.Wait()
	do()
	cancel()
	<-ended
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// Addresses are published, renewed when their TTL has passed, and stay when the target is
// not found.
func TestLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w world
		w.set("cdn.example.net.", time.Minute, "198.51.100.2", "198.51.100.1", "2001:db8::1")
		f := newFile(t, Config{Lookup: w.Lookup}, "@ ALIAS cdn.example.net.", "www 60 ALIAS CDN.example.net.")
		run(t, f.keeper, func() {
			wantAddresses(t, f.zone, "example.com.", "300 198.51.100.1, 300 198.51.100.2, 300 2001:db8::1")
			wantAddresses(t, f.zone, "www.example.com.", "60 198.51.100.1, 60 198.51.100.2, 60 2001:db8::1")
			if w.count() != 1 {
				t.Errorf("one target was looked up %d times", w.count())
			}
			serial := f.zone.Snapshot().Serial()
			pass(time.Minute)
			if w.count() != 2 || f.zone.Snapshot().Serial() != serial {
				t.Errorf("%d look-ups; serial %v, was %v", w.count(), f.zone.Snapshot().Serial(), serial)
			}
			w.set("cdn.example.net.", time.Second, "198.51.100.3")
			pass(time.Minute)
			wantAddresses(t, f.zone, "example.com.", "300 198.51.100.3")
			if now := f.zone.Snapshot().Serial(); now != serial+1 {
				t.Errorf("serial %v after %v", now, serial)
			}
			n := w.count()
			pass(29 * time.Second) // MinRefresh
			if w.count() != n {
				t.Error("looked up too early")
			}
			w.fail(errors.New("no reply"))
			pass(24 * time.Hour)
			wantAddresses(t, f.zone, "example.com.", "300 198.51.100.3")
			s := f.keeper.Status()
			if len(s) != 2 || s[0].Failures == 0 || s[0].Err == nil || f.keeper.Stats().Failing != 1 {
				t.Errorf("%+v", s)
			}
			if failed := w.count() - n; failed > 24*6+10 {
				t.Errorf("%d tries in a day", failed)
			}
			w.fail(nil)
			pass(longestRetry)
			if s := f.keeper.Status(); s[0].Failures != 0 || s[0].Err != nil {
				t.Errorf("%+v", s[0])
			}
		})
	})
}

// What a file says wins over what was derived, and the other way about.
func TestReload(t *testing.T) {
	for _, whole := range []bool{false, true} {
		t.Run(fmt.Sprintf("whole=%t", whole), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var w world
				w.set("a.example.net.", time.Minute, "198.51.100.1")
				w.set("b.example.net.", time.Minute, "198.51.100.2")
				var more []string
				size := 0
				grow := func() []string { // so much that it is not edited
					if !whole {
						return nil
					}
					size++
					more = nil
					for i := range 3000 {
						more = append(more, fmt.Sprintf("n%d-%d TXT x", size, i))
					}
					return more
				}
				f := newFile(t, Config{Lookup: w.Lookup}, append(grow(), "@ ALIAS a.example.net.")...)
				run(t, f.keeper, func() {
					wantAddresses(t, f.zone, "example.com.", "300 198.51.100.1")
					edit := func(serial int, lines ...string) {
						t.Helper()
						before := f.zone.Snapshot().Serial()
						f.write(t, serial, append(grow(), lines...)...)
						f.reload(t)
						synctest.Wait()
						if now := f.zone.Snapshot().Serial(); !before.Less(now) {
							t.Errorf("serial %v after %v", now, before)
						}
					}
					edit(1, "@ ALIAS a.example.net.", "txt TXT x")
					wantAddresses(t, f.zone, "example.com.", "300 198.51.100.1")
					edit(2, "@ ALIAS b.example.net.")
					pass(time.Second)
					wantAddresses(t, f.zone, "example.com.", "300 198.51.100.2")
					edit(3, "@ A 192.0.2.1")
					wantAddresses(t, f.zone, "example.com.", "3600 192.0.2.1")
					if n := len(f.keeper.Status()); n != 0 {
						t.Errorf("%d ALIAS records", n)
					}
					w.fail(errors.New("no reply"))
					edit(4, "@ ALIAS a.example.net.") // not known yet: what there was stays
					pass(time.Second)
					wantAddresses(t, f.zone, "example.com.", "3600 192.0.2.1")
					w.fail(nil)
					pass(time.Hour)
					wantAddresses(t, f.zone, "example.com.", "300 198.51.100.1")
					edit(5)
					wantAddresses(t, f.zone, "example.com.", "")
				})
			})
		})
	}
}

// A file that is read again without a difference makes no new version.
func TestReloadWithoutChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w world
		w.set("a.example.net.", time.Minute, "198.51.100.1")
		f := newFile(t, Config{Lookup: w.Lookup}, "@ ALIAS a.example.net.")
		run(t, f.keeper, func() {
			serial := f.zone.Snapshot().Serial()
			f.write(t, 1, "@ ALIAS a.example.net. ; a comment")
			f.reload(t)
			if now := f.zone.Snapshot().Serial(); now != serial {
				t.Errorf("serial %v after %v", now, serial)
			}
			wantAddresses(t, f.zone, "example.com.", "300 198.51.100.1")
		})
	})
}

// What cannot be next to an ALIAS record is refused, with its place.
func TestConflicts(t *testing.T) {
	for _, lines := range [][]string{
		{"@ ALIAS a.example.net.", "@ A 192.0.2.1"},
		{"@ ALIAS a.example.net.", "@ AAAA 2001:db8::1"},
		{"@ ALIAS a.example.net.", "@ ALIAS b.example.net."},
		{"www ALIAS a.example.net.", "www CNAME b.example.net."},
	} {
		synctest.Test(t, func(t *testing.T) {
			var w world
			w.set("a.example.net.", time.Minute, "192.0.2.1")
			f := newFile(t, Config{Lookup: w.Lookup})
			check := func(what string) {
				t.Helper()
				var problems diagnostic.List
				_, err := f.loader.Reload(f.zone, &problems)
				if err == nil || len(problems.Problems) == 0 || problems.Problems[0].Position.Line < 6 {
					t.Errorf("%s %q: %v, %v", what, lines, err, problems.Problems)
				}
			}
			run(t, f.keeper, func() {
				f.write(t, 2, lines...)
				check("new")
				f.write(t, 3, lines[0])
				f.reload(t)
				synctest.Wait()
				f.write(t, 4, lines...)
				check("added")
			})
		})
	}
}

func record(t *testing.T, owner string, ttl uint32, kind wire.Type, text string) wire.Record {
	t.Helper()
	data, err := wire.AppendRdataFromText(nil, kind, []wire.Word{{Text: []byte(text)}}, wire.Root)
	if err != nil {
		t.Fatal(err)
	}
	return wire.Record{Name: wire.MustParseName(owner), Type: kind, Class: wire.ClassIN, TTL: ttl, Data: data}
}

// Edits of other sources cannot add addresses next to an ALIAS record, and what was
// derived goes with it.
func TestUpdates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w world
		w.set("a.example.net.", time.Minute, "198.51.100.1")
		f := newFile(t, Config{Lookup: w.Lookup}, "old A 192.0.2.9")
		alias, address := record(t, "example.com.", 3600, wire.TypeALIAS, "a.example.net."), record(t, "example.com.", 3600, wire.TypeA, "192.0.2.1")
		update := func(edit func(t *authority.Txn) error) error {
			_, err := f.zone.Update(authority.FromUpdate, edit)
			synctest.Wait()
			return err
		}
		run(t, f.keeper, func() {
			if err := update(func(t *authority.Txn) error { return t.Add(alias) }); err != nil {
				t.Fatal(err)
			}
			wantAddresses(t, f.zone, "example.com.", "300 198.51.100.1")
			if err := update(func(t *authority.Txn) error { return t.Add(address) }); err == nil {
				t.Error("an address was added next to an ALIAS record")
			}
			old := record(t, "old.example.com.", 60, wire.TypeALIAS, "a.example.net.")
			if err := update(func(t *authority.Txn) error { return t.Add(old) }); err == nil {
				t.Error("an ALIAS record was added next to an address")
			}
			if err := update(func(t *authority.Txn) error {
				t.RemoveRRset(alias.Name, wire.TypeA)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			wantAddresses(t, f.zone, "example.com.", "300 198.51.100.1")
			if err := update(func(t *authority.Txn) error {
				t.Remove(alias)
				return t.Add(address)
			}); err != nil {
				t.Fatal(err)
			}
			wantAddresses(t, f.zone, "example.com.", "3600 192.0.2.1")
		})
	})
}

// An address that was derived stays if the transaction that removes the ALIAS record adds it.
func TestUpdateKeepsAddress(t *testing.T) {
	alias := record(t, "example.com.", 3600, wire.TypeALIAS, "a.example.net.")
	for _, ttl := range []uint32{300, 60} {
		address := record(t, "example.com.", ttl, wire.TypeA, "198.51.100.1")
		for name, edit := range map[string]func(t *authority.Txn) error{
			"removes, adds": func(t *authority.Txn) error { t.Remove(alias); return t.Add(address) },
			"adds, removes": func(t *authority.Txn) error { defer t.Remove(alias); return t.Add(address) },
			"replaces":      func(t *authority.Txn) error { t.Remove(alias); return t.Replace(address) },
		} {
			synctest.Test(t, func(t *testing.T) {
				var w world
				w.set("a.example.net.", time.Minute, "198.51.100.1", "198.51.100.2")
				f := newFile(t, Config{Lookup: w.Lookup}, "@ ALIAS a.example.net.")
				run(t, f.keeper, func() {
					if _, err := f.zone.Update(authority.FromUpdate, edit); err != nil {
						t.Fatal(err)
					}
					if got, want := addresses(f.zone, "example.com."), fmt.Sprint(ttl, " 198.51.100.1"); got != want {
						t.Errorf("%s, TTL %d: %q, want %q", name, ttl, got, want)
					}
				})
			})
		}
	}
}

// A target that changes between the check of a new owner and its publication is not
// forgotten: the owner gets what is known with the next look-up.
func TestChangeDuringUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w world
		w.set("a.example.net.", time.Minute, "198.51.100.1")
		f := newFile(t, Config{Lookup: w.Lookup}, "@ ALIAS a.example.net.")
		other := authority.NewZone(f.zone.Snapshot())
		changesTarget := func(*authority.Txn) error {
			w.set("a.example.net.", time.Minute, "198.51.100.2")
			pass(time.Minute)
			return nil
		}
		other.SetPipeline(&authority.Pipeline{Check: []authority.Stage{f.keeper.Stage, changesTarget}, Tell: []authority.Subscriber{f.keeper.Receive}})
		run(t, f.keeper, func() {
			alias := record(t, "www.example.com.", 60, wire.TypeALIAS, "a.example.net.")
			if _, err := other.Update(authority.FromUpdate, func(t *authority.Txn) error { return t.Add(alias) }); err != nil {
				t.Fatal(err)
			}
			other.SetPipeline(&authority.Pipeline{Check: []authority.Stage{f.keeper.Stage}, Tell: []authority.Subscriber{f.keeper.Receive}})
			pass(time.Minute)
			wantAddresses(t, f.zone, "example.com.", "300 198.51.100.2")
			wantAddresses(t, other, "www.example.com.", "60 198.51.100.2")
		})
	})
}

// Targets are bounded, in number and in how fast they are looked up.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w world
		var lines []string
		for i := range 30 {
			w.set(fmt.Sprintf("t%d.example.net.", i), time.Hour, "198.51.100.1")
			lines = append(lines, fmt.Sprintf("n%d ALIAS t%d.example.net.", i, i))
		}
		f := newFile(t, Config{Lookup: w.Lookup, MaxTargets: 20, Rate: 4}, lines...)
		run(t, f.keeper, func() {
			pass(time.Minute)
			if w.count() != 20 {
				t.Errorf("%d look-ups", w.count())
			}
			for i := 1; i < len(w.at); i++ {
				if apart := w.at[i].Sub(w.at[i-1]); apart < 500*time.Millisecond {
					t.Errorf("look-ups %v apart", apart)
				}
			}
			if s := f.keeper.Stats(); s.Owners != 30 || s.Targets != 20 || s.Beyond != 10 {
				t.Errorf("%+v", s)
			}
			f.write(t, 2, lines[25:]...)
			f.reload(t)
			pass(time.Minute)
			if s := f.keeper.Stats(); s.Owners != 5 || s.Targets != 5 || s.Beyond != 0 || s.Unknown != 0 {
				t.Errorf("%+v", s)
			}
		})
	})
}

// A signed zone is valid at each step.
func TestSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w world
		w.set("a.example.net.", time.Minute, "198.51.100.1", "2001:db8::1")
		f := newFile(t, Config{Lookup: w.Lookup}, "@ ALIAS a.example.net.")
		key, err := sign.GenerateKey(wire.AlgorithmECDSAP256SHA256, 257, 0, time.Now().Add(-time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		signer, err := sign.New(sign.Policy{}, []*sign.Key{key}, nil)
		if err != nil {
			t.Fatal(err)
		}
		f.zone.SetPipeline(&authority.Pipeline{
			Check: []authority.Stage{f.keeper.Stage}, Sign: []authority.Stage{signer.Stage}, Tell: []authority.Subscriber{f.keeper.Receive},
		})
		if _, err := signer.Refresh(f.zone); err != nil {
			t.Fatal(err)
		}
		valid := func() {
			t.Helper()
			if err := sign.Verify(f.zone.Snapshot(), time.Now()); err != nil {
				t.Error(err)
			}
		}
		run(t, f.keeper, func() {
			wantAddresses(t, f.zone, "example.com.", "300 198.51.100.1, 300 2001:db8::1")
			valid()
			w.set("a.example.net.", time.Minute, "198.51.100.2")
			pass(time.Minute)
			wantAddresses(t, f.zone, "example.com.", "300 198.51.100.2")
			valid()
			f.write(t, 2, "@ ALIAS a.example.net.", "txt TXT x")
			f.reload(t)
			wantAddresses(t, f.zone, "example.com.", "300 198.51.100.2")
			valid()
		})
	})
}

// Fill looks up what would have no addresses otherwise.
func TestFill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w world
		w.set("a.example.net.", time.Minute, "198.51.100.1")
		f := newFile(t, Config{Lookup: w.Lookup}, "@ ALIAS a.example.net.")
		f.keeper.Fill(t.Context())
		wantAddresses(t, f.zone, "example.com.", "300 198.51.100.1")
		f.keeper.Fill(t.Context())
		if w.count() != 1 {
			t.Errorf("%d look-ups", w.count())
		}
		w.fail(errors.New("no reply"))
		f.write(t, 2, "@ ALIAS a.example.net.", "www ALIAS b.example.net.")
		f.reload(t)
		f.keeper.Fill(t.Context()) // one that fails
		w.fail(nil)
		w.set("b.example.net.", time.Minute, "198.51.100.2")
		run(t, f.keeper, func() {
			pass(time.Minute)
			wantAddresses(t, f.zone, "www.example.com.", "300 198.51.100.2")
		})
	})
}

// TestZonesWithoutAliases: nothing is kept of a zone until it has an ALIAS record, nor once
// it has none any longer.
func TestZonesWithoutAliases(t *testing.T) {
	c := Config{Serial: func(*authority.Zone) authority.SerialPolicy { return authority.SerialUnixTime }}
	f := newFile(t, c)
	for serial, step := range []struct {
		lines []string
		zones int
	}{{nil, 0}, {[]string{"@ ALIAS cdn.example.net."}, 1}, {[]string{"more TXT x"}, 0}} {
		f.write(t, 2+serial, step.lines...)
		f.reload(t)
		if n := len(f.keeper.zones); n != step.zones {
			t.Errorf("with %q the keeper has %d zones, want %d", step.lines, n, step.zones)
		}
		for _, z := range f.keeper.zones {
			if z.serial != authority.SerialUnixTime {
				t.Errorf("the serial number advances by policy %v", z.serial)
			}
		}
	}
}
