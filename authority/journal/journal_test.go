package journal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/internal/zonetest"
	"github.com/names-dns/names/wire"
)

const zoneText = "@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n"

func loadZone(t testing.TB, origin, text string) *authority.Snapshot {
	t.Helper()
	return zonetest.Snapshot(t, wire.MustParseName(origin), text)
}

func open(t testing.TB, o Options) *Journal {
	t.Helper()
	j, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

// newZone returns a zone as its file has it, whose changes go to j.
func newZone(t testing.TB, j *Journal, origin string) *authority.Zone {
	z := authority.NewZone(loadZone(t, origin, zoneText))
	z.SetPipeline(&authority.Pipeline{Journal: j})
	return z
}

// number adds the n-th record to a zone, named for it.
func number(z *authority.Zone, n int) error {
	_, err := z.Update(authority.FromUpdate, func(t *authority.Txn) error {
		name, err := z.Origin().Prepend("n" + strconv.Itoa(n))
		if err != nil {
			return err
		}
		return t.Add(wire.Record{Name: name, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, byte(n >> 8), byte(n)}})
	})
	return err
}

// has reports whether a zone has the n-th record.
func has(z *authority.Zone, n int) bool {
	t, err := z.Begin(authority.FromControl)
	if err != nil {
		return false
	}
	defer t.Rollback()
	name, _ := z.Origin().Prepend("n" + strconv.Itoa(n))
	return len(t.RRset(name, wire.TypeA)) == 1
}

func text(s *authority.Snapshot) string {
	var b strings.Builder
	for r := range s.All() {
		fmt.Fprintln(&b, r)
	}
	return b.String()
}

