package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

func schedules() table[ratchet.Schedule] {
	return table[ratchet.Schedule]{
		name: "schedules", noun: "schedule", missing: ratchet.ReasonEntityNotFound,
		fields: ratchet.ScheduleFields,
		special: map[string]column{
			"id":        {parse: idsOf(ratchet.ParseID[ratchet.Schedule])},
			"taskId":    {parse: idsOf(ratchet.ParseID[ratchet.Task])},
			"lastRunAt": {null: true},
			"nextRunAt": {null: true},
		},
		columns: []string{
			"id", "name", "description", "task_id", "task", "cron", "every", "timezone", "input", "priority", "tags",
			"missed", "missed_max", "overlap", "max_runs", "start_at", "end_at", "enabled",
			"runs", "skipped", "last_run_at", "last_job", "next_run_at", "created_at", "updated_at", "destinations",
		},
		dest: func(s *ratchet.Schedule) []any {
			return []any{
				&s.ID, &s.Name, &s.Description, &s.TaskID, &s.Task, &s.Cron,
				scanInt[ratchet.Duration]{&s.Every},
				&s.Zone,
				scanRaw{&s.Input},
				scanInt[ratchet.Priority]{&s.Priority},
				scanWords{&s.Tags},
				scanText[ratchet.MissedPolicy]{&s.Missed},
				&s.MissedMax,
				scanText[ratchet.OverlapPolicy]{&s.Overlap},
				&s.MaxRuns,
				scanTime{&s.Start},
				scanTime{&s.End},
				&s.Enabled,
				&s.Runs, &s.Skipped,
				scanTime{&s.LastRunAt},
				&s.LastJob,
				scanTime{&s.NextRunAt},
				scanTime{&s.CreatedAt},
				scanTime{&s.UpdatedAt},
				scanJSON{&s.Destinations},
			}
		},
		// What firing counts is not among these: it is written by Fire alone.
		values: func(s *ratchet.Schedule) values {
			return values{
				{"id", s.ID},
				{"name", s.Name},
				{"description", s.Description},
				{"task_id", s.TaskID},
				{"task", s.Task},
				{"cron", s.Cron},
				{"every", int64(s.Every)},
				{"timezone", s.Zone},
				{"input", string(s.Input)},
				{"priority", int64(s.Priority)},
				{"tags", wordsValue(s.Tags)},
				{"missed", string(s.Missed)},
				{"missed_max", s.MissedMax},
				{"overlap", string(s.Overlap)},
				{"max_runs", s.MaxRuns},
				{"start_at", stamp(s.Start)},
				{"end_at", stamp(s.End)},
				{"enabled", s.Enabled},
				{"next_run_at", stamp(s.NextRunAt)},
				{"created_at", stamp(s.CreatedAt)},
				{"updated_at", stamp(s.UpdatedAt)},
				{"destinations", destinationsValue(s.Destinations)},
			}
		},
	}
}

// Schedule returns a schedule by its ID or name.
func (s *Store) Schedule(ctx context.Context, ref string) (*ratchet.Schedule, error) {
	t := schedules()
	if notText(ref) != "" {
		return nil, t.notFound(fmt.Sprintf("%.100s", ref))
	}
	if id, err := ratchet.ParseID[ratchet.Schedule](ref); err == nil {
		found, err := t.one(ctx, s.reader(), "id = ?", id)
		if !errors.Is(err, errNoRows) {
			return found, wrap("read schedule", err)
		}
	}
	return t.get(ctx, s.reader(), ref, "namespace = ? AND name = ?", namespace, ref)
}

// Schedules returns a part of the list of schedules.
func (s *Store) Schedules(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Schedule], error) {
	return schedules().list(ctx, s.reader(), q)
}

// CreateSchedule keeps a new schedule and gives it what it lacks: an ID and the
// times of its making.
func (s *Store) CreateSchedule(ctx context.Context, schedule *ratchet.Schedule) error {
	fresh := *schedule
	if fresh.ID.IsZero() {
		fresh.ID = ratchet.NewID[ratchet.Schedule]()
	}
	if fresh.CreatedAt.IsZero() {
		fresh.CreatedAt = now()
	}
	if fresh.UpdatedAt.IsZero() {
		fresh.UpdatedAt = fresh.CreatedAt
	}
	kept(&fresh)
	err := s.write(ctx, "create schedule", func(tx *tx) error {
		if err := taskThere(ctx, tx, fresh.TaskID); err != nil {
			return err
		}
		return schedules().create(ctx, tx, &fresh, fresh.Name)
	})
	if err == nil {
		*schedule = fresh
	}
	return err
}

// kept rounds the times of a schedule to what is kept of them.
func kept(s *ratchet.Schedule) {
	for _, t := range []*time.Time{&s.Start, &s.End, &s.NextRunAt, &s.CreatedAt, &s.UpdatedAt} {
		if !t.IsZero() {
			*t = t.UTC().Truncate(time.Microsecond)
		}
	}
}

