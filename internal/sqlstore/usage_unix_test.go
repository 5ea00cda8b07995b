//go:build unix

package sqlstore_test

import (
	"syscall"
	"testing"
	"time"
)

// processorTime is what this process has used; a database server is another one.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
