package serve

import (
	"os"
	"runtime/debug"
)

// garbageRoom is how many octets of garbage there may be in addition to a cache before
// the collector runs. What it takes then hardly depends on how large the cache
// is: there is nothing to scan in it.
const garbageRoom = 16 << 20

// tuneCollector keeps the garbage in addition to a cache of that size, in octets, within
// garbageRoom. The runtime lets garbage grow to as much as there is else, and
// takes the cache for that from the start: a process with a small cache that is
// nearly empty would take twice its size. An operator who has set GOGC is left
// alone.
func tuneCollector(cacheSize int64) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectorPercent(cacheSize))
	}
}

// collectorPercent is how much garbage there may be, in percent of the rest.
func collectorPercent(cacheSize int64) int {
	return int(min(100, max(1, 100*garbageRoom/max(1, cacheSize))))
}
