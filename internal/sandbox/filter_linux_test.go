package sandbox_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// A call is what a filter sees of one.
type call struct {
	arch, nr uint32
	args     [6]uint64
}

// interpret runs a classic BPF program as the kernel would, on the instructions
// that the assembler knows.
func interpret(program []unix.SockFilter, c call) (uint32, error) {
	data := binary.LittleEndian.AppendUint32(nil, c.nr)
	data = binary.LittleEndian.AppendUint32(data, c.arch)
	data = binary.LittleEndian.AppendUint64(data, 0) // instruction pointer
	for _, arg := range c.args {
		data = binary.LittleEndian.AppendUint64(data, arg)
	}
	var a uint32
	for pc := 0; pc < len(program); pc++ {
		in := program[pc]
		jump := func(met bool) {
			if met {
				pc += int(in.Jt)
			} else {
				pc += int(in.Jf)
			}
		}
		switch in.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			a = binary.LittleEndian.Uint32(data[in.K:])
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			a &= in.K
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			jump(a == in.K)
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			jump(a >= in.K)
		case unix.BPF_RET | unix.BPF_K:
			return in.K, nil
		default:
			return 0, fmt.Errorf("instruction %d: unknown code %#x", pc, in.Code)
		}
	}
	return 0, fmt.Errorf("the program does not return")
}

func TestFilterJudges(t *testing.T) {
	t.Parallel()
	const pid = 1
	const thread = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_SYSVSEM | unix.CLONE_THREAD
	const high = 1 << 32
	eperm, enosys := sandbox.Deny(unix.EPERM), sandbox.Deny(unix.ENOSYS)
	arch := uint32(sandbox.AuditArch)
	for _, test := range []struct {
		name string
		call call
		want uint32
	}{
		{"read", call{arch, unix.SYS_READ, [6]uint64{3, 0, 1}}, sandbox.Allow},
		{"clock_gettime of the thread's processor time", call{arch, unix.SYS_CLOCK_GETTIME, [6]uint64{unix.CLOCK_THREAD_CPUTIME_ID}}, sandbox.Allow},
		{"openat", call{arch, unix.SYS_OPENAT, [6]uint64{}}, eperm},
		{"socket", call{arch, unix.SYS_SOCKET, [6]uint64{unix.AF_INET, unix.SOCK_STREAM}}, eperm},
		{"execve", call{arch, unix.SYS_EXECVE, [6]uint64{}}, eperm},
		{"a number no kernel knows yet", call{arch, 5000, [6]uint64{}}, eperm},

		{"a thread of Go", call{arch, unix.SYS_CLONE, [6]uint64{thread}}, sandbox.Allow},
		{"fork", call{arch, unix.SYS_CLONE, [6]uint64{uint64(unix.SIGCHLD)}}, eperm},
		{"vfork by clone", call{arch, unix.SYS_CLONE, [6]uint64{unix.CLONE_VM | unix.CLONE_VFORK | uint64(unix.SIGCHLD)}}, eperm},
		{"a thread in a new user namespace", call{arch, unix.SYS_CLONE, [6]uint64{thread | unix.CLONE_NEWUSER}}, eperm},
		{"a thread in a new time namespace", call{arch, unix.SYS_CLONE, [6]uint64{thread | unix.CLONE_NEWTIME}}, eperm},
		{"a thread's flags in the high half", call{arch, unix.SYS_CLONE, [6]uint64{thread * high}}, eperm},
		// A filter that did not load the number again took the flags for one.
		{"clone(flags=9), 9 being mmap", call{arch, unix.SYS_CLONE, [6]uint64{9}}, eperm},
		{"clone(flags=0), 0 being read", call{arch, unix.SYS_CLONE, [6]uint64{0}}, eperm},
		{"clone(flags=mmap)", call{arch, unix.SYS_CLONE, [6]uint64{unix.SYS_MMAP}}, eperm},
		{"clone(flags=futex)", call{arch, unix.SYS_CLONE, [6]uint64{unix.SYS_FUTEX}}, eperm},
		{"clone3", call{arch, unix.SYS_CLONE3, [6]uint64{}}, enosys},

		{"tgkill of its own", call{arch, unix.SYS_TGKILL, [6]uint64{pid, 5, 23}}, sandbox.Allow},
		{"tgkill of another", call{arch, unix.SYS_TGKILL, [6]uint64{2, 2, 9}}, eperm},
		{"tgkill of its own plus a high half", call{arch, unix.SYS_TGKILL, [6]uint64{high + pid, 5, 23}}, eperm},
		{"tgkill of its own in the high half", call{arch, unix.SYS_TGKILL, [6]uint64{high * pid, 5, 23}}, eperm},
		{"kill", call{arch, unix.SYS_KILL, [6]uint64{pid, 9}}, eperm},

		{"prctl: name a mapping", call{arch, unix.SYS_PRCTL, [6]uint64{unix.PR_SET_VMA}}, sandbox.Allow},
		{"prctl: name a thread", call{arch, unix.SYS_PRCTL, [6]uint64{unix.PR_SET_NAME}}, sandbox.Allow},
		{"prctl: become dumpable", call{arch, unix.SYS_PRCTL, [6]uint64{unix.PR_SET_DUMPABLE, 1}}, eperm},
		{"prctl: high half", call{arch, unix.SYS_PRCTL, [6]uint64{high + unix.PR_SET_NAME}}, eperm},
		{"fcntl: how was it opened", call{arch, unix.SYS_FCNTL, [6]uint64{3, unix.F_GETFL}}, sandbox.Allow},
		{"fcntl: duplicate", call{arch, unix.SYS_FCNTL, [6]uint64{3, unix.F_DUPFD}}, eperm},

		{"mmap for data", call{arch, unix.SYS_MMAP, [6]uint64{0, 4096, unix.PROT_READ | unix.PROT_WRITE}}, sandbox.Allow},
		{"mmap for code", call{arch, unix.SYS_MMAP, [6]uint64{0, 4096, unix.PROT_READ | unix.PROT_EXEC}}, eperm},
		{"mmap for code plus a high half", call{arch, unix.SYS_MMAP, [6]uint64{0, 4096, high | unix.PROT_EXEC}}, eperm},
		{"mprotect for data", call{arch, unix.SYS_MPROTECT, [6]uint64{0, 4096, unix.PROT_NONE}}, sandbox.Allow},
		{"mprotect for code", call{arch, unix.SYS_MPROTECT, [6]uint64{0, 4096, unix.PROT_EXEC}}, eperm},
		{"pkey_mprotect", call{arch, unix.SYS_PKEY_MPROTECT, [6]uint64{0, 4096, unix.PROT_READ}}, eperm},

		{"i386", call{unix.AUDIT_ARCH_I386, 4, [6]uint64{}}, sandbox.Kill},
		{"32-bit arm", call{unix.AUDIT_ARCH_ARM, unix.SYS_READ, [6]uint64{}}, sandbox.Kill},
		{"no architecture", call{0, unix.SYS_READ, [6]uint64{}}, sandbox.Kill},
	} {
		got, err := interpret(sandbox.WorkerFilter(arch, pid), test.call)
		if err != nil || got != test.want {
			t.Errorf("%s: got %#x, %v, want %#x", test.name, got, err, test.want)
		}
	}
}

