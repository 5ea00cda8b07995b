//go:build !race

package sandbox_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A probe is one thing that hostile code in a worker would try. It makes the
// system call itself, also where a preparation failed, and returns nil when it
// got what it wanted. Each runs on a thread of its own that ends with it, so that
// what it changes about a thread (its user, its root, its mounts) is gone after.
type probe struct {
	name string
	try  func(target) error
	// root says why only root can succeed in this, sandbox or not.
	root string
	// never says why this cannot succeed on the kernel of the test at all. Such a
	// probe proves nothing and is not counted.
	never string
}

// A target is what the server of a test has that a worker must not reach.
type target struct {
	PID    int     // the server
	Secret uintptr // where in its memory it keeps secretText
	Port   int     // where it listens on 127.0.0.1
	Socket string  // where it listens in the abstract namespace of AF_UNIX
	Dir    string  // a directory it can write to, with a file "file"
}

const secretText = "the server's secret"

func (t target) path(name string) string { return filepath.Join(t.Dir, name) }

func (t target) proc(name string) string { return fmt.Sprintf("/proc/%d/%s", t.PID, name) }

const (
	needsAdmin  = "needs CAP_SYS_ADMIN in the namespace of the host"
	needsNetRaw = "needs CAP_NET_RAW"
	needsIDs    = "needs CAP_SETUID or CAP_SETGID"
)

