package authority

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// resolveError returns what a set says to a question it does not answer.
func resolveError(t *testing.T, set *Set, name string) (code uint16, text string) {
	t.Helper()
	err := set.TryResolve(exchange(t, name, "A"))
	var extended names.ExtendedErrorer
	if !errors.As(err, &extended) {
		t.Fatalf("%s: %v, which says nothing to the client", name, err)
	}
	return extended.ExtendedError()
}

// TestZoneWithoutContents: from not loaded to loaded to expired and back.
func TestZoneWithoutContents(t *testing.T) {
	z := NewEmptyZone(wire.MustParseName("example."), wire.ClassIN)
	var told []string
	z.SetPipeline(&Pipeline{Tell: []Subscriber{func(p Publication) {
		told = append(told, fmt.Sprint(p.Before != nil, p.After != nil))
	}}})
	set := new(Set)
	if err := set.Add(z); err != nil {
		t.Fatal(err)
	}
	if code, text := resolveError(t, set, "a.example."); code != 14 || text != "zone is not loaded" || z.State() != NotLoaded {
		t.Errorf("not loaded: %d %q, %s", code, text, z.State())
	}
	if _, err := z.Begin(FromUpdate); !errors.Is(err, ErrNotLoaded) {
		t.Errorf("edit of a zone that is not loaded: %v", err)
	}
	z.Expire()
	if z.State() != NotLoaded || z.Snapshot() != nil {
		t.Errorf("a zone that is not loaded expired: %s", z.State())
	}
	if err := z.Replace(FromTransfer, mustZone(t, "example.", checkedApex+"a 60 A 192.0.2.1\n")); err != nil {
		t.Fatal(err)
	}
	if err := set.TryResolve(exchange(t, "a.example.", "A")); err != nil || z.State() != Loaded {
		t.Errorf("loaded: %v, %s", err, z.State())
	}
	z.Expire()
	if code, text := resolveError(t, set, "a.example."); code != 24 || text != "zone has expired" || z.State() != Expired {
		t.Errorf("expired: %d %q, %s", code, text, z.State())
	}
	for _, source := range []Source{FromControl, FromUpdate} {
		if _, err := z.Update(source, func(txn *Txn) error { return edit(t, txn, "+ b A 192.0.2.1") }); !errors.Is(err, ErrExpired) {
			t.Errorf("edit from %s of an expired zone: %v", source, err)
		}
	}
	c, err := z.Update(FromTransfer, func(txn *Txn) error { return edit(t, txn, "+ b A 192.0.2.1") })
	if err != nil || c.From != 1 || c.To != 2 || z.State() != Loaded || z.Snapshot().Records() != 5 {
		t.Errorf("incremental transfer to an expired zone: %v, %v, %s", c, err, z.State())
	}
	if want := []string{"false true", "true true", "true true"}; !slices.Equal(told, []string{"false true", "true false", "true true"}) {
		t.Errorf("told %q, want %q", told, want)
	}
	if err := z.Replace(FromFile, mustZone(t, "other.", checkedApex)); err == nil {
		t.Error("replaced with another zone")
	}
}

// TestChainIntoZoneWithoutContents: the start of the chain is answered.
func TestChainIntoZoneWithoutContents(t *testing.T) {
	set := new(Set)
	if err := set.SetZones([]*Zone{
		NewZone(mustZone(t, "example.", checkedApex+"a 60 CNAME b.other.\n")),
		NewEmptyZone(wire.MustParseName("other."), wire.ClassIN),
	}); err != nil {
		t.Fatal(err)
	}
	x := exchange(t, "a.example.", "A")
	if err := set.TryResolve(x); err != nil {
		t.Fatal(err)
	}
	m, err := wire.ParseMessage(x.Finish())
	if err != nil || m.RCode != wire.RCodeNoError || len(m.Answers) != 1 {
		t.Errorf("%v, %v", m, err)
	}
}

