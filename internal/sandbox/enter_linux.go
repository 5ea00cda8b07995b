package sandbox

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Enter puts up the worker's half of the layers and reports on both halves. Call
// it once, when the engine is warm and before any task code, input or secret is
// in the process. From then on the process can do little more than compute and
// use the descriptors it has; every thread is confined, those that were there
// before included.
//
// A missing layer is no error, unless it is seccomp and the options are not
// insecure: then the error wraps [ErrNoSeccomp], and the worker must end.
func Enter(opts Options) (Report, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	prime()
	var report Report
	for _, s := range steps(opts) {
		if opts.without(s.layer) {
			report.record(s.layer, errLeftOff)
			continue
		}
		done, err := early(s.layer)
		if !done {
			err = s.up()
		}
		report.record(s.layer, err)
	}
	report.settle()
	if !report.Has(LayerSeccomp) && !opts.Insecure {
		return report, fmt.Errorf("sandbox: %w: %s", ErrNoSeccomp, report.why(LayerSeccomp))
	}
	return report, nil
}

// A step puts one layer up, or finds out whether the server's half did.
type step struct {
	layer Layer
	up    func() error
}

// steps lists what Enter does, in order.
func steps(opts Options) []step {
	all := []step{
		{LayerPdeathsig, func() error { return checkPdeathsig(opts) }},
		{LayerNamespaces, func() error { return checkNamespaces(opts) }},
	}
	if errno, ok := opts.parent[LayerUID]; ok || opts.without(LayerUID) {
		all = append(all, step{LayerUID, func() error { return refusedBy("the server could not change the user", errno) }})
	}
	return append(all,
		step{LayerOOMScore, raiseOOMScore},
		step{LayerRlimits, func() error { return setRlimits(descriptors) }},
		step{LayerRoot, func() error { return emptyRoot(opts) }},
		step{LayerCapabilities, dropCapabilities},
		step{LayerNoNewPrivs, noNewPrivs},
		step{LayerNotDumpable, notDumpable},
		step{LayerMDWE, refuseExecGain},
		step{LayerLandlock, landlock},
		step{LayerSeccomp, seccomp},
	)
}

// prime makes the Go runtime and library do now what they put off to first use
// and could not do later: the poller's descriptors, the local time zone.
func prime() {
	// Only a descriptor is sure to start the poller: a short timer may fire
	// without it.
	if r, w, err := os.Pipe(); err == nil {
		r.Close()
		w.Close()
	}
	_ = time.Now().Local().String()
}

func refusedBy(what string, errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return fmt.Errorf("%s: %w", what, errno)
}

var errNoSpawner = errors.New("the worker was not started by a Spawner")

// checkPdeathsig believes the argument: the kernel would answer for the main
// thread only, which need not be the one that asks.
func checkPdeathsig(opts Options) error {
	errno, asked := opts.parent[LayerPdeathsig]
	if !asked {
		return errNoSpawner
	}
	return refusedBy("the server could not ask for it", errno)
}

// checkNamespaces trusts the kernel more than the argument: the first process of
// a new pid namespace has the number 1.
func checkNamespaces(opts Options) error {
	errno, asked := opts.parent[LayerNamespaces]
	if !asked {
		return errNoSpawner
	}
	if errno == 0 && os.Getpid() != 1 {
		return errors.New("the worker is not the first process of its namespace")
	}
	return refusedBy("the server could not clone into new ones", errno)
}

// inNewNamespaces reports whether the worker's mounts are its own.
func inNewNamespaces(opts Options) bool {
	return !opts.without(LayerNamespaces) && checkNamespaces(opts) == nil
}

func raiseOOMScore() error {
	return os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
}

// descriptors is how many a worker may have open.
const descriptors = 32

func setRlimits(descriptors uint64) error {
	var errs []error
	for _, l := range []struct {
		name     string
		resource int
		max      uint64
	}{
		{"core", unix.RLIMIT_CORE, 0},
		{"fsize", unix.RLIMIT_FSIZE, 0},
		{"memlock", unix.RLIMIT_MEMLOCK, 0},
		{"msgqueue", 12, 0}, // RLIMIT_MSGQUEUE, not in x/sys
		{"nofile", unix.RLIMIT_NOFILE, descriptors},
	} {
		limit := unix.Rlimit{Cur: l.max, Max: l.max}
		if err := unix.Prlimit(0, l.resource, &limit, nil); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", l.name, err))
		}
	}
	return errors.Join(errs...)
}

// dropCapabilities empties every thread's sets. The bounding set only matters at
// exec, which the layers after this one rule out.
func dropCapabilities() error { return dropCapabilitiesOn(allThreads) }

// A reach is the threads for which a system call is made.
type reach func(trap, a, b, c uintptr) error

func dropCapabilitiesOn(threads reach) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return threads(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none[0])), 0)
}

func noNewPrivs() error {
	return allThreads(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0)
}

// thisThread makes a system call on the calling thread alone.
//
//go:uintptrescapes
func thisThread(trap, a, b, c uintptr) error {
	if _, _, errno := syscall.Syscall(trap, a, b, c); errno != 0 {
		return errno
	}
	return nil
}

func notDumpable() error {
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}

// refuseExecGain is per process: it covers every thread.
func refuseExecGain() error {
	return unix.Prctl(unix.PR_SET_MDWE, unix.PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)
}

// allThreads makes a system call on every thread of the process, for attributes
// that a thread has by itself. It stops the world, at some 0.1 ms a call. In a
// binary built with cgo the runtime does not know all threads and refuses.
//
//go:uintptrescapes
func allThreads(trap, a, b, c uintptr) error {
	_, _, errno := syscall.AllThreadsSyscall(trap, a, b, c)
	switch errno {
	case 0:
		return nil
	case syscall.ENOTSUP:
		return errors.New("this binary was built with cgo, whose threads are out of reach now")
	}
	return errno
}
