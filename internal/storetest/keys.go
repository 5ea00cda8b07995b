package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

func testKeys(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	made := time.Now().UTC().Truncate(time.Microsecond)
	k := &ratchet.Key{ID: ratchet.NewID[ratchet.Key](), Name: "ci", Scopes: []ratchet.Scope{ratchet.ScopeRead, ratchet.ScopeRun}, CreatedAt: made, ExpiresAt: made.Add(time.Hour)}
	check(t, s.CreateKey(ctx, k, []byte{0, 0xff}))
	got, hash, err := s.Key(ctx, k.ID)
	if diff := cmp.Diff(k, got); err != nil || diff != "" || string(hash) != "\x00\xff" {
		t.Errorf("hash %x, %v\n%s", hash, err, diff)
	}
	twin := &ratchet.Key{ID: ratchet.NewID[ratchet.Key](), Name: "ci", Scopes: k.Scopes, CreatedAt: made}
	wantReason(t, s.CreateKey(ctx, twin, hash), ratchet.ReasonAlreadyExists, "ci")

	// The last use is noted once a minute.
	for _, use := range []struct{ at, noted time.Duration }{{0, 0}, {59 * time.Second, 0}, {time.Minute, time.Minute}, {30 * time.Second, time.Minute}} {
		check(t, s.TouchKey(ctx, k.ID, made.Add(use.at)))
		if got, _, err = s.Key(ctx, k.ID); err != nil || !got.LastUsedAt.Equal(made.Add(use.noted)) {
			t.Errorf("used after %v: got %v, %v, want it noted at %v", use.at, got.LastUsedAt, err, made.Add(use.noted))
		}
	}

	revoked, err := s.RevokeKey(ctx, k.ID)
	if err != nil || revoked.RevokedAt.IsZero() {
		t.Errorf("got %+v, %v", revoked, err)
	}
	if again, err := s.RevokeKey(ctx, k.ID); err != nil || !again.RevokedAt.Equal(revoked.RevokedAt) {
		t.Errorf("revoked twice: got %+v, %v", again, err)
	}
	check(t, s.CreateKey(ctx, twin, hash)) // the name is free
	page, err := s.Keys(ctx, ratchet.Query{Filters: []ratchet.Filter{{Field: "name", Values: []string{"ci"}}}})
	if err != nil || page.Total != 2 {
		t.Errorf("got %+v, %v, want both", page, err)
	}
	nobody := ratchet.NewID[ratchet.Key]()
	_, _, err = s.Key(ctx, nobody)
	wantReason(t, err, ratchet.ReasonEntityNotFound)
	_, err = s.RevokeKey(ctx, nobody)
	wantReason(t, err, ratchet.ReasonEntityNotFound)
	wantReason(t, s.TouchKey(ctx, nobody, made), ratchet.ReasonEntityNotFound)
}

func testNodesBeat(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	n := ratchet.Node{
		ID: ratchet.NewID[ratchet.Node](), Host: "h", PID: 7, Version: "1", Address: "http://h", Sandbox: "full",
		StartedAt: time.Now().UTC().Truncate(time.Microsecond), BeatAt: time.Unix(0, 0), Slots: 4, Running: 1,
	}
	check(t, s.Beat(ctx, n))
	first, err := s.Nodes(ctx)
	check(t, err)
	if len(first) != 1 || time.Since(first[0].BeatAt).Abs() > time.Minute {
		t.Fatalf("got %+v, want a node that beat now", first)
	}
	n.Running, n.Stopping = 2, true
	check(t, s.Beat(ctx, n))
	second, err := s.Nodes(ctx)
	check(t, err)
	n.BeatAt = second[0].BeatAt
	if diff := cmp.Diff([]ratchet.Node{n}, second); diff != "" || second[0].BeatAt.Before(first[0].BeatAt) {
		t.Errorf("got a beat at %v after one at %v\n%s", second[0].BeatAt, first[0].BeatAt, diff)
	}
	check(t, s.RemoveNode(ctx, n.ID))
	check(t, s.RemoveNode(ctx, n.ID))
	if left, err := s.Nodes(ctx); err != nil || len(left) != 0 {
		t.Errorf("got %+v, %v", left, err)
	}
}

func testStats(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	empty, err := s.Stats(ctx)
	if err != nil || empty.Waiting != 0 || !empty.OldestDue.IsZero() || len(empty.States) != len(ratchet.JobStates()) || len(empty.Jobs) != len(ratchet.JobStatuses()) {
		t.Errorf("got %+v, %v", empty, err)
	}
	task := Task(t, s, "a")
	check(t, s.CreateSchedule(ctx, newSchedule(task, "s")))
	first := Submit(t, s, NewJob(task))
	Submit(t, s, NewJob(task))
	Submit(t, s, NewJob(task, func(j *ratchet.Job) { j.RunAt = time.Now().Add(time.Hour) }))
	running, done := Submit(t, s, NewJob(task)), Submit(t, s, NewJob(task))
	Claim(t, s, running.ID, 1)
	_, err = s.Finish(ctx, Claim(t, s, done.ID, 1).Lease, Ended(&ratchet.Claim{Job: done}, "1", nil))
	check(t, err)
	got, err := s.Stats(ctx)
	check(t, err)
	want := &ratchet.Stats{
		Jobs: map[ratchet.JobStatus]int{"queued": 3, "running": 1, "retrying": 0, "completed": 1, "failed": 0, "cancelled": 0},
		States: map[ratchet.JobState]int{
			"scheduled": 1, "queued": 2, "parked": 0, "running": 1, "retrying": 0, "completed": 1, "failed": 0, "cancelled": 0,
		},
		Waiting: 3, OldestDue: first.CreatedAt, Tasks: 1, Schedules: 1, Executions: 2, Stale: got.Stale,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	check(t, s.SetPaused(ctx, true))
	if got, err = s.Stats(ctx); err != nil || !got.Paused {
		t.Errorf("got %+v, %v, want it paused", got, err)
	}
}
