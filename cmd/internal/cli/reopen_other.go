//go:build !unix

package cli

import "context"

// WatchReopen does nothing: there is no SIGUSR1.
func WatchReopen(context.Context, func()) {}