// TestReplay: zones with a file, and one that only the journal has.
func TestReplay(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir, SegmentSize: 1000})
	z := newZone(t, j, "example.")
	secondary := authority.NewEmptyZone(wire.MustParseName("secondary."), wire.ClassIN)
	secondary.SetPipeline(&authority.Pipeline{Journal: j})
	if err := secondary.Replace(authority.FromTransfer, loadZone(t, "secondary.", zoneText)); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		for _, z := range []*authority.Zone{z, secondary} {
			if err := number(z, i); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s := j.Stats(); s.Zones != 2 || s.Entries != 62 || s.Segments < 5 {
		t.Errorf("%+v", s)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := number(z, 99); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	j = open(t, Options{Dir: dir, SegmentSize: 1000})
	again := newZone(t, j, "example.")
	if n, err := j.Replay(again); n != 30 || err != nil || text(again.Snapshot()) != text(z.Snapshot()) {
		t.Errorf("%d entries, %v", n, err)
	}
	empty := authority.NewEmptyZone(secondary.Origin(), wire.ClassIN)
	if n, err := j.Replay(empty); n != 31 || err != nil || text(empty.Snapshot()) != text(secondary.Snapshot()) {
		t.Errorf("%d entries, %v", n, err)
	}
	if n, err := j.Replay(again); n != 0 || err != nil {
		t.Errorf("replayed twice: %d, %v", n, err)
	}
	j.Close()
	j = open(t, Options{Dir: dir, SegmentSize: 1000})
	for _, serial := range []string{"500", "4000000000"} {
		other := authority.NewZone(loadZone(t, "example.", strings.Replace(zoneText, " 1 2", " "+serial+" 2", 1)))
		if _, err := j.Replay(other); !errors.Is(err, ErrFileChanged) {
			t.Errorf("serial %s: %v", serial, err)
		}
		other = authority.NewZone(loadZone(t, "secondary.", strings.Replace(zoneText, " 1 2", " "+serial+" 2", 1)))
		if _, err := j.Replay(other); !errors.Is(err, ErrOutOfSync) {
			t.Errorf("serial %s: %v", serial, err)
		}
	}
	// What an incremental transfer tells.
	changes, err := j.Changes(z.Origin(), z.Class(), 11)
	if err != nil || len(changes) != 20 || changes[0].From != 11 || changes[19].To != 31 {
		t.Errorf("%d changes, %v", len(changes), err)
	}
	if changes, err := j.Changes(z.Origin(), z.Class(), 31); err != nil || len(changes) != 0 {
		t.Errorf("%d changes from the last, %v", len(changes), err)
	}
	if _, err := j.Changes(z.Origin(), z.Class(), 77); !errors.Is(err, ErrNoChanges) {
		t.Errorf("from a serial that was not: %v", err)
	}
	if err := j.Forget(z.Origin(), z.Class()); err != nil {
		t.Fatal(err)
	}
	j.Close()
	j = open(t, Options{Dir: dir, SegmentSize: 1000})
	if n, err := j.Replay(newZone(t, j, "example.")); n != 0 || err != nil {
		t.Errorf("a zone that was forgotten: %d, %v", n, err)
	}
}

// TestFaults lets each call of the file system fail in each way, while a zone is
// changed: what was acknowledged is there after a restart, what was refused is
// not visible, and nothing is half there.
func TestFaults(t *testing.T) {
	for _, how := range []string{"EIO", "ENOSPC", "short", "crash"} {
		failures := 0
		for at := 1; ; at++ {
			m := newMemFS()
			m.failAt, m.how = at, how
			options := Options{Dir: "d", FS: m, SegmentSize: 400}
			j := open(t, options)
			z := newZone(t, j, "example.")
			acknowledged := map[int]bool{}
			for i := range 12 {
				visible := z.Snapshot()
				if err := number(z, i); err == nil {
					acknowledged[i] = true
				} else {
					failures++
					if z.Snapshot() != visible {
						t.Fatalf("%s at call %d: refused, and visible: %v", how, at, err)
					}
				}
			}
			if m.calls < at {
				break // all have failed once
			}
			random := rand.New(rand.NewPCG(uint64(at), 1))
			for range 8 { // several outcomes of the same crash
				after := m.crash(random.IntN)
				options.FS = after
				j, err := Open(options)
				if err != nil {
					t.Fatalf("%s at call %d: %v", how, at, err)
				}
				again := newZone(t, j, "example.")
				if _, err := j.Replay(again); err != nil {
					t.Fatalf("%s at call %d: %v", how, at, err)
				}
				for i := range 12 {
					if acknowledged[i] && !has(again, i) {
						t.Fatalf("%s at call %d: change %d was acknowledged and is lost", how, at, i)
					}
				}
				if how != "crash" && text(again.Snapshot()) != text(z.Snapshot()) {
					t.Fatalf("%s at call %d:\n%s\nreplayed\n%s", how, at, text(z.Snapshot()), text(again.Snapshot()))
				}
				if err := number(again, 50); err != nil {
					t.Fatalf("%s at call %d: a change after the restart: %v", how, at, err)
				}
				j.Close()
			}
		}
		if failures < 10 {
			t.Errorf("%s: only %d changes were refused", how, failures)
		}
	}
}

// TestZerosAhead: a segment has zeros for what comes next, as long as it is the last. They
// are neither torn nor damage, and the journal goes on in their place.
func TestZerosAhead(t *testing.T) {
	m := newMemFS()
	options := Options{Dir: "d", FS: m, SegmentSize: 2000}
	zeros := func(number uint64) int {
		b := m.files[(&Journal{options: options}).path(number)].now
		return len(b) - len(bytes.TrimRight(b, "\x00"))
	}
	j := open(t, options)
	z := newZone(t, j, "example.")
	most := 0
	for i := range 30 {
		if err := number(z, i); err != nil {
			t.Fatal(err)
		}
		numbers := j.Stats().Segments
		most = max(most, zeros(uint64(numbers)))
		for n := range uint64(numbers) - 1 {
			if got := zeros(n + 1); got > 0 {
				t.Fatalf("segment %d of %d ends with %d zeros", n+1, numbers, got)
			}
		}
		if i%7 > 0 {
			continue
		}
		m = m.crash(func(int) int { return 0 })
		options.FS = m
		look := options
		look.ReadOnly = true
		if j := open(t, look); j.Torn() != (Torn{}) {
			t.Fatalf("after %d changes: %+v", i+1, j.Torn())
		}
		j = open(t, options)
		again := newZone(t, j, "example.")
		if n, err := j.Replay(again); n != i+1 || err != nil {
			t.Fatalf("after %d changes: %d replayed, %v", i+1, n, err)
		}
		z = again
	}
	n := j.Stats().Segments
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if n < 3 || most < 300 || zeros(uint64(n)) > 0 {
		t.Errorf("%d segments, with %d zeros at the most, and %d after Close", n, most, zeros(uint64(n)))
	}
}

// TestNotWaitedFor: what was accepted is durable when the journal is closed, whether
// any caller has waited for it or not.
func TestNotWaitedFor(t *testing.T) {
	m := newMemFS()
	options := Options{Dir: "d", FS: m}
	j := open(t, options)
	e := &Entry{Zone: wire.MustParseName("example."), Class: wire.ClassIN, Time: time.Unix(0, 0), kind: whole}
	if _, err := j.append([]*Entry{e}, nil); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if j = open(t, options); !j.Has(e.Zone, e.Class) {
		t.Error("it is lost")
	}
}

// TestFullDisk: changes are refused while the disk is full, and accepted again
// when it is not.
func TestFullDisk(t *testing.T) {
	m := newMemFS()
	j := open(t, Options{Dir: "d", FS: m})
	z := newZone(t, j, "example.")
	for i, full := range []bool{false, true, true, false, true, false} {
		m.mu.Lock()
		m.full = full
		m.mu.Unlock()
		err := number(z, i)
		if r := new(authority.Refusal); (err != nil) != full || full && (!errors.As(err, &r) || r.Stage != "journal") {
			t.Errorf("change %d, disk full %v: %v", i, full, err)
		}
		if has(z, i) == full {
			t.Errorf("change %d is there: %v", i, !full)
		}
	}
}

// TestDamage flips each bit of a journal: a change that is followed by others is
// refused with its place, the last batch is cut off, and nothing wrong is read.
func TestDamage(t *testing.T) {
	m := newMemFS()
	j := open(t, Options{Dir: "d", FS: m})
	z := newZone(t, j, "example.")
	versions := []string{text(z.Snapshot())}
	for i := range 3 {
		if err := number(z, i); err != nil {
			t.Fatal(err)
		}
		versions = append(versions, text(z.Snapshot()))
	}
	places, _ := j.places(z.Origin(), z.Class())
	last := places[3].offset
	name := filepath.Join("d", "0000000000000001.journal")
	good := m.files[name].now
	for bit := range 8 * len(good) {
		b := slices.Clone(good)
		b[bit/8] ^= 1 << (bit % 8)
		damaged := newMemFS()
		damaged.files[name] = &memFile{fs: damaged, now: b}
		j, err := Open(Options{Dir: "d", FS: damaged})
		if int64(bit/8) < last {
			if err == nil || !strings.HasPrefix(err.Error(), name+": offset ") {
				t.Fatalf("bit %d: %v", bit, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("bit %d of the tail: %v", bit, err)
		}
		want := versions[2]
		if bit/8 >= len(bytes.TrimRight(good, "\x00")) {
			want = versions[3] // of the zeros after it
		}
		again := newZone(t, j, "example.")
		if _, err := j.Replay(again); err != nil || text(again.Snapshot()) != want {
			t.Fatalf("bit %d of the tail: %v", bit, err)
		}
		j.Close()
	}
	for size := range good { // and cuts it at each octet
		damaged := newMemFS()
		damaged.files[name] = &memFile{fs: damaged, now: slices.Clone(good[:size])}
		j, err := Open(Options{Dir: "d", FS: damaged})
		if err != nil {
			t.Fatalf("cut at %d: %v", size, err)
		}
		again := newZone(t, j, "example.")
		if _, err := j.Replay(again); err != nil || !slices.Contains(versions, text(again.Snapshot())) {
			t.Fatalf("cut at %d: %v", size, err)
		}
		j.Close()
	}
}

// TestGroupCommit: many writers of many zones share syncs: what arrives while
// one is under way, one sync writes.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemFS()
		m.syncing = synctest.Wait // all other writers are in line then
		j := open(t, Options{Dir: "d", FS: m})
		const zones, writers, each = 4, 8, 25
		var all sync.WaitGroup
		list := make([]*authority.Zone, zones)
		for i := range list {
			list[i] = newZone(t, j, fmt.Sprintf("zone%d.", i))
			for w := range writers {
				all.Go(func() {
					for k := range each {
						if err := number(list[i], w*each+k); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
		all.Wait()
		t.Logf("%d changes, %d syncs", zones*writers*each, m.syncs)
		if m.syncs > 2*each+zones {
			t.Errorf("%d syncs for %d changes of each of %d writers", m.syncs, each, zones*writers)
		}
		for i := range list {
			again := newZone(t, j, fmt.Sprintf("zone%d.", i))
			if n, err := j.Replay(again); n != writers*each || err != nil || text(again.Snapshot()) != text(list[i].Snapshot()) {
				t.Errorf("zone %d: %d entries, %v", i, n, err)
			}
		}
		j.Close()
	})
}

// largeZone is a zone that is worth preparing.
func largeZone(t testing.TB, j *Journal, origin string, names int) *authority.Zone {
	t.Helper()
	var lines strings.Builder
	lines.WriteString("@ 60 SOA ns admin 1 60 60 60 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n")
	for i := range names {
		fmt.Fprintf(&lines, "h%d 60 A 192.0.2.1\n", i)
	}
	z := authority.NewZone(loadZone(t, origin, lines.String()))
	z.SetPipeline(&authority.Pipeline{Journal: j})
	return z
}

// TestPrepare: a prepared digest is used for the version that it is of, and not for
// another one; nothing is kept once there are changes. The zone comes back from its file
// and the changes.
func TestPrepare(t *testing.T) {
	m := newMemFS()
	j := open(t, Options{Dir: "d", FS: m})
	small := newZone(t, j, "small.")
	if j.Prepare(small); len(j.prepared) != 0 {
		t.Error("a small zone is prepared")
	}
	z := largeZone(t, j, "example.", minPrepared)
	file := z.Snapshot()
	j.Prepare(z)
	j.Prepare(z)
	if p := j.prepared[zoneKey{z.Origin().Key(), z.Class()}]; len(j.prepared) != 1 || p.digest() != file.Digest() {
		t.Fatalf("prepared: %v", j.prepared)
	}
	marked := authority.Digest{1}
	p := &preparedZone{weak.Make(file), func() authority.Digest { return marked }}
	j.prepared[zoneKey{z.Origin().Key(), z.Class()}] = p
	if j.digestOf(file) != marked {
		t.Error("what is prepared is not used")
	}
	other := largeZone(t, j, "example.", minPrepared+1).Snapshot()
	if j.digestOf(other) != other.Digest() {
		t.Error("a version gets the digest of another one")
	}
	j.prepared = nil
	j.Prepare(z)
	if err := number(z, 1); err != nil {
		t.Fatal(err)
	}
	if j.Prepare(z); len(j.prepared) != 0 {
		t.Errorf("after the first change there is still %v", j.prepared)
	}
	want := text(z.Snapshot())
	j = open(t, Options{Dir: "d", FS: m.crash(func(int) int { return 0 })})
	again := largeZone(t, j, "example.", minPrepared)
	if n, err := j.Replay(again); n != 1 || err != nil || text(again.Snapshot()) != want {
		t.Errorf("replayed: %d changes, %v", n, err)
	}
}

// TestTrim: a journal stays within its bounds, and what is needed stays in it.
func TestTrim(t *testing.T) {
	m := newMemFS()
	now := time.Unix(1_800_000_000, 0)
	options := Options{Dir: "d", FS: m, SegmentSize: 1000, MaxSize: 20_000, Now: func() time.Time { return now }}
	j := open(t, options)
	saved, needed := newZone(t, j, "saved."), newZone(t, j, "needed.")
	// A change may come while old segments are still being dropped: it is tried
	// again when that is over.
	change := func(zone *authority.Zone, i int) {
		err := number(zone, i)
		if errors.Is(err, ErrFull) {
			j.Trim()
			err = number(zone, i)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		change(saved, i)
		if i < 20 {
			change(needed, i)
		}
		if err := j.Saved(saved.Snapshot()); err != nil {
			t.Fatal(err)
		}
		if j.Trim(); j.Stats().Size > options.MaxSize*5/4 {
			t.Fatalf("%+v after %d changes", j.Stats(), i)
		}
	}
	j.Trim()
	if s := j.Stats(); s.Size > options.MaxSize*3/4 || s.Entries > 70 {
		t.Errorf("%+v", s)
	}
	j.Close()
	options.FS = m.crash(func(int) int { return 0 })
	j = open(t, options)
	again := newZone(t, j, "needed.")
	if _, err := j.Replay(again); err != nil || text(again.Snapshot()) != text(needed.Snapshot()) {
		t.Errorf("%v\n%s", err, text(again.Snapshot()))
	}
	// Without a place to save them, changes are refused at last.
	var err error
	for i := 0; err == nil && i < 10_000; i++ {
		err = number(again, 1000+i)
	}
	j.Trim() // it waits for one that is under way, which takes room of its own
	if !errors.Is(err, ErrFull) || j.Stats().Size > options.MaxSize*5/4 {
		t.Errorf("%v, %+v", err, j.Stats())
	}
}

// TestKill kills a process that makes numbered changes, again and again: each
// that it acknowledged is there, and none half.
func TestKill(t *testing.T) {
	if dir := os.Getenv("NAMES_JOURNAL_CHILD"); dir != "" {
		child(t, dir)
		return
	}
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(51, 52))
	acknowledged := 0
	for range rounds {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestKill$")
		cmd.Env = append(os.Environ(), "NAMES_JOURNAL_CHILD="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		until := 1 + random.IntN(40)
		for i := 0; lines.Scan(); i++ {
			if n, err := strconv.Atoi(lines.Text()); err == nil {
				acknowledged = max(acknowledged, n)
			} else if strings.Contains(lines.Text(), "FAIL") || strings.Contains(lines.Text(), "_test.go") {
				t.Error(lines.Text())
			}
			if i == until {
				cmd.Process.Kill()
			}
		}
		cmd.Wait()
		j := open(t, Options{Dir: dir, SegmentSize: 4000})
		z := newZone(t, j, "example.")
		if _, err := j.Replay(z); err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= acknowledged; n++ {
			if !has(z, n) {
				t.Fatalf("change %d of %d was acknowledged and is lost", n, acknowledged)
			}
		}
		if got := z.Snapshot().Records(); got < 3+acknowledged || int(z.Snapshot().Serial()) != got-2 {
			t.Fatalf("%d records, serial %s", got, z.Snapshot().Serial())
		}
		j.Close()
	}
	if acknowledged < rounds {
		t.Errorf("only %d changes were acknowledged", acknowledged)
	}
}

// child makes changes, and says when each is acknowledged, until it is killed.
func child(t *testing.T, dir string) {
	j := open(t, Options{Dir: dir, SegmentSize: 4000})
	z := newZone(t, j, "example.")
	if _, err := j.Replay(z); err != nil {
		t.Fatal(err)
	}
	for n := int(z.Snapshot().Serial()); ; n++ {
		if err := number(z, n); err != nil {
			t.Fatal(err)
		}
		fmt.Println(n)
	}
}

// FuzzJournal opens octets as a segment: an error with its place, or entries that
// can be read, and that are the same when it is opened again.
func FuzzJournal(f *testing.F) {
	m := newMemFS()
	j, err := Open(Options{Dir: "d", FS: m})
	if err != nil {
		f.Fatal(err)
	}
	z := newZone(f, j, "example.")
	for i := range 2 {
		if err := number(z, i); err != nil {
			f.Fatal(err)
		}
	}
	name := filepath.Join("d", "0000000000000001.journal")
	f.Add(m.files[name].now[headerLen:], true)
	f.Add(appendEntry(nil, &Entry{Zone: z.Origin(), kind: edits}), false)
	f.Fuzz(func(t *testing.T, b []byte, framed bool) {
		file := appendHeader(nil, 1)
		if framed {
			file = append(file, b...)
		} else {
			file = appendFrame(file, 1, int64(headerLen), int64(headerLen), b)
		}
		m := newMemFS()
		m.files[name] = &memFile{fs: m, now: file}
		j, err := Open(Options{Dir: "d", FS: m})
		if err != nil {
			if !strings.HasPrefix(err.Error(), name+": offset ") {
				t.Fatalf("an error without a place: %v", err)
			}
			return
		}
		before := j.Stats()
		for _, h := range j.zones {
			for _, p := range h.entries {
				e, err := j.read(p)
				if err != nil {
					continue
				}
				again, err := parseEntry(appendEntry(nil, &e))
				if err != nil || fmt.Sprint(again) != fmt.Sprint(e) {
					t.Fatalf("%v reads back as %v, %v", e, again, err)
				}
			}
		}
		zone := newZone(t, j, "example.")
		j.Replay(zone) // whatever it says, it must not panic
		if j, err := Open(Options{Dir: "d", FS: m}); err != nil || j.Stats() != before {
			t.Fatalf("opened again: %v", err)
		}
	})
}
