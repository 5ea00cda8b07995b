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

// ofProgram are the calls that Node and the C library under it make beside those
// of [free], whatever their arguments. None of them names a process or an address of
// the network, and none changes a file.
func ofProgram() []uint32 {
	return append([]uint32{
		unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_LSEEK, unix.SYS_FSTAT, unix.SYS_EPOLL_CREATE1, unix.SYS_PIPE2,
		unix.SYS_SET_TID_ADDRESS, unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID, unix.SYS_GETPPID,
		unix.SYS_SYSINFO, unix.SYS_GETRUSAGE, unix.SYS_GETCWD, unix.SYS_CAPGET, unix.SYS_CLOCK_GETRES,
	}, ofProgramHere()...)
}

// programFilter returns the rules of a worker that becomes a program by call.
//
// Wider than those of [filter] are: memory may be made executable, for V8
// compiles; files may be opened for reading, which is how the loader finds its
// libraries (the root holds nothing else); execve with the three secret
// addresses of call, which is gone once it is made.
func programFilter(pid int, call execCall) []rule {
	const thread = unix.CLONE_VM | unix.CLONE_THREAD
	const writes = unix.O_ACCMODE | unix.O_CREAT | unix.O_TRUNC | unix.O_APPEND | unix.O_PATH | unix.O_TMPFILE&^unix.O_DIRECTORY
	const ofSocket = 3
	const fionbio, fioclex = 0x5421, 0x5451 // asm-generic/ioctls.h
	var rules []rule
	for _, nr := range append(free(), ofProgram()...) {
		rules = append(rules, rule{nr: nr, verdict: allow})
	}
	rules = append(rules, rule{unix.SYS_EXECVE, []condition{
		is(0, uint64(call.path)), is(1, uint64(call.argv)), is(2, uint64(call.envp)),
	}, allow})
	for _, nr := range []uint32{
		unix.SYS_CLONE3, unix.SYS_STATX, unix.SYS_PKEY_ALLOC, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER,
		unix.SYS_IO_URING_REGISTER, unix.SYS_FACCESSAT2, unix.SYS_EPOLL_PWAIT2,
	} { // what the C library and libuv do without if the kernel has not got it
		rules = append(rules, rule{nr, nil, deny(syscall.ENOSYS)})
	}
	return append(rules,
		rule{unix.SYS_CLONE, []condition{{0, thread | newAnything, thread}}, allow},
		rule{unix.SYS_TGKILL, []condition{is(0, uint64(pid))}, allow},
		rule{unix.SYS_PRCTL, []condition{is(0, unix.PR_SET_VMA)}, allow},
		rule{unix.SYS_PRCTL, []condition{is(0, unix.PR_SET_NAME)}, allow},
		rule{unix.SYS_FCNTL, []condition{is(1, unix.F_GETFL)}, allow},
		rule{unix.SYS_FCNTL, []condition{is(1, unix.F_SETFL)}, allow},
		rule{unix.SYS_FCNTL, []condition{is(1, unix.F_GETFD)}, allow},
		rule{unix.SYS_FCNTL, []condition{is(1, unix.F_SETFD)}, allow},
		rule{unix.SYS_IOCTL, []condition{is(1, fionbio)}, allow},
		rule{unix.SYS_IOCTL, []condition{is(1, fioclex)}, allow},
		// Its own limits of the stack, of descriptors and of addresses, to look at.
		rule{unix.SYS_PRLIMIT64, []condition{is(0, 0), is(1, unix.RLIMIT_STACK), is(2, 0)}, allow},
		rule{unix.SYS_PRLIMIT64, []condition{is(0, 0), is(1, unix.RLIMIT_NOFILE), is(2, 0)}, allow},
		rule{unix.SYS_PRLIMIT64, []condition{is(0, 0), is(1, unix.RLIMIT_AS), is(2, 0)}, allow},
		// What kind of thing the descriptor of the server is.
		rule{unix.SYS_GETSOCKNAME, []condition{is(0, ofSocket)}, allow},
		rule{unix.SYS_GETSOCKOPT, []condition{is(0, ofSocket)}, allow},
		rule{unix.SYS_SHUTDOWN, []condition{is(0, ofSocket)}, allow},
		// The loader's libraries.
		rule{unix.SYS_OPENAT, []condition{{2, writes, 0}}, allow},
		rule{sysFstatat, []condition{{3, unix.AT_EMPTY_PATH, unix.AT_EMPTY_PATH}}, allow},
		// Memory that is code, too.
		rule{unix.SYS_MMAP, nil, allow},
		rule{unix.SYS_MPROTECT, nil, allow},
	)
}
