package bench

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/wire"
)

// hearing is how long a worker does not look whether the run is interrupted.
const hearing = 50 * time.Millisecond

// load is a run: what its threads share.
type load struct {
	*benchOptions
	questions *questionList
	opt       []byte // the OPT record of each query, if any

	start     time.Time
	countFrom time.Duration // when the warm-up is over
	stopAt    time.Duration // when no query is due again
	limit     int64         // how many queries are counted at most

	warm, counted atomic.Int64 // questions that were taken
	interrupted   atomic.Bool
	gaveUp        atomic.Bool
}

func newLoad(o *benchOptions, questions *questionList) *load {
	l := &load{benchOptions: o, questions: questions, countFrom: o.warmUp, stopAt: forever, limit: int64(forever)}
	if o.time > 0 {
		l.stopAt = o.warmUp + o.time
	}
	if o.runs > 0 {
		l.limit = int64(o.runs) * int64(questions.len())
	}
	if o.edns > 0 {
		e := wire.EDNS{UDPSize: uint16(o.edns)}
		if o.do {
			e.Flags |= wire.FlagDO
		}
		l.opt = e.AppendTo(nil)
	}
	return l
}

// run asks, waits for the last replies, and tells progress each second.
func (l *load) run(ctx context.Context, progress io.Writer) (*benchReport, error) {
	workers := make([]thread, 0, l.threads)
	defer func() {
		for _, w := range workers {
			w.close()
		}
	}()
	for i := range l.threads {
		w, err := newThread(l, i)
		if err != nil {
			return nil, err
		}
		workers = append(workers, w)
	}
	// One for each thread, so that none waits for another to wait, and one for
	// the rest.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(l.threads+1, runtime.GOMAXPROCS(0))))
	runtime.GC() // of what the file took to read: nothing below allocates

	defer context.AfterFunc(ctx, func() { l.interrupted.Store(true) })()
	l.start = time.Now()
	var warmCPU atomic.Int64 // used before anything counted
	warmCPU.Store(int64(processorTime()))
	if l.countFrom > 0 {
		defer time.AfterFunc(l.countFrom, func() { warmCPU.Store(int64(processorTime())) }).Stop()
	}
	var running, telling sync.WaitGroup
	over := make(chan struct{})
	telling.Go(func() { l.tell(progress, workers, over) })
	for _, w := range workers {
		running.Go(w.run)
	}
	running.Wait()
	cpu := processorTime() - time.Duration(warmCPU.Load())
	close(over)
	telling.Wait()

	total := new(tally)
	for _, w := range workers {
		t, _ := w.state()
		total.merge(t)
	}
	return newBenchReport(l, total, cpu), nil
}

// took is how long was asked, until a time when the last reply came. Waiting
// for replies that never came is not time of the server's; but a run that sent
// for a given time took that long.
func (l *load) took(lastReply time.Duration) time.Duration {
	end := lastReply
	if l.stopAt != forever && !l.interrupted.Load() && l.counted.Load() < l.limit {
		end = max(end, l.stopAt)
	}
	return max(end-l.countFrom, 0)
}

// tell writes a line each second until the run is over.
func (l *load) tell(w io.Writer, workers []thread, over <-chan struct{}) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var before progress
	for {
		select {
		case <-over:
			return
		case <-second.C:
		}
		var p progress
		for _, w := range workers {
			_, shown := w.state()
			p.add(shown)
		}
		now := l.now()
		if now < l.countFrom {
			fmt.Fprintf(w, "%4.0f s: warming up\n", now.Seconds())
			continue
		}
		fmt.Fprintf(w, "%4.0f s: %d answered in the last second, %d lost; %d wait\n", now.Seconds(),
			p.answered-before.answered, p.lost-before.lost, p.sent-p.answered-p.lost)
		before = p
	}
}

// progress is how far a run has come.
type progress struct{ sent, answered, lost int64 }

func (p *progress) add(s *shownProgress) {
	p.sent += s.sent.Load()
	p.answered += s.answered.Load()
	p.lost += s.lost.Load()
}

// shownProgress is what a worker shows of its tally while it runs.
type shownProgress struct{ sent, answered, lost atomic.Int64 }

func (s *shownProgress) show(t *tally) {
	// Sent last: a query that is answered was sent.
	s.answered.Store(t.answered)
	s.lost.Store(t.lost)
	s.sent.Store(t.sent)
}

// now is the time since the start.
func (l *load) now() time.Duration { return time.Since(l.start) }

// claim takes the next n questions, or those that are left, for queries that
// are due at a time. It returns the number of the first, how many there are,
// and whether more are left.
func (l *load) claim(due time.Duration, n int) (first int64, count int, more bool) {
	if due < l.countFrom {
		return l.warm.Add(int64(n)) - int64(n), n, true
	}
	if l.counted.Load() >= l.limit {
		return 0, 0, false
	}
	end := l.counted.Add(int64(n))
	first = end - int64(n)
	return first, int(min(int64(n), max(l.limit-first, 0))), end < l.limit
}

// maxQueryLen is the length of the longest query in octets: header, question,
// and an OPT record without options.
const maxQueryLen = messageHeader + maxQuestion + 11

// appendQuery appends the query with a question of the file.
func (l *load) appendQuery(b []byte, id uint16, question int) []byte {
	additional := byte(0)
	if len(l.opt) > 0 {
		additional = 1
	}
	b = append(b, byte(id>>8), byte(id), byte(wire.FlagRD>>8), byte(wire.FlagRD&0xff), 0, 1, 0, 0, 0, 0, 0, additional)
	b = append(b, l.questions.at(question)...)
	return append(b, l.opt...)
}
