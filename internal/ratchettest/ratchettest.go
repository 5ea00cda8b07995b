// Package ratchettest starts whole servers for tests: with a database in a
// temporary folder, a port that the system chose, and real workers. What is tested
// with them is left to the tests.
package ratchettest

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/daemon"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/worker"
)

// A Server is a server for a test.
type Server struct {
	// URL is where it listens, such as "http://127.0.0.1:40123".
	URL string
	// Dir is its data folder, with ratchet.db in it unless it has another database.
	Dir    string
	Daemon *daemon.Daemon

	t     testing.TB
	stop  context.CancelFunc
	ended chan struct{}
	err   error
}

// An Option changes what Start starts.
type Option func(*start)

type start struct {
	config  config.Config
	options daemon.Options
}

// WithConfig changes the configuration.
func WithConfig(change func(*config.Config)) Option {
	return func(s *start) { change(&s.config) }
}

// WithDatabase keeps everything in the database at the URL, of PostgreSQL or a
// file, in place of a new one.
func WithDatabase(url string) Option {
	return WithConfig(func(c *config.Config) { c.Database.URL = url })
}

// InDir keeps everything in the folder, so that a server can be started again on
// what another left.
func InDir(dir string) Option {
	return WithConfig(func(c *config.Config) { c.Data.Dir = dir })
}

// OnStop has f told of each step of a stop.
func OnStop(f func(step string)) Option {
	return func(s *start) { s.options.OnStop = f }
}

// Main is the TestMain of a package whose tests start servers: a worker is the
// test binary with the argument "worker". What the tests shared is ended after them.
func Main(m *testing.M, after ...func()) {
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
	if len(os.Args) > 1 && os.Args[1] == "plugin-launch" {
		fmt.Fprintln(os.Stderr, sandbox.Launch(os.Args[2:])) // it returns only if it failed
		os.Exit(1)
	}
	code := m.Run()
	for _, end := range after {
		end()
	}
	os.Exit(code)
}

// Command is the command of workers, for tests: this binary, or what
// RATCHET_TEST_WORKER names, a plain build for tests under the race detector,
// which slows a JavaScript engine twenty-fold.
func Command() []string {
	if worker := os.Getenv("RATCHET_TEST_WORKER"); worker != "" {
		return []string{worker, "worker"}
	}
	return nil
}

// Start starts a server, which is stopped at the end of the test.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	s, err := TryStart(t, options...)
	if err != nil {
		t.Fatalf("start a server: %v", err)
	}
	return s
}

// TryStart is Start for a test in which the server may refuse to start.
func TryStart(t testing.TB, options ...Option) (*Server, error) {
	t.Helper()
	st := start{config: config.Default(), options: daemon.Options{Worker: Command(), Version: "test", Log: logger(t)}}
	st.config.Server.Port = 0
	st.config.Server.StopTimeout = 5 * time.Second
	st.config.Execution.Slots = 4
	st.config.HTTP.AllowPrivate = []string{"127.0.0.1"}
	st.config.Data.Dir = ""
	for _, o := range options {
		o(&st)
	}
	if st.config.Data.Dir == "" {
		st.config.Data.Dir = t.TempDir()
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	d, err := daemon.New(ctx, st.config, st.options)
	if err != nil {
		stop()
		return nil, err
	}
	s := &Server{URL: d.URL(), Dir: st.config.Data.Dir, Daemon: d, t: t, stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		s.err = d.Run(ctx)
	}()
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop the server: %v", err)
		}
	})
	<-d.Ready()
	return s, nil
}

// Stop stops the server gracefully and waits until it has. It may be called more
// than once.
func (s *Server) Stop() error {
	s.stop()
	<-s.ended
	return s.err
}

// Begin begins a graceful stop and does not wait for it; Stop does.
func (s *Server) Begin() { s.stop() }

// Ended is closed when the server has stopped.
func (s *Server) Ended() <-chan struct{} { return s.ended }

// Service is what the server can do, without HTTP. Operations want a context from
// Context.
func (s *Server) Service() *service.Service { return s.Daemon.Service() }

// Context is the test's, in which whoever is on this machine asks.
func (s *Server) Context() context.Context { return auth.With(s.t.Context(), auth.Local()) }

// Database is the file of the server's database, if it has one of its own.
func (s *Server) Database() string { return filepath.Join(s.Dir, "ratchet.db") }

// logger passes warnings on to the test, whose log is shown when it fails.
func logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

type testWriter struct{ t testing.TB }

// Write logs a line.
func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(string(p))
	return len(p), nil
}

// Zip makes the archive of a task of its files. One without metadata.json gets
// some, with the name.
func Zip(t testing.TB, name string, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add := func(file, text string) {
		w, err := z.Create(file)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, has := files["metadata.json"]; !has {
		add("metadata.json", fmt.Sprintf(`{"name": %q, "version": "1.0.0"}`, name))
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		add(file, files[file])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Register brings in a task of one file of code.
func (s *Server) Register(name, code string) {
	s.t.Helper()
	archive := Zip(s.t, name, map[string]string{"main.js": code})
	if _, err := s.Service().RegisterTask.Call(s.Context(), service.RegisterTask{Archive: archive}); err != nil {
		s.t.Fatalf("register the task %s: %v", name, err)
	}
}

// Submit submits a job of a task.
func (s *Server) Submit(r ratchet.JobRequest) *ratchet.Job {
	s.t.Helper()
	j, err := s.Service().SubmitJob.Call(s.Context(), r)
	if err != nil {
		s.t.Fatalf("submit a job of %s: %v", r.Task, err)
	}
	return j
}

// Wait waits until a job is finished.
func (s *Server) Wait(id ratchet.JobID) *ratchet.Job {
	s.t.Helper()
	r, err := s.Service().GetJob.Call(s.Context(), service.GetJob{ID: id, Wait: patience})
	if err != nil {
		s.t.Fatalf("wait for the job %s: %v", id, err)
	}
	if !r.Done {
		s.t.Fatalf("the job %s is still %s after %v", id, r.Job.State, patience)
	}
	return &r.Job
}

// patience bounds a wait; it is long so that only a fault reaches it.
const patience = time.Minute
