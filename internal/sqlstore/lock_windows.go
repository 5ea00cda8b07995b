package sqlstore

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockedByte is which byte of the file is locked: one far behind its content,
// since what is locked nobody else may read.
const lockedByte = 1 << 30

// tryLock takes the lock of the file unless somebody has it.
func tryLock(f *os.File) (taken bool, err error) {
	at := &windows.Overlapped{Offset: lockedByte}
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

// unlock gives the lock up.
func unlock(f *os.File) error {
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &windows.Overlapped{Offset: lockedByte})
}

// lives reports that the lock's owner does: on Windows no other process inherits
// a lock, which ends with its owner.
func lives(string) bool { return true }