// TestReloadDoesNotOverrideRefusal: a change that a stage refuses stays refused
// when the file is loaded again, in part or as a whole.
func TestReloadDoesNotOverrideRefusal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "example")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, change := range []string{"bad A 192.0.2.9\n", "bad A 192.0.2.9\n$TTL 61\nbad A 192.0.2.10\n"} {
		write(reloadable)
		loader := Loader{File: File{Path: path}}
		var problems diagnostic.List
		s, err := loader.Load(&problems)
		if err != nil {
			t.Fatal(err)
		}
		z := NewZone(s)
		errPolicy := errors.New("no bad names")
		asked, refusals := 0, 0
		z.SetPipeline(&Pipeline{
			Check: []Stage{func(txn *Txn) error {
				asked++
				if txn.Source() != FromFile {
					t.Errorf("the change comes from %s", txn.Source())
				}
				if len(txn.RRset(wire.MustParseName("bad.example."), wire.TypeA)) > 0 {
					return errPolicy
				}
				return nil
			}},
			Events: Events{Refused: func(*Refusal) { refusals++ }},
		})
		write(reloadable + change)
		for range 2 {
			if _, err := loader.Reload(z, &problems); !errors.Is(err, errPolicy) || z.Snapshot() != s {
				t.Fatalf("%q: reloaded with %v", change, err)
			}
		}
		if asked != 2 || refusals != 2 {
			t.Errorf("%q: asked %d times, %d refusals observed", change, asked, refusals)
		}
	}
}

// TestReloadLetsOthersWrite: a transaction commits while the file is read, and
// the file wins.
func TestReloadLetsOthersWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "example")
	if err := os.WriteFile(path, []byte(reloadable+"more A 192.0.2.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	z := NewZone(mustZone(t, "example.", reloadable))
	opened := 0
	loader := Loader{File: File{Path: path, Origin: z.Origin(), Open: func(path string) (io.ReadCloser, error) {
		if opened++; opened == 1 {
			if _, err := z.Update(FromUpdate, func(txn *Txn) error { return edit(t, txn, "+ meanwhile A 192.0.2.1") }); err != nil {
				t.Error(err)
			}
		}
		return os.Open(path)
	}}}
	var problems diagnostic.List
	result, err := loader.Reload(z, &problems)
	if err != nil || !result.Replaced || opened != 2 { // the second time to replace the zone
		t.Fatalf("%+v, %v, opened %d times", result, err, opened)
	}
	want := lines(slices.Collect(mustZone(t, "example.", reloadable+"more A 192.0.2.1\n").All()))
	if diff := gocmp.Diff(want, lines(slices.Collect(z.Snapshot().All()))); diff != "" {
		t.Errorf("-file +zone\n%s", diff)
	}
}

// TestFirstLoadPassesStages: a zone that comes by Reload or Replace is signed
// before it is visible, and packed once if no stage edits.
func TestFirstLoadPassesStages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "example")
	if err := os.WriteFile(path, []byte(reloadable), 0o644); err != nil {
		t.Fatal(err)
	}
	z := NewEmptyZone(wire.MustParseName("example."), wire.ClassIN)
	saw := 0
	z.SetPipeline(&Pipeline{Sign: []Stage{func(txn *Txn) error {
		saw = len(slices.Collect(txn.ChangedNames()))
		if !txn.IsWhole() || txn.Before() != nil || z.Snapshot() != nil {
			t.Error("the zone is visible before it is signed")
		}
		return txn.Add(records(t, "@ TXT signed")[0])
	}}})
	var problems diagnostic.List
	loader := Loader{File: File{Path: path}}
	result, err := loader.Reload(z, &problems)
	if err != nil || !result.Replaced || saw != z.Snapshot().Names() {
		t.Fatalf("%+v, %v, %d names of %d", result, err, saw, z.Snapshot().Names())
	}
	if !slices.ContainsFunc(slices.Collect(z.Snapshot().All()), func(r wire.Record) bool { return r.Type == wire.TypeTXT && r.Name.Equal(z.origin) }) {
		t.Error("not signed")
	}
	checkSnapshot(t, z.Snapshot())
	s := mustZone(t, "example.", reloadable)
	z.SetPipeline(&Pipeline{Check: []Stage{func(*Txn) error { return nil }}})
	if err := z.Replace(FromFile, s); err != nil || z.Snapshot() != s {
		t.Errorf("%v: packed again", err)
	}
}

