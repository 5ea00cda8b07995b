package sandbox

import "golang.org/x/sys/unix"

// archProgramCalls are those of programFilter that only this architecture has.
func archProgramCalls() []uint32 {
	return []uint32{unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_MODIFY_LDT, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_USELIB, unix.SYS_USTAT, unix.SYS_SYSFS, unix.SYS__SYSCTL}
}

// archModeCalls are those that change a file's mode or owner, too.
func archModeCalls() []uint32 { return []uint32{unix.SYS_CHMOD, unix.SYS_CHOWN, unix.SYS_LCHOWN} }
