package journal

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// Options are those of a [Journal].
type Options struct {
	Dir string
	FS  FS // nil means that of the operating system
	// SegmentSize is from how many octets on a new segment begins. Zero means 16
	// MiB.
	SegmentSize int64
	// MaxSize is how many octets all segments may take. From half of it on the
	// journal drops what no zone needs, and merges what zones need, for which it
	// takes room of its own meanwhile; when that is not enough, it refuses
	// changes. Zero means 1 GiB.
	MaxSize int64
	// MaxAge is how long differences are kept for incremental transfers, if no
	// zone needs them for another reason. Zero means that only MaxSize counts.
	MaxAge time.Duration
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// ReadOnly opens the journal to look at it, even while another process has it
	// open: nothing is cut off, and no change is accepted.
	ReadOnly bool
}

var (
	// ErrFull is returned for a change that does not fit into MaxSize.
	ErrFull = errors.New("journal is full: write zone files back, or raise its maximum size")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("journal is closed")
	// ErrReadOnly is returned for a change if the journal was opened for reading.
	ErrReadOnly = errors.New("journal was opened for reading")
	// ErrInUse is returned by Open if another process has the journal open.
	ErrInUse = errors.New("another process has the journal open")
	// ErrNoChanges is returned if the journal does not have the differences from
	// a serial number on.
	ErrNoChanges = errors.New("journal does not have the changes from that serial")
	// ErrOutOfSync is returned if the journal does not continue what a zone has.
	ErrOutOfSync = errors.New("journal does not continue the zone")
	// ErrFileChanged is returned by Replay if the zone's file was edited since the
	// journal continued it: see [Journal.Merge].
	ErrFileChanged = errors.New("zone file was edited while the journal has changes that are not in it")
)

// Journal is an open journal. It is safe for concurrent use; one process may have
// it open.
type Journal struct {
	options   Options
	work      sync.Mutex // held by what writes to files: flushes, and Trim
	isTrimDue bool       // guarded by work
	flushed   sync.WaitGroup

	mu       sync.Mutex // guards the following
	zones    map[zoneKey]*history
	prepared map[zoneKey]*preparedZone // of which there is nothing in zones yet
	edited   map[zoneKey]wire.Serial   // zones that Edited reports
	segments []*segment                // oldest first; the last one is written to, if it is open for that
	size     int64                     // of all segments
	pending  *batch                    // collects changes while another batch is written
	flushing bool
	trimAt   int64 // from this size on, old segments go
	broken   error // nothing can be written any longer
	closed   bool

	lock io.Closer // keeps other processes out; nil if opened for reading
	torn Torn
}

type zoneKey struct {
	name  wire.Key
	class wire.Class
}

// history is where the entries of a zone are, oldest first.
type history struct {
	entries []place
	// start is the last entry that a replay can begin with: a whole zone, or what
	// leads from the zone's file to the version of the entry before. What is older
	// is only for incremental transfers. -1: there is none.
	start int

	replayed *authority.Zone // that is no longer as its file has it
}

// place is where an entry is.
type place struct {
	segment  *segment
	offset   int64 // of its frame
	length   int   // of the frame
	from, to wire.Serial
	kind     kind
	isEmpty  bool // it has no records
	time     time.Time
}

type segment struct {
	number uint64
	file   File
	size   int64
	ahead  int64 // up to where the file has zeros, if that is more than size
	sealed bool  // nothing more is appended to it
	newest time.Time
}

// batch is changes that become durable together.
type batch struct {
	entries []pendingEntry
	size    int64
	done    chan struct{}
	err     error // set before done is closed, with Journal.mu
}

type pendingEntry struct {
	key    zoneKey
	place  place
	octets []byte
}

// receipt is for a change in a batch.
type receipt struct {
	journal *Journal
	batch   *batch
}

// Wait returns when the batch is durable or has failed. Unless one is being written, it
// writes the batch itself: then nothing has to wake the goroutine that waits.
func (r receipt) Wait() error {
	r.journal.lead(r.batch)
	<-r.batch.done
	return r.batch.err
}

