package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A Store keeps schedules, on behalf of all servers that share it.
type Store interface {
	// Due returns enabled schedules whose next run is not after now, the longest
	// due first.
	Due(ctx context.Context, now time.Time, limit int) ([]ratchet.Schedule, error)
	// NextDue is when the next schedule is due; zero if none ever is.
	NextDue(ctx context.Context) (time.Time, error)
	// Fire does all of a firing or nothing: nothing if the schedule was fired, or
	// changed, since it was read.
	Fire(ctx context.Context, f ratchet.Firing) (bool, error)
	// Unfinished lists the jobs of a schedule that are not in a terminal state.
	Unfinished(ctx context.Context, id ratchet.ScheduleID) ([]ratchet.JobID, error)
}

// Jobs makes the jobs of schedules.
type Jobs interface {
	// Prepare makes the job of one instant. That of a schedule whose overlaps queue
	// gets the schedule's own gate. An error that time does not mend, as that the
	// task is gone or disabled or refuses the input, skips the instant.
	Prepare(ctx context.Context, s *ratchet.Schedule, at time.Time) (ratchet.Submission, error)
}

// A Config says how a Runner works. The zero Config works.
type Config struct {
	// Grace is how old an instant may be when the runner sees it without being
	// taken for missed, which is up to the schedule's policy. Default 1 minute: a
	// busy or restarted server is late, not away.
	Grace time.Duration
	// Poll is how often the store is asked although nothing is known to be due:
	// other servers may have changed a schedule. Default 15 s.
	Poll time.Duration
	// Batch is how many schedules are taken at once. Default 100.
	Batch int
	// Log gets what operators should know. Default: nothing is logged.
	Log *slog.Logger
}

// A Runner fires what is due. Any number may run on one store: each instant is
// fired by one of them.
type Runner struct {
	store Store
	jobs  Jobs
	cfg   Config
	wake  chan struct{}

	failures int // turns one after the other
}

// afterOthers is how long the runner waits if all that is due was fired by others
// between its look and its try.
const afterOthers = 50 * time.Millisecond

// NewRunner returns a Runner. It starts nothing.
func NewRunner(store Store, jobs Jobs, cfg Config) *Runner {
	if cfg.Grace <= 0 {
		cfg.Grace = time.Minute
	}
	if cfg.Poll <= 0 {
		cfg.Poll = 15 * time.Second
	}
	if cfg.Batch <= 0 {
		cfg.Batch = 100
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Runner{store: store, jobs: jobs, cfg: cfg, wake: make(chan struct{}, 1)}
}

// Wake has the runner look again: a schedule was made or changed. It does not wait.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run fires what is due until ctx is done, which is no error.
func (r *Runner) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
		case <-timer.C:
		}
		wait, err := r.turn(ctx)
		if err == nil {
			r.failures = 0
		} else {
			// A database that is away, most likely; one that is back is not stormed.
			wait = min(time.Second<<min(r.failures, 10), r.cfg.Poll)
			r.failures++
		}
		timer.Reset(wait)
	}
}

// turn fires what is due now, and returns how long nothing will be. What failed is
// logged.
func (r *Runner) turn(ctx context.Context) (time.Duration, error) {
	now := time.Now().UTC()
	due, err := r.store.Due(ctx, now, r.cfg.Batch)
	if err != nil {
		return 0, r.logged(ctx, "cannot find due schedules", err)
	}
	some := len(due) == 0
	for i := range due {
		fired, e := r.fire(ctx, &due[i], now)
		if e != nil && ctx.Err() == nil {
			err = r.logged(ctx, "cannot fire a schedule", e, slog.String("schedule", due[i].Name))
		}
		some = some || fired
	}
	switch {
	case err != nil:
		return 0, err
	case !some: // others are at it
		return afterOthers, nil
	case len(due) == r.cfg.Batch:
		return 0, nil
	}
	next, err := r.store.NextDue(ctx)
	switch {
	case err != nil:
		return 0, r.logged(ctx, "cannot find the next due schedule", err)
	case next.IsZero():
		return r.cfg.Poll, nil
	}
	return min(max(time.Until(next), 0), r.cfg.Poll), nil
}

func (r *Runner) logged(ctx context.Context, message string, err error, attrs ...any) error {
	if ctx.Err() == nil {
		r.cfg.Log.ErrorContext(ctx, message, append(attrs, slog.Any("error", err))...)
	}
	return err
}

// fire does what is due of one schedule.
func (r *Runner) fire(ctx context.Context, s *ratchet.Schedule, now time.Time) (fired bool, err error) {
	rule, wrong := compile(s)
	if len(wrong) > 0 {
		return false, fmt.Errorf("read the rule of schedule %s: %s", s.ID, wrong[0].Message)
	}
	var unfinished []ratchet.JobID
	p, err := decide(s, rule, now, r.cfg.Grace, func() (n int, err error) {
		unfinished, err = r.store.Unfinished(ctx, s.ID)
		return len(unfinished), err
	})
	if err != nil {
		return false, fmt.Errorf("find the unfinished jobs of schedule %s: %w", s.ID, err)
	}
	f, err := r.firing(ctx, s, p)
	if err != nil {
		return false, err
	}
	if p.cancel && len(f.Jobs) > 0 {
		f.Cancel = unfinished
	}
	fired, err = r.store.Fire(ctx, f)
	if err != nil {
		return false, fmt.Errorf("fire schedule %s: %w", s.ID, err)
	}
	if fired {
		r.cfg.Log.DebugContext(ctx, "schedule fired", slog.String("schedule", s.Name), slog.Int("jobs", len(f.Jobs)),
			slog.Int("skipped", f.Skipped), slog.Time("next", f.Next))
	}
	return fired, nil
}

// firing prepares the jobs of a plan.
func (r *Runner) firing(ctx context.Context, s *ratchet.Schedule, p plan) (ratchet.Firing, error) {
	f := ratchet.Firing{Schedule: s.ID, Expected: s.NextRunAt, Next: p.next, Skipped: p.skipped}
	for i, at := range p.fire {
		job, err := r.jobs.Prepare(ctx, s, at)
		if err != nil && !lasting(err) {
			return f, fmt.Errorf("prepare a job of schedule %s: %w", s.ID, err)
		}
		if err != nil {
			// The others would be refused for the same reason.
			r.cfg.Log.WarnContext(ctx, "schedule skipped: its job cannot be made", slog.String("schedule", s.Name),
				slog.String("task", s.Task), slog.Time("at", at), slog.Any("error", err))
			f.Skipped += len(p.fire) - i
			break
		}
		job.Job.Schedule = s.ID
		f.Jobs, f.Last = append(f.Jobs, job), at
	}
	if s.MaxRuns > 0 && s.Runs+len(f.Jobs) >= s.MaxRuns {
		f.Next = time.Time{}
	}
	return f, nil
}

// lasting reports whether an error is about what was asked, so that it comes again
// if the same is asked again.
func lasting(err error) bool {
	e, ok := errors.AsType[*ratchet.Error](err)
	if !ok {
		return false
	}
	switch e.Code {
	case ratchet.CodeInvalid, ratchet.CodeNotFound, ratchet.CodeForbidden, ratchet.CodeConflict:
		return true
	}
	return false
}
