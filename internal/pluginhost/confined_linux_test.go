package pluginhost_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ratchet-runner/ratchet-go"
)

func TestAPluginTouchesNothingThatItWasNotGiven(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	f := newFolder(t).add("good", "base")
	h, book := newHost(t, f, quick())
	enable(t, h, "base", settings(""))
	enable(t, h, "good", settings(""))
	if !strings.Contains(book.String(), `"sandbox":"strict"`) {
		t.Errorf("this machine has not all the layers: %s", book.String())
	}
	call := func(fn, arg string) (string, error) {
		text, _ := json.Marshal(arg)
		return function(t, h, "good", fn, string(text))
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{outside, "/etc/shadow", "/etc/passwd", filepath.Join(home, ".bashrc"), "/proc/1/environ", "/proc/sysrq-trigger"} {
		if got, err := call("read", path); err == nil && got != `""` {
			t.Errorf("it can read %s: %s", path, got)
		}
		if _, err := call("touch", path); err == nil {
			t.Errorf("it can write %s", path)
		}
	}
	for _, path := range []string{"/usr/x", "/x", "/etc/x", filepath.Join(f.dir, "ratchet-plugin-good")} {
		if _, err := call("touch", path); err == nil {
			t.Errorf("it can write %s", path)
		}
	}
	// Its /tmp is its own, so that it may believe that it wrote there.
	for _, path := range []string{filepath.Join(f.dir, "x"), filepath.Join(f.dir, "base.data", "x"), "/tmp/" + filepath.Base(f.dir) + "-x"} {
		_, _ = call("touch", path)
		if _, err := os.Stat(path); err == nil {
			t.Errorf("it can write %s", path)
		}
	}
	if got, err := call("dial", listener.Addr().String()); err == nil {
		t.Errorf("it can connect: %s", got)
	}
	if got, err := call("environ", ""); err != nil || got != "null" && got != "[]" {
		t.Errorf("its environment is %s, %v", got, err)
	}
	// And what it was given it has.
	data, err := call("data", "")
	if err != nil {
		t.Fatal(err)
	}
	own := strings.Trim(data, `"`) + "/mine"
	if _, err := call("touch", own); err != nil {
		t.Errorf("its own folder: %v", err)
	}
	if got, err := os.ReadFile(own); err != nil || string(got) != "x" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAPluginHasWhatItNeedsAndWasAllowed(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	h, _ := newHost(t, newFolder(t).add("greedy"), quick())
	s := settings("")
	s.Allowed = one(t, h, "greedy").Needs
	enable(t, h, "greedy", s)
	if _, err := function(t, h, "greedy", "dial", strconv.Quote(listener.Addr().String())); err != nil {
		t.Errorf("it was allowed the network: %v", err)
	}
	want, err := os.ReadFile("/etc/hostname")
	if err != nil {
		t.Skip("this machine has no such file") // nothing else here depends on it
	}
	quoted, _ := json.Marshal(string(want))
	if got, err := function(t, h, "greedy", "read", `"/etc/hostname"`); err != nil || got != string(quoted) {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := function(t, h, "greedy", "touch", `"/etc/hostname"`); err == nil {
		t.Error("it may read the file, not write it")
	}
}

// TestServerToBeKilled is the server of the next test.
func TestServerToBeKilled(t *testing.T) {
	dir := os.Getenv("RATCHET_TEST_PLUGINS")
	if dir == "" {
		return // it is not started by that test
	}
	h, _ := newHost(t, folder{t, dir}, quick())
	enable(t, h, "good", settings(""))
	fmt.Println("PID", one(t, h, "good").PID)
	<-t.Context().Done()
}

func TestNoPluginOutlivesItsServer(t *testing.T) {
	t.Parallel()
	f := newFolder(t).add("good")
	server := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestServerToBeKilled$", "-test.v")
	server.Env = append(os.Environ(), "RATCHET_TEST_PLUGINS="+f.dir)
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	pid := 0
	for lines := bufio.NewScanner(out); pid == 0 && lines.Scan(); {
		if n, ok := strings.CutPrefix(lines.Text(), "PID "); ok {
			if pid, err = strconv.Atoi(n); err != nil {
				t.Fatal(err)
			}
		}
	}
	if pid == 0 || unix.Kill(pid, 0) != nil {
		t.Fatalf("the plugin %d does not run", pid)
	}
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait() // killed
	eventually(t, "the plugin's end", func() bool { return unix.Kill(pid, 0) == unix.ESRCH })
}

func TestWhatAPluginStartedDiesWithIt(t *testing.T) {
	t.Parallel()
	h, _ := newHost(t, newFolder(t).add("good"), quick())
	enable(t, h, "good", settings(""))
	seconds := fmt.Sprintf("9%d", os.Getpid()) // nobody else sleeps that long
	sleeps := func() bool {
		all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, path := range all {
			if line, _ := os.ReadFile(path); string(line) == "/bin/sleep\x00"+seconds+"\x00" {
				return true
			}
		}
		return false
	}
	if _, err := function(t, h, "good", "fork", strconv.Quote(seconds)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the start of another process", sleeps)
	_, _ = function(t, h, "good", "crash", "null")
	eventually(t, "its end", func() bool { return !sleeps() })
}

func TestCountsTellOfWhatAPluginDid(t *testing.T) {
	t.Parallel()
	h, _ := newHost(t, newFolder(t).add("good"), quick())
	enable(t, h, "good", settings(""))
	for range 3 {
		_, _ = function(t, h, "good", "echo", "1")
	}
	_, _ = function(t, h, "good", "fail", "null")
	_, _ = h.Submit(t.Context(), &ratchet.PluginEvent{Input: json.RawMessage(`"forbidden"`)})
	got := map[string]ratchet.PluginCalls{}
	for _, c := range one(t, h, "good").Calls {
		got[c.Operation] = c
	}
	if c := got["function echo"]; c.Calls != 3 || c.Failed != 0 || c.P50 == 0 || c.P99 < c.P50 {
		t.Errorf("got %+v", c)
	}
	if c := got["function fail"]; c.Failed != 1 || !strings.Contains(c.LastError, "out of luck") {
		t.Errorf("got %+v", c)
	}
	if c := got["submit"]; c.Rejected != 1 || c.Failed != 0 {
		t.Errorf("got %+v", c)
	}
}
