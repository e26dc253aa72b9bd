package files

import (
	"errors"
	"path/filepath"
	"runtime"
	"testing"
)

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := TryLock(path); !errors.Is(err, ErrInUse) && runtime.GOOS == "linux" {
		t.Error(err)
	}
	waited := make(chan error)
	go func() {
		second, err := Lock(path)
		if err == nil {
			err = second.Close()
		}
		waited <- err
	}()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Error(err)
	}
}
