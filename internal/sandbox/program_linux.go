package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// programAttrs lists the ways to start a program, best first.
func programAttrs(p Profile) []*syscall.SysProcAttr {
	flags := uintptr(namespaces)
	if p.Network || p.Listen {
		flags &^= unix.CLONE_NEWNET
	}
	own := inNamespaces(os.Geteuid(), os.Getegid())
	own.Cloneflags = flags
	bare := &syscall.SysProcAttr{Setsid: true}
	own.Pdeathsig, bare.Pdeathsig = syscall.SIGKILL, syscall.SIGKILL
	return []*syscall.SysProcAttr{own, bare}
}

// KillProgram ends a program at once, with all that it started.
func KillProgram(cmd *exec.Cmd) {
	// It leads its own group. Nobody else can have its number before it is reaped.
	_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) // it may have ended
	_ = cmd.Process.Kill()                        // in case it has not got that far
}

// AwaitProgram waits until a program has ended, without reaping it, and ends what it
// started and left behind.
func AwaitProgram(cmd *exec.Cmd) {
	for unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) // as a rule there is nobody
}

// statusFD is where the command says how it went. It closes when the command has
// become the program.
const statusFD = 3

// Launch puts up the walls that a Launcher asked for and becomes the program. It
// returns only if that failed, which the Launcher has been told. The arguments are
// those that the Launcher added.
func Launch(args []string) error {
	runtime.LockOSThread() // what is done to this thread is what the program gets
	unix.CloseOnExec(statusFD)
	err := launch(args)
	text, e := json.Marshal(launched{Error: err.Error()})
	if e == nil {
		_, e = unix.Write(statusFD, text)
	}
	return errors.Join(err, e)
}

func launch(args []string) error {
	if len(args) < 3 {
		return errors.New("launch: want a profile, a path and the program's arguments")
	}
	var p Profile
	if err := json.Unmarshal([]byte(args[0]), &p); err != nil {
		return fmt.Errorf("launch: profile: %w", err)
	}
	for _, path := range append(p.Read[:len(p.Read):len(p.Read)], p.Write...) {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("a file that it needs cannot be given to it: %w", err)
		}
	}
	report, err := confine(p)
	if err != nil {
		return err
	}
	text, err := json.Marshal(launched{Report: report})
	if err != nil {
		return err
	}
	if _, err := unix.Write(statusFD, text); err != nil {
		return fmt.Errorf("launch: tell the report: %w", err)
	}
	if err := unix.Exec(args[1], args[2:], []string{}); err != nil {
		if err == unix.ENOENT {
			return fmt.Errorf("exec %s: %w: the file, the interpreter of its first line, or its loader is not among what it may see", args[1], err)
		}
		return fmt.Errorf("exec %s: %w", args[1], err)
	}
	return nil
}

// confine puts up the walls around this thread, in the order in which they can be.
func confine(p Profile) (Report, error) {
	var report Report
	errNamespaces := errors.New(p.Namespaces)
	if p.Namespaces == "" {
		errNamespaces = nil
	}
	report.record(LayerPdeathsig, nil)
	report.record(LayerNamespaces, errNamespaces)
	report.record(LayerOOMScore, os.WriteFile("/proc/self/oom_score_adj", []byte("500"), 0))
	report.record(LayerRlimits, programLimits(p))
	root := errors.New("needs the namespaces")
	if errNamespaces == nil {
		root = profileRoot(p)
	}
	report.record(LayerRoot, root)
	report.record(LayerCapabilities, dropForExec())
	report.record(LayerNoNewPrivs, unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	report.record(LayerLandlock, landlockProgram(p, root == nil))
	filtered := install(assemble(auditArch, profileFilter(p, root == nil), allow))
	report.record(LayerSeccomp, filtered)
	report.settle()
	_ = unix.Chdir("/") // there is always one
	files := report.Has(LayerRoot) || report.Has(LayerLandlock)
	if !p.Insecure && (filtered != nil || !files) {
		return report, fmt.Errorf("%w (%s). --insecure-allow-unsandboxed-workers starts it all the same", ErrUnconfined, report)
	}
	return report, nil
}

// programLimits bounds what a program may take of the system.
func programLimits(p Profile) error {
	limits := []struct {
		name     string
		resource int
		max      uint64
	}{
		{"core", unix.RLIMIT_CORE, 0},
		{"memlock", unix.RLIMIT_MEMLOCK, 0},
		{"nofile", unix.RLIMIT_NOFILE, 1024},
		{"fsize", unix.RLIMIT_FSIZE, 4 << 30},
	}
	if p.Namespaces == "" { // otherwise the server's own processes count
		limits = append(limits, struct {
			name     string
			resource int
			max      uint64
		}{"nproc", unix.RLIMIT_NPROC, 512})
	}
	if p.Memory > 0 {
		// The second wall, for what is asked for at once: private writable memory that
		// need not be used. Whoever starts it looks at what is used.
		limits = append(limits, struct {
			name     string
			resource int
			max      uint64
		}{"data", unix.RLIMIT_DATA, 2*uint64(p.Memory) + 256<<20})
	}
	var errs []error
	for _, l := range limits {
		var now unix.Rlimit
		if err := unix.Prlimit(0, l.resource, nil, &now); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", l.name, err))
			continue
		}
		most := min(l.max, now.Max)
		if err := unix.Prlimit(0, l.resource, &unix.Rlimit{Cur: most, Max: most}, nil); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", l.name, err))
		}
	}
	return errors.Join(errs...)
}

// dropForExec takes this thread's capabilities, and has exec give none back.
func dropForExec() error {
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if err == unix.EINVAL {
			break // this kernel has fewer
		}
		if err != nil && err != unix.EPERM { // without CAP_SETPCAP there is nothing to drop
			return fmt.Errorf("bounding set: %w", err)
		}
	}
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) // there are none without the others
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	_, _, errno := syscall.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none[0])), 0)
	return refusedBy("capset", errno)
}
