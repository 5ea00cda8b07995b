package dispatch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/dispatch"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/internal/secret"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
	"github.com/ratchet-runner/ratchet-go/internal/worker"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// The test binary is also the worker.
func TestMain(m *testing.M) {
	if err := sandbox.CloseInherited(); err != nil { // as main does
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if len(os.Args) == 3 && os.Args[1] == "worker" {
		if err := worker.Main(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	storetest.Stop()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// A server is the way of a job through a whole server, without its surfaces.
type server struct {
	t     testing.TB
	store *sqlstore.Store
	hub   *stream.Hub
	pool  *workerpool.Pool
	run   *executor.Executor
	box   *secret.Box
	node  ratchet.NodeID
}

// newServer returns a server on a database of its own. It runs no jobs yet.
func newServer(t testing.TB) *server {
	t.Helper()
	return newServerOn(t, filepath.Join(t.TempDir(), "ratchet.db"))
}

// newServerOn returns a server on a database that it may share.
func newServerOn(t testing.TB, url string) *server {
	t.Helper()
	s := &server{t: t, hub: stream.New(stream.Config{}), node: ratchet.NewID[ratchet.Node]()}
	var err error
	s.store, err = sqlstore.Open(t.Context(), sqlstore.Config{
		URL: url, Node: s.node, Publish: s.hub.Publish, Synchronous: "OFF",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	config := workerpool.Config{}
	if plain := os.Getenv("RATCHET_TEST_WORKER"); plain != "" {
		config.Command = []string{plain, "worker"} // this binary has the race detector in it
	}
	s.pool = workerpool.New(config)
	t.Cleanup(s.pool.Close)
	client, err := egress.New(egress.Config{AllowCIDR: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	s.run = executor.New(s.pool, client)
	if s.box, err = secret.New(secret.NewKey()); err != nil {
		t.Fatal(err)
	}
	return s
}

// start runs jobs on store, s.store if that is nil, until stop is called or the
// test ends. stop returns when everything has ended.
func (s *server) start(store dispatch.Store, config dispatch.Config) (d *dispatch.Dispatcher, stop func()) {
	s.t.Helper()
	if store == nil {
		store = s.store
	}
	config.Node.ID = s.node
	d = dispatch.New(store, s.run, s.hub, s.box, config)
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := d.Run(ctx); err != nil {
			s.t.Error(err)
		}
	}()
	stop = func() {
		cancel()
		<-ended
	}
	s.t.Cleanup(func() {
		d.Kill()
		stop()
	})
	return d, stop
}

// register keeps a task and returns it.
func (s *server) register(name, source, metadata string) *ratchet.Task {
	s.t.Helper()
	dir := s.t.TempDir()
	for file, text := range map[string]string{
		"main.js":       source,
		"metadata.json": fmt.Sprintf(`{"name": %q, "version": "1.0.0"%s}`, name, metadata),
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	b, err := bundle.Load(s.t.Context(), dir, bundle.Options{})
	if err != nil {
		s.t.Fatalf("load the task: %v %+v", err, ratchet.AsError(err).Details)
	}
	archive, err := b.Archive()
	if err != nil {
		s.t.Fatal(err)
	}
	task, _, err := s.store.PutVersion(s.t.Context(), ratchet.NewVersion{
		Task: &ratchet.Task{Name: b.Name, Enabled: true},
		Version: &ratchet.Version{
			Task: b.Name, Digest: b.Digest, Semver: b.Version, Isolation: b.Isolation, Slots: b.Slots,
			Limits: b.Limits, Permissions: b.Permissions, Retry: b.Retry,
		},
		Archive: archive,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return task
}

// submit has a job accepted; change may set more of it.
func (s *server) submit(task *ratchet.Task, input string, change func(*ratchet.Job)) ratchet.JobID {
	s.t.Helper()
	job := &ratchet.Job{
		ID: ratchet.NewID[ratchet.Job](), TaskID: task.ID, Task: task.Name, VersionDigest: task.VersionDigest,
		State: ratchet.JobQueued, Input: json.RawMessage(input), CreatedAt: time.Now(),
	}
	if change != nil {
		change(job)
	}
	if _, err := s.store.Submit(s.t.Context(), []ratchet.Submission{{Job: job}}); err != nil {
		s.t.Fatal(err)
	}
	return job.ID
}

// reach waits until the job is in one of the states, and returns it.
func (s *server) reach(id ratchet.JobID, states ...ratchet.JobState) *ratchet.Job {
	s.t.Helper()
	sub := s.hub.Subscribe(stream.Filter{Job: id, Types: []ratchet.EventType{ratchet.EventJob}})
	defer sub.Close()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for {
		job, err := s.store.Job(s.t.Context(), id)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, state := range states {
			if job.State == state {
				return job
			}
		}
		if job.State.Terminal() {
			s.t.Fatalf("the job is %s, want %v; error %+v", job.State, states, job.Error)
		}
		select {
		case <-sub.Events():
		case <-limit.C:
			s.t.Fatalf("the job stays %s (%s), want %v", job.State, job.Parked, states)
		}
	}
}

// executions lists those of a job, first attempt first.
func (s *server) executions(id ratchet.JobID) (list []ratchet.Execution) {
	s.t.Helper()
	page, err := s.store.Executions(s.t.Context(), ratchet.Query{
		Filters: []ratchet.Filter{{Field: "jobId", Values: []string{id.String()}}},
		Sort:    []ratchet.Sort{{Field: "attempt"}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range page.Items {
		whole, err := s.store.Execution(s.t.Context(), e.ID)
		if err != nil {
			s.t.Fatal(err)
		}
		list = append(list, *whole)
	}
	return list
}

// next is the next event, which must come.
func next(t testing.TB, sub *stream.Subscription) ratchet.Event {
	t.Helper()
	select {
	case e := <-sub.Events():
		return e
	case <-time.After(time.Minute):
		t.Fatal("no event comes")
		return ratchet.Event{}
	}
}

// A gate is a web server that makes whoever comes first wait, and lets the others
// pass.
type gate struct {
	t       testing.TB
	url     string
	arrived chan struct{} // closed when the first came
	release func()
	passed  atomic.Int64
}

func newGate(t testing.TB) *gate {
	t.Helper()
	g := &gate{t: t, arrived: make(chan struct{})}
	hold := make(chan struct{})
	g.release = sync.OnceFunc(func() { close(hold) })
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := g.passed.Add(1)
		if n == 1 {
			close(g.arrived)
			<-hold
		}
		_, _ = fmt.Fprintf(w, "visitor %d", n)
	}))
	g.url = web.URL
	t.Cleanup(web.Close)
	t.Cleanup(g.release)
	return g
}

// await waits until somebody is held at the gate.
func (g *gate) await() {
	g.t.Helper()
	select {
	case <-g.arrived:
	case <-time.After(time.Minute):
		g.t.Fatal("nobody came to the gate")
	}
}

// visitor is a task that passes a gate.
const visitor = `async ({ gate }) => { console.log("here"); return (await fetch(gate)).text(); }`

// visit is its input.
func (g *gate) visit() string { return `{"gate": "` + g.url + `"}` }

// eventually waits for what only processes outside ours can bring about.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("it never came about that %s", what)
		}
	}
}
