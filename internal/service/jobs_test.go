package service_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func sum(a, b int) json.RawMessage { return fmt.Appendf(nil, `{"a": %d, "b": %d}`, a, b) }

func TestAJobIsWhatWasAskedWithTheDefaultsOfItsVersion(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	r := f.register(t, adding("metadata.json", `{"name": "addition", "version": "1.0.0", "retry": {"maxAttempts": 7}}`))
	plain := must(f.SubmitJob.Call(f.ctx, ratchet.JobRequest{TaskID: r.ID.String(), Input: sum(1, 2)}))(t)
	if plain.State != ratchet.JobQueued || plain.Status != ratchet.StatusQueued || plain.Task != "addition" || plain.TaskID != r.ID ||
		plain.VersionDigest != r.VersionDigest || plain.Priority != ratchet.PriorityNormal || plain.Retry.MaxAttempts != 7 || plain.RunAt.IsZero() {
		t.Errorf("got %+v", plain)
	}
	full := must(f.SubmitJob.Call(f.ctx, ratchet.JobRequest{
		Task: "addition", Version: "1.0.0", Input: sum(1, 2), Priority: ratchet.PriorityUrgent, Delay: ratchet.Duration(time.Hour),
		MaxAttempts: 2, Retry: ratchet.Retry{MaxAttempts: 5, Factor: 3}, Timeout: ratchet.Duration(time.Minute), Tags: []string{"x", "y", "x"},
		Concurrency: &ratchet.Concurrency{Key: "customer-7", Max: 2},
	}))(t)
	kept := must(f.GetJob.Call(f.ctx, service.GetJob{ID: full.ID}))(t)
	if diff := cmp.Diff(*full, kept.Job); diff != "" || kept.Done {
		t.Errorf("what was answered is not what is kept:\n%s", diff)
	}
	if full.State != ratchet.JobScheduled || full.RunAt.Sub(full.CreatedAt) != time.Hour || full.Retry.MaxAttempts != 2 || full.Retry.Factor != 3 ||
		full.Limits.Wall != ratchet.Duration(time.Minute) || !slices.Equal(full.Tags, []string{"x", "y"}) || full.Concurrency.Max != 2 {
		t.Errorf("got %+v", full)
	}
	none := f.register(t, folder{"metadata.json": `{"name": "any", "version": "1.0.0"}`, "main.js": "() => 1"})
	empty := must(f.SubmitJob.Call(f.ctx, ratchet.JobRequest{Task: none.Name}))(t)
	if string(empty.Input) != "{}" || empty.Retry.MaxAttempts != ratchet.DefaultRetry().MaxAttempts {
		t.Errorf("got input %s, attempts %d", empty.Input, empty.Retry.MaxAttempts)
	}
	other := ratchet.JobRequest{Task: none.Name, Retry: ratchet.Retry{MaxAttempts: 5}}
	if j := must(f.SubmitJob.Call(f.ctx, other))(t); j.Retry.MaxAttempts != 5 {
		t.Errorf("got %d attempts, want 5", j.Retry.MaxAttempts)
	}
}

func TestEverythingWrongWithARequestIsToldAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{Limits: ratchet.Limits{Wall: ratchet.Duration(time.Minute)}})
	f.register(t, adding())
	_, err := f.SubmitJob.Call(f.ctx, ratchet.JobRequest{
		Task: "addition", Input: json.RawMessage(`{"a": "1", "c": 3}`), Priority: 9, RunAt: time.Now().Add(-2 * time.Minute),
		MaxAttempts: 1000, Retry: ratchet.Retry{Factor: 99}, Timeout: ratchet.Duration(time.Hour),
		Tags: []string{"ok", "", strings.Repeat("x", 101), "a\x00b"}, IdempotencyKey: strings.Repeat("k", 201), Concurrency: &ratchet.Concurrency{Max: 20_000},
	})
	refused(t, err, ratchet.ReasonValidation, "leave runAt out", "at most 1m", "low, normal, high or urgent")
	got := pointers(err)
	for _, want := range []string{
		"/priority", "/runAt", "/maxAttempts", "/retry/factor", "/timeout", "/tags/1", "/tags/2", "/tags/3", "/idempotencyKey",
		"/concurrency/key", "/concurrency/max", "/input", "/input/a", "/input/c",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not told; got %v", want, got)
		}
	}
	for name, c := range map[string]struct {
		request ratchet.JobRequest
		reason  ratchet.Reason
		parts   []string
	}{
		"no task":            {ratchet.JobRequest{}, ratchet.ReasonValidation, []string{"task is missing"}},
		"unknown task":       {ratchet.JobRequest{Task: "adition"}, ratchet.ReasonTaskNotFound, []string{"/task", `is "addition" meant`}},
		"another kind of ID": {ratchet.JobRequest{TaskID: ratchet.NewID[ratchet.Key]().String()}, ratchet.ReasonValidation, []string{"/taskId", `starts with "key_"`}},
		"two tasks":          {ratchet.JobRequest{Task: "addition", TaskID: "other"}, ratchet.ReasonValidation, []string{"name different tasks"}},
		"unknown version":    {ratchet.JobRequest{Task: "addition", Version: "2.0.0"}, ratchet.ReasonEntityNotFound, []string{"/version", "1.0.0"}},
		"version and latest": {ratchet.JobRequest{Task: "addition", Version: "1.0.0", Latest: true, Input: sum(1, 2)}, ratchet.ReasonValidation, []string{"exclude each other"}},
		"time and delay":     {ratchet.JobRequest{Task: "addition", RunAt: time.Now().Add(time.Hour), Delay: 1, Input: sum(1, 2)}, ratchet.ReasonValidation, []string{"exclude each other"}},
		"wrong input":        {ratchet.JobRequest{Task: "addition", Input: json.RawMessage(`{"a": 1}`)}, ratchet.ReasonInputInvalid, []string{"/input", `the property "b" is missing`}},
		"no JSON":            {ratchet.JobRequest{Task: "addition", Input: json.RawMessage(`{"a": `)}, ratchet.ReasonInputInvalid, []string{"not JSON"}},
		"twice a key":        {ratchet.JobRequest{Task: "addition", Input: json.RawMessage(`{"a":1,"a":2,"b":3}`)}, ratchet.ReasonInputInvalid, nil},
		"very deep":          {ratchet.JobRequest{Task: "addition", Input: json.RawMessage(strings.Repeat("[", 1e5) + strings.Repeat("]", 1e5))}, ratchet.ReasonInputInvalid, nil},
		"a task and more":    {ratchet.JobRequest{Task: "nope", Delay: -1}, ratchet.ReasonValidation, []string{"/task", "/delay", "2 problems"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.SubmitJob.Call(f.ctx, c.request)
			refused(t, err, c.reason, c.parts...)
		})
	}
	late := must(f.SubmitJob.Call(f.ctx, ratchet.JobRequest{Task: "addition", Input: sum(1, 2), RunAt: time.Now().Add(-30 * time.Second)}))(t)
	if late.State != ratchet.JobQueued {
		t.Errorf("half a minute late: got %s, want queued", late.State)
	}
	if page := must(f.ListJobs.Call(f.ctx, ratchet.Query{}))(t); page.Total != 1 {
		t.Errorf("%d jobs are kept, want 1", page.Total)
	}
}

func TestABatchIsAcceptedWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding())
	batch := make([]ratchet.JobRequest, 100)
	for i := range batch {
		batch[i] = ratchet.JobRequest{Task: "addition", Input: sum(i, i)}
	}
	batch[3].Task, batch[40].Input, batch[99].RunAt = "nope", json.RawMessage(`[]`), time.Unix(0, 0)
	_, err := f.SubmitJobs.Call(f.ctx, service.SubmitJobs{Jobs: batch})
	refused(t, err, ratchet.ReasonValidation, "3 problems")
	if diff := cmp.Diff([]string{"/jobs/3/task", "/jobs/40/input", "/jobs/99/runAt"}, pointers(err)); diff != "" {
		t.Error(diff)
	}
	batch[3].Task, batch[40].Input, batch[99].RunAt = "addition", sum(1, 1), time.Time{}
	jobs := must(f.SubmitJobs.Call(f.ctx, service.SubmitJobs{Jobs: batch}))(t)
	for i, j := range jobs {
		if i != 40 && string(j.Input) != string(sum(i, i)) {
			t.Fatalf("job %d has the input %s", i, j.Input)
		}
	}
	for _, n := range []int{0, ratchet.MaxBatch + 1} {
		_, err := f.SubmitJobs.Call(f.ctx, service.SubmitJobs{Jobs: make([]ratchet.JobRequest, n)})
		refused(t, err, ratchet.ReasonValidation, "1 to 1000")
	}
}