// TestNamesAreSorted: the order of names that stages see has all of them, those without NSEC
// records among the others.
func TestNamesAreSorted(t *testing.T) {
	nsec := ""
	for _, owner := range []string{"@", "b.ent", "sub", "zz"} {
		nsec += owner + " 60 NSEC @ A RRSIG NSEC\n"
	}
	const text = "@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns.sub\nsub 60 NS ns.sub\n" +
		"ns.sub 60 A 192.0.2.2\na.sub 60 A 192.0.2.2\nb.ent 60 A 192.0.2.3\na 60 A 192.0.2.3\nzz 60 A 192.0.2.3\n"
	const signature = "@ 60 RRSIG SOA 13 1 60 20300101000000 20200101000000 1 @ AAAA\n"
	for _, zone := range []string{text, text + nsec, text + signature + nsec} {
		s := mustZone(t, "example.", zone)
		list := s.sortNames()
		var got []string
		for _, leaf := range list.Leaves() {
			for _, o := range leaf {
				got = append(got, s.node(o.id).name().String())
			}
		}
		want := []string{"example.", "a.example.", "ent.example.", "b.ent.example.", "sub.example.", "a.sub.example.", "ns.sub.example.", "zz.example."}
		if !slices.Equal(got, want) || list.Len() != s.Names() {
			t.Errorf("signed with %q: %q", s.Signed(), got)
		}
	}
}

// TestViewAgainstSlowTwin: what stages see of the zone to come is what it then
// is.
func TestViewAgainstSlowTwin(t *testing.T) {
	for kind, text := range editedZones() {
		random := rand.New(rand.NewPCG(21, 22))
		e := newEditor(t, text, random.IntN)
		var names, order, cuts []string
		changed := map[string]bool{}
		var before *Snapshot
		e.zone.SetPipeline(&Pipeline{Check: []Stage{func(*Txn) error { return nil }}, Sign: []Stage{func(txn *Txn) error {
			before = txn.Before()
			names, order, cuts = nil, []string{e.zone.origin.String()}, nil
			for n := range txn.Following(e.zone.origin) {
				order = append(order, n.String())
			}
			var back []string
			last := wire.MustParseName(order[len(order)-1])
			for n := range txn.Preceding(last) {
				back = append(back, n.String())
			}
			slices.Reverse(back)
			if !slices.Equal(append(back, last.String()), order) {
				t.Fatalf("%s: forward %q, back %q", kind, order, back)
			}
			clear(changed)
			for n := range txn.ChangedNames() {
				if changed[n.String()] {
					t.Fatalf("%s: %s changed twice", kind, n)
				}
				changed[n.String()] = true
			}
			for _, n := range order {
				if name := wire.MustParseName(n); !txn.HasName(name) {
					t.Fatalf("%s: has no %s", kind, n)
				} else if cut, ok := txn.CutOf(name); ok {
					cuts = append(cuts, n+" "+cut.String())
				}
			}
			return nil
		}}})
		steps := 300
		if testing.Short() {
			steps = 60
		}
		for range steps {
			commits := e.commits
			e.step(t, false)
			if e.commits == commits || e.zone.Snapshot() == before {
				continue
			}
			after := e.zone.Snapshot()
			if before == nil {
				continue
			}
			var wantCuts []string
			names = nil
			for n := range after.nodes() {
				if n.state() != present {
					continue
				}
				names = append(names, n.name().String())
				if n.cut() != 0 {
					wantCuts = append(wantCuts, n.name().String()+" "+after.node(n.cut()).name().String())
				}
				isChanged := true
				if old, ok := before.find(lookupOf(n.name()), 0); ok {
					same := describeSets(old) == describeSets(n) && (old.cut() == 0) == (n.cut() == 0)
					isChanged = !same
				}
				if isChanged && !changed[n.name().String()] {
					t.Fatalf("%s: %q: %s changed, and is not among the changed names", kind, e.texts, n.name())
				}
			}
			slices.SortFunc(names, func(a, b string) int { return wire.MustParseName(a).Compare(wire.MustParseName(b)) })
			if diff := gocmp.Diff(lower(names), lower(order)); diff != "" {
				t.Fatalf("%s: %q: -zone +view\n%s", kind, e.texts, diff)
			}
			if diff := gocmp.Diff(lower(wantCuts), lower(cuts)); diff != "" {
				t.Fatalf("%s: %q: cuts -zone +view\n%s", kind, e.texts, diff)
			}
			before = nil
		}
		if e.commits < steps/4 {
			t.Errorf("%s: only %d commits", kind, e.commits)
		}
	}
}

func lookupOf(name wire.Name) *lookupName {
	l := new(lookupName)
	l.set(name)
	return l
}

