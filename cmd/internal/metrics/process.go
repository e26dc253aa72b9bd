package metrics

import (
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

var began = time.Now()

// Process is what there is to say of the process itself.
func Process() []Metric {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"}, {Name: "/gc/cycles/total:gc-cycles"},
	}
	metrics.Read(samples)
	all := []Metric{
		Of("names_start_time_seconds", Gauge, "When the process started, in seconds since 1970-01-01 UTC.", float64(began.Unix())),
		Of("names_goroutines", Gauge, "Goroutines that exist.", float64(runtime.NumGoroutine())),
		Of("names_heap_objects_bytes", Gauge, "Memory of objects on the heap of the Go runtime.", float64(samples[0].Value.Uint64())),
		Of("names_runtime_memory_bytes", Gauge, "Memory that the Go runtime has from the system.", float64(samples[1].Value.Uint64())),
		Of("names_gc_cycles_total", Counter, "Garbage collections that have ended.", float64(samples[2].Value.Uint64())),
	}
	if resident, ok := residentMemory(); ok {
		all = append(all, Of("names_resident_memory_bytes", Gauge, "Memory of the process that is in use.", float64(resident)))
	}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		all = append(all, Of("names_open_files", Gauge, "Files and sockets that are open.", float64(len(files))))
	}
	return all
}

// residentMemory is the second number of /proc/self/statm, in pages.
func residentMemory() (octets int64, ok bool) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err == nil
}
