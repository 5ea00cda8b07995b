package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// Bounds of what is said of a schedule.
const (
	maxScheduleName = 100
	maxDescription  = 2000
	defaultRuns     = 10
	mostRuns        = 100
)

func (s *Service) getSchedule(ctx context.Context, in ScheduleRef) (*ratchet.Schedule, error) {
	return s.findSchedule(ctx, in.Schedule)
}

// findSchedule returns the schedule that ref names, or an error that names one
// like it.
func (s *Service) findSchedule(ctx context.Context, ref string) (*ratchet.Schedule, error) {
	if err := checkRef("schedule", ref, ratchet.ParseID[ratchet.Schedule]); err != nil {
		return nil, err
	}
	sch, err := s.store.Schedule(ctx, ref)
	if failure, known := ratchetError(err); known && failure.Code == ratchet.CodeNotFound {
		return nil, s.noSchedule(ctx, ref)
	}
	if err != nil {
		return nil, fmt.Errorf("find schedule: %w", err)
	}
	return sch, nil
}

func (s *Service) noSchedule(ctx context.Context, ref string) error {
	remedy := "\"ratchet schedule list\" shows those there are"
	page, err := s.store.Schedules(ctx, ratchet.Query{Limit: ratchet.MaxLimit})
	if err != nil {
		return fmt.Errorf("list schedules: %w", err)
	}
	known := make([]string, len(page.Items))
	for i, other := range page.Items {
		known[i] = other.Name
	}
	if near := ratchet.Nearest(ref, known); near != "" {
		remedy = fmt.Sprintf("is %q meant?", near)
	}
	return ratchet.Errorf(ratchet.ReasonEntityNotFound, "there is no schedule %q: %s", shorten(ref), remedy)
}

func (s *Service) createSchedule(ctx context.Context, r ratchet.ScheduleRequest) (*ratchet.Schedule, error) {
	now := s.now()
	sch := &ratchet.Schedule{
		ID: ratchet.NewID[ratchet.Schedule](), Name: r.Name, Description: r.Description,
		Cron: r.Cron, Every: r.Every, Zone: r.Zone, Input: r.Input, Priority: r.Priority, Tags: r.Tags,
		Missed: r.Missed, MissedMax: r.MissedMax, Overlap: r.Overlap, MaxRuns: r.MaxRuns,
		Start: toMicrosecond(r.Start), End: toMicrosecond(r.End), Destinations: r.Destinations,
		Enabled: r.Enabled == nil || *r.Enabled, CreatedAt: now, UpdatedAt: now,
	}
	if len(sch.Input) == 0 {
		sch.Input = json.RawMessage("{}")
	}
	var wrong problems
	b := s.submitter(false)
	task, err := b.taskOf(ctx, &wrong, "/task", r.Task, r.TaskID)
	if err != nil {
		return nil, err
	}
	if task != nil {
		sch.TaskID, sch.Task = task.ID, task.Name
	}
	if err := s.checkSchedule(ctx, b, &wrong, task, sch, false); err != nil {
		return nil, err
	}
	if len(wrong.details) == 0 && sch.Enabled {
		s.arm(&wrong, sch, now)
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	if err := s.store.CreateSchedule(ctx, sch); err != nil {
		return nil, err
	}
	return sch, nil
}

func toMicrosecond(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// checkSchedule checks all of a schedule but whether it ever runs. The task is nil
// if that is a problem already. Destinations that are kept were checked, and their
// secrets sealed, before.
func (s *Service) checkSchedule(ctx context.Context, b *submitter, wrong *problems, task *ratchet.Task, sch *ratchet.Schedule, kept bool) error {
	wrong.text("/name", "the name", sch.Name, textRule{least: 1, most: maxScheduleName, not: "/"})
	wrong.text("/description", "the description", sch.Description, textRule{most: maxDescription, lines: true})
	wrong.priority(sch.Priority)
	sch.Tags = wrong.tags("/tags", sch.Tags)
	wrong.time("/start", sch.Start)
	wrong.time("/end", sch.End)
	wrong.add(ratchet.ReasonValidation, s.rules.Validate(sch)...)
	if task == nil {
		return nil
	}
	version, err := b.versionOf(ctx, wrong, task, "")
	if version == nil || err != nil {
		return err
	}
	if !kept {
		sch.Destinations, err = s.destinations(ctx, wrong, "/destinations", sch.Destinations, destinationRule{task, version.Permissions.Env, append([]string{}, sch.Tags...)})
		if err != nil {
			return err
		}
	}
	return s.checkInput(ctx, wrong, version, sch.Input)
}

// arm sets when the schedule runs next. One that never does is a mistake.
func (s *Service) arm(wrong *problems, sch *ratchet.Schedule, now time.Time) {
	if sch.MaxRuns > 0 && sch.Runs >= sch.MaxRuns {
		sch.NextRunAt = time.Time{}
		wrong.wrong("/maxRuns", "the schedule has made all its runs", fmt.Sprintf("more than %d, or 0 for no end", sch.Runs), fmt.Sprint(sch.MaxRuns))
		return
	}
	if sch.NextRunAt = s.rules.Next(sch, now); !sch.NextRunAt.IsZero() {
		return
	}
	pointer, got := "/cron", sch.Cron
	if sch.Cron == "" {
		pointer, got = "/every", sch.Every.String()
	}
	if !sch.End.IsZero() {
		pointer, got = "/end", sch.End.Format(time.RFC3339)
	}
	wrong.wrong(pointer, "the schedule never runs", "a rule with an instant to come, before the end", got)
}

// changes is how often an update is tried against others at the same time.
const changes = 5

// updateSchedule applies a patch to the schedule as it is. Unless the caller says
// which state it saw, a run meanwhile is no conflict.
func (s *Service) updateSchedule(ctx context.Context, in UpdateSchedule) (*ratchet.Schedule, error) {
	return s.change(ctx, in.Schedule, in.IfMatch, func(sch *ratchet.Schedule, b *submitter, wrong *problems) error {
		before := *sch
		patch(sch, &in.SchedulePatch)
		task, err := b.taskOf(ctx, &problems{}, "", sch.TaskID.String(), "")
		if err != nil {
			return err
		}
		if err := s.checkSchedule(ctx, b, wrong, task, sch, in.Destinations == nil); err != nil || len(wrong.details) > 0 {
			return err
		}
		switch {
		case !sch.Enabled:
			sch.NextRunAt = time.Time{}
		case !before.Enabled || !sameRule(&before, sch):
			s.arm(wrong, sch, b.now)
		}
		return nil
	})
}

// change writes what edit makes of the schedule. What was seen of it must be as it
// is; that it ran meanwhile changes nothing of that.
func (s *Service) change(ctx context.Context, ref string, seen time.Time, edit func(*ratchet.Schedule, *submitter, *problems) error) (*ratchet.Schedule, error) {
	for try := 1; ; try++ {
		sch, err := s.findSchedule(ctx, ref)
		if err != nil {
			return nil, err
		}
		read := sch.UpdatedAt
		if !seen.IsZero() && !seen.Equal(read) {
			return nil, ratchet.Errorf(ratchet.ReasonChanged, "schedule %q was changed meanwhile, at %s: look at it again", sch.Name, read.Format(time.RFC3339Nano))
		}
		var wrong problems
		b := s.submitter(false)
		if err := edit(sch, b, &wrong); err != nil {
			return nil, err
		}
		if err := wrong.err(); err != nil {
			return nil, err
		}
		err = s.store.UpdateSchedule(ctx, sch, read)
		if err == nil {
			return sch, nil
		}
		changed := errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonChanged}) || errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonExecutionInvalidState})
		if !changed || try == changes {
			return nil, err
		}
	}
}

