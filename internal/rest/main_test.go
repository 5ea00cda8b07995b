package rest_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/rest"
	"github.com/ratchet-runner/ratchet-go/internal/schedule"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

// A server is the API over a real store; nothing works on its jobs but the test.
type server struct {
	handler http.Handler // with nobody asking
	t       *testing.T
	url     string
	store   *sqlstore.Store
	hub     *stream.Hub
	svc     *service.Service
	as      auth.Principal
}

type readable struct{}

func (readable) Probe(context.Context, *bundle.Bundle) error { return nil }
func (readable) Workers() []ratchet.Worker                   { return nil }
func (readable) Seal(plain, _ []byte) ([]byte, error)        { return plain, nil }
func (readable) Open(sealed, _ []byte) ([]byte, error)       { return sealed, nil }
func (readable) Variables() []string                         { return nil }

// Try says what it was asked to try.
func (readable) Try(_ context.Context, t service.Trial) (all []ratchet.DestinationTest) {
	for _, d := range t.Destinations {
		all = append(all, ratchet.DestinationTest{Name: d.Name, Type: d.Type, Target: d.Target(), OK: true, Sent: t.Send})
	}
	return all
}

func serve(t *testing.T, options ...func(*rest.Config)) *server {
	t.Helper()
	s := &server{t: t, hub: stream.New(stream.Config{}), as: auth.Local()}
	var err error
	s.store, err = sqlstore.Open(t.Context(), sqlstore.Config{URL: filepath.Join(t.TempDir(), "r.db"), Publish: s.hub.Publish, Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	s.svc = service.New(service.Deps{
		Store: s.store, Stream: s.hub, Schedules: schedule.Rules{}, Prober: readable{}, Workers: readable{}, Sealer: readable{}, Deliverer: readable{},
	}, service.Config{TempDir: t.TempDir()})
	config := rest.Config{}
	for _, o := range options {
		o(&config)
	}
	h, err := rest.New(s.svc, config)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "req-1")
		h.ServeHTTP(w, r.WithContext(auth.With(r.Context(), s.as)))
	}))
	s.url, s.handler = web.URL, h
	t.Cleanup(func() {
		s.hub.Close("the test is over")
		web.Close()
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// An answered request.
type answered struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

// A problem is what errors look like, as clients know it.
type problem struct {
	Type, Title, Detail, Code, Reason string
	Status                            int
	RequestID                         string
	Errors                            []struct{ Parameter, Pointer, Message, Expected, Got string }
}

func (a answered) problem() (p problem) {
	a.t.Helper()
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		a.t.Fatalf("got %d with Content-Type %q, want a problem: %s", a.status, got, a.body)
	}
	if err := json.Unmarshal(a.body, &p); err != nil {
		a.t.Fatal(err)
	}
	if p.Status != a.status || p.Type == "" || p.Title == "" || p.Detail == "" || p.Code == "" || p.Reason == "" || p.RequestID != "req-1" {
		a.t.Errorf("got an incomplete problem: %s", a.body)
	}
	return p
}

// want checks the status.
func (a answered) want(status int) answered {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("got %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

func data[T any](a answered) (v T) {
	a.t.Helper()
	var whole struct{ Data *T }
	whole.Data = &v
	if err := json.Unmarshal(a.body, &whole); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
	return v
}

func (s *server) do(method, path, body string, headers ...string) answered {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return s.send(r)
}

func (s *server) send(r *http.Request) answered {
	s.t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answered{s.t, res.StatusCode, res.Header, got}
}

func (s *server) get(path string, headers ...string) answered {
	s.t.Helper()
	return s.do(http.MethodGet, "/api/v1"+path, "", headers...)
}

func (s *server) post(path, body string, headers ...string) answered {
	s.t.Helper()
	return s.do(http.MethodPost, "/api/v1"+path, body, headers...)
}

// addition is the zip of a task, whose version may be another.
func addition(t *testing.T, version string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	dir := os.DirFS("../../examples/addition")
	err := fs.WalkDir(dir, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path, "tests/") {
			return err
		}
		text, err := fs.ReadFile(dir, path)
		if err != nil {
			return err
		}
		if path == "metadata.json" && version != "" {
			text = bytes.Replace(text, []byte(`"1.0.0"`), []byte(`"`+version+`"`), 1)
		}
		w, err := z.Create(path)
		if err == nil {
			_, err = w.Write(text)
		}
		return err
	})
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// register registers the task "addition".
func (s *server) register() {
	s.t.Helper()
	s.post("/tasks", string(addition(s.t, "")), "Content-Type", "application/zip").want(http.StatusCreated)
}

const sum = `{"task":"addition","input":{"num1":1,"num2":2}}`

func (s *server) submit(body string) ratchet.Job {
	s.t.Helper()
	return data[ratchet.Job](s.post("/jobs", body).want(http.StatusAccepted))
}

// claim begins a job, as a worker would.
func (s *server) claim(id ratchet.JobID) *ratchet.Claim {
	s.t.Helper()
	claim, err := s.store.Claim(s.t.Context(), ratchet.Ticket{Job: id, Number: 1})
	if err != nil || claim == nil {
		s.t.Fatalf("claim %s: %v, %v", id, claim, err)
	}
	return claim
}

// finish ends it well.
func (s *server) finish(c *ratchet.Claim, output string) {
	s.t.Helper()
	s.end(c, func(e *ratchet.Execution) {
		e.State, e.Output = ratchet.ExecutionCompleted, json.RawMessage(output)
	})
}

func (s *server) end(c *ratchet.Claim, change func(*ratchet.Execution)) {
	s.t.Helper()
	e := s.execution(c)
	e.FinishedAt = e.StartedAt
	change(e)
	if _, err := s.store.Finish(s.t.Context(), c.Lease, ratchet.Outcome{Execution: e}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) execution(c *ratchet.Claim) *ratchet.Execution {
	return &ratchet.Execution{
		ID: c.Lease.Execution, Job: c.Job.ID, Task: c.Job.Task, VersionDigest: c.Job.VersionDigest, Attempt: c.Lease.Attempt,
		State: ratchet.ExecutionRunning, Input: c.Job.Input, QueuedAt: c.Job.CreatedAt, StartedAt: c.Job.StartedAt,
	}
}
