package daemon_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/daemon"
	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

func TestMain(m *testing.M) { ratchettest.Main(m, storetest.Stop) }

// get asks a server and returns the status and the body of its answer.
func get(t *testing.T, url, key string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func reason(err error) ratchet.Reason {
	e, ok := errors.AsType[*ratchet.Error](err)
	if !ok {
		return ""
	}
	return e.Reason
}

func TestAServerRunsAJobAndSaysHowItIs(t *testing.T) {
	t.Parallel()
	s := ratchettest.Start(t)
	s.Register("double", "(i) => ({ twice: 2 * i.n })")
	j := s.Wait(s.Submit(ratchet.JobRequest{Task: "double", Input: json.RawMessage(`{"n": 21}`)}).ID)
	if j.State != ratchet.JobCompleted || string(j.Output) != `{"twice":42}` {
		t.Errorf("got %s, %s, %v", j.State, j.Output, j.Error)
	}
	for path, want := range map[string]string{
		"/health": `"status":"healthy"`, "/ready": `"ready"`, "/live": `"live"`, "/version": `"version":"test"`,
		"/openapi.json": `"openapi"`, "/api/v1/jobs": `"completed"`,
	} {
		if status, body := get(t, s.URL+path, ""); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: got %d, %.300s, want %s", path, status, body, want)
		}
	}
}

func TestMetricsSayWhatHappened(t *testing.T) {
	t.Parallel()
	s := ratchettest.Start(t)
	s.Register("fails", `() => { throw new Error("no") }`)
	s.Wait(s.Submit(ratchet.JobRequest{Task: "fails", MaxAttempts: 1}).ID)
	get(t, s.URL+"/api/v1/jobs", "")
	_, body := get(t, s.URL+"/metrics", "")
	for _, want := range []string{
		`ratchet_job_transitions_total{state="failed"} 1`,
		`ratchet_executions_total{task="fails",state="failed",reason="EXECUTION_FAILED"} 1`,
		`ratchet_execution_duration_seconds_count{task="fails"} 1`,
		`ratchet_queue_latency_seconds_count{priority="normal"} 1`,
		`ratchet_operations_total{operation="jobs.submit",code="ok"} 1`,
		`ratchet_http_requests_total{method="GET",route="GET /api/v1/jobs",status="200"} 1`,
		`ratchet_execution_slots 4`, `ratchet_jobs_waiting 0`, `ratchet_stale_writes_total 0`, `ratchet_database_bytes{file="main"}`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s", want)
		}
	}
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("got %v, %v", problems, err)
	}
	if t.Failed() {
		t.Log(body)
	}
}

// Every metric is explained, and nothing else is.
func TestTheMetricsAreThoseOfTheDocuments(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	s := ratchettest.Start(t)
	_, body := get(t, s.URL+"/metrics", "")
	for line := range strings.Lines(body) {
		if fields := strings.Fields(line); fields[0] == "#" && fields[1] == "TYPE" && strings.HasPrefix(fields[2], "ratchet_") {
			if !strings.Contains(string(page), "`"+fields[2]) {
				t.Errorf("docs/operations.md says nothing of %s", fields[2])
			}
		}
	}
	for word := range strings.SplitSeq(string(page), "`") {
		name, _, _ := strings.Cut(word, "{")
		if strings.HasPrefix(name, "ratchet_") && !strings.Contains(body, "# TYPE "+name+" ") {
			t.Errorf("docs/operations.md speaks of %s, which there is not", name)
		}
	}
}

func TestAServerForStrangersWantsAKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	everywhere := ratchettest.WithConfig(func(c *config.Config) { c.Server.BindAddress = "0.0.0.0" })
	_, err := ratchettest.TryStart(t, ratchettest.InDir(dir), everywhere)
	if err == nil || reason(err) != ratchet.ReasonUnauthenticated || !strings.Contains(err.Error(), "ratchet key create") {
		t.Fatalf("got %v, want a refusal that names ratchet key create", err)
	}

	c := config.Default()
	c.Data.Dir = dir
	keys, err := daemon.OpenKeys(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	key, err := keys.CreateKey(t.Context(), ratchet.KeyRequest{Name: "ops", Scopes: []ratchet.Scope{ratchet.ScopeRead}})
	if err := errors.Join(err, keys.Close()); err != nil {
		t.Fatal(err)
	}
	s := ratchettest.Start(t, ratchettest.InDir(dir), everywhere)
	for shown, want := range map[string]int{"": http.StatusUnauthorized, key.Text: http.StatusOK, key.Text[:len(key.Text)-1]: http.StatusUnauthorized} {
		if status, body := get(t, s.URL+"/api/v1/jobs", shown); status != want {
			t.Errorf("with %q: got %d, %s, want %d", shown, status, body, want)
		}
	}
	if status, body := get(t, s.URL+"/metrics", ""); status != http.StatusUnauthorized {
		t.Errorf("/metrics without a key: got %d, %.200s", status, body)
	}
}