// taskThere refuses what belongs to no task. On PostgreSQL it keeps the task from
// being deleted meanwhile.
func taskThere(ctx context.Context, tx *tx, id ratchet.TaskID) error {
	lock := ""
	if tx.dialect() == postgres {
		lock = " FOR KEY SHARE"
	}
	_, err := tasks().get(ctx, tx, id.String(), "id = ?"+lock, id)
	return err
}

// UpdateSchedule writes what a schedule is and when it runs next, if it was last
// updated at the time given and has not fired since it was read; else it is a
// conflict. What firing counts stays as it is.
func (s *Store) UpdateSchedule(ctx context.Context, schedule *ratchet.Schedule, updatedAt time.Time) error {
	fresh := *schedule
	fresh.UpdatedAt = laterThan(updatedAt)
	kept(&fresh)
	err := s.write(ctx, "update schedule", func(tx *tx) error {
		if err := taskThere(ctx, tx, fresh.TaskID); err != nil {
			return err
		}
		done, err := schedules().update(ctx, tx, &fresh, fresh.Name, "id = ? AND updated_at = ? AND runs = ? AND skipped = ?",
			fresh.ID, stamp(updatedAt), fresh.Runs, fresh.Skipped)
		if err != nil || done {
			return err
		}
		if _, err := schedules().get(ctx, tx, fresh.ID.String(), "id = ?", fresh.ID); err != nil {
			return err
		}
		return ratchet.Errorf(ratchet.ReasonChanged, "schedule %q was changed or fired meanwhile: read it again and repeat the change", fresh.Name)
	})
	if err == nil {
		*schedule = fresh
	}
	return err
}

// DeleteSchedule removes a schedule. The jobs that it submitted stay.
func (s *Store) DeleteSchedule(ctx context.Context, id ratchet.ScheduleID) error {
	return s.write(ctx, "delete schedule", func(tx *tx) error {
		return schedules().delete(ctx, tx, id)
	})
}

// Due returns schedules that should have fired by now, the longest due first.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) ([]ratchet.Schedule, error) {
	due, err := schedules().all(ctx, s.reader(), "WHERE next_run_at IS NOT NULL AND next_run_at <= ? AND enabled ORDER BY next_run_at LIMIT ?", now.UnixMicro(), limit)
	return due, wrap("list due schedules", err)
}

// NextDue returns when the next schedule fires; zero if none ever does.
func (s *Store) NextDue(ctx context.Context) (at time.Time, err error) {
	err = s.reader().queryRow(ctx, "SELECT next_run_at FROM schedules WHERE next_run_at IS NOT NULL AND enabled ORDER BY next_run_at LIMIT 1").Scan(scanTime{&at})
	if errors.Is(err, errNoRows) {
		return time.Time{}, nil
	}
	return at, wrap("find the next schedule", err)
}

// Fire does one step of a schedule: it moves it on, cancels what is to be
// cancelled and submits the jobs, in one transaction. If the schedule is no
// longer where the step begins, because it was fired by another node, changed or
// deleted, nothing happens and fired is false.
func (s *Store) Fire(ctx context.Context, f ratchet.Firing) (fired bool, err error) {
	err = s.write(ctx, "fire schedule", func(tx *tx) error {
		var last any
		if len(f.Jobs) > 0 {
			last = f.Jobs[len(f.Jobs)-1].Job.ID
		}
		n, err := tx.exec(ctx, `UPDATE schedules SET next_run_at = ?, last_run_at = coalesce(?, last_run_at), runs = runs + ?,
			skipped = skipped + ?, last_job = coalesce(?, last_job) WHERE id = ? AND next_run_at = ? AND enabled`,
			stamp(f.Next), stamp(f.Last), len(f.Jobs), f.Skipped, last, f.Schedule, stamp(f.Expected))
		fired = n > 0
		if err != nil || !fired {
			return err
		}
		for _, id := range f.Cancel {
			if err := cancelOverlapping(ctx, tx, id); err != nil {
				return err
			}
		}
		if len(f.Jobs) == 0 {
			return nil
		}
		_, err = submit(ctx, tx, f.Jobs)
		return err
	})
	return fired && err == nil, err
}

// Unfinished returns the jobs of a schedule that are not at their end, the oldest
// first.
func (s *Store) Unfinished(ctx context.Context, id ratchet.ScheduleID) ([]ratchet.JobID, error) {
	ids, err := column1[ratchet.JobID](ctx, s.reader(), "SELECT id FROM jobs WHERE schedule_id = ? AND state IN ("+unfinishedStates()+") ORDER BY id", id)
	return ids, wrap("list unfinished jobs", err)
}
