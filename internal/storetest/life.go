package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

func testLife(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	var said recorder
	s := Open(t, sqlstore.Config{URL: fresh(t), Publish: said.publish})
	task := Task(t, s, "add")
	done := make(chan ratchet.JobID, 1)
	var claimed *ratchet.Claim
	stop := work(t, s, 4, completing(t, s, done, func(c *ratchet.Claim) { claimed = c }))
	input := json.RawMessage(`{"a": 1, "b":  [2, "\u0000é"] }`)
	j := Submit(t, s, NewJob(task, func(j *ratchet.Job) { j.Input, j.Tags, j.Priority = input, []string{"x"}, ratchet.PriorityHigh }))
	if j.State != ratchet.JobQueued || j.Status != ratchet.StatusQueued {
		t.Errorf("got %s, %s when submitted, want queued", j.State, j.Status)
	}
	all(t, 1, done)
	stop()
	got := wantState(t, s, j.ID, ratchet.JobCompleted)
	if string(got.Output) != "null" || got.Error != nil || got.Attempts != 1 || got.StartedAt.IsZero() || !bytes.Equal(got.Input, input) {
		t.Errorf("got %+v", got)
	}
	if got.Tags[0] != "x" || got.Priority != ratchet.PriorityHigh || !got.CreatedAt.Equal(j.CreatedAt) {
		t.Errorf("got %+v, want what was submitted", got)
	}
	if claimed.Version.Digest != task.VersionDigest || claimed.Job.State != ratchet.JobRunning || claimed.Lease.Node != s.Node() {
		t.Errorf("got claim %+v", claimed)
	}
	x, err := s.Execution(ctx, claimed.Lease.Execution)
	if err != nil || x.State != ratchet.ExecutionCompleted || x.Job != j.ID || x.Attempt != 1 || string(x.Output) != "null" || !bytes.Equal(x.Input, input) || x.Worker != "w1" || x.Node != s.Node() {
		t.Errorf("got execution %+v, %v", x, err)
	}
	if got, want := said.of(j.ID), "job queued, job running, job completed"; got != want {
		t.Errorf("got events %q, want %q", got, want)
	}
}

func testRetries(t *testing.T, fresh func(testing.TB) string) {
	at := fresh(t)
	s := Open(t, sqlstore.Config{URL: at})
	j := Submit(t, s, NewJob(Task(t, s, "flaky")))
	c := Claim(t, s, j.ID, 1)
	o := Ended(c, "", threw())
	o.RetryAt = time.Now().Add(time.Hour)
	finish(t, s, c, o)
	got := wantState(t, s, j.ID, ratchet.JobRetrying)
	if got.Error == nil || got.Error.Reason != ratchet.ReasonExecutionFailed || !got.RunAt.Equal(o.RetryAt.Truncate(time.Microsecond)) {
		t.Errorf("got %+v", got)
	}
	if Claim(t, s, j.ID, 1) != nil {
		t.Error("the ticket of the first attempt was good twice")
	}
	c = Claim(t, s, j.ID, 2)
	if c == nil || c.Lease.Attempt != 2 || c.Job.Attempts != 2 {
		t.Fatalf("got %+v, want the second attempt", c)
	}
	finish(t, s, c, Ended(c, `1`, nil))
	if got := wantState(t, s, j.ID, ratchet.JobCompleted); got.Error != nil || got.Attempts != 2 {
		t.Errorf("got %+v, want no error", got)
	}
	page, err := s.Executions(t.Context(), ratchet.Query{Filters: []ratchet.Filter{{Field: "jobId", Values: []string{j.ID.String()}}}, Sort: []ratchet.Sort{{Field: "attempt"}}})
	if err != nil || len(page.Items) != 2 || page.Items[0].State != ratchet.ExecutionFailed || page.Items[0].Output != nil || page.Items[1].State != ratchet.ExecutionCompleted {
		t.Errorf("got %+v, %v, want a failed and a completed execution", page.Items, err)
	}

	last := Submit(t, s, NewJob(Task(t, s, "flaky")))
	c = Claim(t, s, last.ID, 1)
	finish(t, s, c, Ended(c, "", threw()))
	wantState(t, s, last.ID, ratchet.JobFailed)
}

func testStaleLease(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	j := Submit(t, s, NewJob(Task(t, s, "slow")))
	first := Claim(t, s, j.ID, 1)
	if err := s.GiveBack(t.Context(), first.Lease, nil); err != nil {
		t.Fatal(err)
	}
	second := Claim(t, s, j.ID, 2)
	for range 2 {
		if _, err := s.Finish(t.Context(), first.Lease, Ended(first, `"late"`, nil)); !errors.Is(err, ratchet.ErrStale) {
			t.Errorf("got %v, want ErrStale", err)
		}
	}
	if err := s.GiveBack(t.Context(), first.Lease, nil); !errors.Is(err, ratchet.ErrStale) {
		t.Errorf("got %v, want ErrStale", err)
	}
	if s.Stale() != 3 {
		t.Errorf("got %d stale writes, want 3", s.Stale())
	}
	wantState(t, s, j.ID, ratchet.JobRunning)
	finish(t, s, second, Ended(second, `"good"`, nil))
	if got := wantState(t, s, j.ID, ratchet.JobCompleted); string(got.Output) != `"good"` || got.Attempts != 1 || got.Losses != 1 {
		t.Errorf("got %+v", got)
	}
	x, err := s.Execution(t.Context(), first.Lease.Execution)
	if err != nil || x.State != ratchet.ExecutionLost {
		t.Errorf("got %+v, %v, want a lost execution", x, err)
	}
}

