//go:build unix

package sqlstore_test

import (
	"errors"
	"os"
	osexec "os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
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

func TestReadOnlyFileIsNamed(t *testing.T) {
	t.Parallel()
	if !unprivileged(t) {
		return
	}
	made := func() string {
		path := storetest.SQLite(t)
		s, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: path})
		if err == nil {
			err = s.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	forbid := func(path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(path, 0o700) }) // so that it can be removed
	}
	readOnly, unreadable, folder := made(), made(), made()
	forbid(readOnly, 0o400)
	forbid(unreadable, 0)
	if err := os.Remove(folder + ".lock"); err != nil {
		t.Fatal(err)
	}
	forbid(filepath.Dir(folder), 0o500)
	for _, path := range []string{readOnly, unreadable, folder, filepath.Join(filepath.Dir(folder), "new.db")} {
		refused(t, sqlstore.Config{URL: path}, ratchet.ReasonStorageReadOnly, path)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(folder), "new.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want no new file", err)
	}
}

func TestBackupIntoAForbiddenFolderIsRefused(t *testing.T) {
	t.Parallel()
	if !unprivileged(t) {
		return
	}
	url, folder := storetest.SQLite(t), t.TempDir()
	s := storetest.Open(t, sqlstore.Config{URL: url})
	storetest.Task(t, s, "a")
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(folder, 0o700) })
	path := filepath.Join(folder, "copy.db")
	err := sqlstore.Backup(t.Context(), url, path)
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names %s", err, path)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 0 {
		t.Errorf("got %v, %v in the folder, want nothing", entries, err)
	}
}
