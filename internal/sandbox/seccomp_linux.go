package sandbox

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// seccomp installs the filter of a worker on every thread.
func seccomp() error {
	return install(assemble(auditArch, filter(os.Getpid()), deny(syscall.EPERM)))
}

// install gives the filter to the kernel, for all threads or for none.
func install(program []unix.SockFilter) error { return installOn(true, program) }

// installOn installs the filter on every thread, or on the calling one alone.
func installOn(everywhere bool, program []unix.SockFilter) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// Without privileges the kernel takes a filter only under no_new_privs; with
	// TSYNC it hands that on to the other threads too.
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	set := func(flags uintptr) (uintptr, syscall.Errno) {
		r, _, errno := syscall.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
		return r, errno
	}
	const tsync, esrch = unix.SECCOMP_FILTER_FLAG_TSYNC, unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH
	if !everywhere {
		_, errno := set(0)
		return refusedBy("install", errno)
	}
	thread, errno := set(tsync | esrch)
	if errno == syscall.EINVAL { // before Linux 5.7
		thread, errno = set(tsync)
	}
	if errno != 0 {
		return errno
	}
	if thread != 0 { // how old kernels say that a thread could not follow
		return fmt.Errorf("thread %d could not be given the filter", thread)
	}
	return nil
}

// A rule is the verdict on a system call whose arguments meet all conditions.
type rule struct {
	nr      uint32
	when    []condition
	verdict uint32
}

// A condition holds when args[arg]&mask == value, on all 64 bits.
type condition struct {
	arg         uint32
	mask, value uint64
}

// The verdicts.
const (
	allow = unix.SECCOMP_RET_ALLOW
	kill  = unix.SECCOMP_RET_KILL_PROCESS
)

func deny(errno syscall.Errno) uint32 { return unix.SECCOMP_RET_ERRNO | uint32(errno) }

// The instructions used, and where struct seccomp_data keeps what they load.
const (
	opLoad      = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	opAnd       = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	opIfEqual   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	opIfAtLeast = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	opReturn    = unix.BPF_RET | unix.BPF_K

	atNumber = 0
	atArch   = 4
	atArgs   = 16 // six of 64 bits, low half first: both architectures are little-endian
)

// x32 calls are those of amd64's audit architecture with this bit set.
const x32Bit = 0x4000_0000

// assemble compiles rules, of which the first that matches decides, to a BPF
// program. Each rule loads the call's number anew, so that a condition that
// fails leaves nothing behind for the next rule. (A library that did not do this
// let clone(flags=9) through a rule meant for threads: 9 was also a number.)
func assemble(arch uint32, rules []rule, otherwise uint32) []unix.SockFilter {
	var program []unix.SockFilter
	emit := func(code uint16, k uint32, jumpTrue, jumpFalse int) {
		program = append(program, unix.SockFilter{Code: code, Jt: uint8(jumpTrue), Jf: uint8(jumpFalse), K: k})
	}
	emit(opLoad, atArch, 0, 0)
	emit(opIfEqual, arch, 1, 0)
	emit(opReturn, kill, 0, 0)
	if arch == unix.AUDIT_ARCH_X86_64 {
		emit(opLoad, atNumber, 0, 0)
		emit(opIfAtLeast, x32Bit, 0, 1)
		emit(opReturn, deny(syscall.ENOSYS), 0, 0)
	}
	for _, r := range rules {
		const perCondition = 6
		rest := perCondition*len(r.when) + 1 // instructions from here to the next rule
		emit(opLoad, atNumber, 0, 0)
		emit(opIfEqual, r.nr, 0, rest)
		for _, c := range r.when {
			for _, half := range [2]uint32{1, 0} {
				rest -= perCondition / 2
				emit(opLoad, atArgs+8*c.arg+4*half, 0, 0)
				emit(opAnd, uint32(c.mask>>(32*half)), 0, 0)
				emit(opIfEqual, uint32(c.value>>(32*half)), 0, rest)
			}
		}
		emit(opReturn, r.verdict, 0, 0)
	}
	emit(opReturn, otherwise, 0, 0)
	return program
}
