//go:build !linux

package sandbox

import (
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
)

// programAttrs has one way only: a process.
func programAttrs(Profile) []*syscall.SysProcAttr { return []*syscall.SysProcAttr{nil} }

// Launch is not supported here, unless the Profile is insecure.
func Launch(args []string) error {
	return fmt.Errorf("sandbox: on %s: %w", runtime.GOOS, ErrUnconfined)
}

// KillProgram ends a program at once.
func KillProgram(cmd *exec.Cmd) { _ = cmd.Process.Kill() } // it may have ended

// AwaitProgram does nothing here: to wait for the command is all there is.
func AwaitProgram(*exec.Cmd) {}
