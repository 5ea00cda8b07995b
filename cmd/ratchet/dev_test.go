//go:build unix

package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ratchet-runner/ratchet-go/client"
)

// A devServer is "ratchet dev ." in a folder with one task.
type devServer struct {
	*process
	dir string
	c   *client.Client
}

func startDev(t *testing.T, args ...string) *devServer {
	t.Helper()
	d := &devServer{dir: t.TempDir()}
	d.task(t, "one", `() => ({ got: 1 })`)
	t.Setenv("TMPDIR", t.TempDir()) // to see what is left in it
	d.process = start(t, d.dir, append([]string{"dev", ".", "--port", "0"}, args...)...)
	url := strings.Fields(d.stderr.until("ratchet listens on "))[3]
	var err error
	if d.c, err = client.New(url, client.Options{}); err != nil {
		t.Fatal(err)
	}
	d.stderr.until("watching .")
	return d
}

func (d *devServer) task(t *testing.T, name, code string) {
	t.Helper()
	dir := filepath.Join(d.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "main.js", code)
	write(t, dir, "metadata.json", `{"name": "`+filepath.Base(name)+`", "version": "1.0.0"}`)
}

// run wants the task's output to be that.
func (d *devServer) run(t *testing.T, task, want string) {
	t.Helper()
	job, done, err := d.c.RunTask(t.Context(), task, json.RawMessage(`{}`), client.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !done || string(job.Output) != want {
		t.Errorf("%s: got %s, want %s", task, job.Output, want)
	}
}

func TestAnEditIsServedAtOnceAndABrokenOneNotAtAll(t *testing.T) { // not parallel: it sets TMPDIR
	d := startDev(t)
	d.run(t, "one", `{"got":1}`)
	d.stderr.until(`completed {"got":1}`)

	d.task(t, "one", `() => { console.log("new"); return { got: 2 }; }`)
	d.stderr.until("reloaded one 1.0.0")
	d.run(t, "one", `{"got":2}`)
	d.stderr.until("one [info] new")

	d.task(t, "one", "() => {\n  return { got: \n}")
	d.stderr.until("error: one/main.js:3:")
	d.stderr.until("the server keeps one as it was")
	d.run(t, "one", `{"got":2}`)

	d.task(t, "one", `() => ({ got: 3 })`)
	d.stderr.until("reloaded one")
	d.run(t, "one", `{"got":3}`)

	// A new folder, in a new folder.
	d.task(t, "deep/two", `() => { throw new Error("no luck"); }`)
	d.stderr.until("loaded two 1.0.0")
	if line := d.stderr.until("curl --json"); !strings.HasSuffix(line, "/api/v1/tasks/two/run") {
		t.Errorf("got %q, want how to run it", line)
	}
	if _, _, err := d.c.RunTask(t.Context(), "two", nil, client.RunOptions{MaxAttempts: 1}); err != nil {
		t.Fatal(err)
	}
	d.stderr.until("failed Error: no luck")
	d.stderr.until("main.js:1:")

	// Two of one name would take turns.
	d.task(t, "other/two", `() => ({ got: 4 })`)
	d.stderr.until(`are both called "two"`)

	d.signal(syscall.SIGINT)
	if code := d.end(); code != 0 {
		t.Errorf("exit code: got %d, want 0", code)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("got %v and %v, want nothing left behind", left, err)
	}
}

func TestADatabaseThatIsNamedIsKept(t *testing.T) {
	d := startDev(t, "--database", "dev.db")
	d.run(t, "one", `{"got":1}`)
	d.signal(syscall.SIGTERM)
	if code := d.end(); code != 0 {
		t.Errorf("exit code: got %d, want 0", code)
	}
	if _, err := os.Stat(filepath.Join(d.dir, "dev.db")); err != nil {
		t.Error(err)
	}
}