func testOneClaimWins(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task := Task(t, s, "once")
	for range 10 {
		j := Submit(t, s, NewJob(task))
		var wg sync.WaitGroup
		won := make(chan *ratchet.Claim, 8)
		for range 8 {
			wg.Go(func() {
				if c := Claim(t, s, j.ID, 1); c != nil {
					won <- c
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Fatalf("got %d claims of one ticket, want 1", len(won))
		}
	}
}

func testSave(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	j := Submit(t, s, NewJob(Task(t, s, "talks")))
	c := Claim(t, s, j.ID, 1)
	x := Ended(c, `1`, nil).Execution
	x.Logs = []ratchet.LogEntry{{Time: time.Now().UTC(), Level: ratchet.LevelInfo, Message: "so far \x00\xff"}}
	x.Progress = ratchet.Progress{Value: 0.5, Message: "half"}
	if err := s.Save(t.Context(), []*ratchet.Execution{x}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Execution(t.Context(), x.ID)
	if err != nil || got.State != ratchet.ExecutionRunning || len(got.Logs) != 1 || got.Progress.Value != 0.5 {
		t.Errorf("got %+v, %v, want what was saved of a running execution", got, err)
	}
	if err := s.GiveBack(t.Context(), c.Lease, nil); err != nil {
		t.Fatal(err)
	}
	x.Progress.Value = 0.9
	if err := s.Save(t.Context(), []*ratchet.Execution{x}); err != nil {
		t.Fatal(err)
	}
	if got, err = s.Execution(t.Context(), x.ID); err != nil || got.Progress.Value != 0.5 || got.State != ratchet.ExecutionLost {
		t.Errorf("got %+v, %v, want a lost execution with what was saved before", got, err)
	}
}

func testMaxLosses(t *testing.T, fresh func(testing.TB) string) {
	at := fresh(t)
	s := Open(t, sqlstore.Config{URL: at})
	j := Submit(t, s, NewJob(Task(t, s, "poison")))
	for i := range ratchet.MaxLosses {
		c := Claim(t, s, j.ID, i+1)
		if c == nil || c.Lease.Attempt != 1 {
			t.Fatalf("got %+v after %d losses, want the first attempt again", c, i)
		}
		if err := s.GiveBack(t.Context(), c.Lease, Ended(c, "", threw()).Execution); err != nil {
			t.Fatal(err)
		}
	}
	if got := wantState(t, s, j.ID, ratchet.JobFailed); got.Error == nil || got.Losses != ratchet.MaxLosses || got.Attempts != 0 {
		t.Errorf("got %+v", got)
	}
}

func testBatch(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	at := fresh(t)
	s := Open(t, sqlstore.Config{URL: at})
	task := Task(t, s, "many")
	list := make([]ratchet.Submission, ratchet.MaxBatch)
	for i := range list {
		list[i].Job = NewJob(task)
	}
	list[500].Job.Tags = []string{"bad\x00"}
	_, err := s.Submit(ctx, list)
	wantReason(t, err, ratchet.ReasonValidation)
	if n := raw(t, at, "SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM river_job)"); n != 0 {
		t.Errorf("got %d rows of a batch that was refused, want none", n)
	}
	list[500].Job.Tags = nil
	accepted, err := s.Submit(ctx, list)
	if err != nil || len(accepted) != len(list) {
		t.Fatalf("got %d jobs, %v", len(accepted), err)
	}
	for i := range accepted {
		if accepted[i].ID != list[i].Job.ID {
			t.Fatalf("got the jobs in another order")
		}
	}
	if n := raw(t, at, "SELECT count(*) FROM river_job"); n != len(list) {
		t.Errorf("got %d tickets, want %d", n, len(list))
	}
	if n, err := s.Waiting(ctx, 10_000); n != len(list) || err != nil {
		t.Errorf("got %d waiting, %v, want %d", n, err, len(list))
	}
	if n, err := s.Waiting(ctx, 10); n != 10 || err != nil {
		t.Errorf("got %d waiting, %v, want as far as was to be counted", n, err)
	}
	done := make(chan ratchet.JobID, len(list))
	work(t, s, 16, completing(t, s, done))
	all(t, len(list), done)
}

func testIdempotency(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	at := fresh(t)
	s := Open(t, sqlstore.Config{URL: at})
	task, other := Task(t, s, "pay"), Task(t, s, "refund")
	keyed := func(task *ratchet.Task, print string) ratchet.Submission {
		return ratchet.Submission{Job: NewJob(task, func(j *ratchet.Job) { j.IdempotencyKey = "order 1" }), Fingerprint: []byte(print)}
	}
	submit := func(list ...ratchet.Submission) []ratchet.Job {
		t.Helper()
		jobs, err := s.Submit(ctx, list)
		if err != nil {
			t.Fatal(err)
		}
		return jobs
	}
	var wg sync.WaitGroup
	var ids [12]ratchet.JobID
	for i := range ids {
		wg.Go(func() { ids[i] = submit(keyed(task, "a"))[0].ID })
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatal("one key gave several jobs")
		}
	}
	_, err := s.Submit(ctx, []ratchet.Submission{{Job: NewJob(task)}, keyed(task, "b")})
	wantReason(t, err, ratchet.ReasonAlreadyExists)
	if n := raw(t, at, "SELECT count(*) FROM jobs"); n != 1 {
		t.Errorf("got %d jobs, want 1", n)
	}
	two := submit(keyed(other, "b"), keyed(task, "a"), keyed(other, "b"))
	if two[0].ID == ids[0] || two[1].ID != ids[0] || two[2].ID != two[0].ID {
		t.Errorf("got %s, %s, %s; want another task's own job, the first, and again the other's", two[0].ID, two[1].ID, two[2].ID)
	}
	raw(t, at, "UPDATE idempotency SET created_at = created_at - 86400000001")
	later := submit(keyed(task, "b"))
	if later[0].ID == ids[0] {
		t.Error("the key stood for the first request for more than its time")
	}
	raw(t, at, "DELETE FROM jobs WHERE id = "+quoted(at, later[0].ID))
	if again := submit(keyed(task, "b")); again[0].ID == later[0].ID {
		t.Error("the key stood for a job that is gone")
	}
	if n, err := s.Reconcile(ctx); n != 1 || err != nil { // of the other task
		t.Errorf("got %d forgotten, %v, want 1", n, err)
	}
}

func testOrder(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task := Task(t, s, "ordered")
	var want []string
	for _, p := range []ratchet.Priority{ratchet.PriorityLow, ratchet.PriorityNormal, ratchet.PriorityUrgent, ratchet.PriorityHigh, ratchet.PriorityUrgent} {
		Submit(t, s, NewJob(task, func(j *ratchet.Job) { j.Priority = p }))
	}
	want = []string{"urgent", "urgent", "high", "normal", "low"}
	soon := time.Now().Add(700 * time.Millisecond)
	later := Submit(t, s, NewJob(task, func(j *ratchet.Job) { j.Priority, j.RunAt = ratchet.PriorityUrgent, soon }))
	wantState(t, s, later.ID, ratchet.JobScheduled)
	want = append(want, "urgent")
	var got []string
	var started time.Time
	done := make(chan ratchet.JobID, 10)
	work(t, s, 1, completing(t, s, done, func(c *ratchet.Claim) {
		got = append(got, c.Job.Priority.String())
		started = time.Now()
	}))
	if ids := all(t, len(want), done); ids[len(ids)-1] != later.ID {
		t.Errorf("the job of a later time was not the last")
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got the order %v, want %v", got, want)
	}
	if started.Before(soon.Add(-2 * time.Millisecond)) {
		t.Errorf("started %v before its time", soon.Sub(started))
	}
}

func testWorkStops(t *testing.T, fresh func(testing.TB) string) {
	at := fresh(t)
	s := Open(t, sqlstore.Config{URL: at})
	task := Task(t, s, "stops")
	for range 20 {
		Submit(t, s, NewJob(task))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var begun, ended sync.WaitGroup
	begun.Add(2)
	let := make(chan struct{})
	returned := make(chan error, 1)
	ended.Go(func() {
		returned <- s.Work(ctx, 2, func(inner context.Context, ticket ratchet.Ticket) {
			c, err := s.Claim(inner, ticket)
			if c == nil || err != nil {
				t.Errorf("claim: %v, %v", c, err)
				return
			}
			begun.Done()
			<-let
			if inner.Err() != nil {
				t.Error("the handler's context ended with the work's")
			}
			if _, err := s.Finish(inner, c.Lease, Ended(c, `1`, nil)); err != nil {
				t.Error(err)
			}
		})
	})
	begun.Wait()
	cancel()
	select {
	case err := <-returned:
		t.Errorf("Work returned %v while handlers ran", err)
	case <-time.After(100 * time.Millisecond):
	}
	close(let)
	if err := <-returned; err != nil {
		t.Error(err)
	}
	ended.Wait()
	if n := raw(t, at, "SELECT count(*) FROM jobs WHERE state = 'queued'"); n != 18 {
		t.Errorf("got %d jobs that wait still, want 18", n)
	}
	if n := raw(t, at, "SELECT count(*) FROM river_job WHERE state = 'available'"); n != 18 {
		t.Errorf("got %d tickets that wait still, want 18", n)
	}
	done := make(chan ratchet.JobID, 20)
	work(t, s, 4, completing(t, s, done))
	all(t, 18, done)
}
