package worker

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A socket is the worker's end of the connection to its server. It reads and
// writes by raw system calls, of which the Go runtime does not hear: an ordinary
// one wakes the runtime's monitor thread, which sleeps while a worker is idle,
// and which then looks about every 20 µs for as long as the execution takes. On
// a short execution that was a quarter of the worker's processor time. The
// descriptor never blocks, so there is nothing for the monitor to see to.
type socket struct {
	file *os.File
	conn syscall.RawConn
}

// openSocket opens the descriptor that the worker was started with.
func openSocket() (io.ReadWriteCloser, error) {
	// Whoever starts a process by package exec hands it blocking descriptors. A
	// raw read of one would hold up every goroutine.
	if err := unix.SetNonblock(Descriptor, true); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoSocket, err)
	}
	file := os.NewFile(Descriptor, "server")
	conn, err := file.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoSocket, err)
	}
	return &socket{file, conn}, nil
}

// Read waits until something has come.
func (s *socket) Read(b []byte) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	var errno syscall.Errno
	err = s.conn.Read(func(fd uintptr) (done bool) {
		n, errno = transfer(unix.SYS_READ, fd, b)
		return errno != unix.EAGAIN
	})
	switch {
	case err != nil:
		return 0, err
	case errno != 0:
		return 0, errno
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write waits until all of b is on its way.
func (s *socket) Write(b []byte) (sent int, err error) {
	var errno syscall.Errno
	err = s.conn.Write(func(fd uintptr) (done bool) {
		for errno = 0; errno == 0 && sent < len(b); {
			var n int
			n, errno = transfer(unix.SYS_WRITE, fd, b[sent:])
			sent += n
		}
		return errno != unix.EAGAIN
	})
	if err == nil && errno != 0 {
		err = errno
	}
	return sent, err
}

// Close ends the connection.
func (s *socket) Close() error { return s.file.Close() }

// transfer reads into b, or writes from it, once. b is not empty.
func transfer(trap, fd uintptr, b []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		switch errno {
		case 0:
			return int(n), 0
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}