func describeSets(n node) string {
	var b strings.Builder
	for set := range n.all() {
		fmt.Fprint(&b, set.kind(), set.covered(), set.ttl(), slices.Collect(set.all()), ";")
	}
	return b.String()
}

// TestDiff: the difference of two versions leads from one to the other, and two
// differences together from the first to the third.
func TestDiff(t *testing.T) {
	for kind, text := range editedZones() {
		random := rand.New(rand.NewPCG(23, 24))
		e := newEditor(t, text, random.IntN)
		versions := []*Snapshot{e.zone.Snapshot()}
		for range 60 {
			e.step(t, false)
			versions = append(versions, e.zone.Snapshot())
			i, j := random.IntN(len(versions)), random.IntN(len(versions))
			a, b, c := versions[i], versions[j], e.zone.Snapshot()
			if diff := gocmp.Diff(lower(lines(slices.Collect(b.All()))), lower(lines(apply(t, slices.Collect(a.All()), Diff(a, b))))); diff != "" {
				t.Fatalf("%s: -want +got\n%s", kind, diff)
			}
			both := Diff(a, b).Then(Diff(b, c))
			if diff := gocmp.Diff(lower(lines(slices.Collect(c.All()))), lower(lines(apply(t, slices.Collect(a.All()), both)))); diff != "" {
				t.Fatalf("%s: two together: -want +got\n%s", kind, diff)
			}
			if direct := Diff(a, c); len(direct.Added) != len(both.Added) || len(direct.Removed) != len(both.Removed) || direct.From != both.From || direct.To != both.To {
				t.Fatalf("%s: together %v, direct %v", kind, both, direct)
			}
			if all := Diff(nil, c); len(all.Added) != c.Records() || len(all.Removed) != 0 || all.Added[0].Type != wire.TypeSOA {
				t.Fatalf("%s: from nothing: %v", kind, all)
			}
		}
	}
}

// slowJournal accepts changes, and says when the test wants whether they are
// durable.
type slowJournal struct {
	mu       sync.Mutex
	receipts []*slowReceipt
}

type slowReceipt struct {
	serial   wire.Serial
	previous *slowReceipt
	done     chan struct{}
	err      error
}

func (j *slowJournal) Append(txn *Txn, previous Receipt) (Receipt, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := &slowReceipt{serial: txn.After().Serial(), done: make(chan struct{})}
	if previous != nil {
		r.previous = previous.(*slowReceipt)
		select {
		case <-r.previous.done:
			if r.previous.err != nil {
				return nil, r.previous.err
			}
		default:
		}
	}
	j.receipts = append(j.receipts, r)
	return r, nil
}

// settle says how it went with all that was accepted.
func (j *slowJournal) settle(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.receipts {
		r.err = err
		close(r.done)
	}
	j.receipts = nil
}

func (j *slowJournal) waiting() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.receipts)
}

func (r *slowReceipt) Wait() error { <-r.done; return r.err }

// TestWritersShareTheJournal: a transaction begins before the one before it is
// durable; none is visible before that; they become visible in order; and if the
// journal fails, none of them happened.
func TestWritersShareTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := NewZone(mustZone(t, "example.", checkedApex))
		journal := new(slowJournal)
		var order []wire.Serial
		z.SetPipeline(&Pipeline{Journal: journal, Tell: []Subscriber{func(p Publication) {
			order = append(order, p.After.Serial())
			if p.Before.Serial()+1 != p.After.Serial() {
				t.Errorf("from %d to %d", p.Before.Serial(), p.After.Serial())
			}
		}}})
		errDisk := errors.New("disk full")
		for round, outcome := range []error{nil, errDisk, nil, errDisk, nil} {
			visible := z.Snapshot()
			const writers = 8
			var all sync.WaitGroup
			results := make([]error, writers)
			for i := range writers {
				all.Go(func() {
					_, results[i] = z.Update(FromUpdate, func(txn *Txn) error {
						return edit(t, txn, fmt.Sprintf("+ r%dw%d A 192.0.2.1", round, i))
					})
				})
			}
			synctest.Wait()
			if n := journal.waiting(); n != writers {
				t.Fatalf("%d of %d writers wait for the journal", n, writers)
			}
			if z.Snapshot() != visible {
				t.Fatal("visible before it is durable")
			}
			journal.settle(outcome)
			all.Wait()
			for _, err := range results {
				if r := new(Refusal); outcome == nil && err != nil || outcome != nil && (!errors.As(err, &r) || r.Stage != "journal") {
					t.Errorf("round %d: %v, want %v", round, err, outcome)
				}
			}
			want := visible.Names()
			if outcome == nil {
				want += writers
			}
			if got := z.Snapshot(); got.Names() != want || (outcome != nil) != (got == visible) {
				t.Errorf("round %d: %d names, want %d", round, got.Names(), want)
			}
			checkSnapshot(t, z.Snapshot())
		}
		if !slices.IsSorted(order) || len(order) != 24 {
			t.Errorf("visible in the order %v", order)
		}
		// After a failure, the next transaction starts from what is visible.
		done := make(chan error)
		go func() {
			_, err := z.Update(FromUpdate, func(txn *Txn) error { return edit(t, txn, "+ last A 192.0.2.1") })
			done <- err
		}()
		synctest.Wait()
		journal.settle(nil)
		if err := <-done; err != nil || z.Snapshot().Serial() != 26 {
			t.Errorf("%v, serial %v", err, z.Snapshot().Serial())
		}
		s := z.Stats().TransactionCounts
		if s.Transactions != 41 || s.Commits != 25 || s.Refusals != 16 {
			t.Errorf("%+v", s)
		}
	})
}