// Append accepts the change of a transaction. It is part of authority.Journal.
// Changes from the journal itself are not written again.
func (j *Journal) Append(t *authority.Txn, previous authority.Receipt) (authority.Receipt, error) {
	if t.Source() == authority.FromJournal {
		return nil, nil
	}
	r, err := j.append(j.entriesOf(t, previous), previous)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// entriesOf is what is noted of a transaction: the difference; after it, if the
// zone's file has the version, how; before it, if nothing is known of the zone
// yet, that its file has what the change starts from.
func (j *Journal) entriesOf(t *authority.Txn, previous authority.Receipt) (entries []*Entry) {
	note := func(k kind, d authority.Digest, c authority.ChangeSet) {
		entries = append(entries, &Entry{
			Zone: t.Zone().Origin(), Class: t.Zone().Class(), Source: t.Source(), Time: j.options.Now(), kind: k, Digest: d, Changes: c,
		})
	}
	before, after := t.Before(), t.After()
	unsaved, isSaved := t.File()
	switch isKnown := previous != nil || j.Has(t.Zone().Origin(), t.Zone().Class()); {
	case before == nil || t.IsWhole() && after.Records() < recordsOf(t.Changes()):
		if !isSaved {
			note(whole, authority.Digest{}, authority.Diff(nil, after))
			return entries
		}
	case !isKnown && !isSaved:
		note(based, j.digestOf(before), authority.ChangeSet{From: before.Serial(), To: before.Serial()})
		fallthrough
	default:
		note(edits, authority.Digest{}, t.Changes())
	}
	if isSaved {
		inverse := unsaved.Inverse()
		if unsaved.IsEmpty() {
			unsaved.From, unsaved.To = after.Serial(), after.Serial()
		}
		note(based, after.Digest().Apply(&inverse), unsaved)
	}
	return entries
}

func recordsOf(c authority.ChangeSet) int { return len(c.Removed) + len(c.Added) }

// Has reports whether there are entries of a zone.
func (j *Journal) Has(zone wire.Name, class wire.Class) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.zones[zoneKey{zone.Key(), class}] != nil
}

// Whole reports whether the journal has all of a zone, so that [Journal.Replay] needs
// no file of it, and when the last change was noted, in whole seconds.
func (j *Journal) Whole(zone wire.Name, class wire.Class) (last time.Time, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	h := j.zones[zoneKey{zone.Key(), class}]
	if h == nil || h.start < 0 || h.entries[h.start].kind != whole {
		return last, false
	}
	return h.entries[len(h.entries)-1].time.Truncate(time.Second), true
}

// HasRoom reports whether there is room for whole zones that could be in files: then
// half of what may be in the journal before it drops old changes is free.
func (j *Journal) HasRoom() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.size < j.options.MaxSize/4
}

