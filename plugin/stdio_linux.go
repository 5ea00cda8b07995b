package plugin

import (
	"os"
	"syscall"
)

// oneByOne is whether calls wait for each other.
const oneByOne = false

// takeStdio moves the server's pipes away from where a plugin prints, and from the
// programs that it starts. No thread waits for what is read from them.
func takeStdio() (stdio, error) {
	in, err := move(0, os.Stdin.Name())
	if err != nil {
		return stdio{}, err
	}
	out, err := move(1, os.Stdout.Name())
	if err != nil {
		return stdio{}, err
	}
	if err := syscall.Dup3(2, 1, 0); err != nil {
		return stdio{}, os.NewSyscallError("dup3", err)
	}
	return stdio{in: in, out: out}, nil
}

func move(fd int, name string) (*os.File, error) {
	syscall.ForkLock.RLock()
	moved, err := syscall.Dup(fd)
	if err == nil {
		syscall.CloseOnExec(moved)
	}
	syscall.ForkLock.RUnlock()
	if err == nil {
		err = syscall.SetNonblock(moved, true)
	}
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	return os.NewFile(uintptr(moved), name), nil
}
