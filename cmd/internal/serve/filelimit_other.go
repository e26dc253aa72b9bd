//go:build !unix

package serve

import "log/slog"

func warnOfFileLimit(*slog.Logger) {}
