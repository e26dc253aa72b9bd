package zonefile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// Record is one record of a zone file. Its owner and data are lent until emit
// returns.
type Record struct {
	wire.Record
	// Position is that of the owner or, where it is inherited, of the entry's
	// first word; of records that $GENERATE makes, that of the directive.
	Position diagnostic.Position
}

// Defaults of [Options].
const (
	DefaultMaxDepth     = 20
	DefaultMaxBytes     = 4 << 30
	DefaultMaxGenerated = 1 << 24
)

// Options say how a file is read. The zero value is ready.
type Options struct {
	// Origin completes relative names until the first $ORIGIN. Zero: there is
	// none, and a relative name is an error until then.
	Origin wire.Name
	// Class is the class of the zone; zero means IN. Records of another are
	// errors.
	Class wire.Class
	// Open opens the file itself and those it includes; nil means os.Open.
	Open func(path string) (io.ReadCloser, error)
	// MaxDepth is how many files may be open in each other by $INCLUDE; zero
	// means DefaultMaxDepth.
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
	// Rest, unless it is nil, is called after every piece of a file, which takes
	// a good deal less than a millisecond to read: for those to whom others
	// matter more.
	Rest func()

	blockSize int // zero means the constant; tests have smaller ones
}

// withDefaults returns o with what is zero filled in.
func (o Options) withDefaults() Options {
	if o.Class == 0 {
		o.Class = wire.ClassIN
	}
	if o.Open == nil {
		o.Open = func(path string) (io.ReadCloser, error) { return os.Open(path) }
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
		if o.Rest != nil {
			o.blockSize = restingBlockSize
		}
	}
	if o.Rest == nil {
		o.Rest = func() {}
	}
	return o
}

// ReadFile reads the file at path and those it includes, and calls emit for
// every record in order. What is wrong goes to problems, a file that cannot be
// opened or read included; the reader goes on with the next entry until
// problems is full. An entry with an error gives no record.
//
// The error returned is that of emit, which ends the reading.
func ReadFile(path string, o Options, problems *diagnostic.List, emit func(*Record) error) error {
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

// Read is [ReadFile] for text that is in memory; file is what problems call
// it, and $INCLUDE looks in its directory. The text is lent until Read returns.
func Read(text []byte, file string, o Options, problems *diagnostic.List, emit func(*Record) error) error {
	r := newReader(o, problems, emit)
	if err := r.octets.take(int64(len(text))); err != nil {
		problems.Add(&diagnostic.Problem{Position: diagnostic.Position{File: file}, Err: err})
		return nil
	}
	r.enter(file, r.options.Origin)
	r.scanner.goOn(trimMark(text), false)
	r.readEntries()
	return r.stopped
}

// reader makes records of entries. What it holds directly goes on from file to
// file; what $INCLUDE must give back is in its context.
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

// context is what an included file has of its own (RFC 1035 5.1).
type context struct {
	scanner   scanner
	origin    wire.Name
	owner     []byte    // wire form; empty: none yet, or a bad one
	name      wire.Name // of owner
	ownerText []byte    // what owner was made from, with origin; empty: it was not
	badOwner  bool      // the last owner was reported

	begun  []byte // an entry of which the rest is still to come, see readBlock
	enough int    // how long begun must be to be looked at again
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

// goesOn reports whether there is a reason to read on.
func (r *reader) goesOn() bool {
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
		s.failWord(word, fmt.Errorf("%s data: %w", h.t, err))
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
	r.emitRecord(r.name, seconds, h.t, data, s.position(s.offset(0)))
}

func (r *reader) emitRecord(owner wire.Name, seconds uint32, t wire.Type, data []byte, at diagnostic.Position) {
	record := &r.record
	record.Name, record.Type, record.Class, record.TTL, record.Data = owner, t, r.options.Class, seconds, data
	record.Position = at
	r.stopped = r.lender.lend(record, r.emit)
}

// readOwner makes the first word the owner. Records of one owner tend to
// follow each other: the same word again costs a comparison.
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

// header is what stands between owner and data.
type header struct {
	ttl      ttl // if it was given
	hasClass bool
	t        wire.Type // 0: not read yet
	next     int       // index of the first word behind
}

// readHeader reads TTL and class, in either order and if they are there, and
// type from word i on.
func (r *reader) readHeader(i int) (header, bool) {
	h := header{next: i}
	for h.t == wire.TypeNone {
		if err := r.readKeyword(&h); err != nil {
			r.scanner.failWord(h.next, err)
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
			return fmt.Errorf("%s: there is a TTL before, and this is no record type", quoteWord(word))
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
		return fmt.Errorf("%s is not a record type", quoteWord(word))
	case h.hasClass:
		return fmt.Errorf("%s: there is a class before, and this is no record type", quoteWord(word))
	case class != r.options.Class:
		return fmt.Errorf("class %s in a zone of class %s", class, r.options.Class)
	}
	h.hasClass = true
	return nil
}

// readTTL reads word i. One that is too large for RFC 2181 8 is taken as 0,
// as that section has it, with a warning.
func (r *reader) readTTL(i int, word []byte) (ttl, error) {
	seconds, err := parseTTL(word)
	if err != nil {
		return ttl{}, fmt.Errorf("%s: %w", quoteWord(word), err)
	}
	if seconds > maxTTL {
		r.problems.Warnf(r.scanner.position(r.scanner.offset(i)), "TTL %d is larger than %d and counts as 0 (RFC 2181 8)", seconds, maxTTL)
		seconds = 0
	}
	return ttl{seconds, true}, nil
}

// parseData makes data of type t of the words of s from i on, or says which of
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
		r.problems.Warnf(r.scanner.position(r.scanner.offset(0)), "no TTL and no $TTL before: the SOA's MINIMUM of %d is taken", minimum)
		return minimum, true
	}
	r.scanner.failWord(0, errors.New("no TTL, and no $TTL, TTL or SOA before to take it from"))
	return 0, false
}
