package storetest

import (
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

func newSchedule(task *ratchet.Task, name string) *ratchet.Schedule {
	return &ratchet.Schedule{
		ID: ratchet.NewID[ratchet.Schedule](), Name: name, TaskID: task.ID, Task: task.Name,
		Cron: "* * * * *", Input: json.RawMessage(`{ "n":1}`), Enabled: true, NextRunAt: time.Now().Add(-time.Minute),
	}
}

func testScheduleIsKeptAsItCame(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task := Task(t, s, "a")
	full := newSchedule(task, "it's \"nightly\"; --")
	full.Description, full.Every, full.Zone, full.Priority, full.Tags = "日本", ratchet.Duration(90*time.Second), "Europe/Berlin", ratchet.PriorityLow, []string{"x"}
	full.Missed, full.MissedMax, full.Overlap, full.MaxRuns = ratchet.MissedAll, 7, ratchet.OverlapQueue, 9
	full.Start, full.End = time.Now(), time.Now().Add(time.Hour)
	check(t, s.CreateSchedule(ctx, full))
	for _, ref := range []string{full.Name, full.ID.String(), full.ID.UUID()} {
		got, err := s.Schedule(ctx, ref)
		if diff := cmp.Diff(full, got); err != nil || diff != "" {
			t.Errorf("schedule %q: %v\n%s", ref, err, diff)
		}
	}
	twin := newSchedule(task, full.Name)
	wantReason(t, s.CreateSchedule(ctx, twin), ratchet.ReasonAlreadyExists, "nightly")
	wantReason(t, s.CreateSchedule(ctx, newSchedule(&ratchet.Task{ID: ratchet.NewID[ratchet.Task]()}, "b")), ratchet.ReasonTaskNotFound)
	check(t, s.DeleteSchedule(ctx, full.ID))
	wantReason(t, s.DeleteSchedule(ctx, full.ID), ratchet.ReasonEntityNotFound)
	for _, ref := range []string{full.Name, full.ID.String(), "a\x00", "\xff", ""} {
		_, err := s.Schedule(ctx, ref)
		wantReason(t, err, ratchet.ReasonEntityNotFound)
	}
}

func testScheduleIsUpdatedByOneAtATime(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task := Task(t, s, "a")
	schedule := newSchedule(task, "s")
	check(t, s.CreateSchedule(ctx, schedule))
	check(t, s.CreateSchedule(ctx, newSchedule(task, "taken")))
	mine, err := s.Schedule(ctx, "s")
	check(t, err)
	others := *mine
	read := mine.UpdatedAt
	mine.Description, mine.Enabled, mine.NextRunAt = "mine", false, time.Time{}
	check(t, s.UpdateSchedule(ctx, mine, read))
	got, err := s.Schedule(ctx, "s")
	if diff := cmp.Diff(mine, got); err != nil || diff != "" || !got.UpdatedAt.After(read) {
		t.Errorf("%v\n%s", err, diff)
	}
	others.Description = "others"
	wantReason(t, s.UpdateSchedule(ctx, &others, read), ratchet.ReasonChanged)
	got.Name = "taken"
	wantReason(t, s.UpdateSchedule(ctx, got, got.UpdatedAt), ratchet.ReasonAlreadyExists, "taken")
	gone := newSchedule(task, "gone")
	wantReason(t, s.UpdateSchedule(ctx, gone, time.Now()), ratchet.ReasonEntityNotFound)
}

func firing(s *ratchet.Schedule, task *ratchet.Task, jobs int) ratchet.Firing {
	f := ratchet.Firing{Schedule: s.ID, Expected: s.NextRunAt, Next: s.NextRunAt.Add(time.Hour), Last: s.NextRunAt}
	for range jobs {
		f.Jobs = append(f.Jobs, ratchet.Submission{Job: NewJob(task, func(j *ratchet.Job) { j.Schedule = s.ID })})
	}
	return f
}

func testScheduleFires(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task := Task(t, s, "a")
	if at, err := s.NextDue(ctx); err != nil || !at.IsZero() {
		t.Errorf("got %v, %v, want that none is ever due", at, err)
	}
	late, due, disabled, later := newSchedule(task, "late"), newSchedule(task, "due"), newSchedule(task, "disabled"), newSchedule(task, "later")
	late.NextRunAt = late.NextRunAt.Add(-time.Hour)
	disabled.Enabled, later.NextRunAt = false, time.Now().Add(time.Hour)
	for _, each := range []*ratchet.Schedule{later, due, disabled, late} {
		check(t, s.CreateSchedule(ctx, each))
	}
	all, err := s.Due(ctx, time.Now(), 10)
	check(t, err)
	if len(all) != 2 || all[0].Name != "late" || all[1].Name != "due" {
		t.Errorf("got %+v, want the late and the due one", all)
	}
	if one, err := s.Due(ctx, time.Now(), 1); err != nil || len(one) != 1 {
		t.Errorf("got %+v, %v, want one", one, err)
	}
	if at, err := s.NextDue(ctx); err != nil || !at.Equal(late.NextRunAt) {
		t.Errorf("got %v, %v, want %v", at, err, late.NextRunAt)
	}

	f := firing(due, task, 2)
	f.Skipped = 3
	if fired, err := s.Fire(ctx, f); err != nil || !fired {
		t.Fatalf("got %v, %v", fired, err)
	}
	got, err := s.Schedule(ctx, "due")
	check(t, err)
	if got.Runs != 2 || got.Skipped != 3 || !got.LastRunAt.Equal(due.NextRunAt) || got.LastJob != f.Jobs[1].Job.ID || !got.NextRunAt.Equal(f.Next) || !got.UpdatedAt.Equal(due.UpdatedAt) {
		t.Errorf("got %+v", got)
	}
	unfinished, err := s.Unfinished(ctx, due.ID)
	if want := []ratchet.JobID{f.Jobs[0].Job.ID, f.Jobs[1].Job.ID}; err != nil || !slices.Equal(unfinished, want) {
		t.Errorf("got %v, %v, want %v", unfinished, err, want)
	}
	// The same instant again does nothing.
	if fired, err := s.Fire(ctx, firing(due, task, 1)); err != nil || fired {
		t.Errorf("got %v, %v, want that it does not fire again", fired, err)
	}
	// The next one cancels what still waits, and is the last.
	f = firing(got, task, 1)
	f.Cancel, f.Next = append(unfinished, ratchet.NewID[ratchet.Job]()), time.Time{}
	if fired, err := s.Fire(ctx, f); err != nil || !fired {
		t.Errorf("got %v, %v", fired, err)
	}
	if unfinished, err = s.Unfinished(ctx, due.ID); err != nil || !slices.Equal(unfinished, []ratchet.JobID{f.Jobs[0].Job.ID}) {
		t.Errorf("got %v, %v, want the new job alone", unfinished, err)
	}
	if got, err := s.Schedule(ctx, "due"); err != nil || !got.NextRunAt.IsZero() {
		t.Errorf("got %+v, %v, want no next run", got, err)
	}
	// A schedule that was changed since it was read does not fire.
	if fired, err := s.Fire(ctx, firing(disabled, task, 1)); err != nil || fired {
		t.Errorf("got %v, %v, want that a disabled one does not fire", fired, err)
	}
}

// An update of a schedule that was read before it fired must not make it fire
// that instant again.
func testUpdateDoesNotBringAnInstantBack(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task := Task(t, s, "a")
	schedule := newSchedule(task, "s")
	check(t, s.CreateSchedule(ctx, schedule))
	read, err := s.Schedule(ctx, "s")
	check(t, err)
	if fired, err := s.Fire(ctx, firing(schedule, task, 1)); err != nil || !fired {
		t.Fatalf("got %v, %v", fired, err)
	}
	read.Description = "changed"
	wantReason(t, s.UpdateSchedule(ctx, read, read.UpdatedAt), ratchet.ReasonChanged)
	if due, err := s.Due(ctx, time.Now(), 10); err != nil || len(due) != 0 {
		t.Errorf("got %+v, %v, want nothing due", due, err)
	}
}

func testOneOfManyFiresAnInstant(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task := Task(t, s, "a")
	schedule := newSchedule(task, "s")
	check(t, s.CreateSchedule(ctx, schedule))
	var fired atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			did, err := s.Fire(ctx, firing(schedule, task, 1))
			if err != nil {
				t.Error(err)
			}
			if did {
				fired.Add(1)
			}
		})
	}
	wg.Wait()
	page, err := s.Jobs(ctx, ratchet.Query{})
	if err != nil || fired.Load() != 1 || page.Total != 1 {
		t.Errorf("it was fired %d times and gave %d jobs, %v; want one", fired.Load(), page.Total, err)
	}
}

// A step that cannot be taken whole is not taken.
func testFiringIsAllOrNothing(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task := Task(t, s, "a")
	schedule := newSchedule(task, "s")
	check(t, s.CreateSchedule(ctx, schedule))
	f := firing(schedule, task, 2)
	f.Jobs[1].Job.Tags = []string{"\x00"}
	if fired, err := s.Fire(ctx, f); err == nil || fired {
		t.Errorf("got %v, %v, want an error", fired, err)
	}
	got, err := s.Schedule(ctx, "s")
	page, listErr := s.Jobs(ctx, ratchet.Query{})
	if err != nil || listErr != nil || got.Runs != 0 || !got.NextRunAt.Equal(schedule.NextRunAt) || page.Total != 0 {
		t.Errorf("got %+v with %d jobs, %v, %v; want it as it was", got, page.Total, err, listErr)
	}
}
