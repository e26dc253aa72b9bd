package zonefile

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/wire"
)

// Record is one record of a zone file. Its owner and data are valid until emit
// returns.
type Record struct {
	wire.Record
	// Position is that of the owner or, if it is inherited, of the entry's first
	// word. Records from $GENERATE have the position of the directive.
	Position diagnostic.Position
}

// Defaults of [Options].
const (
	DefaultMaxDepth     = 20
	DefaultMaxBytes     = 4 << 30
	DefaultMaxGenerated = 1 << 24
)

// Options control how a file is read. The zero value is ready to use.
type Options struct {
	// Origin completes relative names until the first $ORIGIN. If it is zero,
	// relative names are errors until then.
	Origin wire.Name
	// Class is the class of the zone; zero means IN. Records of another class are
	// errors.
	Class wire.Class
	// Open opens the file itself and those it includes; nil means that they
	// have to be regular files, so that reading never blocks.
	Open func(path string) (io.ReadCloser, error)
	// MaxDepth is how deep $INCLUDE may nest files; zero means DefaultMaxDepth.
	MaxDepth int
	// MaxBytes is how many octets all files together may have; zero means
	// DefaultMaxBytes.
	MaxBytes int64
	// MaxGenerated is how many records all $GENERATE together may make; zero
	// means DefaultMaxGenerated.
	MaxGenerated int
	// Workers is how many goroutines ReadFileParallel reads a file with; zero
	// means GOMAXPROCS.
	Workers int
	// Pause, unless it is nil, is called after every block of a file, which takes
	// much less than a millisecond to read. It lets a server yield to queries.
	Pause func()

	blockSize int // zero means the constant; tests have smaller ones
}

