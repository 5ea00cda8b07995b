package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

// testDeadProcess: what a process held that died is there again for the next.
func testDeadProcess(t *testing.T, fresh func(testing.TB) string) {
	at := fresh(t)
	if isPostgres(at) {
		t.Skip("there is no owner of a PostgreSQL database")
	}
	ctx := t.Context()
	first, err := sqlstore.Open(ctx, sqlstore.Config{URL: at})
	if err != nil {
		t.Fatal(err)
	}
	task := Task(t, first, "died")
	running := Submit(t, first, NewJob(task, gate("x", 1)))
	parked := Submit(t, first, NewJob(task, gate("x", 1)))
	waiting := Submit(t, first, NewJob(task))
	later := Submit(t, first, NewJob(task, func(j *ratchet.Job) { j.RunAt = time.Now().Add(400 * time.Millisecond) }))
	c := Claim(t, first, running.ID, 1)
	Claim(t, first, parked.ID, 1)
	raw(t, at, "UPDATE river_job SET state = 'running' WHERE state = 'available'") // fetched
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	s := Open(t, sqlstore.Config{URL: at})
	if n, err := s.Recover(ctx); n != 1 || err != nil {
		t.Errorf("got %d recovered, %v, want 1", n, err)
	}
	if _, err := s.Finish(ctx, c.Lease, Ended(c, `1`, nil)); !errors.Is(err, ratchet.ErrStale) {
		t.Errorf("got %v, want ErrStale", err)
	}
	done := make(chan ratchet.JobID, 4)
	work(t, s, 2, completing(t, s, done))
	got := all(t, 4, done)
	for _, j := range []ratchet.Job{running, parked, waiting, later} {
		if !slices.Contains(got, j.ID) {
			t.Errorf("job %s was not run", j.ID)
		}
	}
	if got := wantState(t, s, running.ID, ratchet.JobCompleted); got.Losses != 1 || got.Attempts != 1 {
		t.Errorf("got %d losses and %d attempts, want 1 and 1", got.Losses, got.Attempts)
	}
}

