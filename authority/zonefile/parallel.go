package zonefile

import (
	"bytes"
	"cmp"
	"io"
	"io/fs"
	"sync"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// How several goroutines read a file with the result that one would have.
//
// The meaning of a block depends on its text and on the reader's state at its
// start: whether an entry ends there, the origin, the default TTL, the last owner
// and TTL. Workers take one block after the other and speculate: an entry ends
// there; the $ORIGIN and $TTL lines before are what they look like; nothing else
// is known. One reader goes through the file in order. It accepts the records of a
// worker if the assumptions hold, the worker stopped at the end of the block, and
// there was nothing to report. Otherwise it reads the block itself, as if there
// were no workers: a wrong assumption only costs time. $INCLUDE and $GENERATE are
// always left to this reader.

// Batch collects consecutive records.
type Batch interface {
	// Begin empties the batch. The problems of the records that follow are added
	// to problems.
	Begin(problems *diagnostic.List)
	// Add adds a record, which is valid until Add returns.
	Add(*Record)
	// Commit accepts the records. It is called for one batch at a time, in the
	// order of the text, and not for a batch whose records are discarded. An
	// error ends the reading.
	Commit() error
}

// ReadFileParallel is [ReadFile] with several goroutines, each of which fills
// its own batches. Records, their order and the problems are the same, as long as
// what [Batch.Add] reports depends only on the record.
func ReadFileParallel(path string, o Options, problems *diagnostic.List, newBatch func() Batch) error {
	if problems == nil {
		problems = new(diagnostic.List)
		return cmp.Or(ReadFileParallel(path, o, problems, newBatch), problems.Err())
	}
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

// speculation is a block with the records that a worker reads from it.
type speculation struct {
	block
	assumed  startState
	problems diagnostic.List
	batch    Batch
	reader   *reader
	whole    bool // the worker stopped at the end of the block
	done     chan struct{}
}

// startState is what a worker assumes at the start of a block.
type startState struct {
	origin     wire.Name
	defaultTTL ttl
}

func (r *reader) startState() startState { return startState{r.origin, r.defaultTTL} }

// newSpeculation returns a speculation for blocks of the file that r is reading.
func (r *reader) newSpeculation() *speculation {
	a := &speculation{batch: r.newBatch(), done: make(chan struct{}, 1)}
	a.problems.Ignore = r.problems.Ignore
	a.reader = r.newSpeculator(&a.problems, emitTo(a.batch))
	return a
}

// newSpeculator returns a reader that fails on everything that only the reader in
// order may do.
func (r *reader) newSpeculator(problems *diagnostic.List, emit func(*Record) error) *reader {
	o := r.options
	o.Open = func(string) (io.ReadCloser, error) { return nil, fs.ErrPermission }
	g := newReader(o, problems, emit)
	g.generatesLeft = 0
	g.scanner = newScanner(r.scanner.file, nil, problems)
	return g
}

// read reads the block with the assumed state.
func (a *speculation) read() {
	a.problems = diagnostic.List{Limit: 1, MaxErrors: 1, Ignore: a.problems.Ignore}
	a.batch.Begin(&a.problems)
	r := a.reader
	r.origin, r.defaultTTL, r.lastTTL = a.assumed.origin, a.assumed.defaultTTL, ttl{}
	r.owner, r.ownerText, r.badOwner, r.movedOrigin = r.owner[:0], nil, false, false
	r.scanner.line, r.scanner.ended = a.line, false
	r.scanner.resume(a.text, !a.last)
	r.readEntries()
	a.whole = r.scanner.at == len(a.text)
}

// accept commits the worker's records if the reader would have read the same ones.
func (r *reader) accept(a *speculation) bool {
	if len(r.begun) > 0 || a.assumed != r.startState() || !a.whole || a.problems.Errors+a.problems.Warnings > 0 {
		return false
	}
	r.stopped = a.batch.Commit()
	r.setOrigin(a.reader.origin)
	r.defaultTTL = a.reader.defaultTTL
	if a.reader.lastTTL.known {
		r.lastTTL = a.reader.lastTTL
	}
	if a.reader.movedOrigin {
		r.movedOrigin, r.movedBy = true, a.reader.movedBy
	} else if len(a.reader.owner) > 0 {
		r.movedOrigin = false
	}
	if len(a.reader.owner) > 0 {
		r.setOwner(append(r.owner[:0], a.reader.owner...))
		r.badOwner = false
	}
	r.scanner.line = a.reader.scanner.line
	return true
}

// readParallel reads a file with workers.
func (r *reader) readParallel(c *blockReader) error {
	w := r.startWorkers(c)
	defer w.end()
	r.flush()
	for a := range w.queue {
		<-a.done
		if !r.accept(a) {
			r.readBlock(&a.block)
		}
		w.free <- a
		if !r.mayContinue() {
			return nil
		}
	}
	return w.err
}

// workers read blocks of one file ahead of its reader.
type workers struct {
	free  chan *speculation // available for a block
	queue chan *speculation // in the order of the text; closed after the last
	stop  chan struct{}
	all   sync.WaitGroup

	pause func()

	mutex   sync.Mutex // held while a block is taken from the file
	blocks  *blockReader
	next    *reader         // has the assumed state where the next block starts
	reports diagnostic.List // of next; not used
	ended   bool
	err     error // of reading the file, after queue is closed
}

func (r *reader) startWorkers(c *blockReader) *workers {
	speculations := 2*r.workers + 1 // one for each worker, as many that wait, one for the reader
	w := &workers{
		free: make(chan *speculation, speculations), queue: make(chan *speculation, speculations), stop: make(chan struct{}),
		pause: r.options.Pause, blocks: c,
	}
	w.next = r.newSpeculator(&w.reports, nil)
	w.next.origin, w.next.defaultTTL = r.origin, r.defaultTTL
	for range speculations {
		w.free <- r.newSpeculation()
	}
	for range r.workers {
		w.all.Go(w.work)
	}
	return w
}

// end stops the workers and waits for them.
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
			w.pause()
		}
	}
}

// take takes the next block from the file and adds it to the queue.
func (w *workers) take(a *speculation) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.ended {
		return false
	}
	if w.err = w.blocks.next(&a.block); w.err != nil {
		w.ended = true
		close(w.queue)
		return false
	}
	a.assumed = w.next.startState()
	w.next.passDirectives(a.text)
	w.queue <- a
	if a.last {
		w.ended = true
		close(w.queue)
	}
	return true
}

// passDirectives applies the $ORIGIN and $TTL lines in text.
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
		r.scanner.resume(line, false)
		if r.scanner.next() {
			if d, ok := r.directive(); ok {
				d(r)
			}
		}
		*r.problems = diagnostic.List{}
		text = rest
	}
}