// append accepts entries of one zone, which become durable together.
func (j *Journal) append(entries []*Entry, previous authority.Receipt) (authority.Receipt, error) {
	size := int64(0)
	framed := make([]pendingEntry, len(entries))
	for i, e := range entries {
		var err error
		if framed[i], err = pend(e); err != nil {
			return nil, err
		}
		size += int64(framed[i].place.length)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	switch before, ok := previous.(receipt); {
	case j.closed:
		return nil, ErrClosed
	case j.options.ReadOnly:
		return nil, ErrReadOnly
	case j.broken != nil:
		return nil, j.broken
	case ok && before.batch.err != nil:
		return nil, before.batch.err // the change starts from one that failed
	}
	waiting := int64(0)
	if j.pending != nil {
		waiting = j.pending.size
	}
	if j.size+waiting+size > j.options.MaxSize {
		return nil, ErrFull
	}
	if j.pending == nil {
		j.pending = &batch{done: make(chan struct{})}
	}
	j.pending.size += size
	j.pending.entries = append(j.pending.entries, framed...)
	return receipt{j, j.pending}, nil
}

// pend makes an entry ready to be written.
func pend(e *Entry) (p pendingEntry, err error) {
	octets := appendEntry(nil, e)
	if len(octets) > maxEntry {
		return p, fmt.Errorf("change of zone %s has %d octets, more than the %d of an entry", e.Zone, len(octets), maxEntry)
	}
	return pendingEntry{
		zoneKey{e.Zone.Key(), e.Class},
		place{from: e.Changes.From, to: e.Changes.To, kind: e.kind, isEmpty: e.Changes.IsEmpty(), time: e.Time, length: frameLen + len(octets)}, octets,
	}, nil
}

// lead writes a batch, if it is the next and nothing is being written. What arrives
// meanwhile goes into the next batch, which is then written in the background.
func (j *Journal) lead(b *batch) {
	j.mu.Lock()
	if j.flushing || j.pending != b {
		j.mu.Unlock()
		return
	}
	j.flushing = true
	j.flushed.Add(1)
	j.mu.Unlock()
	if j.flush() {
		go j.flushAll()
	}
}

// flushAll writes batches until there is none.
func (j *Journal) flushAll() {
	for j.flush() {
	}
}

// flush writes a batch, and trims the journal before if that is due. It reports whether
// there is more to do; if not, it resets j.flushing, which the caller has set.
func (j *Journal) flush() (isMore bool) {
	j.work.Lock()
	defer j.work.Unlock()
	if j.isTrimDue {
		j.isTrimDue = false
		j.trim()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if b := j.pending; b != nil {
		j.pending = nil
		j.mu.Unlock()
		err := j.write(b)
		j.mu.Lock()
		if err == nil {
			j.index(b)
		}
		b.err = err
		close(b.done)
		if err != nil && j.pending != nil { // it may start from what failed
			j.pending.err = err
			close(j.pending.done)
			j.pending = nil
		}
		j.isTrimDue = err == nil && j.needsTrim(j.trimAt)
	}
	if j.pending != nil || j.isTrimDue {
		return true
	}
	j.flushing = false
	j.flushed.Done()
	return false
}

// index notes where the entries of a batch are. The caller holds j.mu.
func (j *Journal) index(b *batch) {
	for i := range b.entries {
		j.note(b.entries[i].key, b.entries[i].place)
	}
}

// note adds an entry to the history of its zone. The caller holds j.mu.
func (j *Journal) note(key zoneKey, p place) {
	if p.time.After(p.segment.newest) {
		p.segment.newest = p.time
	}
	if p.kind == forgot {
		delete(j.zones, key)
		return
	}
	h := j.zones[key]
	if h == nil {
		h = &history{start: -1}
		j.zones[key] = h
		delete(j.prepared, key)
	}
	h.entries = append(h.entries, p)
	if p.kind == whole || p.kind == based {
		h.start = len(h.entries) - 1
	}
}

// zerosAhead is how many zeros are written after a batch, unless there are some: as long
// as others take their place, the file keeps its size and its blocks, so that a sync writes
// data only. That takes half of the time and of the processor. A small segment gets as many
// as it has octets.
const zerosAhead = 256 << 10

// write makes a batch durable. The caller holds j.work. If it fails, the segment
// ends where it ended before, or the journal is broken.
func (j *Journal) write(b *batch) error {
	s, err := j.open()
	if err != nil {
		return fmt.Errorf("journal %s: beginning a segment: %w", j.options.Dir, err)
	}
	var octets []byte
	for i := range b.entries {
		e := &b.entries[i]
		e.place.segment, e.place.offset = s, s.size+int64(len(octets))
		octets = appendFrame(octets, s.number, e.place.offset, s.size, e.octets)
	}
	size := s.size + int64(len(octets))
	if ahead := min(size+min(size, zerosAhead), j.options.SegmentSize); size > s.ahead && size < ahead {
		octets = append(octets, make([]byte, ahead-size)...)
	}
	n, err := s.file.WriteAt(octets, s.size)
	if err == nil && n < len(octets) {
		err = errors.New("short write")
	}
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		return j.takeBack(s, err)
	}
	s.ahead = max(s.ahead, s.size+int64(len(octets)))
	j.mu.Lock()
	j.size += size - s.size
	j.mu.Unlock()
	s.size = size
	if s.size >= j.options.SegmentSize {
		s.sealed = true
	}
	return nil
}

// takeBack cuts off what was written to a segment and may be on the disk. The
// segment is not written to again: after a failed sync the system may have
// dropped pages that it calls clean.
func (j *Journal) takeBack(s *segment, cause error) error {
	err := fmt.Errorf("%s: %w", j.path(s.number), cause)
	s.sealed = true
	cut := s.file.Truncate(s.size)
	if cut == nil {
		s.ahead = s.size
		cut = s.file.Sync()
	}
	if cut != nil {
		j.mu.Lock()
		j.broken = fmt.Errorf("journal must be opened again: %w; what was written could not be cut off: %w", err, cut)
		err = j.broken
		j.mu.Unlock()
	}
	return err
}

// open returns the segment to append to, a new one if the last is sealed.
func (j *Journal) open() (*segment, error) {
	number := uint64(1)
	if n := len(j.segments); n > 0 {
		s := j.segments[n-1]
		if !s.sealed {
			return s, nil
		}
		if err := s.cutZeros(); err != nil { // only the last segment may have any
			return nil, err
		}
		number = s.number + 1
	}
	path := j.path(number)
	_ = j.options.FS.Remove(path) // what a failed attempt has left
	f, err := j.options.FS.Open(path, true)
	if err != nil {
		return nil, err
	}
	header := appendHeader(nil, number)
	n, err := f.WriteAt(header, 0)
	if err == nil && n < len(header) {
		err = errors.New("short write")
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = j.options.FS.SyncDir(j.options.Dir)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	s := &segment{number: number, file: f, size: int64(headerLen)}
	j.mu.Lock()
	j.segments = append(j.segments, s)
	j.size += s.size
	j.mu.Unlock()
	return s, nil
}

// cutZeros ends a segment where its last entry ends.
func (s *segment) cutZeros() error {
	if s.ahead <= s.size {
		return nil
	}
	err := s.file.Truncate(s.size)
	if err == nil {
		err = s.file.Sync()
	}
	if err == nil {
		s.ahead = s.size
	}
	return err
}

func (j *Journal) path(number uint64) string {
	return filepath.Join(j.options.Dir, fmt.Sprintf("%016d.journal", number))
}

// Close waits for the changes that were accepted, and closes the files.
func (j *Journal) Close() error {
	j.mu.Lock()
	j.closed = true
	isLeft := j.pending != nil && !j.flushing // no receipt was waited for
	if isLeft {
		j.flushing = true
		j.flushed.Add(1)
	}
	j.mu.Unlock()
	if isLeft {
		j.flushAll()
	}
	j.flushed.Wait()
	j.work.Lock()
	defer j.work.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	var errs []error
	if n := len(j.segments); n > 0 && !j.options.ReadOnly && j.broken == nil {
		errs = append(errs, j.segments[n-1].cutZeros())
	}
	for _, s := range j.segments {
		errs = append(errs, s.file.Close())
	}
	j.segments, j.zones, j.prepared = nil, nil, nil
	if j.lock != nil {
		errs = append(errs, j.lock.Close())
		j.lock = nil
	}
	return errors.Join(errs...)
}

// Stats are numbers of a journal.
type Stats struct {
	Zones, Segments, Entries int
	Size                     int64 // octets of all segments
}

// Stats returns the numbers of the journal.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := Stats{Zones: len(j.zones), Segments: len(j.segments), Size: j.size}
	for _, h := range j.zones {
		s.Entries += len(h.entries)
	}
	return s
}

// places returns the entries of a zone, and the one that a replay begins with.
func (j *Journal) places(zone wire.Name, class wire.Class) (entries []place, start int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	h := j.zones[zoneKey{zone.Key(), class}]
	if h == nil {
		return nil, -1
	}
	return slices.Clone(h.entries), h.start
}

// Zones returns the names of the zones that there are entries of, in no order.
func (j *Journal) Zones() (names []wire.Name) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for key := range j.zones {
		names = append(names, key.name.Name())
	}
	return names
}

// read reads an entry.
func (j *Journal) read(p place) (Entry, error) {
	b := make([]byte, p.length)
	if _, err := p.segment.file.ReadAt(b, p.offset); err != nil {
		return Entry{}, j.errorAt(p, err)
	}
	return j.parse(p, b)
}

// parse reads the entry whose frame is b. The records share memory with it.
func (j *Journal) parse(p place, b []byte) (Entry, error) {
	octets, err := entryIn(b, p.segment.number, p.offset)
	if err == nil {
		var e Entry
		if e, err = parseEntry(octets); err == nil {
			return e, nil
		}
	}
	return Entry{}, j.errorAt(p, err)
}

func (j *Journal) errorAt(p place, err error) error {
	return fmt.Errorf("%s: offset %d: %w", j.path(p.segment.number), p.offset, err)
}
