package sandbox

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// profileFilter refuses what no program of ours to start has any business with:
// system calls that change the machine, look into other processes, make namespaces
// to get rights in, or have often been a way into the kernel. Everything else is
// allowed, because programs in any language are started. Without a root of its own
// a program may not change who may do what with a file: Landlock does not say.
func profileFilter(p Profile, ownRoot bool) []rule {
	rules := []rule{
		{unix.SYS_PRLIMIT64, []condition{is(0, 0)}, allow}, // its own limits, not those of others
		{unix.SYS_PRLIMIT64, nil, deny(syscall.EPERM)},
	}
	if !ownRoot {
		for _, nr := range append([]uint32{
			unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT,
			unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR, unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR, unix.SYS_FREMOVEXATTR,
		}, archModeCalls()...) {
			rules = append(rules, rule{nr: nr, verdict: deny(syscall.EPERM)})
		}
	}
	for _, nr := range append([]uint32{
		unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOUNT_SETATTR, unix.SYS_MOVE_MOUNT,
		unix.SYS_OPEN_TREE, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK,
		unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_GETFD, unix.SYS_KCMP, unix.SYS_PROCESS_MADVISE,
		unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_NAME_TO_HANDLE_AT,
		unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
		unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
		unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_REBOOT,
		unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_QUOTACTL, unix.SYS_SYSLOG, unix.SYS_VHANGUP, unix.SYS_PERSONALITY,
		unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME,
		unix.SYS_MBIND, unix.SYS_SET_MEMPOLICY, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES, unix.SYS_FANOTIFY_INIT, unix.SYS_LOOKUP_DCOOKIE,
	}, archProgramCalls()...) {
		rules = append(rules, rule{nr: nr, verdict: deny(syscall.EPERM)})
	}
	for flag := uint64(1); flag < 1<<32; flag <<= 1 {
		if flag&newAnything != 0 {
			rules = append(rules, rule{unix.SYS_CLONE, []condition{{0, flag, flag}}, deny(syscall.EPERM)})
		}
	}
	rules = append(rules, rule{unix.SYS_CLONE3, nil, deny(syscall.ENOSYS)})
	const typeInto, console = 0x5412, 0x541c // TIOCSTI, TIOCLINUX
	for _, request := range []uint64{typeInto, console} {
		rules = append(rules, rule{unix.SYS_IOCTL, []condition{{1, 0xffff_ffff, request}}, deny(syscall.EPERM)})
	}
	if p.Network || p.Listen {
		for _, protocol := range []uint64{unix.IPPROTO_MPTCP, unix.IPPROTO_SCTP} { // Landlock's rules are for TCP alone
			rules = append(rules, rule{unix.SYS_SOCKET, []condition{{2, 0xffff_ffff, protocol}}, deny(syscall.EPROTONOSUPPORT)})
		}
		for _, family := range []uint64{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6} {
			rules = append(rules, rule{unix.SYS_SOCKET, []condition{{0, 0xffff_ffff, family}}, allow})
		}
		// The C library asks for routes.
		rules = append(rules, rule{unix.SYS_SOCKET, []condition{{0, 0xffff_ffff, unix.AF_NETLINK}, {2, 0xffff_ffff, unix.NETLINK_ROUTE}}, allow})
	}
	return append(rules, rule{unix.SYS_SOCKET, nil, deny(syscall.EACCES)})
}

// landlockProgram takes every right on files away but those on what a program may
// see, and with it those on TCP that it does not need.
func landlockProgram(p Profile, ownRoot bool) error {
	abi, _, errno := syscall.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return fmt.Errorf("not in this kernel: %w", errno)
	}
	attr := handled(abi)
	const bindTCP, connectTCP, udp = 0x1, 0x2, 0xc
	if p.Listen {
		attr.Handled_access_net &^= bindTCP | udp
	}
	if p.Network {
		attr.Handled_access_net &^= connectTCP | udp
	}
	fd, _, errno := syscall.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), attrSize(abi), 0)
	if errno != 0 {
		return fmt.Errorf("create ruleset: %w", errno)
	}
	err := allowPaths(int(fd), attr.Handled_access_fs, p, ownRoot)
	if err == nil {
		_, _, errno := syscall.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0)
		err = refusedBy("restrict", errno)
	}
	return errors.Join(err, unix.Close(int(fd)))
}

// The rights that Landlock knows for files; the others are for folders only.
const onFiles = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_READ_FILE |
	unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV | unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX

func allowPaths(ruleset int, known uint64, p Profile, ownRoot bool) error {
	const look = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR | unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX
	write := known &^ (unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK)
	give := func(rights uint64, optional bool, paths ...string) error {
		for _, path := range paths {
			err := allowPath(ruleset, path, rights&known)
			if err != nil && (!optional || !errors.Is(err, os.ErrNotExist)) {
				return err
			}
		}
		return nil
	}
	err := errors.Join(give(look, true, systemPaths()...), give(write, true, devices()...), give(look, false, p.Read...), give(write, false, p.Write...))
	if ownRoot {
		err = errors.Join(err, give(look, true, "/proc"), give(write, true, "/tmp"))
	}
	return err
}

func allowPath(ruleset int, path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= onFiles
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	_, _, errno := syscall.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	return refusedBy("allow "+path, errno)
}
