//go:build !race

package sandbox_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

func TestWorkerDiesWithItsServer(t *testing.T) {
	t.Parallel()
	for _, user := range users {
		for name, s := range map[string]scenario{
			"strict":             {Linger: true},
			"without namespaces": {Linger: true, Without: []sandbox.Layer{sandbox.LayerNamespaces}},
		} {
			t.Run(name+" as "+user.name, func(t *testing.T) {
				t.Parallel()
				cmd, stderr := serverCommand(t, user.root, s)
				stdout, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				defer func() { _ = cmd.Wait() }()
				defer func() { _ = cmd.Process.Kill() }()
				var o outcome
				if err := json.NewDecoder(stdout).Decode(&o); err != nil {
					t.Fatalf("%v\n%s", err, stderr)
				}
				worker, err := unix.PidfdOpen(o.PID, 0)
				if err != nil {
					t.Fatalf("worker: %v", err)
				}
				defer unix.Close(worker)
				if !o.Report.Has(sandbox.LayerPdeathsig) {
					t.Errorf("got %v, want pdeathsig in it", o.Report)
				}
				begin := time.Now()
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				ended(t, worker)
				t.Logf("dead %v after the server", time.Since(begin))
			})
		}
	}
}

// ended waits for the end of a process.
func ended(t *testing.T, pidfd int) {
	t.Helper()
	const bound = 20_000 // ms
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, bound)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n != 1 {
			t.Fatalf("the worker is still there: %v", err)
		}
		return
	}
}

func TestClosingTheSpawnerEndsItsWorkers(t *testing.T) {
	t.Parallel()
	spawner := sandbox.NewSpawner()
	cmd, conn, err := spawn(spawner, scenario{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := converse(conn, assignment{}); err != nil {
		t.Fatal(err)
	}
	spawner.Close()
	spawner.Close()
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("worker: got %v, want it killed", err)
	}
	if _, _, err := spawn(spawner, scenario{}); err == nil {
		t.Error("a closed spawner started a worker")
	}
}

// The main thread outlives its goroutines, so nothing would end with it.
func TestOwnThreadIsNeverTheMainOne(t *testing.T) {
	t.Parallel()
	for range 100 {
		tid := make(chan int)
		sandbox.OnOwnThread(func() { tid <- unix.Gettid() })
		if got := <-tid; got == os.Getpid() {
			t.Fatal("got the main thread")
		}
	}
}

func TestCommandThatIsNotThereIsNoMatterOfLayers(t *testing.T) {
	t.Parallel()
	spawner := sandbox.NewSpawner()
	defer spawner.Close()
	_, err := spawner.Start(exec.Command("/no such program"), sandbox.Options{}, 0)
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that it does not exist", err)
	}
}

func TestGoLivesInTheSandbox(t *testing.T) {
	t.Parallel()
	for _, user := range users {
		t.Run(user.name, func(t *testing.T) {
			t.Parallel()
			o := runServer(t, user.root, scenario{Live: true})
			if o.Ended != "exit status 0" {
				t.Errorf("worker: got %s", o.Ended)
			}
		})
	}
}

func TestMemoryLimitEndsAHog(t *testing.T) {
	t.Parallel()
	for _, user := range users {
		for name, layers := range map[string][]sandbox.Layer{"strict": nil, "without namespaces": {sandbox.LayerNamespaces}} {
			t.Run(name+" as "+user.name, func(t *testing.T) {
				t.Parallel()
				o := runServer(t, user.root, scenario{Hog: true, Without: layers})
				if o.Limit != "" || o.Ended != "exit status 2" { // how Go ends when memory is refused
					t.Errorf("limit %q, worker: %s, want it to run out of memory", o.Limit, o.Ended)
				}
			})
		}
	}
}

func TestMeterOfAnEndedProcessFails(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	meter, err := sandbox.OpenMeter(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer meter.Close()
	if _, err := meter.Read(); err != nil {
		t.Errorf("while it runs: %v", err)
	}
	_ = cmd.Wait()
	if u, err := meter.Read(); err == nil {
		t.Errorf("after it was waited for: got %+v, want an error", u)
	}
}
