package sandbox

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// free are the calls a running Go 1.26 worker makes, whatever their arguments:
// none of them names a file, a process or an address of the network. The kernel
// keeps a table of them and runs no filter for these.
func free() []uint32 {
	return []uint32{
		// Talk over the socket, wait for it.
		unix.SYS_READ, unix.SYS_WRITE, unix.SYS_PREAD64, unix.SYS_CLOSE,
		unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_CTL, unix.SYS_EVENTFD2,
		// Schedule threads.
		unix.SYS_FUTEX, unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_SCHED_YIELD,
		unix.SYS_SCHED_GETAFFINITY, unix.SYS_SCHED_GETPARAM, unix.SYS_SCHED_GETSCHEDULER,
		unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_MEMBARRIER, unix.SYS_GETPID, unix.SYS_GETTID,
		unix.SYS_RESTART_SYSCALL, unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
		// Handle the signals by which Go preempts.
		unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK,
		// Give memory back; mremap and brk cannot make it executable.
		unix.SYS_MUNMAP, unix.SYS_MADVISE, unix.SYS_MINCORE, unix.SYS_MREMAP, unix.SYS_BRK,
		// Clocks (a thread's own CPU clock is one) and chance.
		unix.SYS_CLOCK_GETTIME, unix.SYS_GETRANDOM,
	}
}

// newAnything are clone's flags that make a namespace.
const newAnything = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWTIME

// filter returns the rules of a worker, whose process number is pid. What they
// do not name is refused.
func filter(pid int) []rule {
	const thread = unix.CLONE_VM | unix.CLONE_THREAD
	var rules []rule
	for _, nr := range free() {
		rules = append(rules, rule{nr: nr, verdict: allow})
	}
	return append(rules,
		// A thread, never a process nor a namespace. clone3 keeps its flags in
		// memory, where a filter cannot read them: callers fall back to clone.
		rule{unix.SYS_CLONE, []condition{{0, thread | newAnything, thread}}, allow},
		rule{unix.SYS_CLONE3, nil, deny(syscall.ENOSYS)},
		// A signal to a thread of its own.
		rule{unix.SYS_TGKILL, []condition{is(0, uint64(pid))}, allow},
		// Names for threads and mappings; how a descriptor was opened.
		rule{unix.SYS_PRCTL, []condition{is(0, unix.PR_SET_VMA)}, allow},
		rule{unix.SYS_PRCTL, []condition{is(0, unix.PR_SET_NAME)}, allow},
		rule{unix.SYS_FCNTL, []condition{is(1, unix.F_GETFL)}, allow},
		// Memory that is not code.
		rule{unix.SYS_MMAP, []condition{{2, unix.PROT_EXEC, 0}}, allow},
		rule{unix.SYS_MPROTECT, []condition{{2, unix.PROT_EXEC, 0}}, allow},
	)
}

// is is the condition that an argument has exactly one value.
func is(arg uint32, value uint64) condition {
	return condition{arg: arg, mask: ^uint64(0), value: value}
}
