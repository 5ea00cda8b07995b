package sandbox

import (
	"fmt"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// What the tests of package sandbox_test see of the inside.

const (
	AuditArch = auditArch
	Allow     = allow
	Kill      = kill
)

var (
	Deny        = deny
	FirstSlot   = firstSlotID
	Handled     = handled
	AttrSize    = attrSize
	OnOwnThread = onOwnThread
	FreeCalls   = free
)

// WorkerFilter is the program that seccomp installs in the process pid.
func WorkerFilter(arch uint32, pid int) []unix.SockFilter {
	return assemble(arch, filter(pid), deny(syscall.EPERM))
}

// Outer is a filter as a container might have put around the server: it refuses
// one call (with one value under a mask of one argument) and allows the rest.
type Outer struct {
	Nr     uint32
	Arg    uint32
	Mask   uint64
	Value  uint64
	Errno  syscall.Errno
	Before string // what the filter is for
}

// Install puts the outer filters around this process.
func Install(outer []Outer) error {
	if len(outer) == 0 {
		return nil
	}
	var rules []rule
	for _, o := range outer {
		var when []condition
		if o.Mask != 0 {
			when = []condition{{o.Arg, o.Mask, o.Value}}
		}
		rules = append(rules, rule{o.Nr, when, deny(o.Errno)})
	}
	return install(assemble(auditArch, rules, allow))
}

// EnterTimed is Enter with the time of each layer.
func EnterTimed(opts Options) (map[Layer]time.Duration, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	took := make(map[Layer]time.Duration)
	begin := time.Now()
	prime()
	took["prime"] = time.Since(begin)
	for _, s := range steps(opts) {
		begin := time.Now()
		if err := s.up(); err != nil {
			return nil, fmt.Errorf("%s: %w", s.layer, err)
		}
		took[s.layer] = time.Since(begin)
	}
	return took, nil
}
