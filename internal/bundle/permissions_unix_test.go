//go:build unix

package bundle_test

import (
	"os"
	osexec "os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// nobody is a user that may write nothing but what is its own.
const nobody = 65534

// unprivileged reports whether this process may not write everything, as root
// may. If it is root's, the test is run in a process that is not, with its result.
func unprivileged(t *testing.T) bool {
	t.Helper()
	if os.Getuid() != 0 {
		return true
	}
	self, err := os.Executable()
	if runtime.GOOS == "linux" { // which need not be able to walk to it
		self = "/proc/self/exe"
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := osexec.CommandContext(t.Context(), self, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = []string{"TMPDIR=/tmp", "PATH=" + os.Getenv("PATH")}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()+" ") {
		t.Errorf("as another user than root: %v\n%s", err, out)
	}
	return false
}

func TestFilesWithoutPermissionAreRefused(t *testing.T) {
	t.Parallel()
	if !unprivileged(t) {
		return
	}
	dir := files{"main.js": "(i) => 1"}.write(t)
	for _, path := range []string{filepath.Join(dir, "main.js"), dir} {
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		if reason, text := refused(t, dir, bundle.Options{}); reason != ratchet.ReasonPermission {
			t.Errorf("%s: got %s %s", path, reason, text)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}
