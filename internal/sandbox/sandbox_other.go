//go:build !linux

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

// errUnsupported is why nothing here works outside Linux.
var errUnsupported = fmt.Errorf("sandbox: on %s: %w", runtime.GOOS, errors.ErrUnsupported)

// attempts has one way only: a process, without any layer.
func attempts(Options, int) []attempt { return []attempt{{}} }

// Enter confines nothing here: a worker is a separate process with an empty
// environment, and no more. Development only.
func Enter(opts Options) (Report, error) {
	var report Report
	for _, l := range Layers() {
		report.record(l, fmt.Errorf("not on %s: development only", runtime.GOOS))
	}
	report.settle()
	return report, nil
}

// Become is not supported here.
func Become(Options, Program) (Report, error) { return Report{}, errUnsupported }

// OpenMounts is not supported here.
func OpenMounts([]File) ([]*os.File, error) { return nil, errUnsupported }

// CloseInherited does nothing here.
func CloseInherited() error { return nil }

// LimitMemory is not supported here.
func LimitMemory(int, int64) error { return errUnsupported }

// A Meter reads the Usage of one process.
type Meter struct{}

// OpenMeter is not supported here.
func OpenMeter(int) (*Meter, error) { return nil, errUnsupported }

// Read is not supported here.
func (*Meter) Read() (Usage, error) { return Usage{}, errUnsupported }

// Close ends the Meter.
func (*Meter) Close() error { return nil }

// PSS is not supported here.
func PSS(int) (int64, error) { return 0, errUnsupported }

func onMainThread() bool { return false }
