package sandbox

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// landlockRights are the rights that versions of Landlock can take away: each
// row holds from its version up (linux/landlock.h).
func landlockRights() []rights {
	return []rights{
		{abi: 1, fs: 0x1fff},                               // all on files up to MAKE_SYM
		{abi: 2, fs: unix.LANDLOCK_ACCESS_FS_REFER},        //
		{abi: 3, fs: unix.LANDLOCK_ACCESS_FS_TRUNCATE},     //
		{abi: 4, net: 0x3},                                 // bind and connect TCP
		{abi: 5, fs: unix.LANDLOCK_ACCESS_FS_IOCTL_DEV},    //
		{abi: 6, scoped: 0x3},                              // abstract sockets, signals
		{abi: 9, fs: unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX}, //
		{abi: 10, net: 0xc},                                // bind and connect UDP
	}
}

type rights struct {
	abi             uintptr
	fs, net, scoped uint64
}

// landlockTSync is the version that can restrict all threads in one call.
const landlockTSync = 8

// landlock takes away every right the kernel's Landlock knows and gives none
// back by a rule.
func landlock() error { return landlockFiles(nil, restrictAll) }

// landlockFiles takes away every right but to read the files, and to execute
// those that run.
func landlockFiles(files []File, restrict func(ruleset, abi uintptr) error) error {
	abi, _, errno := syscall.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return fmt.Errorf("not in this kernel: %w", errno)
	}
	attr := handled(abi)
	fd, _, errno := syscall.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), attrSize(abi), 0)
	if errno != 0 {
		return fmt.Errorf("create ruleset: %w", errno)
	}
	for _, f := range files {
		if err := landlockAllow(fd, f); err != nil {
			return errors.Join(fmt.Errorf("allow %s: %w", f.Inside, err), unix.Close(int(fd)))
		}
	}
	return errors.Join(restrict(fd, abi), unix.Close(int(fd)))
}

// landlockAllow adds the rule of one file to a ruleset.
func landlockAllow(ruleset uintptr, f File) error {
	fd, err := unix.Open(f.Inside, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	rule := unix.LandlockPathBeneathAttr{Parent_fd: int32(fd), Allowed_access: unix.LANDLOCK_ACCESS_FS_READ_FILE}
	if f.Run {
		rule.Allowed_access |= unix.LANDLOCK_ACCESS_FS_EXECUTE
	}
	_, _, errno := syscall.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, ruleset, unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	return errors.Join(refusedBy("add rule", errno), unix.Close(fd))
}

// restrictThread puts the ruleset around the calling thread alone.
func restrictThread(fd, _ uintptr) error {
	return thisThread(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0)
}

// restrictAll puts the ruleset around every thread.
func restrictAll(fd, abi uintptr) error {
	if abi < landlockTSync {
		return allThreads(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0)
	}
	_, _, errno := syscall.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, unix.LANDLOCK_RESTRICT_SELF_TSYNC, 0)
	return refusedBy("restrict", errno)
}

func handled(abi uintptr) (attr unix.LandlockRulesetAttr) {
	for _, r := range landlockRights() {
		if abi >= r.abi {
			attr.Handled_access_fs |= r.fs
			attr.Handled_access_net |= r.net
			attr.Scoped |= r.scoped
		}
	}
	return attr
}

// attrSize is how much of the attributes a version knows: older kernels refuse
// a longer structure.
func attrSize(abi uintptr) uintptr {
	var attr unix.LandlockRulesetAttr
	switch {
	case abi < 4:
		return unsafe.Offsetof(attr.Handled_access_net)
	case abi < 6:
		return unsafe.Offsetof(attr.Scoped)
	}
	return unsafe.Offsetof(attr.Scoped) + unsafe.Sizeof(attr.Scoped)
}
