package sqlstore

import (
	"cmp"
	"context"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// How long things are kept by default, and how old an archive that nothing
// refers to must be: its version may be about to be written.
const (
	keepCompleted = 7 * 24 * time.Hour
	keepFailed    = 30 * 24 * time.Hour
	keepOrphan    = time.Hour
	keepDisabled  = 90 * 24 * time.Hour // then it is tried again
)

// sweepBatch is how many rows go in one transaction: others wait for it.
const sweepBatch = 200

// Sweep deletes what has been kept for long enough: at most limit finished jobs
// with their executions, in small batches; and, when there are no more of these,
// versions that were replaced, and what is left of deleted tasks. Deleted is how many jobs went: fewer than limit
// means that it is done.
func (s *Store) Sweep(ctx context.Context, keep ratchet.Retention, limit int) (deleted int, err error) {
	at := now()
	ages := []struct {
		state ratchet.JobState
		older time.Time
	}{
		{ratchet.JobCompleted, at.Add(-cmp.Or(keep.Completed, keepCompleted))},
		{ratchet.JobCancelled, at.Add(-cmp.Or(keep.Completed, keepCompleted))},
		{ratchet.JobFailed, at.Add(-cmp.Or(keep.Failed, keepFailed))},
	}
	for _, age := range ages {
		for deleted < limit {
			n, err := s.sweepJobs(ctx, age.state, age.older, min(sweepBatch, limit-deleted))
			if err != nil {
				return deleted, wrap("delete old jobs", err)
			}
			if n == 0 {
				break
			}
			deleted += n
		}
	}
	if deleted == limit {
		return deleted, nil
	}
	if err := s.sweepVersions(ctx, at); err != nil {
		return deleted, wrap("delete replaced versions", err)
	}
	if err := s.sweepResults(ctx); err != nil {
		return deleted, wrap("delete old results", err)
	}
	return deleted, wrap("delete what is left of deleted tasks", s.sweepRest(ctx, at))
}

// delivered is the condition that nothing is left to be delivered of a job.
const delivered = "NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.job_id = jobs.id AND deliveries.state IN ('pending', 'sending'))"

// sweepJobs deletes jobs that came to the state before a time. The IDs of jobs
// sort by when they were made, which is before: so an index leads to them.
func (s *Store) sweepJobs(ctx context.Context, state ratchet.JobState, older time.Time, most int) (int, error) {
	ids, err := column1[ratchet.JobID](ctx, s.reader(), "SELECT id FROM jobs WHERE state = ? AND id < ? AND finished_at < ? AND "+delivered+" ORDER BY id LIMIT ?",
		string(state), firstIDAt(older), stamp(older), most)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	list := make([]any, len(ids))
	for i, id := range ids {
		list[i] = id
	}
	list = padded(list)
	marks := placeholders(len(list))
	var n int64
	err = s.write(ctx, "delete old jobs", func(tx *tx) error {
		// What was redelivered meanwhile stays, and its job with it.
		if _, err := tx.exec(ctx, "DELETE FROM deliveries WHERE job_id IN ("+marks+") AND state IN ('delivered', 'failed')", list...); err != nil {
			return err
		}
		if n, err = tx.exec(ctx, "DELETE FROM jobs WHERE id IN ("+marks+") AND "+delivered, list...); err != nil {
			return err
		}
		_, err := tx.exec(ctx, "DELETE FROM executions WHERE job_id IN ("+marks+") AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = executions.job_id)", list...)
		return err
	})
	return int(n), err
}

// firstIDAt is less than or equal to all IDs that are made at a time or later.
func firstIDAt(t time.Time) ratchet.JobID {
	var id ratchet.JobID
	ms := uint64(t.UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id
}

// column1 reads the first column of all rows.
func column1[T any](ctx context.Context, c conn, sql string, args ...any) (all []T, err error) {
	rs, err := c.query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	for rs.Next() {
		var v T
		if err := rs.Scan(&v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rs.Err()
}

// replacedAtOnce is how many replaced versions are looked at in one sweep: for
// each the jobs of its task are, of which there may be many.
const replacedAtOnce = 100

// sweepVersions deletes versions whose place another one took under the same
// semantic version, as while a task is worked on, once no job refers to them.
// Whoever is about to submit a job of one has keepOrphan for it.
func (s *Store) sweepVersions(ctx context.Context, at time.Time) error {
	const unused = "NOT EXISTS (SELECT 1 FROM tasks JOIN jobs ON jobs.task = tasks.name WHERE tasks.id = versions.task_id AND jobs.task_id = tasks.id AND jobs.version_digest = versions.digest"
	const old = "replaced_at < ? AND NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.id = versions.task_id AND tasks.version_digest = versions.digest)"
	before := stamp(at.Add(-keepOrphan))
	ids, err := column1[ratchet.VersionID](ctx, s.reader(), "SELECT id FROM versions WHERE "+old+" AND "+unused+") LIMIT ?", before, replacedAtOnce)
	if err != nil || len(ids) == 0 {
		return err
	}
	defer s.versions.forget()
	return s.write(ctx, "delete replaced versions", func(tx *tx) error {
		for _, id := range ids { // since it was looked at, few jobs were made
			if _, err := tx.exec(ctx, "DELETE FROM versions WHERE id = ? AND "+old+" AND "+unused+" AND jobs.id >= ?)", id, before, firstIDAt(at.Add(-keepOrphan))); err != nil {
				return err
			}
		}
		return nil
	})
}

// sweepRest deletes archives without a version, and the rates of tasks that are
// gone. It looks before it writes: there is
// seldom anything.
func (s *Store) sweepRest(ctx context.Context, at time.Time) error {
	rest := []struct {
		from, where string
		args        []any
	}{
		{"blobs", "created_at < ? AND NOT EXISTS (SELECT 1 FROM versions WHERE versions.digest = blobs.digest)", []any{stamp(at.Add(-keepOrphan))}},
		{"rates", "NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.id = rates.task_id)", nil},
		{"disabled_targets", "at < ?", []any{stamp(at.Add(-keepDisabled))}},
	}
	for _, r := range rest {
		var some bool
		if err := s.reader().queryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+r.from+" WHERE "+r.where+")", r.args...).Scan(&some); err != nil {
			return err
		}
		if !some {
			continue
		}
		err := s.write(ctx, "sweep "+r.from, func(tx *tx) error {
			_, err := tx.exec(ctx, "DELETE FROM "+r.from+" WHERE "+r.where, r.args...)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
