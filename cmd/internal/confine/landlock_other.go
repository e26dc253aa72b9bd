//go:build !linux

package confine

import "errors"

// ErrNoLandlock is returned by Restrict where the kernel has no Landlock.
var ErrNoLandlock = errors.New("this system has no Landlock")

// Restrict returns ErrNoLandlock.
func Restrict(_, _ []string) error { return ErrNoLandlock }
