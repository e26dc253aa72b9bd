package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// UntilStopped returns a context that ends on SIGINT and SIGTERM, so that a command that
// is stopped leaves nothing half done. A second signal ends the process.
func UntilStopped() (ctx context.Context, stop func()) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, cancel)
	return ctx, cancel
}

// WatchSignals returns a context that ends on SIGINT and SIGTERM, and a
// channel that receives a value for each SIGHUP. A second SIGINT or SIGTERM ends the process.
func WatchSignals() (ctx context.Context, hangups <-chan struct{}, stop func()) {
	ctx, cancel := UntilStopped()
	received := make(chan os.Signal, 1)
	signal.Notify(received, syscall.SIGHUP)
	out := make(chan struct{})
	go func() {
		for {
			select {
			case <-received:
			case <-ctx.Done():
				return
			}
			select {
			case out <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, out, func() {
		signal.Stop(received)
		cancel()
	}
}

// SurviveBrokenPipes makes writing to a standard output or error whose reader
// has gone away an error. Otherwise it ends the process.
func SurviveBrokenPipes() { signal.Ignore(syscall.SIGPIPE) }