// probes is the table. want: blocked in every sandbox that has seccomp, open
// with all layers off.
var probes = []probe{
	// Files of the host.
	{name: "open a file", try: func(target) error { return opens("/etc/passwd", unix.O_RDONLY) }},
	{name: "open a file by openat2", try: openat2},
	{name: "list the root", try: listRoot},
	{name: "stat a file", try: func(target) error { var st unix.Stat_t; return unix.Stat("/etc/passwd", &st) }},
	{name: "statx a file", try: func(target) error {
		var st unix.Statx_t
		return unix.Statx(unix.AT_FDCWD, "/etc/passwd", 0, unix.STATX_ALL, &st)
	}},
	{name: "read a link", try: func(target) error { _, err := unix.Readlink("/proc/self/exe", make([]byte, 99)); return err }},
	{name: "create a file", try: func(t target) error { return opens(t.path("created"), unix.O_CREAT|unix.O_WRONLY) }},
	{name: "write to a file", try: func(t target) error { return opens(t.path("file"), unix.O_WRONLY) }},
	{name: "truncate a file", try: func(t target) error { return unix.Truncate(t.path("file"), 0) }},
	{name: "chmod a file", try: func(t target) error { return unix.Chmod(t.path("file"), 0o600) }},
	{name: "make a directory", try: func(t target) error { return made(unix.Mkdir(t.path(unique("dir")), 0o700)) }},
	{name: "make a symlink", try: func(t target) error { return made(unix.Symlink("/etc/passwd", t.path(unique("symlink")))) }},
	{name: "make a hard link", try: func(t target) error { return made(unix.Link(t.path("file"), t.path(unique("link")))) }},
	{name: "make a fifo", try: func(t target) error { return made(unix.Mkfifo(t.path(unique("fifo")), 0o600)) }},
	{name: "make a device", root: "needs CAP_MKNOD", try: func(t target) error {
		return made(unix.Mknod(t.path(unique("null")), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))))
	}},
	{name: "rename a file", try: func(t target) error { return unix.Rename(t.path("file"), t.path("file")) }},
	{name: "change directory", try: func(target) error { return unix.Chdir("/") }},
	{name: "open by handle", root: "needs CAP_DAC_READ_SEARCH", try: openByHandle},
	{name: "watch files by inotify", try: func(target) error { return gives(unix.InotifyInit1(unix.IN_CLOEXEC)) }},

	// The server.
	{name: "read the server's memory", try: func(t target) error { return readMemory(t, unix.O_RDONLY) }},
	{name: "write the server's memory", try: func(t target) error { return readMemory(t, unix.O_RDWR) }},
	{name: "read the server's environment", try: func(t target) error { return opens(t.proc("environ"), unix.O_RDONLY) }},
	{name: "process_vm_readv the server", try: vmRead},
	{name: "process_vm_writev the server", try: vmWrite},
	{name: "ptrace the server", try: func(t target) error { return raw(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(t.PID), 0, 0) }},
	{name: "kill the server", try: func(t target) error { return raw(unix.SYS_KILL, uintptr(t.PID), 0) }},
	{name: "tgkill the server", try: func(t target) error { return raw(unix.SYS_TGKILL, uintptr(t.PID), uintptr(t.PID), 0) }},
	{name: "tkill the server", try: func(t target) error { return raw(unix.SYS_TKILL, uintptr(t.PID), 0) }},
	{name: "pidfd_open the server", try: func(t target) error { return gives(unix.PidfdOpen(t.PID, 0)) }},
	{name: "pidfd_getfd of the server", try: func(t target) error {
		return withPidfd(t, func(fd int) error { return gives(unix.PidfdGetfd(fd, 0, 0)) })
	}},
	{name: "pidfd_send_signal to the server", try: func(t target) error {
		return withPidfd(t, func(fd int) error { return unix.PidfdSendSignal(fd, 0, nil, 0) })
	}},
	{name: "prlimit the server", try: func(t target) error {
		var l unix.Rlimit
		return unix.Prlimit(t.PID, unix.RLIMIT_NOFILE, nil, &l)
	}},

	// The network.
	{name: "socket TCP", try: func(target) error { return gives(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)) }},
	{name: "socket UDP", try: func(target) error { return gives(unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)) }},
	{name: "socket TCP over IPv6", try: func(target) error { return gives(unix.Socket(unix.AF_INET6, unix.SOCK_STREAM, 0)) }},
	{name: "socket MPTCP", try: func(target) error {
		return gives(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP))
	}},
	{name: "socket unix", try: func(target) error { return gives(unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)) }},
	{name: "socket netlink", try: func(target) error { return gives(unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, 0)) }},
	{name: "socket packet", root: needsNetRaw, try: func(target) error { return gives(unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)) }},
	{name: "socket raw", root: needsNetRaw, try: func(target) error {
		return gives(unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP))
	}},
	{name: "socketpair", try: socketpair},
	{name: "connect to the server's port", try: func(t target) error {
		return connects(unix.AF_INET, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: t.Port})
	}},
	{name: "connect to the server's unix socket", try: func(t target) error {
		return connects(unix.AF_UNIX, &unix.SockaddrUnix{Name: t.Socket})
	}},
	{name: "bind a port", try: bind},
	{name: "sendmsg on the worker's own socket", try: func(target) error {
		return raw(unix.SYS_SENDMSG, 3, uintptr(unsafe.Pointer(&unix.Msghdr{})), unix.MSG_DONTWAIT)
	}},

	// Other processes and programs.
	{name: "execve", try: func(target) error { return execs(unix.SYS_EXECVE) }},
	{name: "execveat", try: func(target) error { return execs(unix.SYS_EXECVEAT) }},
	{name: "fork", try: func(target) error { return forks(0) }},
	{name: "vfork", try: func(target) error { return forks(unix.CLONE_VFORK) }},
	{name: "clone3", try: clone3},
	{name: "clone into a user namespace", try: func(target) error { return forks(unix.CLONE_NEWUSER) }},
	{name: "unshare file descriptors", try: func(target) error { return raw(unix.SYS_UNSHARE, unix.CLONE_FILES) }},
	{name: "unshare the network", root: needsAdmin, try: func(target) error { return raw(unix.SYS_UNSHARE, unix.CLONE_NEWNET) }},
	{name: "setns to the server's network", root: needsAdmin, try: setns},

	// Doors of the kernel with a history.
	{name: "io_uring_setup", try: func(target) error {
		var params [120]byte
		return rawFD(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params)))
	}},
	{name: "keyctl", try: func(target) error { const getKeyring, thread = 0, -1; return keyctl(getKeyring, thread) }},
	{name: "add_key", try: addKey},
	{name: "request_key", try: requestKey},
	{name: "memfd_create", try: func(target) error { return gives(unix.MemfdCreate("x", unix.MFD_CLOEXEC)) }},
	{name: "userfaultfd", try: func(target) error { const userModeOnly = 1; return rawFD(unix.SYS_USERFAULTFD, userModeOnly) }},
	{name: "bpf", root: "needs CAP_BPF under kernel.unprivileged_bpf_disabled", try: bpf},
	{name: "perf_event_open", try: perf},
	{name: "fsopen", root: needsAdmin, try: func(target) error { return gives(unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)) }},
	{name: "personality", try: func(target) error { const noRandomize = 0x40000; return raw(unix.SYS_PERSONALITY, noRandomize) }},
	{name: "shared memory of System V", try: shm},
	{name: "message queue", try: messageQueue},
	{name: "seccomp", try: func(target) error {
		action := uint32(unix.SECCOMP_RET_ALLOW)
		return raw(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action)))
	}},
	{name: "ioctl", try: func(target) error {
		var n int32
		return raw(unix.SYS_IOCTL, 3, unix.TIOCINQ, uintptr(unsafe.Pointer(&n)))
	}},
	{name: "uname", try: func(target) error { var u unix.Utsname; return unix.Uname(&u) }},
	{name: "kexec_load", never: "this kernel has no kexec", try: func(target) error { return raw(unix.SYS_KEXEC_LOAD) }},
	{name: "init_module", never: "this kernel has no modules", try: func(target) error { return raw(unix.SYS_INIT_MODULE) }},

	// Memory that is code.
	{name: "mmap writable and executable", try: func(target) error { return mapsAs(unix.PROT_READ | unix.PROT_WRITE | unix.PROT_EXEC) }},
	{name: "mmap executable", try: func(target) error { return mapsAs(unix.PROT_READ | unix.PROT_EXEC) }},
	{name: "mprotect writable to executable", try: func(target) error { return toExecutable(unix.SYS_MPROTECT) }},
	{name: "pkey_mprotect writable to executable", try: func(target) error { return toExecutable(unix.SYS_PKEY_MPROTECT) }},

	// Becoming someone else, undoing the sandbox.
	{name: "mount", root: needsAdmin, try: mount},
	{name: "umount", root: needsAdmin, try: umount},
	{name: "chroot", root: "needs CAP_SYS_CHROOT", try: chroot},
	{name: "pivot_root", root: needsAdmin, try: pivotRoot},
	{name: "setuid", try: func(target) error { return raw(unix.SYS_SETUID, uintptr(unix.Getuid())) }},
	{name: "setresuid to another", root: needsIDs, try: func(target) error { return raw(unix.SYS_SETRESUID, 1, 1, 1) }},
	{name: "setgroups", root: needsIDs, try: func(target) error { return raw(unix.SYS_SETGROUPS, 0, 0) }},
	{name: "sethostname", root: needsAdmin, try: sethostname},
	{name: "capset", try: capset},
	{name: "raise a limit", try: func(target) error {
		var l unix.Rlimit
		return raw(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_DATA, 0, uintptr(unsafe.Pointer(&l)))
	}},
	{name: "become dumpable", try: func(target) error { return raw(unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1) }},
	{name: "outlive the server", try: func(target) error { return raw(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, 0) }},
	{name: "duplicate a descriptor", try: func(target) error { return gives(unix.Dup(3)) }},
	{name: "choose processors", try: func(target) error { var set unix.CPUSet; set.Set(0); return unix.SchedSetaffinity(0, &set) }},
}

