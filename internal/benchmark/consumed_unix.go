//go:build unix

package benchmark

import (
	"syscall"
	"time"
)

// consumed returns the processor time of this process, and of its children that
// have ended.
func consumed() (self, ended time.Duration) {
	of := func(who int) time.Duration {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) != nil {
			return 0
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return of(syscall.RUSAGE_SELF), of(syscall.RUSAGE_CHILDREN)
}
