package storetest

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// A RedisServer is a Redis of one test, on a socket of its own.
type RedisServer struct {
	URL    string
	t      testing.TB
	socket string
	cmd    *exec.Cmd
	ended  chan struct{}
}

// Redis starts a Redis (Debian: redis-server), which is ended with the test. Where
// there is none the test is skipped, and says so.
func Redis(t testing.TB) *RedisServer {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("there is no redis-server (Debian: redis-server)")
	}
	folder, err := os.MkdirTemp("/tmp", "ratchet-redis-") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	r := &RedisServer{t: t, socket: filepath.Join(folder, "socket")}
	r.URL = "unix://" + r.socket
	r.Start()
	t.Cleanup(r.Kill)
	return r
}

// Start starts it, empty, and waits until it answers.
func (r *RedisServer) Start() {
	r.t.Helper()
	ctx := context.WithoutCancel(r.t.Context())
	_ = os.Remove(r.socket)
	r.cmd = exec.CommandContext(ctx, "redis-server", "--port", "0", "--unixsocket", r.socket, "--save", "", "--appendonly", "no", "--dir", filepath.Dir(r.socket))
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r.ended = make(chan struct{})
	started := make(chan error, 1)
	go func() { // as for PostgreSQL: its parent is the thread
		runtime.LockOSThread()
		defer close(r.ended)
		err := r.cmd.Start()
		started <- err
		if err == nil {
			_ = r.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		r.t.Fatalf("start Redis: %v", err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		c, err := (&net.Dialer{}).DialContext(ctx, "unix", r.socket)
		if err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-r.ended:
			r.t.Fatal("Redis ended at once")
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("Redis does not answer: %v", err)
		}
	}
}

// Kill ends it at once.
func (r *RedisServer) Kill() {
	_ = r.cmd.Process.Kill()
	<-r.ended
}

// Freeze has it answer nothing, and keep its connections, until it is thawed.
func (r *RedisServer) Freeze() { _ = r.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (r *RedisServer) Thaw() { _ = r.cmd.Process.Signal(syscall.SIGCONT) }
