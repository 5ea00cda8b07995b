package sandbox

import "golang.org/x/sys/unix"

// auditArch is the architecture whose system calls the filter speaks of.
const auditArch = unix.AUDIT_ARCH_X86_64

// ofProgramHere are the calls of [ofProgram] that only this architecture has.
func ofProgramHere() []uint32 { return []uint32{unix.SYS_EPOLL_WAIT, unix.SYS_ARCH_PRCTL} }

const sysFstatat = unix.SYS_NEWFSTATAT
