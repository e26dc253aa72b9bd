//go:build !linux

package bench

import (
	"errors"
	"time"
)

// worker would be one thread of a run.
type worker struct {
	tally tally
	shown shownProgress
}

// newWorker says why there is none: one datagram for each system call, and
// waits that are exact by milliseconds only, would measure the generator.
func newWorker(*load, int) (*worker, error) {
	return nil, errors.New("load is sent from Linux only, whose system calls send many datagrams at once and wait precisely")
}

func (*worker) run()   {}
func (*worker) close() {}

func (w *worker) state() (*tally, *shownProgress) { return &w.tally, &w.shown }

func processorTime() time.Duration { return 0 }
