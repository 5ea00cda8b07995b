package schedule_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/schedule"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

// A maker makes jobs of schedules without a look at their task.
type maker struct {
	task ratchet.TaskID
	fail func(at time.Time) error // nil: never
}

func (m *maker) Prepare(_ context.Context, s *ratchet.Schedule, at time.Time) (ratchet.Submission, error) {
	if m.fail != nil {
		if err := m.fail(at); err != nil {
			return ratchet.Submission{}, err
		}
	}
	j := &ratchet.Job{ID: ratchet.NewID[ratchet.Job](), TaskID: m.task, Task: "addition", VersionDigest: "sha256:01", Input: s.Input, RunAt: at, CreatedAt: time.Now()}
	return ratchet.Submission{Job: j}, nil
}

// A world is a real store and runners over it, in a bubble of its own time.
type world struct {
	t     *testing.T
	store *sqlstore.Store
	jobs  *maker
	log   *records
}

func inWorld(t *testing.T, f func(w *world)) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		store, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: filepath.Join(dir, "ratchet.db"), Synchronous: "OFF"})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		w := &world{t: t, store: store, jobs: &maker{}, log: &records{}}
		task, _, err := store.PutVersion(t.Context(), ratchet.NewVersion{
			Task: &ratchet.Task{Name: "addition"}, Version: &ratchet.Version{Task: "addition", Digest: "sha256:01", Semver: "1.0.0"}, Archive: []byte("zip"),
		})
		if err != nil {
			t.Fatal(err)
		}
		w.jobs.task = task.ID
		f(w)
	})
}

// records keeps what was logged.
type records struct {
	slog.Handler
	mu  sync.Mutex
	all []string
}

func (r *records) Enabled(_ context.Context, l slog.Level) bool { return l > slog.LevelDebug }

func (r *records) Handle(_ context.Context, rec slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, rec.Message)
	return nil
}

func (r *records) messages() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// create keeps a schedule that is due by its rule.
func (w *world) create(s ratchet.Schedule) ratchet.ScheduleID {
	w.t.Helper()
	s.TaskID, s.Task, s.Input, s.Enabled = w.jobs.task, "addition", json.RawMessage(`{}`), true
	if s.Name == "" {
		s.Name = "plan"
	}
	s.CreatedAt = time.Now()
	if s.NextRunAt.IsZero() {
		s.NextRunAt = schedule.Rules{}.Next(&s, time.Now())
	}
	if err := w.store.CreateSchedule(w.t.Context(), &s); err != nil {
		w.t.Fatal(err)
	}
	return s.ID
}

