package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

// old gives a job an ID that was made a minute ago.
func old(j *ratchet.Job) {
	ms := time.Now().Add(-time.Minute).UnixMilli()
	for i := range 6 {
		j.ID[i] = byte(ms >> (40 - 8*i))
	}
}

// finished submits a job, runs it and ends it.
func finished(t testing.TB, s *sqlstore.Store, task *ratchet.Task, cause *ratchet.Error) ratchet.Job {
	t.Helper()
	j := Submit(t, s, NewJob(task, old))
	_, err := s.Finish(t.Context(), Claim(t, s, j.ID, 1).Lease, Ended(&ratchet.Claim{Job: j}, "1", cause))
	check(t, err)
	return j
}

// kept returns which of the jobs are there, and fails if an execution is there
// without its job or the other way round.
func kept(t testing.TB, s *sqlstore.Store, jobs map[string]ratchet.Job) (names []string) {
	t.Helper()
	page, err := s.Executions(t.Context(), ratchet.Query{Limit: ratchet.MaxLimit})
	check(t, err)
	executed := map[ratchet.JobID]bool{}
	for _, x := range page.Items {
		executed[x.Job] = true
	}
	for name, j := range jobs {
		got, err := s.Job(t.Context(), j.ID)
		if err == nil {
			names = append(names, name)
		}
		if there := err == nil; there && got.Attempts > 0 && !executed[j.ID] || !there && executed[j.ID] {
			t.Errorf("job %s and its execution are not swept together", name)
		}
	}
	slices.Sort(names)
	return names
}

func testSweep(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task := Task(t, s, "a")
	failure := ratchet.Errorf(ratchet.ReasonExecutionFailed, "no")
	jobs := map[string]ratchet.Job{
		"completed": finished(t, s, task, nil),
		"failed":    finished(t, s, task, failure),
		"queued":    Submit(t, s, NewJob(task, old)),
		"scheduled": Submit(t, s, NewJob(task, old, func(j *ratchet.Job) { j.RunAt = time.Now().Add(time.Hour) })),
	}
	cancelled := Submit(t, s, NewJob(task, old))
	_, err := s.Cancel(ctx, cancelled.ID)
	check(t, err)
	jobs["cancelled"] = cancelled
	running := Submit(t, s, NewJob(task, old))
	Claim(t, s, running.ID, 1)
	jobs["running"] = running

	sweep := func(r ratchet.Retention, limit, deleted int, left ...string) {
		t.Helper()
		n, err := s.Sweep(ctx, r, limit)
		if got := kept(t, s, jobs); err != nil || n != deleted || !slices.Equal(got, left) {
			t.Errorf("sweeping %+v: got %d, %v and %v left, want %d and %v", r, n, err, got, deleted, left)
		}
	}
	const already = time.Microsecond
	sweep(ratchet.Retention{}, 100, 0, "cancelled", "completed", "failed", "queued", "running", "scheduled")
	sweep(ratchet.Retention{Completed: already}, 1, 1, "cancelled", "failed", "queued", "running", "scheduled")
	sweep(ratchet.Retention{Completed: already}, 100, 1, "failed", "queued", "running", "scheduled")
	sweep(ratchet.Retention{Failed: already}, 100, 1, "queued", "running", "scheduled")
	sweep(ratchet.Retention{Completed: already, Failed: already}, 100, 0, "queued", "running", "scheduled")
}

// A job that was submitted long ago and finished just now is young.
func testSweepGoesByTheEnd(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task := Task(t, s, "a")
	var old ratchet.JobID
	copy(old[:], []byte{0, 0, 0, 0, 1, 0, 0x70, 0, 0x80}) // made in 1970
	j := Submit(t, s, NewJob(task, func(j *ratchet.Job) { j.ID = old }))
	_, err := s.Finish(t.Context(), Claim(t, s, j.ID, 1).Lease, Ended(&ratchet.Claim{Job: j}, "1", nil))
	check(t, err)
	if n, err := s.Sweep(t.Context(), ratchet.Retention{Completed: time.Hour}, 100); err != nil || n != 0 {
		t.Errorf("got %d, %v, want that it is kept", n, err)
	}
}

func testHealthyDatabaseHasNoFindings(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task := Task(t, s, "a")
	gated := func(j *ratchet.Job) { j.Concurrency = &ratchet.Concurrency{Key: "k", Max: 1} }
	finished(t, s, task, nil)
	finished(t, s, task, ratchet.Errorf(ratchet.ReasonExecutionFailed, "no"))
	Submit(t, s, NewJob(task, func(j *ratchet.Job) { j.RunAt = time.Now().Add(time.Hour) }))
	Submit(t, s, NewJob(task))
	inside, outside := Submit(t, s, NewJob(task, gated)), Submit(t, s, NewJob(task, gated))
	Claim(t, s, inside.ID, 1)
	if c := Claim(t, s, outside.ID, 1); c != nil {
		t.Errorf("got %+v, want it parked", c)
	}
	for _, repair := range []bool{false, true} {
		if found, err := s.Check(ctx, repair); err != nil || len(found) != 0 {
			t.Errorf("repair %v: got %+v, %v, want nothing", repair, found, err)
		}
	}
	st, err := s.Status(ctx)
	if err != nil || st.Rows["jobs"] != 6 || st.Rows["executions"] != 3 || st.Size <= 0 || st.Schema.Version != st.Schema.Newest || st.Schema.Version == 0 || len(st.Damage) != 0 {
		t.Errorf("got %+v, %v", st, err)
	}
}