// withDefaults returns o with what is zero filled in.
func (o Options) withDefaults() Options {
	if o.Class == 0 {
		o.Class = wire.ClassIN
	}
	if o.Open == nil {
		o.Open = func(path string) (io.ReadCloser, error) {
			f, _, err := files.Open(path)
			return f, err
		}
	}
	if o.MaxDepth == 0 {
		o.MaxDepth = DefaultMaxDepth
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.MaxGenerated == 0 {
		o.MaxGenerated = DefaultMaxGenerated
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.blockSize == 0 {
		o.blockSize = blockSize
		if o.Pause != nil {
			o.blockSize = pausingBlockSize
		}
	}
	if o.Pause == nil {
		o.Pause = func() {}
	}
	return o
}

// ReadFile reads the file at path and those it includes, and calls emit for
// every record in order. Errors are added to problems, including those of files
// that cannot be opened or read; the reader continues with the next entry until
// problems is full. An entry with an error results in no record.
//
// ReadFile returns the error of emit, which ends the reading. If problems is nil,
// it also returns the errors that problems would have received.
func ReadFile(path string, o Options, problems *diagnostic.List, emit func(*Record) error) error {
	if problems == nil {
		problems = new(diagnostic.List)
		return cmp.Or(ReadFile(path, o, problems, emit), problems.Err())
	}
	return newReader(o, problems, emit).read(path)
}

// read reads the first file.
func (r *reader) read(path string) error {
	defer r.borrow()()
	c, err := r.open(path)
	if err == nil {
		err = r.readFile(path, c, r.options.Origin)
	}
	if err != nil {
		r.problems.Add(&diagnostic.Problem{Position: diagnostic.Position{File: path}, Err: err})
	}
	return r.stopped
}

// Read is [ReadFile] for text in memory. Problems call it file, and $INCLUDE looks
// in the directory of file. The text must not change until Read returns.
func Read(text []byte, file string, o Options, problems *diagnostic.List, emit func(*Record) error) error {
	if problems == nil {
		problems = new(diagnostic.List)
		return cmp.Or(Read(text, file, o, problems, emit), problems.Err())
	}
	r := newReader(o, problems, emit)
	if err := r.octets.take(int64(len(text))); err != nil {
		problems.Add(&diagnostic.Problem{Position: diagnostic.Position{File: file}, Err: err})
		return nil
	}
	r.enter(file, r.options.Origin)
	r.scanner.resume(trimMark(text), false)
	r.readEntries()
	return r.stopped
}

// reader makes records from entries. Its own fields continue from file to file;
// what $INCLUDE has to restore is in its context.
type reader struct {
	options  Options
	problems *diagnostic.List
	emit     func(*Record) error
	stopped  error // what emit returned

	context
	chain []string // the files that are open, each included by the one before

	defaultTTL ttl // of $TTL
	lastTTL    ttl // of the last record that gave one

	octets        *budget // of MaxBytes
	generatesLeft int     // of MaxGenerated

	workers  int          // how many goroutines may read a file; 0: this one alone
	newBatch func() Batch // for workers
	batch    Batch        // that emit adds to; nil without workers

	record Record
	data   []byte // of record
	lender lender

	spareWords []wire.Word // for the scanner of the next file
	spareBlock []byte      // for the blocks of the next file
}

// context is the state that each included file has for itself (RFC 1035 5.1).
type context struct {
	scanner   scanner
	origin    wire.Name
	owner     []byte    // wire form; empty: none yet, or a bad one
	name      wire.Name // of owner
	ownerText []byte    // what owner was made from, with origin; empty: it was not
	badOwner  bool      // the last owner was reported

	movedOrigin bool   // there was no record since $ORIGIN or $INCLUDE
	movedBy     string // which of them it was

	begun  []byte // the beginning of an entry that is not complete, see readBlock
	enough int    // how long begun must be to be scanned again
}

// ttl is a TTL that may be unknown.
type ttl struct {
	seconds uint32
	known   bool
}

func newReader(o Options, problems *diagnostic.List, emit func(*Record) error) *reader {
	o = o.withDefaults()
	return &reader{
		options: o, problems: problems, emit: emit,
		octets: &budget{left: o.MaxBytes, most: o.MaxBytes}, generatesLeft: o.MaxGenerated,
	}
}

// enter begins a file, and leave ends it.
func (r *reader) enter(file string, origin wire.Name) {
	r.scanner = newScanner(file, nil, r.problems)
	r.scanner.words, r.spareWords = r.spareWords, nil
	r.setOrigin(origin)
	r.chain = append(r.chain, file)
}

func (r *reader) leave() {
	r.spareWords = r.scanner.words
	r.chain = r.chain[:len(r.chain)-1]
}

// mayContinue reports whether reading should continue.
func (r *reader) mayContinue() bool {
	return r.stopped == nil && !r.problems.Full() && !r.scanner.ended
}

// readEntries reads the entries that the scanner finds.
func (r *reader) readEntries() {
	for r.stopped == nil && !r.problems.Full() && r.scanner.next() {
		if d, ok := r.directive(); ok {
			d(r)
		} else {
			r.readRecord()
		}
	}
}

// readRecord reads [owner] [TTL] [class] type data, TTL and class in either
// order, and emits the record.
func (r *reader) readRecord() {
	s := &r.scanner
	i := 0
	if !s.blank && len(s.words) > 0 {
		r.readOwner()
		i++
	}
	if s.broken {
		return
	}
	h, ok := r.readHeader(i)
	if !ok {
		return
	}
	data, word, err := r.parseData(s, h.t, h.next)
	if err != nil {
		s.failWord(word, adviseData(h.t, word-h.next, s.words[min(h.next, len(s.words)):], err))
		return
	}
	seconds, ok := r.chooseTTL(h.ttl, h.t, data)
	if !ok || r.badOwner {
		return
	}
	if len(r.owner) == 0 {
		s.failWord(0, errors.New("no owner, and no record before to inherit it from"))
		return
	}
	r.adviseEntry(&h)
	r.emitRecord(r.name, seconds, h.t, data, s.position(s.offset(0)))
}

func (r *reader) emitRecord(owner wire.Name, seconds uint32, t wire.Type, data []byte, at diagnostic.Position) {
	record := &r.record
	record.Name, record.Type, record.Class, record.TTL, record.Data = owner, t, r.options.Class, seconds, data
	record.Position = at
	r.stopped = r.lender.lend(record, r.emit)
}

// readOwner makes the first word the owner. Records of one owner are usually
// consecutive, so repeating the same word costs only a comparison.
func (r *reader) readOwner() {
	text := r.scanner.words[0].Text
	if len(text) > 0 && len(r.owner) > 0 && string(text) == string(r.ownerText) {
		return
	}
	owner, err := wire.AppendNameFromText(r.owner[:0], text, r.origin)
	r.setOwner(owner)
	r.ownerText = text
	r.badOwner = err != nil
	if err != nil {
		r.scanner.failWord(0, fmt.Errorf("owner %s: %w", quoteWord(text), err))
	}
}

// setOwner makes owner, which wire wrote, the current one.
func (r *reader) setOwner(owner []byte) {
	r.owner = owner
	r.name, _, _ = wire.BorrowName(owner)
}

// header is what comes between owner and data.
type header struct {
	ttl      ttl // if it was given
	hasClass bool
	t        wire.Type // 0: not read yet
	next     int       // index of the first word after it
}

// readHeader reads TTL and class, in either order and if they are there, and
// type from word i on.
func (r *reader) readHeader(i int) (header, bool) {
	h := header{next: i}
	for h.t == wire.TypeNone {
		if err := r.readKeyword(&h); err != nil {
			r.scanner.failWord(h.next, r.adviseOwner(err))
			return h, false
		}
		h.next++
	}
	return h, true
}

// readKeyword reads the next word of the header.
func (r *reader) readKeyword(h *header) (err error) {
	word, ok := r.scanner.keyword(h.next)
	if !ok && h.next < len(r.scanner.words) {
		return errors.New("record type is between quotes")
	}
	if !ok {
		return errors.New("record type is missing")
	}
	if '0' <= word[0] && word[0] <= '9' {
		if h.ttl.known {
			return fmt.Errorf("%s: there is a TTL before, and this is not a record type", quoteWord(word))
		}
		h.ttl, err = r.readTTL(h.next, word)
		return err
	}
	if t, ok := lookupType(word); ok {
		if t.IsQuestionOnly() {
			return fmt.Errorf("%s is for questions and messages: it cannot be in a zone", t)
		}
		h.t = t
		return nil
	}
	class, ok := lookupClass(word)
	switch {
	case !ok:
		return fmt.Errorf("%s is not a record type%s", quoteWord(word), r.adviseType(word))
	case h.hasClass:
		return fmt.Errorf("%s: there is a class before, and this is not a record type", quoteWord(word))
	case class != r.options.Class:
		return fmt.Errorf("class %s in a zone of class %s", class, r.options.Class)
	}
	h.hasClass = true
	return nil
}

// readTTL reads word i. A TTL that is too large counts as 0, with a warning (RFC
// 2181 8).
func (r *reader) readTTL(i int, word []byte) (ttl, error) {
	seconds, err := parseTTL(word)
	if err != nil {
		return ttl{}, fmt.Errorf("%s: %w", quoteWord(word), err)
	}
	if seconds > maxTTL {
		r.problems.Warnf(r.scanner.position(r.scanner.offset(i)), diagnostic.TTLTooLarge, "TTL %d is larger than %d and counts as 0 (RFC 2181 8)", seconds, maxTTL)
		seconds = 0
	}
	return ttl{seconds, true}, nil
}

// parseData makes data of type t from the words of s from i on, or returns which of
// them is wrong.
func (r *reader) parseData(s *scanner, t wire.Type, i int) (data []byte, word int, err error) {
	data, err = wire.AppendRdataFromText(r.data[:0], t, s.words[i:], r.origin)
	if err != nil {
		var at *wire.WordError
		if errors.As(err, &at) {
			return nil, i + at.Index, at.Err
		}
		return nil, i, err
	}
	r.data = data
	if len(data) > math.MaxUint16 {
		return nil, i, fmt.Errorf("%d octets, more than the 65535 a record has room for", len(data))
	}
	return data, i, nil
}

// chooseTTL is the TTL of the record: the one given, else that of $TTL (RFC
// 2308 4), else the last one given (RFC 1035 5.1). A SOA that has none of them
// takes its own MINIMUM, for itself and as if by $TTL, as BIND has it.
func (r *reader) chooseTTL(given ttl, t wire.Type, data []byte) (uint32, bool) {
	switch {
	case given.known:
		r.lastTTL = given
		return given.seconds, true
	case r.defaultTTL.known:
		return r.defaultTTL.seconds, true
	case r.lastTTL.known:
		return r.lastTTL.seconds, true
	case t == wire.TypeSOA && len(data) >= 4:
		minimum := min(binary.BigEndian.Uint32(data[len(data)-4:]), maxTTL)
		r.defaultTTL = ttl{minimum, true}
		r.problems.Warnf(r.scanner.position(r.scanner.offset(0)), diagnostic.NoTTL, "no TTL and no $TTL before: the SOA's MINIMUM of %d is taken", minimum)
		return minimum, true
	}
	r.scanner.failWord(0, errors.New("no TTL, and no $TTL, TTL or SOA before to take it from"))
	return 0, false
}
