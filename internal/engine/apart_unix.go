//go:build unix

package engine

import (
	"os/exec"
	"syscall"
)

// apart puts the program and whatever it starts into a process group, which is
// ended with it: a version manager's node is a script.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
