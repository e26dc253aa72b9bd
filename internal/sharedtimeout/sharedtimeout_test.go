package sharedtimeout

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestSharedTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithCancel(t.Context())
		defer cancel()
		const timeout = 64 * time.Second
		s := New(parent, timeout)
		first := s.Context()
		time.Sleep(time.Second - 1)
		if s.Context() != first {
			t.Error("who begins at about the same time does not share")
		}
		time.Sleep(time.Nanosecond)
		second := s.Context()
		if second == first {
			t.Error("who begins later shares, and has too little time")
		}
		start := time.Now()
		<-first.Done()
		if took := time.Since(start); took != timeout-time.Second {
			t.Errorf("the first ended %v too late", took-(timeout-time.Second))
		}
		if second.Err() != nil || s.Context().Err() != nil {
			t.Error("another one ended with the first")
		}
		last := s.Context()
		cancel()
		if second.Err() == nil || last.Err() == nil {
			t.Error("they do not end with the parent")
		}
	})
}

func TestSharedTimeoutAllocatesNothing(t *testing.T) {
	s := New(t.Context(), time.Hour)
	if n := testing.AllocsPerRun(100, func() { s.Context() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
