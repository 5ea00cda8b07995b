package sandbox

import "golang.org/x/sys/unix"

// auditArch is the architecture whose system calls the filter speaks of.
const auditArch = unix.AUDIT_ARCH_X86_64