// TestUnchangedWaits: edits that make no difference from a version that is not
// durable are not acknowledged before it is.
func TestUnchangedWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := NewZone(mustZone(t, "example.", checkedApex))
		journal := new(slowJournal)
		z.SetPipeline(&Pipeline{Journal: journal})
		var both sync.WaitGroup
		errs := make([]error, 2)
		update := func(i int) {
			_, errs[i] = z.Update(FromUpdate, func(txn *Txn) error { return edit(t, txn, "+ a A 192.0.2.1") })
		}
		both.Go(func() { update(0) })
		synctest.Wait()
		both.Go(func() { update(1) })
		synctest.Wait()
		journal.settle(errors.New("disk full"))
		both.Wait()
		for _, err := range errs {
			if err == nil {
				t.Errorf("acknowledged although the disk is full: %v", errs)
			}
		}
	})
}

// TestSetAddAndRemove compares a set with a map, while readers look zones up.
func TestSetAddAndRemove(t *testing.T) {
	set := new(Set)
	if set.Find(wire.Root, wire.ClassIN) != nil || len(set.Zones()) != 0 {
		t.Error("an empty set has zones")
	}
	anchor := NewZone(mustZone(t, "example.", checkedApex))
	if err := set.SetZones([]*Zone{anchor}); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			x := new(names.Exchange)
			packet := exchange(t, "ns.example.", "A").Query.Message
			for {
				select {
				case <-stop:
					return
				default:
				}
				x.Read(packet, names.Peer{})
				x.Begin(make([]byte, 0, 2048), 1232)
				if err := set.TryResolve(x); err != nil {
					t.Errorf("a zone that stays is not found: %v", err)
					return
				}
			}
		})
	}
	random := rand.New(rand.NewPCG(31, 32))
	twin := map[string]*Zone{}
	for range 4000 {
		name := fmt.Sprintf("z%d.test.", random.IntN(500))
		if random.IntN(8) == 0 {
			name = "deep.er.and.deeper." + name
		}
		if z := twin[name]; z != nil {
			if random.IntN(2) == 0 {
				if !set.Remove(z) || set.Remove(z) {
					t.Fatal("not removed once")
				}
				delete(twin, name)
			} else if err := set.Add(NewEmptyZone(z.origin, z.class)); !errors.Is(err, ErrDuplicateZone) {
				t.Fatalf("added twice: %v", err)
			}
			continue
		}
		z := NewEmptyZone(wire.MustParseName(name), wire.ClassIN)
		if err := set.Add(z); err != nil {
			t.Fatal(err)
		}
		twin[name] = z
	}
	close(stop)
	readers.Wait()
	for i := range 500 {
		for _, prefix := range []string{"", "deep.er.and.deeper."} {
			name := fmt.Sprintf("%sz%d.test.", prefix, i)
			if set.Find(wire.MustParseName(strings.ToUpper(name)), wire.ClassIN) != twin[name] {
				t.Fatalf("%s", name)
			}
		}
	}
	if got := set.Stats(); got.Zones != len(twin)+1 || got.Zones != len(set.Zones()) || got.NotLoaded != len(twin) || got.Loaded != 1 || got.Records != 3 {
		t.Errorf("%+v, want %d zones", got, len(twin))
	}
	if table := set.table.Load(); len(table.slots) > 8*(len(twin)+2) {
		t.Errorf("%d slots for %d zones", len(table.slots), len(twin))
	}
}

