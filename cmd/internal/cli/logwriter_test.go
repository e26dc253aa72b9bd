package cli

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// sink is a standard error that can stop taking lines.
type sink struct {
	mu     sync.Mutex
	text   bytes.Buffer
	broken error
	full   chan struct{} // nil: it takes what comes; else until it is closed
}

func (s *sink) Write(b []byte) (int, error) {
	s.mu.Lock()
	full, broken := s.full, s.broken
	s.mu.Unlock()
	if full != nil {
		<-full
	}
	if broken != nil {
		return 0, broken
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *sink) set(broken error, full chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken, s.full = broken, full
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// A status stays after the last line of a terminal, and is written nowhere else.
func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for isTerminal, want := range map[bool]string{
			false: "one\ntwo\nthree\n",
			true:  "one\nhalf\r\x1b[Ktwo\nhalf\r\x1b[Kmost\r\x1b[Kthree\n",
		} {
			s := new(sink)
			w := NewLogWriter(s)
			w.isTerminal = isTerminal
			for _, step := range []func(){
				func() { fmt.Fprintln(w, "one") },
				func() { w.Status("half") },
				func() { fmt.Fprintln(w, "two") },
				func() { w.Status("half") },
				func() { w.Status("most") },
				func() { w.Status("") },
				func() { fmt.Fprintln(w, "three") },
			} {
				step()
				synctest.Wait()
			}
			w.Close(time.Second)
			if s.String() != want {
				t.Errorf("terminal %t: %q, want %q", isTerminal, s.String(), want)
			}
		}
		for done, want := range map[int]string{0: "reading [" + strings.Repeat(".", 40) + "] 0 %, 0 of 8", 6: "reading [" + strings.Repeat("#", 30) + strings.Repeat(".", 10) + "] 75 %, 6 of 8", 8: ""} {
			if got := ProgressBar("reading", done, 8); got != want {
				t.Errorf("%d: %q, want %q", done, got, want)
			}
		}
	})
}

// Lines arrive in their order, and all of them before Close returns.
func TestLogWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(sink)
		w := NewLogWriter(s)
		var want strings.Builder
		for i := range 1000 {
			fmt.Fprintf(w, "line %d\n", i)
			fmt.Fprintf(&want, "line %d\n", i)
		}
		if !w.Close(time.Second) || s.String() != want.String() || w.Lost() != 0 {
			t.Errorf("%d lost, of %d octets %d", w.Lost(), want.Len(), len(s.String()))
		}
		fmt.Fprintln(w, "after the end")
		if w.Lost() != 1 {
			t.Errorf("%d lost after the end", w.Lost())
		}
	})
}

// A reader that has gone away, or a full disk: lines are lost and counted, and
// the count is written as soon as that is possible, without another line.
func TestLogWriterWithoutReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(sink)
		w := NewLogWriter(s)
		s.set(errors.New("broken pipe"), nil)
		for range 7 {
			fmt.Fprintln(w, "lost")
			synctest.Wait()
		}
		if w.Lost() != 7 || s.String() != "" {
			t.Errorf("%d lost, %q", w.Lost(), s.String())
		}
		s.set(nil, nil)
		<-time.After(2 * logRetry) // virtual
		synctest.Wait()
		if !strings.Contains(s.String(), `level=WARN msg="log lines lost" lines=7`) {
			t.Errorf("%q", s.String())
		}
		fmt.Fprintln(w, "there")
		w.Close(time.Second)
		if got := s.String(); strings.Count(got, "lost") != 1 || !strings.HasSuffix(got, "there\n") {
			t.Errorf("%q", got)
		}
	})
}

// A reader that does not read: writing does not wait, and memory is bounded;
// the end does not wait for it for ever.
func TestLogWriterOfAFullPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(sink)
		full := make(chan struct{})
		s.set(nil, full)
		w := newLogWriter(s, 100)
		fmt.Fprintln(w, "first")
		synctest.Wait() // it is being written
		for range 50 {
			fmt.Fprintln(w, "next line") // 10 octets
		}
		if w.Lost() != 40 || cap(w.pending) > 200 {
			t.Errorf("%d lost, room for %d", w.Lost(), cap(w.pending))
		}
		if w.Close(time.Second) {
			t.Error("all is said to be written")
		}
		close(full)
		s.set(nil, nil)
		synctest.Wait()
		if got := s.String(); strings.Count(got, "next line") != 10 || strings.Count(got, "lines=40\n") != 1 {
			t.Errorf("%q", got)
		}
	})
}
