package storetest

import (
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

func testCancelWaiting(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	at := fresh(t)
	s := Open(t, sqlstore.Config{URL: at})
	task := Task(t, s, "cancel")
	queued := Submit(t, s, NewJob(task))
	scheduled := Submit(t, s, NewJob(task, func(j *ratchet.Job) { j.RunAt = time.Now().Add(time.Hour) }))
	retrying := Submit(t, s, NewJob(task))
	c := Claim(t, s, retrying.ID, 1)
	o := Ended(c, "", threw())
	o.RetryAt = time.Now().Add(time.Hour)
	finish(t, s, c, o)
	holder := Submit(t, s, NewJob(task, gate("x", 1)))
	Claim(t, s, holder.ID, 1)
	parked := Submit(t, s, NewJob(task, gate("x", 1)))
	Claim(t, s, parked.ID, 1)
	for _, j := range []ratchet.Job{queued, scheduled, retrying, parked} {
		before := get(t, s, j.ID).State
		got, err := s.Cancel(ctx, j.ID)
		if err != nil || got.State != ratchet.JobCancelled {
			t.Errorf("got %+v, %v when a %s job is cancelled", got, err, before)
		}
		wantState(t, s, j.ID, ratchet.JobCancelled)
		for n := range 4 {
			if Claim(t, s, j.ID, n) != nil {
				t.Errorf("a cancelled job that was %s was claimed", before)
			}
		}
		if _, err := s.Cancel(ctx, j.ID); err != nil {
			t.Errorf("got %v when it is cancelled again", err)
		}
	}
	_, err := s.Cancel(ctx, ratchet.NewID[ratchet.Job]())
	wantReason(t, err, ratchet.ReasonEntityNotFound)
}

func testCancelRunning(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	var said recorder
	s := Open(t, sqlstore.Config{URL: fresh(t), Publish: said.publish})
	task := Task(t, s, "cancel")
	for _, test := range []struct {
		name  string
		cause *ratchet.Error
		retry bool
		lost  bool
		want  ratchet.JobState
	}{
		{"stopped", ratchet.Errorf(ratchet.ReasonExecutionCancelled, "cancelled"), false, false, ratchet.JobCancelled},
		{"failed", threw(), false, false, ratchet.JobCancelled},
		{"would be retried", threw(), true, false, ratchet.JobCancelled},
		{"completed first", nil, false, false, ratchet.JobCompleted},
		{"lost", nil, false, true, ratchet.JobCancelled},
	} {
		j := Submit(t, s, NewJob(task))
		c := Claim(t, s, j.ID, 1)
		if got, err := s.Cancel(ctx, j.ID); err != nil || got.State != ratchet.JobRunning || !got.CancelRequested {
			t.Errorf("%s: got %+v, %v", test.name, got, err)
		}
		if ids, err := s.CancelRequested(ctx); err != nil || len(ids) != 1 || ids[0] != j.ID {
			t.Errorf("%s: got %v, %v to be stopped", test.name, ids, err)
		}
		o := Ended(c, `1`, test.cause)
		if test.retry {
			o.RetryAt = time.Now().Add(time.Hour)
		}
		if test.lost {
			if err := s.GiveBack(ctx, c.Lease, nil); err != nil {
				t.Error(err)
			}
		} else {
			finish(t, s, c, o)
		}
		wantState(t, s, j.ID, test.want)
		if got, want := said.of(j.ID), "job queued, job running, cancel running, job "+string(test.want); got != want {
			t.Errorf("%s: got events %q, want %q", test.name, got, want)
		}
		if test.want != ratchet.JobCancelled {
			_, err := s.Cancel(ctx, j.ID)
			wantReason(t, err, ratchet.ReasonExecutionInvalidState)
		}
	}
}

func testHasten(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task := Task(t, s, "later")
	j := Submit(t, s, NewJob(task, func(j *ratchet.Job) { j.RunAt = time.Now().Add(time.Hour) }))
	got, err := s.Hasten(ctx, j.ID)
	if err != nil || got.State != ratchet.JobQueued {
		t.Fatalf("got %+v, %v", got, err)
	}
	done := make(chan ratchet.JobID, 1)
	work(t, s, 1, completing(t, s, done))
	all(t, 1, done)
	_, err = s.Hasten(ctx, j.ID)
	wantReason(t, err, ratchet.ReasonExecutionInvalidState)
}