func TestTheSameRequestWithAKeyIsTheSameJob(t *testing.T) {
	t.Parallel()
	at := time.Now()
	var mu sync.Mutex
	f := newFixture(t, service.Config{MaxWaiting: 2})
	f.register(t, adding())
	clock := service.New(service.Deps{Store: f.store, Stream: f.hub, Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return at
	}}, service.Config{MaxWaiting: 2})
	r := ratchet.JobRequest{Task: "addition", Input: sum(1, 2), IdempotencyKey: "order-1", RunAt: at.Add(time.Second)}
	first := must(clock.SubmitJob.Call(f.ctx, r))(t)
	same := r
	same.Input, same.Task = json.RawMessage(`{"b":2,"a":1}`), first.TaskID.String()
	if j := must(clock.SubmitJob.Call(f.ctx, same))(t); j.ID != first.ID {
		t.Errorf("got job %s, want %s", j.ID, first.ID)
	}
	other := r
	other.Input = sum(1, 3)
	_, err := clock.SubmitJob.Call(f.ctx, other)
	if e := ratchet.AsError(err); err == nil || e.Code != ratchet.CodeConflict {
		t.Errorf("got %v, want a conflict", err)
	}
	// What would refuse a new job does not hide that this one was accepted.
	must(clock.SubmitJob.Call(f.ctx, ratchet.JobRequest{Task: "addition", Input: sum(1, 2)}))(t)
	must(f.DisableTask.Call(f.ctx, service.TaskRef{Task: "addition"}))(t)
	mu.Lock()
	at = at.Add(time.Hour)
	mu.Unlock()
	if j := must(clock.SubmitJob.Call(f.ctx, r))(t); j.ID != first.ID {
		t.Errorf("got job %s, want %s", j.ID, first.ID)
	}
	r.IdempotencyKey = "order-2"
	_, err = clock.SubmitJob.Call(f.ctx, r)
	refused(t, err, ratchet.ReasonValidation, "/runAt", "disabled")
}

func TestAFullQueueRefusesAndTakesAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{MaxWaiting: 5})
	f.register(t, adding())
	one := ratchet.JobRequest{Task: "addition", Input: sum(1, 2)}
	for range 4 {
		must(f.SubmitJob.Call(f.ctx, one))(t)
	}
	_, err := f.SubmitJobs.Call(f.ctx, service.SubmitJobs{Jobs: []ratchet.JobRequest{one, one}})
	refused(t, err, ratchet.ReasonQueueFull, "at most 5")
	if e := ratchet.AsError(err); e.Code != ratchet.CodeExhausted || !e.Retryable() {
		t.Errorf("got %s, retryable %t", e.Code, e.Retryable())
	}
	last := must(f.SubmitJob.Call(f.ctx, one))(t)
	_, err = f.SubmitJob.Call(f.ctx, one)
	refused(t, err, ratchet.ReasonQueueFull)
	must(f.CancelJob.Call(f.ctx, service.JobRef{ID: last.ID}))(t)
	for end := time.After(10 * time.Second); ; {
		if _, err = f.SubmitJob.Call(f.ctx, one); err == nil {
			break
		}
		refused(t, err, ratchet.ReasonQueueFull)
		select {
		case <-end:
			t.Fatal("the queue is full though a job has left it")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func TestAJobIsRetriedAsItsStateAllows(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding())
	later := ratchet.JobRequest{
		Task: "addition", Input: sum(1, 2), Delay: ratchet.Duration(time.Hour), Priority: ratchet.PriorityHigh, Tags: []string{"x"},
		Timeout: ratchet.Duration(time.Minute), IdempotencyKey: "k", Concurrency: &ratchet.Concurrency{Key: "c", Max: 1},
	}
	job := must(f.SubmitJob.Call(f.ctx, later))(t)
	ref := service.JobRef{ID: job.ID}
	if j := must(f.RetryJob.Call(f.ctx, ref))(t); j.ID != job.ID || j.State != ratchet.JobQueued {
		t.Errorf("a scheduled job: got %+v", j)
	}
	_, err := f.RetryJob.Call(f.ctx, ref)
	refused(t, err, ratchet.ReasonExecutionInvalidState, "ratchet job explain "+job.ID.String())
	must(f.CancelJob.Call(f.ctx, ref))(t)
	again := must(f.RetryJob.Call(f.ctx, ref))(t)
	if again.ID == job.ID || again.RetryOf != job.ID || again.State != ratchet.JobQueued || again.IdempotencyKey != "" ||
		string(again.Input) != string(job.Input) || again.Priority != job.Priority || !slices.Equal(again.Tags, job.Tags) ||
		again.Limits != job.Limits || again.VersionDigest != job.VersionDigest || *again.Concurrency != *job.Concurrency {
		t.Errorf("a cancelled job: got %+v", again)
	}
	_, err = f.RetryJob.Call(f.ctx, ref)
	refused(t, err, ratchet.ReasonExecutionInvalidState, again.ID.String(), "already")
	f.work(t, func(*ratchet.Claim) *ratchet.Outcome { return completed("{}") })
	f.becomes(t, again.ID, ratchet.JobCompleted)
	_, err = f.RetryJob.Call(f.ctx, service.JobRef{ID: again.ID})
	refused(t, err, ratchet.ReasonExecutionInvalidState, "submit a new job")
	_, err = f.CancelJob.Call(f.ctx, service.JobRef{ID: again.ID})
	refused(t, err, ratchet.ReasonExecutionInvalidState)
	for _, call := range []func(context.Context, service.JobRef) (*ratchet.Job, error){f.RetryJob.Call, f.CancelJob.Call} {
		_, err := call(f.ctx, service.JobRef{ID: ratchet.NewID[ratchet.Job]()})
		refused(t, err, ratchet.ReasonEntityNotFound, "ratchet job list")
	}
}
