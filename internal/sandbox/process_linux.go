package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// CloseInherited marks every descriptor from 3 up to be closed when this process
// starts another. It is the first thing main does: a descriptor that whoever
// launched the server left open must not reach a worker.
func CloseInherited() error {
	const first, last = 3, 1<<32 - 1
	err := unix.CloseRange(first, last, unix.CLOSE_RANGE_CLOEXEC)
	if err == nil {
		return nil
	}
	// Before Linux 5.11, or under a filter that does not know the call.
	entries, dirErr := os.ReadDir("/proc/self/fd")
	if dirErr != nil {
		return fmt.Errorf("sandbox: close inherited descriptors: %w", err)
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd >= first {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

// LimitMemory bounds the private writable memory of a worker, in bytes, from
// outside. What it has counts already, and Go itself needs some 128 MB beyond
// the heap of a task. The bound can be moved again, by the server only.
func LimitMemory(pid int, size int64) error {
	err := limitData(pid, size)
	if errors.Is(err, unix.EPERM) {
		err = asUserOf(pid, func() error { return limitData(pid, size) })
	}
	if err != nil {
		return fmt.Errorf("sandbox: limit memory of process %d: %w", pid, err)
	}
	return nil
}

func limitData(pid int, size int64) error {
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_DATA, nil, &limit); err != nil {
		return err
	}
	limit.Cur = min(uint64(size), limit.Max)
	return unix.Prlimit(pid, unix.RLIMIT_DATA, &limit, nil)
}

// asUserOf calls do with the real user and group of a process. A server that is
// root in a container has no CAP_SYS_RESOURCE as a rule, and without namespaces
// it may set the limits of a worker of another user only as that user. The ids
// are those of one thread, which is thrown away.
func asUserOf(pid int, do func() error) error {
	uid, gid, err := realIDs(pid)
	if err != nil {
		return err
	}
	done := make(chan error)
	onOwnThread(func() {
		const keep = ^uintptr(0)
		if _, _, errno := syscall.RawSyscall(unix.SYS_SETRESGID, gid, keep, keep); errno != 0 {
			done <- errno
			return
		}
		if _, _, errno := syscall.RawSyscall(unix.SYS_SETRESUID, uid, keep, keep); errno != 0 {
			done <- errno
			return
		}
		done <- do()
	})
	return <-done
}

// realIDs returns the real user and group of a process.
func realIDs(pid int) (uid, gid uintptr, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	for _, id := range []struct {
		field string
		to    *uintptr
	}{{"\nUid:", &uid}, {"\nGid:", &gid}} {
		_, value, _ := strings.Cut(string(status), id.field)
		if _, err := fmt.Sscan(value, id.to); err != nil {
			return 0, 0, fmt.Errorf("status of process %d: %w", pid, err)
		}
	}
	return uid, gid, nil
}

// onMainThread reports whether the caller runs on the process's first thread.
func onMainThread() bool { return unix.Gettid() == unix.Getpid() }
