//go:build unix

package serve

import (
	"log/slog"
	"syscall"
)

// warnOfFileLimit says so if few files may be open. Each connection is one. The
// Go runtime has raised the limit already as far as the system lets it.
func warnOfFileLimit(log *slog.Logger) {
	const enough = 4096
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil && limit.Cur < enough {
		log.Warn("few files may be open: connections may be refused; raise LimitNOFILE of the unit, or ulimit -n", "limit", limit.Cur)
	}
}
