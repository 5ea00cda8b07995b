//go:build unix

package js

import (
	"runtime"

	"golang.org/x/sys/unix"
)

const zeroedByDontneed = runtime.GOOS == "linux"

func reserve(n uintptr) ([]byte, error) {
	return unix.Mmap(-1, 0, int(n), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
}

func commit(b []byte) error { return unix.Mprotect(b, unix.PROT_READ|unix.PROT_WRITE) }

// discard gives pages back; they read as zero afterwards on Linux. Elsewhere
// they are cleared first, since MADV_DONTNEED promises nothing there.
func discard(b []byte) {
	if len(b) == 0 {
		return
	}
	if !zeroedByDontneed {
		clear(b)
	}
	if unix.Madvise(b, unix.MADV_DONTNEED) != nil {
		clear(b)
	}
}

func release(b []byte) {
	_ = unix.Munmap(b) // nothing can be done, and nothing is lost but addresses
}
