package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Open opens the journal in a directory, or begins one. It reads all of it: a
// tail that a crash tore is cut off; any other damage is an error with its place.
func Open(o Options) (*Journal, error) {
	if o.FS == nil {
		o.FS = osFS{o.ReadOnly}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SegmentSize == 0 {
		o.SegmentSize = 16 << 20
	}
	if o.MaxSize == 0 {
		o.MaxSize = 1 << 30
	}
	j := &Journal{options: o, zones: make(map[zoneKey]*history), trimAt: o.MaxSize / 2}
	if !o.ReadOnly {
		err := o.FS.MkdirAll(o.Dir)
		if err == nil {
			j.lock, err = o.FS.Lock(filepath.Join(o.Dir, "lock"))
		}
		if err != nil {
			return nil, fmt.Errorf("journal %s: %w", o.Dir, err)
		}
	}
	names, err := o.FS.List(o.Dir)
	if err != nil {
		j.closeFiles()
		return nil, fmt.Errorf("journal %s: %w", o.Dir, err)
	}
	var numbers []uint64
	for _, name := range names {
		if digits, ok := strings.CutSuffix(name, ".journal"); ok {
			if n, err := strconv.ParseUint(digits, 10, 64); err == nil && len(digits) == 16 {
				numbers = append(numbers, n)
			}
		}
	}
	slices.Sort(numbers)
	for i, n := range numbers {
		if i > 0 && n != numbers[i-1]+1 {
			j.closeFiles()
			return nil, fmt.Errorf("%s: segment is missing", j.path(numbers[i-1]+1))
		}
		if err := j.load(n, i == len(numbers)-1); err != nil {
			j.closeFiles()
			return nil, err
		}
	}
	return j, nil
}

func (j *Journal) closeFiles() {
	for _, s := range j.segments {
		s.file.Close()
	}
	if j.lock != nil {
		j.lock.Close()
	}
}

// Torn is the tail of a journal that a crash tore, or that is being written.
type Torn struct {
	File   string // "": there is none
	Offset int64
	Octets int64
}

// Torn returns the tail that is not an entry of a journal that was opened for
// reading.
func (j *Journal) Torn() Torn { return j.torn }

// load reads a segment. Only the last one may have a torn tail.
func (j *Journal) load(number uint64, isLast bool) error {
	path := j.path(number)
	f, err := j.options.FS.Open(path, false)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	s := &segment{number: number, file: f, sealed: !isLast}
	j.segments = append(j.segments, s)
	size, err := f.Size()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	b := make([]byte, size)
	if n, err := f.ReadAt(b, 0); err != nil && (err != io.EOF || n < len(b)) {
		return fmt.Errorf("%s: %w", path, err)
	}
	if !isHeader(b, number) {
		if !isLast || len(b) > headerLen {
			return fmt.Errorf("%s: offset 0: %w: header of segment %d is missing", path, errFormat, number)
		}
		return j.cut(s, 0, size) // it was about to begin
	}
	at := int64(headerLen)
	for at < size {
		octets, err := entryIn(b[at:], number, at)
		if err != nil {
			if isLast && len(bytes.Trim(b[at:], "\x00")) == 0 {
				s.ahead = size // written for what is appended next
				break
			}
			if !isLast || j.isFollowed(b, number, at) {
				return fmt.Errorf("%s: offset %d: %w", path, at, err)
			}
			return j.cut(s, at, int64(len(bytes.TrimRight(b, "\x00"))))
		}
		e, removed, added, _, err := parseEntryHead(octets)
		if err != nil {
			return fmt.Errorf("%s: offset %d: %w", path, at, err)
		}
		n := frameLen + len(octets)
		j.note(zoneKey{e.Zone.Key(), e.Class}, place{s, at, n, e.Changes.From, e.Changes.To, e.kind, uint64(removed)+uint64(added) == 0, e.Time})
		at += int64(n)
	}
	s.size = at
	j.size += at
	if at >= j.options.SegmentSize {
		s.sealed = true
	}
	return nil
}

// isFollowed reports whether a frame of a later batch comes after the damage at an
// offset: then what is damaged was on the disk, and this is not a torn tail.
func (j *Journal) isFollowed(b []byte, number uint64, damage int64) bool {
	for at := damage + 1; at+frameLen <= int64(len(b)); at++ {
		if binary.BigEndian.Uint32(b[at:]) != frameMagic {
			continue
		}
		if _, err := entryIn(b[at:], number, at); err == nil && batchOf(b[at:]) > damage {
			return true
		}
	}
	return false
}

// cut cuts off a torn tail, which ends at size. A segment without a header is begun again.
func (j *Journal) cut(s *segment, at, size int64) error {
	path := j.path(s.number)
	if j.options.ReadOnly {
		s.size, j.torn = at, Torn{path, at, size - at}
		j.size += at
		return nil
	}
	err := s.file.Truncate(at)
	if err == nil && at == 0 {
		at = int64(headerLen)
		_, err = s.file.WriteAt(appendHeader(nil, s.number), 0)
	}
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("%s: cutting off a torn tail at offset %d: %w", path, at, err)
	}
	s.size = at
	j.size += at
	return nil
}