// patch changes what the patch names. A new rule takes the place of the other kind.
func patch(sch *ratchet.Schedule, p *ratchet.SchedulePatch) {
	set(&sch.Name, p.Name)
	set(&sch.Description, p.Description)
	if p.Cron != nil && *p.Cron != "" {
		sch.Every = 0
	}
	if p.Every != nil && *p.Every != 0 {
		sch.Cron = ""
	}
	set(&sch.Cron, p.Cron)
	set(&sch.Every, p.Every)
	set(&sch.Zone, p.Zone)
	if len(p.Input) > 0 {
		sch.Input = p.Input
	}
	set(&sch.Priority, p.Priority)
	set(&sch.Tags, p.Tags)
	set(&sch.Missed, p.Missed)
	set(&sch.MissedMax, p.MissedMax)
	set(&sch.Overlap, p.Overlap)
	set(&sch.MaxRuns, p.MaxRuns)
	if p.Start != nil {
		sch.Start = toMicrosecond(*p.Start)
	}
	if p.End != nil {
		sch.End = toMicrosecond(*p.End)
	}
	set(&sch.Enabled, p.Enabled)
	set(&sch.Destinations, p.Destinations)
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// sameRule reports whether two schedules run at the same instants.
func sameRule(a, b *ratchet.Schedule) bool {
	return a.Cron == b.Cron && a.Every == b.Every && a.Zone == b.Zone && a.MaxRuns == b.MaxRuns &&
		a.Start.Equal(b.Start) && a.End.Equal(b.End)
}

func (s *Service) deleteSchedule(ctx context.Context, in ScheduleRef) (None, error) {
	sch, err := s.findSchedule(ctx, in.Schedule)
	if err != nil {
		return None{}, err
	}
	return None{}, s.store.DeleteSchedule(ctx, sch.ID)
}

// enableSchedule lets a schedule run from now on: what it missed meanwhile is not
// missed but was not wanted.
func (s *Service) enableSchedule(ctx context.Context, in ScheduleRef) (*ratchet.Schedule, error) {
	return s.change(ctx, in.Schedule, time.Time{}, func(sch *ratchet.Schedule, b *submitter, wrong *problems) error {
		if !sch.Enabled || sch.NextRunAt.IsZero() {
			sch.Enabled = true
			s.arm(wrong, sch, b.now)
		}
		return nil
	})
}

func (s *Service) disableSchedule(ctx context.Context, in ScheduleRef) (*ratchet.Schedule, error) {
	return s.change(ctx, in.Schedule, time.Time{}, func(sch *ratchet.Schedule, _ *submitter, _ *problems) error {
		sch.Enabled, sch.NextRunAt = false, time.Time{}
		return nil
	})
}

// triggerSchedule submits a schedule's job now, whether it is enabled or not. It
// is not one of its runs.
func (s *Service) triggerSchedule(ctx context.Context, in ScheduleRef) (*ratchet.Job, error) {
	sch, err := s.findSchedule(ctx, in.Schedule)
	if err != nil {
		return nil, err
	}
	sub, err := s.Prepare(ctx, sch, s.now())
	if err != nil {
		return nil, err
	}
	return s.submitOne(ctx, sub)
}

// Prepare makes the job that an instant of a schedule fires, of the task's newest
// version. A task that is gone or disabled, or an input that the version does not
// accept, is a *ratchet.Error that tells so. It asks no policy: a schedule was
// allowed when it was made.
func (s *Service) Prepare(ctx context.Context, sch *ratchet.Schedule, at time.Time) (ratchet.Submission, error) {
	b := s.submitter(false)
	b.schedule = sch.ID
	r := ratchet.JobRequest{
		Task: sch.TaskID.String(), Input: sch.Input, Priority: sch.Priority, Tags: sch.Tags,
	}
	if sch.Overlap == ratchet.OverlapQueue {
		r.Concurrency = &ratchet.Concurrency{Key: "schedule:" + sch.ID.String(), Max: 1}
	}
	sub, wrong, err := b.submission(ctx, &r)
	if err == nil {
		err = wrong.err()
	}
	if err != nil {
		return ratchet.Submission{}, err
	}
	sub.Job.Schedule = sch.ID
	if sch.Destinations != nil {
		sub.Job.Destinations = sch.Destinations
	}
	b.place(sub.Job, toMicrosecond(at))
	return sub, nil
}

// nextRuns lists the next instants of a schedule; a disabled one has none.
func (s *Service) nextRuns(ctx context.Context, in NextRuns) ([]time.Time, error) {
	if err := checkCount(in.Count); err != nil {
		return nil, err
	}
	sch, err := s.findSchedule(ctx, in.Schedule)
	if err != nil {
		return nil, err
	}
	if !sch.Enabled {
		return []time.Time{}, nil
	}
	return s.instants(sch, s.now(), in.Count), nil
}

func checkCount(n int) error {
	if n < 0 || n > mostRuns {
		var wrong problems
		wrong.wrong("/count", "the count is out of bounds", fmt.Sprintf("1 to %d", mostRuns), fmt.Sprint(n))
		return wrong.err()
	}
	return nil
}

// instants lists when the schedule runs after t.
func (s *Service) instants(sch *ratchet.Schedule, t time.Time, count int) []time.Time {
	if count == 0 {
		count = defaultRuns
	}
	if sch.MaxRuns > 0 {
		count = min(count, max(0, sch.MaxRuns-sch.Runs))
	}
	all := []time.Time{}
	for len(all) < count {
		if t = s.rules.Next(sch, t); t.IsZero() {
			break
		}
		all = append(all, t)
	}
	return all
}

// previewSchedule lists when a rule would run, or says what is wrong with it.
func (s *Service) previewSchedule(_ context.Context, r ratchet.RuleRequest) ([]time.Time, error) {
	var wrong problems
	after := toMicrosecond(r.After)
	if after.IsZero() {
		after = s.now()
	}
	sch := &ratchet.Schedule{
		Name: "preview", Cron: r.Cron, Every: r.Every, Zone: r.Zone, Start: toMicrosecond(r.Start), End: toMicrosecond(r.End),
		Enabled: true, CreatedAt: after, UpdatedAt: after,
	}
	wrong.time("/start", sch.Start)
	wrong.time("/end", sch.End)
	wrong.time("/after", r.After)
	wrong.add(ratchet.ReasonValidation, s.rules.Validate(sch)...)
	if r.Count < 0 || r.Count > mostRuns {
		wrong.wrong("/count", "the count is out of bounds", fmt.Sprintf("1 to %d", mostRuns), fmt.Sprint(r.Count))
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	return s.instants(sch, after, r.Count), nil
}