// The numbers are those of amd64 with a bit set; only amd64 has them.
func TestFilterKnowsNoX32Calls(t *testing.T) {
	t.Parallel()
	const x32 = 0x4000_0000
	for arch, want := range map[uint32]uint32{
		unix.AUDIT_ARCH_X86_64:  sandbox.Deny(unix.ENOSYS),
		unix.AUDIT_ARCH_AARCH64: sandbox.Deny(unix.EPERM),
	} {
		for _, nr := range []uint32{x32, x32 + unix.SYS_READ, x32 + unix.SYS_EXECVE, ^uint32(0)} {
			got, err := interpret(sandbox.WorkerFilter(arch, 1), call{arch: arch, nr: nr})
			if err != nil || got != want {
				t.Errorf("architecture %#x, call %#x: got %#x, %v, want %#x", arch, nr, got, err, want)
			}
		}
	}
}

// Every call number, with arguments that are themselves numbers: no more may
// pass than are meant to.
func TestFilterAllowsNoCallItDoesNotName(t *testing.T) {
	t.Parallel()
	arch := uint32(sandbox.AuditArch)
	program := sandbox.WorkerFilter(arch, 1)
	allowed := 0
	for nr := range uint32(1024) {
		passes := false
		for value := range uint64(512) {
			got, err := interpret(program, call{arch, nr, [6]uint64{value, value, value, value, value, value}})
			if err != nil {
				t.Fatal(err)
			}
			passes = passes || got == sandbox.Allow
		}
		if passes {
			allowed++
		}
	}
	// The free ones; tgkill, fcntl, mmap and mprotect by a value under 512; prctl
	// by PR_SET_NAME. A thread's flags are above.
	if want := len(sandbox.FreeCalls()) + 5; allowed != want {
		t.Errorf("%d calls pass, want %d", allowed, want)
	}
	t.Logf("%d instructions, %d calls", len(program), allowed)
}

func TestLandlockAsksForNoMoreThanTheKernelKnows(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		abi             uintptr
		fs, net, scoped uint64
		size            uintptr
	}{
		{1, 0x1fff, 0, 0, 8},
		{2, 0x3fff, 0, 0, 8},
		{3, 0x7fff, 0, 0, 8},
		{4, 0x7fff, 3, 0, 16},
		{5, 0xffff, 3, 0, 16},
		{6, 0xffff, 3, 3, 24},
		{7, 0xffff, 3, 3, 24},
		{8, 0xffff, 3, 3, 24},
		{9, 0x1ffff, 3, 3, 24},
		{10, 0x1ffff, 15, 3, 24},
		{99, 0x1ffff, 15, 3, 24},
	} {
		attr := sandbox.Handled(test.abi)
		if attr.Handled_access_fs != test.fs || attr.Handled_access_net != test.net || attr.Scoped != test.scoped {
			t.Errorf("ABI %d: got %+v", test.abi, attr)
		}
		if got := sandbox.AttrSize(test.abi); got != test.size {
			t.Errorf("ABI %d: got %d bytes, want %d", test.abi, got, test.size)
		}
	}
}