// The rest is how they try.

// raw makes a system call with up to four arguments.
//
//go:uintptrescapes
func raw(nr uintptr, args ...uintptr) error {
	var a [4]uintptr
	copy(a[:], args)
	if _, _, errno := syscall.Syscall6(nr, a[0], a[1], a[2], a[3], 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// rawFD is raw for a call that gives a descriptor.
//
//go:uintptrescapes
func rawFD(nr uintptr, args ...uintptr) error {
	var a [4]uintptr
	copy(a[:], args)
	fd, _, errno := syscall.Syscall6(nr, a[0], a[1], a[2], a[3], 0, 0)
	if errno != 0 {
		return errno
	}
	return unix.Close(int(fd))
}

// gives wants a descriptor, and closes it.
func gives(fd int, err error) error {
	if err == nil {
		_ = unix.Close(fd)
	}
	return err
}

// made takes a thing that is there already for one that could be made.
func made(err error) error {
	if err == unix.EEXIST {
		return nil
	}
	return err
}

func unique(name string) string { return fmt.Sprintf("%s-%d", name, unix.Gettid()) }

func opens(path string, flags int) error {
	return gives(unix.Open(path, flags|unix.O_CLOEXEC, 0o600))
}

func openat2(target) error {
	return gives(unix.Openat2(unix.AT_FDCWD, "/etc/passwd", &unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC}))
}

func listRoot(target) error {
	fd, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	defer unix.Close(fd)
	if _, err := unix.Getdents(fd, make([]byte, 4096)); err != nil {
		return err
	}
	return err
}

func openByHandle(target) error {
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, "/etc/passwd", 0)
	if err != nil {
		handle = unix.NewFileHandle(1, make([]byte, 8))
	}
	mount, _ := unix.Open("/etc", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	defer unix.Close(mount)
	return gives(unix.OpenByHandleAt(mount, handle, unix.O_RDONLY|unix.O_CLOEXEC))
}

func readMemory(t target, flags int) error {
	fd, err := unix.Open(t.proc("mem"), flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	got := make([]byte, len(secretText))
	if _, err := unix.Pread(fd, got, int64(t.Secret)); err != nil {
		return err
	}
	return isSecret(got)
}

func isSecret(got []byte) error {
	if !bytes.Equal(got, []byte(secretText)) {
		return fmt.Errorf("read %q", got)
	}
	return nil
}

func vmRead(t target) error {
	got := make([]byte, len(secretText))
	local := []unix.Iovec{{Base: &got[0], Len: uint64(len(got))}}
	remote := []unix.RemoteIovec{{Base: t.Secret, Len: len(got)}}
	if _, err := unix.ProcessVMReadv(t.PID, local, remote, 0); err != nil {
		return err
	}
	return isSecret(got)
}

func vmWrite(t target) error {
	text := []byte(secretText)
	local := []unix.Iovec{{Base: &text[0], Len: uint64(len(text))}}
	remote := []unix.RemoteIovec{{Base: t.Secret, Len: len(text)}}
	_, err := unix.ProcessVMWritev(t.PID, local, remote, 0)
	return err
}

func withPidfd(t target, do func(fd int) error) error {
	fd, _ := unix.PidfdOpen(t.PID, 0)
	defer unix.Close(fd)
	return do(fd)
}

func socketpair(target) error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		_, _ = unix.Close(fds[0]), unix.Close(fds[1])
	}
	return err
}

