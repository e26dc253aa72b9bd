//go:build !linux

package systemd

import "time"

// monotonic has no meaning without systemd.
func monotonic() time.Duration { return 0 }