// testDeadNode: what a node held that died is rescued by one of the others.
func testDeadNode(t *testing.T, fresh func(testing.TB) string) {
	at := fresh(t)
	if !isPostgres(at) {
		t.Skip("SQLite has one node")
	}
	ctx := t.Context()
	dead, b, c := Open(t, sqlstore.Config{URL: at}), Open(t, sqlstore.Config{URL: at}), Open(t, sqlstore.Config{URL: at})
	for _, s := range []*sqlstore.Store{dead, b, c} {
		if err := s.Beat(ctx, ratchet.Node{ID: s.Node(), Host: "h", StartedAt: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	task := Task(t, dead, "died")
	const jobs = 10
	var claims []*ratchet.Claim
	for range jobs {
		j := Submit(t, dead, NewJob(task, gate("x", jobs)))
		claims = append(claims, Claim(t, dead, j.ID, 1))
	}
	alive := Submit(t, b, NewJob(task))
	held := Claim(t, b, alive.ID, 1)
	fetched := Submit(t, dead, NewJob(task))
	raw(t, at, "DELETE FROM river_job WHERE args ->> 'job' <> '"+fetched.ID.UUID()+"'",
		"UPDATE river_job SET state = 'running', attempted_at = now() - interval '1 minute', attempted_by = '{"+dead.Node().String()+"}'")
	if n, err := b.Rescue(ctx, ratchet.NodeDead); n != 0 || err != nil {
		t.Errorf("got %d rescued of nodes that live, %v", n, err)
	}
	raw(t, at, "UPDATE nodes SET beat_at = beat_at - 60000000 WHERE id = "+quoted(at, dead.Node()))
	var wg sync.WaitGroup
	rescued := make([]int, 2)
	for i, s := range []*sqlstore.Store{b, c} {
		wg.Go(func() {
			n, err := s.Rescue(ctx, ratchet.NodeDead)
			if err != nil {
				t.Error(err)
			}
			rescued[i] = n
		})
	}
	wg.Wait()
	if n := rescued[0] + rescued[1]; n != jobs+1 {
		t.Errorf("got %v rescued by two, want %d in all", rescued, jobs+1)
	}
	if n := raw(t, at, "SELECT count(*) FROM river_job WHERE state = 'available'"); n != jobs+1 {
		t.Errorf("got %d tickets, want %d", n, jobs+1)
	}
	for _, claim := range claims {
		if got := wantState(t, b, claim.Job.ID, ratchet.JobQueued); got.Losses != 1 || got.Attempts != 0 {
			t.Errorf("got %d losses and %d attempts, want 1 and 0", got.Losses, got.Attempts)
		}
		if _, err := dead.Finish(ctx, claim.Lease, Ended(claim, `1`, nil)); !errors.Is(err, ratchet.ErrStale) {
			t.Errorf("got %v, want ErrStale", err)
		}
	}
	wantState(t, b, alive.ID, ratchet.JobRunning)
	finish(t, b, held, Ended(held, `1`, nil))
	if Claim(t, b, fetched.ID, 1) != nil || Claim(t, b, fetched.ID, 2) == nil {
		t.Error("the ticket that was fetched is good, or the new one is not")
	}
	if n := raw(t, at, "SELECT running FROM gates WHERE key = 'x'"); n != 0 {
		t.Errorf("got %d inside the gate, want 0", n)
	}
}

func testReconcile(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	at := fresh(t)
	s := Open(t, sqlstore.Config{URL: at})
	task := Task(t, s, "lost")
	ticketless := Submit(t, s, NewJob(task))
	young := Submit(t, s, NewJob(task))
	inside := Submit(t, s, NewJob(task, gate("x", 2)))
	Claim(t, s, inside.ID, 1)
	atGate := Submit(t, s, NewJob(task, gate("x", 2)))
	paused := Submit(t, s, NewJob(task))
	if n, err := s.Reconcile(ctx); n != 0 || err != nil {
		t.Errorf("got %d, %v where all is well, want 0", n, err)
	}
	raw(t, at, "DELETE FROM river_job",
		"UPDATE jobs SET created_at = created_at - 120000000 WHERE id = "+quoted(at, ticketless.ID),
		"UPDATE jobs SET state = 'parked', parked = 'concurrency: x' WHERE id = "+quoted(at, atGate.ID),
		"UPDATE jobs SET state = 'parked', parked = 'paused: task' WHERE id = "+quoted(at, paused.ID),
		"UPDATE gates SET running = 2")
	if n, err := s.Reconcile(ctx); n != 3 || err != nil {
		t.Errorf("got %d, %v, want 3 put right", n, err)
	}
	if n := raw(t, at, "SELECT count(*) FROM river_job"); n != 3 {
		t.Errorf("got %d tickets, want 3", n)
	}
	for _, j := range []ratchet.Job{ticketless, atGate, paused} {
		wantState(t, s, j.ID, ratchet.JobQueued)
		if Claim(t, s, j.ID, 2) == nil {
			t.Errorf("job %s was not claimed with its new ticket", j.ID)
		}
	}
	if ticket(t, at, young.ID) != 1 {
		t.Error("a job that was due just now got another ticket")
	}
	if n, err := s.Reconcile(ctx); n != 0 || err != nil {
		t.Errorf("got %d, %v the second time, want 0", n, err)
	}
}

func testDeletedTask(t *testing.T, fresh func(testing.TB) string) {
	at := fresh(t)
	s := Open(t, sqlstore.Config{URL: at})
	j := Submit(t, s, NewJob(Task(t, s, "gone")))
	raw(t, at, "DELETE FROM versions", "DELETE FROM tasks")
	if Claim(t, s, j.ID, 1) != nil {
		t.Error("a job without a task was claimed")
	}
	if got := wantState(t, s, j.ID, ratchet.JobCancelled); got.Error == nil || got.Error.Reason != ratchet.ReasonTaskNotFound {
		t.Errorf("got error %v", got.Error)
	}
}

func testBroadcast(t *testing.T, fresh func(testing.TB) string) {
	at := fresh(t)
	a := Open(t, sqlstore.Config{URL: at})
	ctx, cancel := context.WithCancel(t.Context())
	if !isPostgres(at) {
		if err := a.Broadcast(ctx, []byte("x")); err != nil || a.MaxPayload() != 0 {
			t.Errorf("got %v, %d", err, a.MaxPayload())
		}
		cancel()
		if err := a.Listen(ctx, func([]byte) {}); err != nil {
			t.Error(err)
		}
		return
	}
	b := Open(t, sqlstore.Config{URL: at})
	heard := make(chan string, 100)
	var wg sync.WaitGroup
	for name, s := range map[string]*sqlstore.Store{"a": a, "b": b} {
		wg.Go(func() {
			if err := s.Listen(ctx, func(m []byte) { heard <- name + " heard " + string(m) }); err != nil {
				t.Error(err)
			}
		})
	}
	defer wg.Wait()
	defer cancel()
	got := ""
	for got == "" { // until b listens
		if err := a.Broadcast(ctx, []byte("héllo")); err != nil {
			t.Fatal(err)
		}
		select {
		case got = <-heard:
		case <-time.After(20 * time.Millisecond):
		}
	}
	if got != "b heard héllo" {
		t.Errorf("got %q", got)
	}
	if err := a.Broadcast(ctx, make([]byte, a.MaxPayload()+1)); err == nil {
		t.Error("a message that is too long was sent")
	}
}
