package files

import "time"

// Mark is what the system tells of a file that changes whenever its contents do. The
// zero value is that of no file.
type Mark struct {
	device, inode     uint64
	size              int64
	modified, changed int64 // nanoseconds since 1970
}

// coarsestClock is more than the difference between two changes of a file that file
// systems may give the same time.
const coarsestClock = 2 * time.Second

// WasSettled reports whether every change of the file since now gives it another
// mark: not if it had just changed, for the clocks of file systems are coarse.
func (m Mark) WasSettled(now time.Time) bool {
	return m != Mark{} && m.changed < now.Add(-coarsestClock).UnixNano()
}
