package sandbox

import "golang.org/x/sys/unix"

// auditArch is the architecture whose system calls the filter speaks of.
const auditArch = unix.AUDIT_ARCH_AARCH64

// ofProgramHere are the calls of [ofProgram] that only this architecture has.
func ofProgramHere() []uint32 { return nil }

const sysFstatat = unix.SYS_FSTATAT