func connects(family int, addr unix.Sockaddr) error {
	fd, _ := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	defer unix.Close(fd)
	return unix.Connect(fd, addr)
}

func bind(target) error {
	fd, _ := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	defer unix.Close(fd)
	return unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
}

// execs asks for a program that is not there: to succeed would end the test. The
// kernel looking for it shows that nothing forbade to start it.
func execs(nr uintptr) error {
	path := []byte("/no such program\x00")
	argv := [2]*byte{&path[0]}
	var err error
	if nr == unix.SYS_EXECVE {
		err = raw(nr, uintptr(unsafe.Pointer(&path[0])), uintptr(unsafe.Pointer(&argv)))
	} else {
		err = raw(nr, 0, uintptr(unsafe.Pointer(&path[0])), uintptr(unsafe.Pointer(&argv)))
	}
	if err == unix.ENOENT {
		return nil
	}
	return err
}

// forks makes a child that ends at once.
func forks(flags uintptr) error {
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, flags|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	return reap(pid, errno)
}

func clone3(target) error {
	var args struct{ flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls uint64 }
	args.exitSignal = uint64(unix.SIGCHLD)
	pid, _, errno := syscall.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args), 0)
	return reap(pid, errno)
}

// reap is in the child when pid is 0.
func reap(pid uintptr, errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		for {
			syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	_, err := unix.Wait4(int(pid), nil, 0, nil)
	return err
}

func setns(t target) error {
	fd, _ := unix.Open(t.proc("ns/net"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	defer unix.Close(fd)
	return raw(unix.SYS_SETNS, uintptr(fd), unix.CLONE_NEWNET)
}

func keyctl(op uintptr, ring int) error { return raw(unix.SYS_KEYCTL, op, uintptr(ring), 1) }

var keyType, keyName = []byte("user\x00"), []byte("ratchet\x00")

// addKey adds one to the thread's own ring, which ends with the thread.
func addKey(target) error {
	const threadRing = -1
	ring := threadRing
	_, _, errno := syscall.Syscall6(unix.SYS_ADD_KEY, uintptr(unsafe.Pointer(&keyType[0])),
		uintptr(unsafe.Pointer(&keyName[0])), uintptr(unsafe.Pointer(&keyName[0])), 1, uintptr(ring), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func requestKey(t target) error {
	_ = addKey(t)
	return raw(unix.SYS_REQUEST_KEY, uintptr(unsafe.Pointer(&keyType[0])), uintptr(unsafe.Pointer(&keyName[0])))
}

func bpf(target) error {
	attr := struct{ mapType, keySize, valueSize, maxEntries uint32 }{unix.BPF_MAP_TYPE_ARRAY, 4, 4, 1}
	return rawFD(unix.SYS_BPF, unix.BPF_MAP_CREATE, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
}

func perf(target) error {
	attr := unix.PerfEventAttr{
		Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_TASK_CLOCK,
		Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{})), Bits: unix.PerfBitExcludeKernel | unix.PerfBitExcludeHv,
	}
	return gives(unix.PerfEventOpen(&attr, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC))
}

func shm(target) error {
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 4096, unix.IPC_CREAT|0o600)
	if err == nil {
		_, err = unix.SysvShmCtl(id, unix.IPC_RMID, nil)
	}
	return err
}

func messageQueue(target) error {
	name := []byte(unique("ratchet") + "\x00")
	err := rawFD(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(&name[0])), unix.O_CREAT|unix.O_RDWR, 0o600)
	_ = raw(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(&name[0])))
	return err
}

func mapsAs(prot int) error {
	mem, err := unix.Mmap(-1, 0, 4096, prot, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err == nil {
		err = unix.Munmap(mem)
	}
	return err
}

func toExecutable(nr uintptr) error {
	mem, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Munmap(mem) }()
	noKey := -1
	return raw(nr, uintptr(unsafe.Pointer(&mem[0])), uintptr(len(mem)), unix.PROT_READ|unix.PROT_EXEC, uintptr(noKey))
}

// ownMounts keeps what the thread does to mounts from the rest of the machine.
func ownMounts() bool {
	return unix.Unshare(unix.CLONE_NEWNS) == nil && unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") == nil
}

func mount(t target) error {
	ownMounts()
	return unix.Mount("none", t.Dir, "tmpfs", 0, "size=4k")
}

func umount(t target) error {
	_ = mount(t)
	return unix.Unmount(t.Dir, unix.MNT_DETACH)
}

func chroot(target) error {
	_ = unix.Unshare(unix.CLONE_FS)
	return unix.Chroot("/")
}

func pivotRoot(t target) error {
	if !ownMounts() { // never pivot the machine: paths that are not there
		return unix.PivotRoot("/no such directory", "/no such directory")
	}
	_ = unix.Mount("none", t.Dir, "tmpfs", 0, "size=4k")
	_ = unix.Chdir(t.Dir)
	return unix.PivotRoot(".", ".")
}

func sethostname(target) error {
	if unix.Unshare(unix.CLONE_NEWUTS) != nil { // never rename the machine: too long a name
		return raw(unix.SYS_SETHOSTNAME, 0, 1<<16)
	}
	return unix.Sethostname([]byte("ratchet"))
}

func capset(target) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return unix.Capset(&header, &none[0])
}
