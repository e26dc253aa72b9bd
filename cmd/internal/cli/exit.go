package cli

import (
	"errors"
	"io/fs"
)

// Exit codes of every command.
const (
	ExitOK     = 0
	ExitFailed = 1 // what was asked for could not be done
	ExitUsage  = 2 // the command line was wrong
)

// WithoutPath is the error without the name of the file, for a line that
// begins with it.
func WithoutPath(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
