package sqlstore

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// Submit accepts all jobs or none. Where a job with the idempotency key and the
// fingerprint is there already, it is returned in place of the new one; another
// fingerprint is a conflict.
func (s *Store) Submit(ctx context.Context, jobs []ratchet.Submission) (accepted []ratchet.Job, err error) {
	if s.kind == postgres && len(jobs) == 1 && jobs[0].Job.IdempotencyKey == "" && jobs[0].Job.Cache != ratchet.CacheHit {
		accepted, err = s.submitOne(ctx, jobs[0].Job)
	} else {
		err = s.write(ctx, "submit", func(t *tx) error {
			accepted, err = submit(ctx, t, jobs)
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	for i := range accepted {
		if !accepted[i].State.Terminal() {
			s.waiting.add(1)
		}
	}
	return accepted, nil
}

// submit accepts jobs in a transaction.
func submit(ctx context.Context, t *tx, list []ratchet.Submission) ([]ratchet.Job, error) {
	accepted := make([]ratchet.Job, len(list))
	at := now()
	for i := range list {
		accepted[i] = fresh(list[i].Job, at)
	}
	is, err := known(ctx, t, list, accepted)
	if err != nil {
		return nil, err
	}
	var rows []values
	var tickets []placed
	var ended []*ratchet.Job // whose results were kept
	for i := range accepted {
		j := &accepted[i]
		if is[i] != novel {
			continue
		}
		row, err := submitted(j)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
		if j.Cache != ratchet.CacheHit {
			tickets = append(tickets, placed{ratchet.Ticket{Job: j.ID, Number: 1}, j.RunAt, j.Priority})
		} else {
			ended = append(ended, j)
		}
		t.publish(jobEvent(j, ratchet.ExecutionID{}, nil))
	}
	if err := insertAll(ctx, t, "jobs", rows); err != nil {
		return nil, err
	}
	if err := t.store.outbox(ctx, t, ended...); err != nil {
		return nil, err
	}
	for i := range accepted {
		if is[i] == twin { // of another in the list, which has its state now
			for k := range i {
				if accepted[k].ID == accepted[i].ID {
					accepted[i] = accepted[k]
				}
			}
		}
	}
	return accepted, t.enqueueAll(ctx, tickets)
}

// fresh is the job in its first state, which is its last if its result is there
// already.
func fresh(j *ratchet.Job, at time.Time) ratchet.Job {
	f := *j
	if f.ID.IsZero() {
		f.ID = ratchet.NewID[ratchet.Job]()
	}
	if f.CreatedAt.IsZero() {
		f.CreatedAt = at
	}
	f.CreatedAt, f.RunAt = f.CreatedAt.Truncate(time.Microsecond), f.RunAt.Truncate(time.Microsecond)
	f.State = ratchet.JobQueued
	if f.RunAt.After(at) {
		f.State = ratchet.JobScheduled
	}
	if f.Cache == ratchet.CacheHit {
		f.State, f.FinishedAt = ratchet.JobCompleted, at
	}
	f.Status, f.Parked = f.State.Status(), ""
	return f
}

// A novelty says whether a job is new.
type novelty int

const (
	novel novelty = iota
	old           // it was submitted before
	twin          // it is in the same list before
)

// known claims the idempotency keys of the jobs, and puts those that were
// submitted before in the place of the new ones.
func known(ctx context.Context, t *tx, list []ratchet.Submission, accepted []ratchet.Job) ([]novelty, error) {
	is := make([]novelty, len(list))
	seen := map[string]int{}
	for i := range accepted {
		j := &accepted[i]
		if j.IdempotencyKey == "" {
			continue
		}
		name := string(j.TaskID[:]) + j.IdempotencyKey
		if first, found := seen[name]; found {
			if !bytes.Equal(list[first].Fingerprint, list[i].Fingerprint) {
				return nil, conflict(j.IdempotencyKey)
			}
			is[i], *j = is[first], accepted[first]
			if is[i] == novel {
				is[i] = twin
			}
			continue
		}
		seen[name] = i
		there, err := claimKey(ctx, t, j, list[i].Fingerprint)
		if err != nil {
			return nil, err
		}
		if there != nil {
			is[i], *j = old, *there
		}
	}
	return is, nil
}

// claimKey makes the job the one that its idempotency key stands for, or returns
// the one that it stands for already.
func claimKey(ctx context.Context, t *tx, j *ratchet.Job, fingerprint []byte) (*ratchet.Job, error) {
	if expected := notStorable(j.IdempotencyKey); expected != "" {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "the idempotency key cannot be kept: want %s", expected)
	}
	const upsert = "INSERT INTO idempotency (namespace, task_id, key, job_id, fingerprint, created_at) VALUES (?, ?, ?, ?, ?, ?) " +
		"ON CONFLICT (namespace, task_id, key) DO UPDATE SET job_id = excluded.job_id, fingerprint = excluded.fingerprint, created_at = excluded.created_at "
	expired := nowStamp() - ratchet.IdempotencyWindow.Microseconds()
	row := []any{namespace, j.TaskID, j.IdempotencyKey, j.ID, append([]byte{}, fingerprint...), nowStamp()}
	n, err := t.exec(ctx, upsert+"WHERE idempotency.created_at < ?", append(row, expired)...)
	if err != nil || n > 0 {
		return nil, err
	}
	var first ratchet.JobID
	var print []byte
	err = t.queryRow(ctx, "SELECT job_id, fingerprint FROM idempotency WHERE namespace = ? AND task_id = ? AND key = ?", namespace, j.TaskID, j.IdempotencyKey).Scan(&first, &print)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(print, fingerprint) {
		return nil, conflict(j.IdempotencyKey)
	}
	there, err := jobs().one(ctx, t, "id = ?", first)
	if errors.Is(err, errNoRows) { // its job is not kept any more
		_, err := t.exec(ctx, upsert, row...)
		return nil, err
	}
	return there, err
}

func conflict(key string) error {
	return ratchet.Errorf(ratchet.ReasonAlreadyExists, "the idempotency key %q was used for another request in the last %s: give this one another key", key, ratchet.Duration(ratchet.IdempotencyWindow)).
		WithDetails(ratchet.Detail{Pointer: "/idempotencyKey", Message: "the key stands for another request", Got: key})
}

// insertAll inserts rows of the same columns, many with each statement, of few
// different lengths.
func insertAll(ctx context.Context, c conn, table string, rows []values) error {
	const most = 64
	for len(rows) > 0 {
		n := 1
		for n*4 <= min(len(rows), most) {
			n *= 4
		}
		sql := rows[0].insert(table)
		if n > 1 {
			sql += strings.Repeat(", ("+placeholders(len(rows[0]))+")", n-1)
		}
		args := make([]any, 0, n*len(rows[0]))
		for _, row := range rows[:n] {
			args = append(args, row.args()...)
		}
		if _, err := c.exec(ctx, sql, args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}
