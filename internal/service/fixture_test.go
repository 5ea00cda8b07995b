package service_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/schedule"
	"github.com/ratchet-runner/ratchet-go/internal/secret"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

// A fixture is a service over a real store, with everything but the workers: what
// becomes of a job is what the test says.
type fixture struct {
	*service.Service
	store *sqlstore.Store
	hub   *stream.Hub
	ctx   context.Context // in which somebody asks who may do everything
	box   *secret.Box
	tries *tries
}

// A probe says of a task whether a worker could read it.
type probe func(*bundle.Bundle) error

func (p probe) Probe(_ context.Context, b *bundle.Bundle) error { return p(b) }

func newFixture(t testing.TB, config service.Config) *fixture {
	t.Helper()
	hub := stream.New(stream.Config{})
	store, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: filepath.Join(t.TempDir(), "ratchet.db"), Publish: hub.Publish, Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	box, err := secret.New(secret.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	config.TempDir = t.TempDir()
	tried := &tries{}
	s := service.New(service.Deps{
		Store: store, Stream: hub, Schedules: schedule.Rules{}, Sealer: box, Deliverer: tried,
		Prober: probe(func(b *bundle.Bundle) error {
			if bytes.Contains(b.Code, []byte("UNREADABLE")) {
				return ratchet.Errorf(ratchet.ReasonSyntax, "the worker cannot read it")
			}
			return nil
		}),
	}, config)
	return &fixture{s, store, hub, auth.With(t.Context(), auth.Local()), box, tried}
}

// A folder is a task's files by name.
type folder map[string]string

const (
	addition = `{"name": "addition", "version": "1.0.0", "label": "Addition", "permissions": {"env": ["TOKEN", "REGION"]}, "uuid": "bd6c6f98-4896-44cc-8c82-30328c3aefda"}`
	twoSums  = `{"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"], "additionalProperties": false}`
)

func adding(change ...string) folder {
	f := folder{"metadata.json": addition, "main.js": "(i) => ({sum: i.a + i.b})", "input.schema.json": twoSums}
	for i := 0; i < len(change); i += 2 {
		f[change[i]] = change[i+1]
	}
	return f
}

func (f folder) zip(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, content := range f {
		file, err := w.Create(name)
		if err == nil {
			_, err = file.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// register keeps a task, which must go well.
func (f *fixture) register(t testing.TB, files folder) *ratchet.Registered {
	t.Helper()
	r, err := f.RegisterTask.Call(f.ctx, service.RegisterTask{Archive: files.zip(t)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// must returns the output of an operation, which must go well.
func must[Out any](out Out, err error) func(testing.TB) Out {
	return func(t testing.TB) Out {
		t.Helper()
		if err != nil {
			e := ratchet.AsError(err)
			t.Fatalf("got %v (%s) %+v", err, e.Reason, e.Details)
		}
		return out
	}
}

// refused checks that err is of the reason and says each part, somewhere.
func refused(t *testing.T, err error, reason ratchet.Reason, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want %s", reason)
	}
	e := ratchet.AsError(err)
	said, _ := json.Marshal(e)
	text := strings.NewReplacer(`\"`, `"`, `\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(said)) + err.Error()
	if e.Reason != reason {
		t.Errorf("got %s: %v, want %s", e.Reason, err, reason)
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not said in %s", part, text)
		}
	}
}

// pointers lists where the problems are.
func pointers(err error) (all []string) {
	if err != nil {
		for _, d := range ratchet.AsError(err).Details {
			all = append(all, d.Pointer)
		}
	}
	return all
}

// work runs the jobs that are submitted until the test ends: each attempt ends as
// do says, or is left running if that says nothing.
func (f *fixture) work(t *testing.T, do func(*ratchet.Claim) *ratchet.Outcome) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		err := f.store.Work(ctx, 4, func(ctx context.Context, ticket ratchet.Ticket) {
			claim, err := f.store.Claim(ctx, ticket)
			if err != nil {
				t.Errorf("claim: %v", err)
			}
			if claim == nil {
				return
			}
			if end := do(claim); end != nil {
				f.finish(ctx, t, claim, end)
			}
		})
		if err != nil {
			t.Errorf("work: %v", err)
		}
	})
	t.Cleanup(func() {
		stop()
		wg.Wait()
	})
}

func (f *fixture) finish(ctx context.Context, t *testing.T, claim *ratchet.Claim, end *ratchet.Outcome) {
	x := end.Execution
	x.ID, x.Job, x.Task, x.VersionDigest, x.Attempt = claim.Lease.Execution, claim.Job.ID, claim.Job.Task, claim.Version.Digest, claim.Lease.Attempt
	x.StartedAt, x.FinishedAt, x.Worker, x.Node = claim.Job.StartedAt, time.Now(), "w-1", claim.Lease.Node
	if _, err := f.store.Finish(ctx, claim.Lease, *end); err != nil {
		t.Errorf("finish: %v", err)
	}
}

func completed(output string) *ratchet.Outcome {
	return &ratchet.Outcome{Execution: &ratchet.Execution{State: ratchet.ExecutionCompleted, Output: json.RawMessage(output)}}
}

func failure(message string) *ratchet.Outcome {
	return &ratchet.Outcome{Execution: &ratchet.Execution{State: ratchet.ExecutionFailed, Error: ratchet.Errorf(ratchet.ReasonExecutionFailed, "%s", message)}}
}

// becomes waits until a job is in the state.
func (f *fixture) becomes(t *testing.T, id ratchet.JobID, state ratchet.JobState) *ratchet.Job {
	t.Helper()
	events := f.hub.Subscribe(stream.Filter{Job: id})
	defer events.Close()
	limit := time.After(20 * time.Second)
	for {
		j := must(f.store.Job(t.Context(), id))(t)
		if j.State == state {
			return j
		}
		select {
		case <-events.Events():
		case <-limit:
			t.Fatalf("job %s is %s, want %s", id, j.State, state)
		}
	}
}

func where(field string, values ...string) ratchet.Query {
	return ratchet.Query{Filters: []ratchet.Filter{{Field: field, Op: ratchet.OpIn, Values: values}}}
}
