package listener

import "time"

// started is what monotonic times count from: clocks that are set back or forth
// make no client late.
var started = time.Now()

// monotonic is the time in nanoseconds since then.
func monotonic() int64 { return int64(time.Since(started)) }
