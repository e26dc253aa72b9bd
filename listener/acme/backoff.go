package acme

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/names-dns/names/internal/files"
)

// Authorities limit how often an order may fail, whatever the client: a server that is
// restarted again and again, by a service manager, say, must not begin anew each time. So
// failures are in a file until an attempt succeeds.

// backoffFile has the failures since the last success.
const backoffFile = "failures.json"

// backoff is what is in the file.
type backoff struct {
	Directory string    `json:"directory"`
	Names     []string  `json:"names"`
	Failures  int       `json:"failures"`
	Error     string    `json:"error"`
	Again     time.Time `json:"again"` // when the next attempt may be made
}

// maxFailures and maxError bound what is believed of the file.
const (
	maxFailures = 1000
	maxError    = 4096
)

// readBackoff reads a file. What it says is bounded as it would be without a restart.
func readBackoff(text []byte, now time.Time) (backoff, error) {
	var b backoff
	if err := json.Unmarshal(text, &b); err != nil {
		return backoff{}, err
	}
	if b.Failures < 1 {
		return backoff{}, fmt.Errorf("it has %d failures", b.Failures)
	}
	b.Failures, b.Error = min(b.Failures, maxFailures), b.Error[:min(len(b.Error), maxError)]
	if latest := now.Add(longestWait); b.Again.After(latest) {
		b.Again = latest
	}
	return b, nil
}

// recallFailures takes up the failures of the process before, if they were of the same
// order.
func (m *Manager) recallFailures() {
	text, err := files.Read(m.path(backoffFile), maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var b backoff
	if err == nil {
		b, err = readBackoff(text, time.Now())
	}
	if err != nil {
		m.config.Log.Warn("earlier failures are not known", "file", m.path(backoffFile), "error", err)
		return
	}
	if b.Directory != m.config.Directory || !slices.Equal(b.Names, m.config.Names) {
		return // another order, which may be placed at once
	}
	m.state.Failures, m.state.LastError, m.earliest = b.Failures, b.Error, b.Again
}

// noteFailures writes down that no attempt is to be made before then.
func (m *Manager) noteFailures(s *State, again time.Time) {
	text, err := json.MarshalIndent(backoff{m.config.Directory, m.config.Names, s.Failures, s.LastError, again.UTC()}, "", "\t")
	if err == nil {
		err = replace(m.path(backoffFile), append(text, '\n'))
	}
	if err != nil {
		m.config.Log.Warn("failures are not written down, and a restart forgets them", "file", m.path(backoffFile), "error", err)
	}
}

func (m *Manager) forgetFailures() { os.Remove(m.path(backoffFile)) }