func (w *world) schedule(id ratchet.ScheduleID) *ratchet.Schedule {
	w.t.Helper()
	s, err := w.store.Schedule(w.t.Context(), id.String())
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// ran returns the instants of the schedule's jobs, oldest first.
func (w *world) ran(id ratchet.ScheduleID) (at []time.Time) {
	w.t.Helper()
	for _, j := range w.submitted(id) {
		at = append(at, j.RunAt)
	}
	return at
}

func (w *world) submitted(id ratchet.ScheduleID) []ratchet.Job {
	w.t.Helper()
	page, err := w.store.Jobs(w.t.Context(), ratchet.Query{
		Filters: []ratchet.Filter{{Field: "scheduleId", Values: []string{id.String()}}}, Sort: []ratchet.Sort{{Field: "runAt"}}, Limit: ratchet.MaxLimit,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return page.Items
}

// run has n runners work until the time is over.
func (w *world) run(n int, d time.Duration, during func(*schedule.Runner)) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
	defer cancel()
	var all sync.WaitGroup
	defer all.Wait()
	for range n {
		r := schedule.NewRunner(w.store, w.jobs, schedule.Config{Log: slog.New(w.log)})
		all.Go(func() {
			if err := r.Run(ctx); err != nil {
				w.t.Error(err)
			}
		})
		if during != nil {
			during(r)
		}
	}
	<-ctx.Done()
}

func TestEachInstantIsFiredOnceByManyRunners(t *testing.T) {
	inWorld(t, func(w *world) {
		start := time.Now().UTC().Truncate(time.Minute).Add(time.Minute)
		minutely := w.create(ratchet.Schedule{Name: "minutely", Cron: "* * * * *"})
		often := w.create(ratchet.Schedule{Name: "often", Every: ratchet.Duration(7 * time.Second)})
		w.run(4, 10*time.Minute+time.Second, nil)
		at := w.ran(minutely)
		if len(at) != 10 {
			t.Fatalf("got %d jobs in ten minutes, want 10: %v", len(at), at)
		}
		for i := range at {
			if want := start.Add(time.Duration(i) * time.Minute); !at[i].Equal(want) {
				t.Errorf("run %d: got %s, want %s", i, at[i], want)
			}
		}
		if got := w.ran(often); len(got) != 85 {
			t.Errorf("got %d jobs every 7 s in 601 s, want 85", len(got))
		}
		s := w.schedule(minutely)
		if s.Runs != 10 || s.Skipped != 0 || !s.LastRunAt.Equal(at[9]) || !s.NextRunAt.Equal(at[9].Add(time.Minute)) || s.LastJob.IsZero() {
			t.Errorf("got %+v", s)
		}
		if got := w.log.messages(); len(got) > 0 {
			t.Errorf("got the log %v", got)
		}
	})
}

func TestJobsAreSubmittedAtTheirInstant(t *testing.T) {
	inWorld(t, func(w *world) {
		id := w.create(ratchet.Schedule{Cron: "*/5 * * * *"})
		w.run(1, 12*time.Minute, nil)
		for _, j := range w.submitted(id) {
			if late := j.CreatedAt.Sub(j.RunAt); late < 0 || late > time.Millisecond {
				t.Errorf("the job of %s came %s late", j.RunAt, late)
			}
			if j.Schedule != id {
				t.Errorf("got the schedule %s, want %s", j.Schedule, id)
			}
		}
	})
}

func TestANewScheduleIsSeenByAWakeAtOnceAndWithoutOneSoon(t *testing.T) {
	inWorld(t, func(w *world) {
		var woken, unseen ratchet.ScheduleID
		w.run(1, time.Minute, func(r *schedule.Runner) {
			synctest.Wait()
			woken = w.create(ratchet.Schedule{Name: "woken", Every: ratchet.Duration(time.Hour), NextRunAt: time.Now()})
			r.Wake()
			r.Wake()
			synctest.Wait()
			unseen = w.create(ratchet.Schedule{Name: "unseen", Every: ratchet.Duration(time.Hour), NextRunAt: time.Now().Add(time.Second)})
		})
		late := func(id ratchet.ScheduleID) time.Duration {
			all := w.submitted(id)
			if len(all) != 1 {
				t.Fatalf("got %d jobs, want 1", len(all))
			}
			return all[0].CreatedAt.Sub(all[0].RunAt)
		}
		if got := late(woken); got != 0 {
			t.Errorf("a wake was heard %s late", got)
		}
		if got := late(unseen); got > 15*time.Second {
			t.Errorf("what nobody told of was seen %s late, want at most 15s", got)
		}
	})
}

func TestRunsEnd(t *testing.T) {
	inWorld(t, func(w *world) {
		counted := w.create(ratchet.Schedule{Name: "counted", Cron: "* * * * *", MaxRuns: 2})
		ended := w.create(ratchet.Schedule{Name: "ended", Every: ratchet.Duration(time.Minute), End: time.Now().Add(4 * time.Minute)})
		off := w.create(ratchet.Schedule{Name: "off", Cron: "* * * * *"})
		w.run(1, 150*time.Second, nil)
		if next := w.schedule(counted).NextRunAt; !next.IsZero() {
			t.Errorf("got another run at %s after the last", next)
		}
		s := w.schedule(off)
		s.Enabled = false
		if err := w.store.UpdateSchedule(w.t.Context(), s, s.UpdatedAt); err != nil {
			t.Fatal(err)
		}
		w.run(2, 10*time.Minute, nil)
		for id, want := range map[ratchet.ScheduleID]int{counted: 2, ended: 4, off: 2} {
			s := w.schedule(id)
			if got := len(w.ran(id)); got != want || s.Runs != want {
				t.Errorf("%s: got %d jobs and %d runs, want %d", s.Name, got, s.Runs, want)
			}
			if s.Enabled && !s.NextRunAt.IsZero() {
				t.Errorf("%s: got another run at %s", s.Name, s.NextRunAt)
			}
		}
	})
}

func TestWhatWasMissedIsUpToThePolicy(t *testing.T) {
	inWorld(t, func(w *world) {
		ids := map[string]ratchet.ScheduleID{}
		for name, s := range map[string]ratchet.Schedule{
			"skip": {Missed: ratchet.MissedSkip}, "once": {Missed: ratchet.MissedOnce}, "default": {},
			"all": {Missed: ratchet.MissedAll, MissedMax: 5},
		} {
			s.Name, s.Cron = name, "0 * * * *"
			ids[name] = w.create(s)
		}
		next := time.Now().UTC().Truncate(time.Hour).Add(time.Hour)
		<-time.After(time.Until(next.Add(10*time.Hour + 30*time.Minute))) // 11 instants
		w.run(3, time.Minute, nil)
		for name, want := range map[string]int{"skip": 0, "once": 1, "default": 1, "all": 5} {
			s := w.schedule(ids[name])
			if got := len(w.ran(ids[name])); got != want || s.Runs != want || s.Skipped != 11-want {
				t.Errorf("%s: got %d jobs, %d runs and %d skipped, want %d of 11", name, got, s.Runs, s.Skipped, want)
			}
			if want := next.Add(11 * time.Hour); !s.NextRunAt.Equal(want) {
				t.Errorf("%s: got the next run at %s, want %s", name, s.NextRunAt, want)
			}
		}
		if got, want := w.ran(ids["once"])[0], next.Add(10*time.Hour); !got.Equal(want) {
			t.Errorf("got a run for %s, want one for the latest, %s", got, want)
		}
	})
}

func TestOverlapsAreUpToThePolicy(t *testing.T) {
	inWorld(t, func(w *world) {
		ids := map[ratchet.OverlapPolicy]ratchet.ScheduleID{}
		for _, o := range ratchet.OverlapPolicies() {
			ids[o] = w.create(ratchet.Schedule{Name: string(o), Cron: "* * * * *", Overlap: o})
		}
		w.run(2, 3*time.Minute+time.Second, nil) // nobody works: every job stays
		for o, want := range map[ratchet.OverlapPolicy]struct{ jobs, skipped, cancelled int }{
			ratchet.OverlapAllow: {3, 0, 0}, ratchet.OverlapSkip: {1, 2, 0}, ratchet.OverlapQueue: {3, 0, 0}, ratchet.OverlapCancel: {3, 0, 2},
		} {
			cancelled := 0
			all := w.submitted(ids[o])
			for i, j := range all {
				if j.State == ratchet.JobCancelled {
					cancelled++
					if i == len(all)-1 {
						t.Errorf("%s: the latest job is cancelled", o)
					}
				}
			}
			if s := w.schedule(ids[o]); len(all) != want.jobs || s.Skipped != want.skipped || cancelled != want.cancelled {
				t.Errorf("%s: got %d jobs, %d skipped, %d cancelled, want %+v", o, len(all), s.Skipped, cancelled, want)
			}
		}
	})
}

func TestAJobThatCannotBeMadeIsSkipped(t *testing.T) {
	inWorld(t, func(w *world) {
		until := time.Now().Add(150 * time.Second)
		w.jobs.fail = func(time.Time) error {
			if time.Now().Before(until) {
				return fmt.Errorf("submit: %w", ratchet.Errorf(ratchet.ReasonTaskDisabled, "the task is disabled"))
			}
			return nil
		}
		id := w.create(ratchet.Schedule{Cron: "* * * * *", MaxRuns: 2})
		w.run(1, 6*time.Minute, nil)
		s := w.schedule(id)
		if s.Runs != 2 || s.Skipped != 2 || len(w.ran(id)) != 2 || !s.NextRunAt.IsZero() {
			t.Errorf("got %d runs and %d skipped, next %s, want 2, 2 and no next", s.Runs, s.Skipped, s.NextRunAt)
		}
		if got := w.log.messages(); len(got) != 2 || !strings.Contains(got[0], "skipped") {
			t.Errorf("got the log %v, want two lines", got)
		}
	})
}

func TestWhatPassesIsTriedAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		until := time.Now().Add(100 * time.Second)
		calls := 0
		w.jobs.fail = func(time.Time) error {
			calls++
			if time.Now().Before(until) {
				return errors.New("the database is away")
			}
			return nil
		}
		id := w.create(ratchet.Schedule{Cron: "* * * * *"})
		first := w.schedule(id).NextRunAt
		w.run(1, 3*time.Minute, nil)
		if at := w.ran(id); len(at) < 2 || !at[0].Equal(first) {
			t.Errorf("got %v, want no instant lost, the first %s", at, first)
		}
		if s := w.schedule(id); s.Skipped != 0 {
			t.Errorf("got %d skipped, want none", s.Skipped)
		}
		if calls > 20 {
			t.Errorf("got %d attempts, want more and more time between them", calls)
		}
	})
}

func TestAServerThatIsStoppedHalfWayFiresNothingTwice(t *testing.T) {
	inWorld(t, func(w *world) {
		id := w.create(ratchet.Schedule{Cron: "*/10 * * * * *"})
		first := w.schedule(id).NextRunAt
		for range 40 { // each for a moment only
			w.run(2, 7*time.Second, nil)
		}
		at := w.ran(id)
		for i := range at {
			if want := first.Add(time.Duration(i) * 10 * time.Second); !at[i].Equal(want) {
				t.Fatalf("run %d: got %s, want %s", i, at[i], want)
			}
		}
		if len(at) < 27 || len(at) > 29 {
			t.Errorf("got %d runs in 280 s, want one each 10 s", len(at))
		}
	})
}