// TestSetChange: zones come and go together, or none of them does.
func TestSetChange(t *testing.T) {
	zone := func(name string) *Zone { return NewEmptyZone(wire.MustParseName(name), wire.ClassIN) }
	a, b, c, d := zone("a."), zone("b."), zone("c."), zone("d.")
	set := new(Set)
	if err := set.SetZones([]*Zone{a, b}); err != nil {
		t.Fatal(err)
	}
	has := func(want ...*Zone) {
		t.Helper()
		all := set.Zones()
		slices.SortFunc(all, func(a, b *Zone) int { return a.origin.Compare(b.origin) })
		if !slices.Equal(all, want) {
			t.Errorf("the set has %d zones, want %d", len(all), len(want))
		}
	}
	if err := set.Change([]*Zone{c, zone("b.")}, []*Zone{a, d}); !errors.Is(err, ErrDuplicateZone) {
		t.Errorf("a zone that is there is added: %v", err)
	}
	has(a, b)
	other := zone("a.")
	if err := set.Change([]*Zone{other, c}, []*Zone{a}); err != nil {
		t.Error(err)
	}
	has(other, b, c)
}

// TestSetFollowsItsZones: how large they are is known when they change.
func TestSetFollowsItsZones(t *testing.T) {
	set := new(Set)
	z := NewEmptyZone(wire.MustParseName("example."), wire.ClassIN)
	if err := set.Add(z); err != nil {
		t.Fatal(err)
	}
	large := *mustZone(t, "example.", checkedApex)
	large.records = manyRecords
	if err := z.Replace(FromTransfer, &large); err != nil || !set.WantsBatches() {
		t.Errorf("%v: a large zone is not prepared", err)
	}
	z.Expire()
	if set.WantsBatches() {
		t.Error("an expired zone is prepared")
	}
	if err := z.Replace(FromTransfer, &large); err != nil || !set.WantsBatches() {
		t.Error("not prepared again")
	}
	if want := (TransactionCounts{Transactions: 2, Loads: 2, Expirations: 1}); set.Stats().TransactionCounts != want {
		t.Errorf("%+v", set.Stats())
	}
	set.Remove(z)
	if s := set.Stats(); set.WantsBatches() || s.Records != 0 || s.Loads != 2 {
		t.Errorf("%+v after the zone was removed", s)
	}
	if err := set.Add(z); err != nil || set.Stats().Loads != 2 {
		t.Errorf("%+v after the zone came back", set.Stats())
	}
}

// TestStatsAddUp: every transaction is counted once, however it ends.
func TestStatsAddUp(t *testing.T) {
	z := NewZone(mustZone(t, "example.", checkedApex))
	random := rand.New(rand.NewPCG(41, 42))
	z.SetPipeline(&Pipeline{Check: []Stage{func(txn *Txn) error {
		if len(txn.Changes().Added) > 2 {
			return errors.New("too much")
		}
		return nil
	}}})
	for range 500 {
		switch random.IntN(4) {
		case 0:
			if err := z.Replace(FromFile, mustZone(t, "example.", checkedApex)); err != nil && !errors.As(err, new(*Refusal)) {
				t.Fatal(err)
			}
		case 1:
			begin(t, z).Rollback()
		default:
			script := []string{"+ a A 192.0.2.1", "+ a A 192.0.2.2\n+ b A 192.0.2.2", "- example. SOA", "serial 4"}[random.IntN(4)]
			z.Update(FromControl, func(txn *Txn) error { return edit(t, txn, script) })
		}
	}
	c := z.Stats().TransactionCounts
	if sum := c.Loads + c.Commits + c.Unchanged + c.Refusals + c.Abandoned; sum != c.Transactions || c.Transactions != 500 ||
		c.Loads*c.Commits*c.Unchanged*c.Refusals*c.Abandoned == 0 {
		t.Errorf("%+v", c)
	}
}
