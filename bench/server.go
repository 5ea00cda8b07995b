package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// noop is the function that all queues run here, Ratchet's and bench/peers/task.cjs.
const noop = `async ({ n }) => ({ ok: true, n })`

// A server is a `ratchet serve` of its own, and a client of it.
type server struct {
	cmd    *exec.Cmd
	url    string
	client *http.Client
	log    *os.File
	ended  chan struct{}
	body   func(n int64) string // of a request for a job
}

// clients is how many connections submit jobs at once.
const clients = 32

// serve starts a server that keeps its data in dir, and waits until it is ready.
func (b *bench) serve(dir string, flags ...string) (_ *server, err error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	s := &server{
		url: fmt.Sprintf("http://127.0.0.1:%d", port), log: log, ended: make(chan struct{}),
		body:   func(n int64) string { return fmt.Sprintf(`{"task":"noop","input":{"n":%d}}`, n) },
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * clients, DisableCompression: true}},
	}
	s.cmd = exec.CommandContext(b.ctx, b.ratchet, append([]string{"serve", "--port", strconv.Itoa(port), "--data-dir", dir}, flags...)...)
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.Dir = log, log, dir
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	go func() {
		defer close(s.ended)
		_ = s.cmd.Wait() // whoever needs it finds it dead
	}()
	if err := s.awaitReady(); err != nil {
		return nil, errors.Join(err, s.kill())
	}
	return s, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

func (s *server) awaitReady() error {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if status, _, err := s.ask(http.MethodGet, "/ready", ""); err == nil && status == http.StatusOK {
			return nil
		}
		select {
		case <-s.ended:
			text, _ := os.ReadFile(s.log.Name())
			return fmt.Errorf("the server ended: %s", text)
		case <-time.After(2 * time.Millisecond):
		}
	}
	return errors.New("the server is not ready after 30 s")
}

// stop ends the server in order, or at once.
func (s *server) stop(signal os.Signal) error {
	err := s.cmd.Process.Signal(signal)
	<-s.ended
	s.client.CloseIdleConnections()
	return errors.Join(err, s.log.Close())
}

// register registers a task with the code.
func (b *bench) register(s *server, dir, name, code string) error {
	task := filepath.Join(dir, "task-"+name)
	if err := os.MkdirAll(task, 0o755); err != nil {
		return err
	}
	metadata := fmt.Sprintf(`{"name": %q, "version": "1.0.0"}`, name)
	err := errors.Join(
		os.WriteFile(filepath.Join(task, "metadata.json"), []byte(metadata), 0o644),
		os.WriteFile(filepath.Join(task, "main.js"), []byte(code), 0o644),
	)
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(b.ctx, b.ratchet, "task", "register", task, "--server", s.url).CombinedOutput()
	if err != nil {
		return fmt.Errorf("register %s: %w: %s", name, err, out)
	}
	return nil
}

// serving runs f with a server that has the task noop and has run it.
func (b *bench) serving(flags []string, f func(s *server, dir string) error) error {
	return in(func(dir string) error {
		s, err := b.serve(dir, flags...)
		if err != nil {
			return err
		}
		err = b.register(s, dir, "noop", noop)
		if err == nil {
			err = s.warm()
		}
		if err == nil {
			err = f(s, dir)
		}
		return errors.Join(err, s.stop(os.Interrupt))
	})
}

// warm has every slot and connection used.
func (s *server) warm() error {
	_, err := s.load(800)
	return err
}

// ask makes a request and returns what came back.
func (s *server) ask(method, path, body string) (int, []byte, error) {
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body)) //nolint:noctx // ends with the server
	if err != nil {
		return 0, nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, text, err
}

// want is ask for the data of an answer that has the status.
func (s *server) want(status int, method, path, body string, data any) error {
	got, text, err := s.ask(method, path, body)
	if err != nil {
		return err
	}
	if got != status {
		return fmt.Errorf("%s %s: status %d, want %d: %s", method, path, got, status, text)
	}
	if data == nil {
		return nil
	}
	return json.Unmarshal(text, &struct {
		Data any `json:"data"`
	}{data})
}

// load submits jobs one by one over all connections and returns how long it took
// from the first request until the last result was committed.
func (s *server) load(jobs int) (time.Duration, error) {
	before, err := s.completed()
	if err != nil {
		return 0, err
	}
	took, err := s.runAll(jobs)
	if err != nil {
		return 0, err
	}
	after, err := s.completed()
	if err == nil && after-before != jobs {
		err = fmt.Errorf("%d jobs were submitted and %d completed", jobs, after-before)
	}
	return took, err
}

