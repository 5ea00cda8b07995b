//go:build unix

package sqlstore

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// tryLock takes the lock of the file unless somebody has it.
func tryLock(f *os.File) (taken bool, err error) {
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// unlock gives the lock up, for copies of the descriptor too.
func unlock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }

// lives reports whether there is a process with the number. It says so of text
// that is none.
func lives(pid string) bool {
	n, err := strconv.Atoi(pid)
	return err != nil || !errors.Is(unix.Kill(n, 0), unix.ESRCH)
}
