package filewatch

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var changes atomic.Int32
		go Watch(ctx, path, func() { changes.Add(1) })
		step := func(what string, want int32) {
			<-time.After(Interval) // virtual
			synctest.Wait()
			if got := changes.Load(); got != want {
				t.Errorf("%s: %d changes, want %d", what, got, want)
			}
		}
		step("nothing", 0)
		if err := os.WriteFile(path, []byte("a"), 0o644); err != nil {
			t.Fatal(err)
		}
		step("created", 1)
		step("nothing", 1)
		if err := os.WriteFile(path, []byte("ab"), 0o644); err != nil {
			t.Fatal(err)
		}
		step("written", 2)
		if err := os.WriteFile(path+".new", []byte("cd"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		step("replaced", 3)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		step("removed", 4)
		cancel()
	})
}