// runAll is load for one of several loads: the numbers of finished jobs are those of
// a moment ago.
func (s *server) runAll(jobs int) (time.Duration, error) {
	start := time.Now()
	if err := s.submitAll(jobs); err != nil {
		return 0, err
	}
	for {
		left, err := s.count("queued,running,retrying")
		if err != nil {
			return 0, err
		}
		if left == 0 {
			break
		}
		time.Sleep(min(200*time.Millisecond, max(2*time.Millisecond, time.Duration(left)*100*time.Microsecond)))
	}
	return time.Since(start), nil
}

// submitAll submits jobs one by one over all connections.
func (s *server) submitAll(jobs int) error {
	var next atomic.Int64
	errs := make([]error, clients)
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() { errs[c] = s.submit(&next, int64(jobs)) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// submit submits jobs over a connection of its own, until next is past the last.
// It writes and reads as little as HTTP needs: the server and the load share the
// processors, and it is the server that is measured.
func (s *server) submit(next *atomic.Int64, last int64) error {
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://")) //nolint:noctx // ends with the server
	if err != nil {
		return err
	}
	defer c.Close()
	r := bufio.NewReader(c)
	for n := next.Add(1); n <= last; n = next.Add(1) {
		body := s.body(n)
		_, err := fmt.Fprintf(c, "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		if err == nil {
			err = accepted(r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// accepted reads an answer, which must be a 202.
func accepted(r *bufio.Reader) error {
	status, err := r.ReadString('\n')
	if err != nil {
		return err
	}
	length := 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if value, found := bytes.CutPrefix(line, []byte("Content-Length: ")); found {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if strings.HasPrefix(status, "HTTP/1.1 202 ") {
		_, err = r.Discard(length)
		return err
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(length)))
	return errors.Join(fmt.Errorf("%s%s", status, text), err)
}

// completed is how many jobs are.
func (s *server) completed() (int, error) {
	var stats ratchet.Stats
	err := s.want(http.StatusOK, http.MethodGet, "/api/v1/stats", "", &stats)
	return stats.Jobs[ratchet.StatusCompleted], err
}

// count is how many jobs have one of the statuses, if they are not more than 10,000.
func (s *server) count(statuses string) (n int, err error) {
	res, err := s.client.Get(s.url + "/api/v1/jobs?limit=1&status_in=" + statuses) //nolint:noctx // as above
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return 0, err
	}
	return strconv.Atoi(res.Header.Get("X-Total-Count"))
}

// A usage is what the processes of a server used and hold.
type usage struct {
	server, workers time.Duration // of the processors
	resident        int64         // bytes; of workers only what they do not share
}

// workers are the IDs of the server's child processes.
func (s *server) workers() (pids []int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.cmd.Process.Pid))
	for _, f := range files {
		text, _ := os.ReadFile(f)
		for field := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// used reads what the server and its workers have used, those that ended too.
func (s *server) used() (u usage, err error) {
	own, ended, err := processorTime(s.cmd.Process.Pid)
	if err != nil {
		return u, err
	}
	u.server, u.workers, u.resident = own, ended, memory(s.cmd.Process.Pid, "Rss")
	for _, pid := range s.workers() {
		if own, ended, err := processorTime(pid); err == nil {
			u.workers += own + ended
		}
		u.resident += memory(pid, "Pss")
	}
	return u, nil
}

// processorTime is what a process has used, and what its children that ended had.
func processorTime(pid int) (own, ended time.Duration, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	const utime, tick = 11, 10 * time.Millisecond
	for i, sum := range []*time.Duration{&own, &own, &ended, &ended} {
		n, err := strconv.ParseInt(string(fields[utime+i]), 10, 64)
		if err != nil {
			return 0, 0, err
		}
		*sum += time.Duration(n) * tick
	}
	return own, ended, nil
}

// memory is one line of what the kernel says of a process's memory, in bytes.
func memory(pid int, line string) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for l := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(l, line+":"); found {
			kB, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kB << 10
		}
	}
	return 0
}

// kill ends the server as a crash would.
func (s *server) kill() error { return s.stop(os.Kill) }
