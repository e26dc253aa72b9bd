//go:build unix

package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// WatchReopen calls reopen at each SIGUSR1, until ctx is done: log files were
// moved away.
func WatchReopen(ctx context.Context, reopen func()) {
	received := make(chan os.Signal, 1)
	signal.Notify(received, syscall.SIGUSR1)
	go func() {
		defer signal.Stop(received)
		for {
			select {
			case <-received:
				reopen()
			case <-ctx.Done():
				return
			}
		}
	}()
}
