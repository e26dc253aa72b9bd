package zonefile

import (
	"bytes"
	"io"
	"io/fs"
	"sync"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// How a file is read by several goroutines, and yet as if by one.
//
// What a block of it means follows from its text and from what the reader
// knew at its start: that an entry ends there, the origin, the default TTL, the
// last owner and TTL. Workers take the blocks in turn and guess that: an entry
// ends there; $ORIGIN and $TTL lines before are what they look like; nothing
// else is known. The one reader who goes through the file in order takes a
// worker's records if it guessed right and ended where the block ends, and if
// there was nothing to report. Else it reads the block itself, as though there
// were no workers: a guess costs time when it is wrong, and nothing else.
// $INCLUDE and $GENERATE are always left to that one reader.

// Batch collects records that follow each other.
type Batch interface {
	// Begin empties the batch. What is wrong with records that come from now
	// on is added to problems.
	Begin(problems *diagnostic.List)
	// Add adds a record, which is lent until it returns.
	Add(*Record)
	// Commit takes the records for good. It is called for one batch after the
	// other, in the order of the text, and not at all for a batch that was
	// filled in vain. An error ends the reading.
	Commit() error
}

// ReadFileParallel is [ReadFile] with several goroutines, each of which fills
// batches of its own. Records, their order and what is reported are the same,
// as long as what [Batch.Add] reports depends on nothing but the record.
func ReadFileParallel(path string, o Options, problems *diagnostic.List, newBatch func() Batch) error {
	batch := newBatch()
	batch.Begin(problems)
	r := newReader(o, problems, emitTo(batch))
	r.batch, r.newBatch, r.workers = batch, newBatch, r.options.Workers
	return r.read(path)
}

func emitTo(b Batch) func(*Record) error {
	return func(r *Record) error {
		b.Add(r)
		return nil
	}
}

// flush commits what the reader has emitted.
func (r *reader) flush() {
	if r.batch == nil || r.stopped != nil {
		return
	}
	r.stopped = r.batch.Commit()
	r.batch.Begin(r.problems)
}

// attempt is a block and what a worker makes of it.
type attempt struct {
	block
	guessed  guess
	problems diagnostic.List
	batch    Batch
	reader   *reader
	whole    bool // it ended where the block does
	done     chan struct{}
}

// guess is what a worker believes to hold at the start of a block.
type guess struct {
	origin     wire.Name
	defaultTTL ttl
}

func (r *reader) known() guess { return guess{r.origin, r.defaultTTL} }

// newAttempt returns an attempt to read blocks of the file that r is reading.
func (r *reader) newAttempt() *attempt {
	a := &attempt{batch: r.newBatch(), done: make(chan struct{}, 1)}
	a.reader = r.newGuesser(&a.problems, emitTo(a.batch))
	return a
}

// newGuesser returns a reader to whom everything that is for the reader in
// order alone is an error.
func (r *reader) newGuesser(problems *diagnostic.List, emit func(*Record) error) *reader {
	o := r.options
	o.Open = func(string) (io.ReadCloser, error) { return nil, fs.ErrPermission }
	g := newReader(o, problems, emit)
	g.generatesLeft = 0
	g.scanner = newScanner(r.scanner.file, nil, problems)
	return g
}

// read reads the block as the guess has it.
func (a *attempt) read() {
	a.problems = diagnostic.List{}
	a.batch.Begin(&a.problems)
	r := a.reader
	r.origin, r.defaultTTL, r.lastTTL = a.guessed.origin, a.guessed.defaultTTL, ttl{}
	r.owner, r.ownerText, r.badOwner = r.owner[:0], nil, false
	r.scanner.line, r.scanner.ended = a.line, false
	r.scanner.goOn(a.text, !a.last)
	r.readEntries()
	a.whole = r.scanner.at == len(a.text)
}

// accept takes what the worker made of the block if the reader would have made
// the same of it.
func (r *reader) accept(a *attempt) bool {
	if len(r.begun) > 0 || a.guessed != r.known() || !a.whole || a.problems.Errors+a.problems.Warnings > 0 {
		return false
	}
	r.stopped = a.batch.Commit()
	r.setOrigin(a.reader.origin)
	r.defaultTTL = a.reader.defaultTTL
	if a.reader.lastTTL.known {
		r.lastTTL = a.reader.lastTTL
	}
	if len(a.reader.owner) > 0 {
		r.setOwner(append(r.owner[:0], a.reader.owner...))
		r.badOwner = false
	}
	r.scanner.line = a.reader.scanner.line
	return true
}

// readAhead reads a file with workers.
func (r *reader) readAhead(c *cutter) error {
	w := r.startWorkers(c)
	defer w.end()
	r.flush()
	for a := range w.queue {
		<-a.done
		if !r.accept(a) {
			r.readBlock(&a.block)
		}
		w.free <- a
		if !r.goesOn() {
			return nil
		}
	}
	return w.err
}

// workers read blocks of one file ahead of its reader.
type workers struct {
	free  chan *attempt // to be used for a block
	queue chan *attempt // in the order of the text; closed behind the last
	stop  chan struct{}
	all   sync.WaitGroup

	rest func()

	mutex   sync.Mutex // held while a block is taken from the file
	cutter  *cutter
	guess   *reader         // what is believed to hold where the next block starts
	reports diagnostic.List // of guess: nobody reads them
	ended   bool
	err     error // of reading the file, once queue is closed
}

func (r *reader) startWorkers(c *cutter) *workers {
	attempts := 2*r.workers + 1 // each worker's own, as many that wait, one with the reader
	w := &workers{
		free: make(chan *attempt, attempts), queue: make(chan *attempt, attempts), stop: make(chan struct{}),
		rest: r.options.Rest, cutter: c,
	}
	w.guess = r.newGuesser(&w.reports, nil)
	w.guess.origin, w.guess.defaultTTL = r.origin, r.defaultTTL
	for range attempts {
		w.free <- r.newAttempt()
	}
	for range r.workers {
		w.all.Go(w.work)
	}
	return w
}

// end waits for the workers to be gone.
func (w *workers) end() {
	close(w.stop)
	w.all.Wait()
}

func (w *workers) work() {
	for {
		select {
		case <-w.stop:
			return
		case a := <-w.free:
			if !w.take(a) {
				return
			}
			a.read()
			a.done <- struct{}{}
			w.rest()
		}
	}
}

// take takes the next block from the file and puts it into the queue.
func (w *workers) take(a *attempt) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.ended {
		return false
	}
	if w.err = w.cutter.next(&a.block); w.err != nil {
		w.ended = true
		close(w.queue)
		return false
	}
	a.guessed = w.guess.known()
	w.guess.passDirectives(a.text)
	w.queue <- a
	if a.last {
		w.ended = true
		close(w.queue)
	}
	return true
}

// passDirectives takes note of the $ORIGIN and $TTL lines in text.
func (r *reader) passDirectives(text []byte) {
	for len(text) > 0 {
		if text[0] != '$' {
			i := bytes.Index(text, []byte("\n$"))
			if i < 0 {
				return
			}
			text = text[i+1:]
		}
		line, rest, _ := bytes.Cut(text, []byte{'\n'})
		r.scanner.goOn(line, false)
		if r.scanner.next() {
			if d, ok := r.directive(); ok {
				d(r)
			}
		}
		*r.problems = diagnostic.List{}
		text = rest
	}
}
