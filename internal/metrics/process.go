package metrics

import (
	"runtime"
	"time"
)

// Process adds what Prometheus knows of every Go program, under the usual names.
func (r *Registry) Process(started time.Time) {
	r.Gauge("process_start_time_seconds", "When the process started, since 1970.", Value(func() float64 { return float64(started.UnixMilli()) / 1000 }))
	r.Gauge("go_goroutines", "Goroutines that there are.", Value(func() float64 { return float64(runtime.NumGoroutine()) }))
	r.Gauge("go_info", "The version of Go.", func(emit func(float64, ...string)) { emit(1, runtime.Version()) }, "version")
	var m runtime.MemStats
	r.Gauge("go_memstats_heap_inuse_bytes", "Bytes of the heap that are in use.", Value(func() float64 {
		runtime.ReadMemStats(&m) // for this and those below
		return float64(m.HeapInuse)
	}))
	r.Gauge("go_memstats_heap_alloc_bytes", "Bytes of objects on the heap.", Value(func() float64 { return float64(m.HeapAlloc) }))
	r.Gauge("go_memstats_sys_bytes", "Bytes taken from the system.", Value(func() float64 { return float64(m.Sys) }))
	r.Count("go_memstats_alloc_bytes_total", "Bytes allocated so far.", Value(func() float64 { return float64(m.TotalAlloc) }))
	r.Count("go_gc_cycles_total", "Garbage collections so far.", Value(func() float64 { return float64(m.NumGC) }))
	r.Count("process_cpu_seconds_total", "Processor time of the server, without its workers.", Value(cpuSeconds))
	r.Gauge("process_resident_memory_bytes", "Resident memory of the server, without its workers.", func(emit func(float64, ...string)) {
		if bytes, ok := residentBytes(); ok {
			emit(bytes)
		}
	})
	r.Gauge("process_open_fds", "Open descriptors.", func(emit func(float64, ...string)) {
		if n, ok := openFiles(); ok {
			emit(float64(n))
		}
	})
}

// Value emits one number, without labels.
func Value[N int | int64 | float64](f func() N) func(emit func(float64, ...string)) {
	return func(emit func(float64, ...string)) { emit(float64(f())) }
}