func TestAServerMayBeOpenToAllIfItIsToldSo(t *testing.T) {
	t.Parallel()
	s := ratchettest.Start(t, ratchettest.WithConfig(func(c *config.Config) {
		c.Server.BindAddress, c.Auth.InsecureNoAuth = "0.0.0.0", true
	}))
	if status, body := get(t, s.URL+"/api/v1/jobs", ""); status != http.StatusOK {
		t.Errorf("got %d, %s", status, body)
	}
}

func TestAPortInUseSaysWhoHasIt(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // it listens on TCP
	_, err = ratchettest.TryStart(t, ratchettest.WithConfig(func(c *config.Config) { c.Server.Port = port }))
	want := fmt.Sprintf("127.0.0.1:%d is in use by %s (process %d)", port, "daemon.test", os.Getpid())
	if err == nil || reason(err) != ratchet.ReasonServiceUnavailable || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestTwoServersDoNotShareAFile(t *testing.T) {
	t.Parallel()
	s := ratchettest.Start(t)
	_, err := ratchettest.TryStart(t, ratchettest.InDir(s.Dir))
	if reason(err) != ratchet.ReasonStorageLocked || !strings.Contains(err.Error(), s.URL) {
		t.Errorf("got %v, want that %s has it", err, s.URL)
	}
}

func TestAServerThatWasNotRunGivesUpWhatItTook(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Data.Dir, c.Server.Port = t.TempDir(), 0
	for range 2 {
		d, err := daemon.New(t.Context(), c, daemon.Options{Worker: ratchettest.Command()})
		if err != nil {
			t.Fatal(err)
		}
		c.Server.Port = d.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // it listens on TCP
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A steps is what a stop has done so far.
type steps struct {
	mu   sync.Mutex
	all  []string
	told chan string
}

func newSteps() *steps { return &steps{told: make(chan string, 10)} }

func (s *steps) on(step string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, step)
	s.told <- step
}

func (s *steps) await(t *testing.T, text string) {
	t.Helper()
	for {
		select {
		case step := <-s.told:
			if strings.Contains(step, text) {
				return
			}
		case <-time.After(time.Minute):
			t.Fatalf("no step %q; there were %q", text, s.all)
		}
	}
}

// gate is a task's way to say that it runs, and to be let go on.
type gate struct {
	url     string
	arrived chan struct{}
	open    chan struct{}
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{arrived: make(chan struct{}, 10), open: make(chan struct{})}
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		g.arrived <- struct{}{}
		select {
		case <-g.open:
		case <-r.Context().Done():
		}
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	g.url = "http://" + l.Addr().String()
	return g
}

// task waits at the gate.
func (g *gate) task() string {
	return fmt.Sprintf(`async () => { await fetch(%q); return "through"; }`, g.url)
}

func (g *gate) await(t *testing.T) {
	t.Helper()
	select {
	case <-g.arrived:
	case <-time.After(time.Minute):
		t.Fatal("the task does not arrive at the gate")
	}
}

func TestAStopTakesNoMoreRequestsAndStartsNoMoreJobs(t *testing.T) {
	t.Parallel()
	stop, g := newSteps(), newGate(t)
	s := ratchettest.Start(t, ratchettest.OnStop(stop.on), ratchettest.WithConfig(func(c *config.Config) {
		c.Execution.Slots, c.Server.StopTimeout = 1, time.Minute
	}))
	s.Register("gated", g.task())
	running := s.Submit(ratchet.JobRequest{Task: "gated"})
	g.await(t)
	waiting := s.Submit(ratchet.JobRequest{Task: "gated"})
	s.Begin()
	stop.await(t, "waiting up to 1m for 1 execution")
	// The port is closed as soon as the server has been told.
	for refused := false; !refused; {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Daemon.Addr().String())
		if refused = err != nil; !refused {
			conn.Close()
		}
	}
	close(g.open) // what runs may end by itself
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	again := ratchettest.Start(t, ratchettest.InDir(s.Dir), ratchettest.WithConfig(func(c *config.Config) { c.Execution.Slots = 1 }))
	if j := again.Wait(running.ID); j.State != ratchet.JobCompleted || j.Attempts != 1 || j.Losses != 0 {
		t.Errorf("the job that ran: got %s, %d attempts, %d losses, want it completed in its first", j.State, j.Attempts, j.Losses)
	}
	if j := again.Wait(waiting.ID); j.State != ratchet.JobCompleted || j.StartedAt.Before(running.CreatedAt) || j.Losses != 0 {
		t.Errorf("the job that waited: got %s, %d losses, want it completed after the restart", j.State, j.Losses)
	}
	if n := len(g.arrived); n != 1 {
		t.Errorf("the task ran %d times after the stop had begun, want once, after the restart", n)
	}
}

func TestWhatDoesNotEndInTimeIsHandedBackWithoutBurningAnAttempt(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	s := ratchettest.Start(t, ratchettest.WithConfig(func(c *config.Config) { c.Server.StopTimeout = 10 * time.Millisecond }))
	s.Register("gated", g.task())
	job := s.Submit(ratchet.JobRequest{Task: "gated", MaxAttempts: 1})
	g.await(t)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	close(g.open)
	again := ratchettest.Start(t, ratchettest.InDir(s.Dir))
	if j := again.Wait(job.ID); j.State != ratchet.JobCompleted || j.Attempts != 1 || j.Losses != 1 {
		t.Errorf("got %s, %d attempts, %d losses, want it completed in its only attempt after one loss", j.State, j.Attempts, j.Losses)
	}
}

func TestWhoWaitsForAResultGetsItDuringAStop(t *testing.T) {
	t.Parallel()
	stop, g := newSteps(), newGate(t)
	s := ratchettest.Start(t, ratchettest.OnStop(stop.on), ratchettest.WithConfig(func(c *config.Config) { c.Server.StopTimeout = time.Minute }))
	s.Register("gated", g.task())
	job := s.Submit(ratchet.JobRequest{Task: "gated"})
	g.await(t)
	asked := make(chan string, 1)
	go func() {
		r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, s.URL+"/api/v1/jobs/"+job.ID.String()+"?wait=60s", nil)
		if err != nil {
			asked <- err.Error()
			return
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			asked <- err.Error()
			return
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		asked <- fmt.Sprint(resp.StatusCode, " ", string(text), err)
	}()
	// The request is under way once the hub has its reader beside those of the dispatcher, of purges and of plugins.
	for readers := ""; !strings.Contains(readers, "ratchet_event_readers 4\n"); {
		_, readers = get(t, s.URL+"/metrics", "")
	}
	s.Begin()
	stop.await(t, "waiting up to")
	close(g.open)
	if got := <-asked; !strings.HasPrefix(got, "200 ") || !strings.Contains(got, `"output":"through"`) {
		t.Errorf("got %s", got)
	}
}

func TestAStopEndsStreamsWorkersAndTheDatabaseInThisOrder(t *testing.T) {
	t.Parallel()
	stop := newSteps()
	s := ratchettest.Start(t, ratchettest.OnStop(stop.on))
	s.Register("quick", "() => 1")
	s.Wait(s.Submit(ratchet.JobRequest{Task: "quick"}).ID)
	workers, err := s.Service().ListWorkers.Call(s.Context(), struct{}{})
	if err != nil || len(workers) == 0 {
		t.Fatalf("got %v, %v, want workers", workers, err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	s.Begin()
	text, err := io.ReadAll(resp.Body) // ends, since the server ends it
	if err != nil || !strings.Contains(string(text), "the server is stopping") {
		t.Errorf("the stream: got %q, %v, want that it says why it ends", text, err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, w := range workers {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", w.PID)); err == nil {
			t.Errorf("the worker %d outlived its server", w.PID)
		}
	}
	want := []string{"taking no more requests", "waiting up to 5s for 0 executions", "waiting up to 5s for deliveries", "ending streams", "ending workers"}
	for i, step := range stop.all {
		if !strings.HasPrefix(step, want[i]) {
			t.Errorf("step %d: got %q, want %q…", i, step, want[i])
		}
	}
	ratchettest.Start(t, ratchettest.InDir(s.Dir)) // the file is free again
}
