package storetest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

func gate(key string, places int) func(*ratchet.Job) {
	return func(j *ratchet.Job) { j.Concurrency = &ratchet.Concurrency{Key: key, Max: places} }
}

func testGate(t *testing.T, fresh func(testing.TB) string) {
	at := fresh(t)
	var said recorder
	s := Open(t, sqlstore.Config{URL: at, Publish: said.publish})
	task := Task(t, s, "import")
	a, b := Submit(t, s, NewJob(task, gate("x", 1))), Submit(t, s, NewJob(task, gate("x", 1)))
	low := Submit(t, s, NewJob(task, gate("x", 1), func(j *ratchet.Job) { j.Priority = ratchet.PriorityLow }))
	free := Submit(t, s, NewJob(task, gate("y", 1)))
	first := Claim(t, s, a.ID, 1)
	for _, j := range []ratchet.Job{low, b} {
		if Claim(t, s, j.ID, 1) != nil {
			t.Fatal("two jobs passed a gate for one")
		}
		if got := wantState(t, s, j.ID, ratchet.JobParked); got.Parked != "concurrency: x" {
			t.Errorf("got parked %q", got.Parked)
		}
	}
	if Claim(t, s, free.ID, 1) == nil {
		t.Error("a job was kept by the gate of another key")
	}
	if held, err := s.Holders(t.Context(), "x"); err != nil || len(held) != 1 || held[0].ID != a.ID {
		t.Errorf("got holders %+v, %v", held, err)
	}
	finish(t, s, first, Ended(first, "", threw()))
	wantState(t, s, b.ID, ratchet.JobQueued)
	wantState(t, s, low.ID, ratchet.JobParked)
	if Claim(t, s, low.ID, ticket(t, at, low.ID)) != nil {
		t.Error("a parked job was claimed")
	}
	// The one whose turn it is goes away: its place is handed on.
	if _, err := s.Cancel(t.Context(), b.ID); err != nil {
		t.Fatal(err)
	}
	wantState(t, s, low.ID, ratchet.JobQueued)
	last := Claim(t, s, low.ID, 2)
	finish(t, s, last, Ended(last, `1`, nil))
	if n := raw(t, at, "SELECT running FROM gates WHERE key = 'x'"); n != 0 {
		t.Errorf("got %d inside, want 0", n)
	}
	if got, want := said.of(low.ID), "job queued, job parked, job queued, job running, job completed"; got != want {
		t.Errorf("got events %q, want %q", got, want)
	}
}

func testGateUnderLoad(t *testing.T, fresh func(testing.TB) string) {
	at := fresh(t)
	s := Open(t, sqlstore.Config{URL: at})
	task := Task(t, s, "import")
	const jobs, places = 150, 3
	var inside atomic.Int32
	done := make(chan ratchet.JobID, jobs)
	work(t, s, 12, completing(t, s, done, func(*ratchet.Claim) {
		if n := inside.Add(1); n > places {
			t.Errorf("%d jobs are inside a gate for %d", n, places)
		}
		inside.Add(-1)
	}))
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for range jobs / 6 {
				Submit(t, s, NewJob(task, gate("x", places)))
			}
		})
	}
	wg.Wait()
	all(t, jobs, done) // no wake-up is lost: nothing reconciles here
	if n := raw(t, at, "SELECT running FROM gates WHERE key = 'x'"); n != 0 {
		t.Errorf("got %d inside in the end, want 0", n)
	}
}

func testRate(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task := Task(t, s, "calls", func(v *ratchet.Version) {
		v.Rate = &ratchet.Rate{Max: 10, Per: ratchet.Duration(time.Second)}
	})
	const jobs = 6
	var mu sync.Mutex
	var starts []time.Time
	done := make(chan ratchet.JobID, jobs)
	work(t, s, 4, completing(t, s, done, func(c *ratchet.Claim) {
		mu.Lock()
		starts = append(starts, c.Job.StartedAt)
		mu.Unlock()
	}))
	for range jobs {
		Submit(t, s, NewJob(task))
	}
	all(t, jobs, done)
	first, last := starts[0], starts[0]
	for _, at := range starts {
		if at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	if took := last.Sub(first); took < (jobs-1)*100*time.Millisecond-10*time.Millisecond {
		t.Errorf("%d jobs started within %v, want 100ms between two", jobs, took)
	}
}

func testPause(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	at := fresh(t)
	s := Open(t, sqlstore.Config{URL: at})
	task := Task(t, s, "paused")
	yes, no := true, false
	if _, err := s.ChangeTask(ctx, task.ID, ratchet.TaskChange{Paused: &yes}); err != nil {
		t.Fatal(err)
	}
	j := Submit(t, s, NewJob(task))
	if Claim(t, s, j.ID, 1) != nil {
		t.Fatal("a job of a paused task was claimed")
	}
	if got := wantState(t, s, j.ID, ratchet.JobParked); got.Parked != "paused: task" {
		t.Errorf("got parked %q", got.Parked)
	}
	if err := s.SetPaused(ctx, true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ChangeTask(ctx, task.ID, ratchet.TaskChange{Paused: &no}); err != nil {
		t.Fatal(err)
	}
	wantState(t, s, j.ID, ratchet.JobQueued)
	if Claim(t, s, j.ID, 2) != nil {
		t.Fatal("a job was claimed while everything is paused")
	}
	if got := wantState(t, s, j.ID, ratchet.JobParked); got.Parked != "paused: all" {
		t.Errorf("got parked %q", got.Parked)
	}
	if err := s.SetPaused(ctx, false); err != nil {
		t.Fatal(err)
	}
	if Claim(t, s, j.ID, 3) == nil {
		t.Error("a resumed job was not claimed")
	}
}

func testPauseUnderLoad(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task := Task(t, s, "paused")
	const jobs = 100
	done := make(chan ratchet.JobID, jobs)
	work(t, s, 8, completing(t, s, done))
	var wg sync.WaitGroup
	wg.Go(func() {
		for range jobs {
			Submit(t, s, NewJob(task))
		}
	})
	for range 10 {
		for _, paused := range []bool{true, false} {
			if err := s.SetPaused(ctx, paused); err != nil {
				t.Fatal(err)
			}
			if _, err := s.ChangeTask(ctx, task.ID, ratchet.TaskChange{Paused: &paused}); err != nil {
				t.Fatal(err)
			}
		}
	}
	wg.Wait()
	all(t, jobs, done)
}

func testManyParked(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	at := fresh(t)
	s := Open(t, sqlstore.Config{URL: at})
	task := Task(t, s, "paused")
	list := make([]ratchet.Submission, ratchet.MaxBatch)
	for i := range list {
		list[i].Job = NewJob(task)
	}
	for range 2 {
		for i := range list {
			list[i].Job = NewJob(task)
		}
		if _, err := s.Submit(ctx, list); err != nil {
			t.Fatal(err)
		}
	}
	raw(t, at, "DELETE FROM river_job", "UPDATE jobs SET state = 'parked', parked = 'paused: all'")
	if err := s.SetPaused(ctx, false); err != nil {
		t.Fatal(err)
	}
	if n := raw(t, at, "SELECT (SELECT count(*) FROM jobs WHERE state = 'queued' AND ticket = 2) + (SELECT count(*) FROM river_job)"); n != 4000 {
		t.Errorf("got %d resumed jobs and tickets, want 4000", n)
	}
}
