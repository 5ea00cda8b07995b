package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A fileLock makes one process the owner of a SQLite file. It is a file beside
// it, which says who that is; the lock itself ends with the process.
type fileLock struct{ file *os.File }

// lockFile becomes the owner of the database at path, or says who is.
func lockFile(ctx context.Context, path string) (*fileLock, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lock(ctx, f, path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	l := &fileLock{f}
	if err := l.write(""); err != nil {
		return nil, errors.Join(err, l.release())
	}
	return l, nil
}

// How long the lock of an owner that is dead may be held by what it left behind:
// a worker that it was starting has a copy of its files until it has begun, or
// has died too.
const (
	heirs     = 5 * time.Second
	heirsTick = 10 * time.Millisecond
)

// lock takes the lock, at once unless its owner has just died.
func lock(ctx context.Context, f *os.File, path string) error {
	tick := time.NewTicker(heirsTick)
	defer tick.Stop()
	for begun := time.Now(); ; {
		taken, err := tryLock(f)
		if err != nil {
			return fmt.Errorf("lock %s: %w", path, err)
		}
		if taken {
			return nil
		}
		owner := make([]byte, 1000)
		n, _ := f.ReadAt(owner, 0) // it may be too short, which is as good
		pid, _, _ := strings.Cut(string(owner[:n]), "\n")
		if lives(pid) || time.Since(begun) > heirs {
			return lockedError(path, string(owner[:n]))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return lockedError(path, string(owner[:n]))
		}
	}
}

func lockedError(path, owner string) error {
	pid, address, _ := strings.Cut(strings.TrimSpace(owner), "\n")
	who, remedy := "another process", "stop it, or ask its server"
	if pid != "" {
		who = "process " + pid
	}
	if address != "" {
		who += ", the server at " + address + ","
		remedy = "stop it, or use --server " + address
	}
	return ratchet.Errorf(ratchet.ReasonStorageLocked, "%s is open in %s already: %s", path, who, remedy)
}

// write says who the owner is and where it listens.
func (l *fileLock) write(address string) error {
	content := strconv.Itoa(os.Getpid()) + "\n" + address + "\n"
	if _, err := l.file.WriteAt([]byte(content), 0); err != nil {
		return err
	}
	return l.file.Truncate(int64(len(content)))
}

// release gives the file up. The lock file stays: to remove it would let two
// processes lock two different files of one name. It is unlocked and not only
// closed: a worker that is just being started has the descriptor until its exec.
func (l *fileLock) release() error {
	return errors.Join(l.file.Truncate(0), unlock(l.file), l.file.Close())
}

// SetAddress says where this process listens, so that another one that wants the
// same SQLite file can name it. With PostgreSQL there is nothing to say.
func (s *Store) SetAddress(url string) error {
	if s.lock == nil {
		return nil
	}
	return s.lock.write(url)
}
