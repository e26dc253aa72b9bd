//go:build !linux

package systemd

import "io"

// IsJournal is always false: there is no systemd.
func IsJournal(func(string) string, io.Writer) bool { return false }
