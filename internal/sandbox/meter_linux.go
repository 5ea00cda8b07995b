package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// A Meter reads the Usage of one process, often and cheaply. The process must
// not have been waited for while its Meter is read: its number may be another's
// by then. One goroutine uses a Meter at a time.
type Meter struct {
	statm *os.File
	clock int32
	page  int64
	buf   [128]byte
}

// OpenMeter returns a Meter of a process. The caller closes it.
func OpenMeter(pid int) (*Meter, error) {
	statm, err := os.Open(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	const schedClock = 2 // CPUCLOCK_SCHED of linux/posix-timers.h, nanoseconds
	return &Meter{statm: statm, clock: ^int32(pid)<<3 | schedClock, page: int64(os.Getpagesize())}, nil
}

// Read returns the usage up to now. A process that has ended but was not waited
// for has no memory any more.
func (m *Meter) Read() (Usage, error) {
	n, err := m.statm.ReadAt(m.buf[:], 0)
	if n == 0 {
		return Usage{}, fmt.Errorf("sandbox: read memory: %w", err)
	}
	fields := bytes.Fields(m.buf[:n]) // size resident shared text lib data dt
	if len(fields) < 6 {
		return Usage{}, fmt.Errorf("sandbox: read memory: unexpected %q", m.buf[:n])
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return Usage{}, fmt.Errorf("sandbox: read memory: %w", err)
	}
	data, err := strconv.ParseInt(string(fields[5]), 10, 64)
	if err != nil {
		return Usage{}, fmt.Errorf("sandbox: read memory: %w", err)
	}
	var spent unix.Timespec
	if err := unix.ClockGettime(m.clock, &spent); err != nil {
		return Usage{}, fmt.Errorf("sandbox: read processor time: %w", err)
	}
	return Usage{RSS: pages * m.page, Data: data * m.page, CPU: time.Duration(spent.Nano())}, nil
}

// Close ends the Meter.
func (m *Meter) Close() error { return m.statm.Close() }

// PSS returns the memory of a process in bytes, with what it shares divided by
// how many share it. It is dear (the kernel walks all pages) and, like any look
// into a worker's memory, refused to a server that is neither root nor the owner
// of the worker's namespaces.
func PSS(pid int) (int64, error) {
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, fmt.Errorf("sandbox: %w", err)
	}
	for line := range bytes.Lines(rollup) {
		if fields := bytes.Fields(line); len(fields) == 3 && string(fields[0]) == "Pss:" {
			kb, err := strconv.ParseInt(string(fields[1]), 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("sandbox: no Pss in smaps_rollup of process %d", pid)
}
