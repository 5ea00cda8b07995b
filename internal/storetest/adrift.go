package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

// testAdrift: what a node has claimed and does not know of is given back.
func testAdrift(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	at := fresh(t)
	s := Open(t, sqlstore.Config{URL: at})
	task := Task(t, s, "adrift")
	claim := func(s *sqlstore.Store, change ...func(*ratchet.Job)) *ratchet.Claim {
		return Claim(t, s, Submit(t, s, NewJob(task, change...)).ID, 1)
	}
	held, young, lost := claim(s), claim(s), claim(s, gate("x", 1))
	parked := Submit(t, s, NewJob(task, gate("x", 1)))
	Claim(t, s, parked.ID, 1)
	elsewhere := lost
	if isPostgres(at) {
		elsewhere = claim(Open(t, sqlstore.Config{URL: at}))
	}
	raw(t, at, "UPDATE executions SET started_at = started_at - 60000000 WHERE id <> "+quoted(at, young.Lease.Execution))
	known := []ratchet.ExecutionID{held.Lease.Execution, ratchet.NewID[ratchet.Execution]()}
	for _, want := range []int{1, 0} {
		if n, err := s.Adrift(ctx, known, 30*time.Second); n != want || err != nil {
			t.Errorf("got %d given back, %v, want %d", n, err, want)
		}
	}
	if got := wantState(t, s, lost.Job.ID, ratchet.JobQueued); got.Losses != 1 || got.Attempts != 0 {
		t.Errorf("got %d losses and %d attempts, want 1 and 0", got.Losses, got.Attempts)
	}
	wantState(t, s, parked.ID, ratchet.JobQueued) // its place is handed on
	if _, err := s.Finish(ctx, lost.Lease, Ended(lost, `1`, nil)); !errors.Is(err, ratchet.ErrStale) {
		t.Errorf("got %v, want ErrStale", err)
	}
	if Claim(t, s, lost.Job.ID, 2) != nil {
		t.Error("its place at the gate was taken, and it was let in")
	}
	for _, c := range []*ratchet.Claim{held, young, elsewhere} {
		if c != lost {
			finish(t, s, c, Ended(c, `1`, nil))
		}
	}
	if n, err := s.Adrift(ctx, nil, 0); n != 0 || err != nil {
		t.Errorf("got %d given back, %v where nothing runs", n, err)
	}
}

// testClaimFails: a claim that cannot be given whole changes nothing.
func testClaimFails(t *testing.T, fresh func(testing.TB) string) {
	at := fresh(t)
	s := Open(t, sqlstore.Config{URL: at})
	task := Task(t, s, "reads", func(v *ratchet.Version) { v.Permissions.Env = []string{"TOKEN"} })
	check(t, s.SetEnv(t.Context(), task.ID, map[string][]byte{"TOKEN": []byte("1")}))
	for name, change := range map[string]func(*ratchet.Job){"plain": func(*ratchet.Job) {}, "with a gate": gate("x", 1)} {
		j := Submit(t, s, NewJob(task, change))
		raw(t, at, "ALTER TABLE task_env RENAME TO away")
		if c, err := s.Claim(t.Context(), ratchet.Ticket{Job: j.ID, Number: 1}); err == nil {
			t.Errorf("%s: got %+v, want an error", name, c)
		}
		raw(t, at, "ALTER TABLE away RENAME TO task_env")
		if got := wantState(t, s, j.ID, ratchet.JobQueued); got.Attempts != 0 || got.Losses != 0 {
			t.Errorf("%s: got %d attempts and %d losses, want none", name, got.Attempts, got.Losses)
		}
		if c := Claim(t, s, j.ID, 1); c == nil || string(c.Env["TOKEN"]) != "1" {
			t.Errorf("%s: got %+v, want the job with its environment", name, c)
		}
	}
}
