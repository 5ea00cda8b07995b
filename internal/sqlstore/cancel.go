package sqlstore

import (
	"context"

	"github.com/ratchet-runner/ratchet-go"
)

// Cancel ends a waiting job; a running one is marked, and its node told. One that
// is cancelled already stays so; one that has ended otherwise is a conflict.
func (s *Store) Cancel(ctx context.Context, id ratchet.JobID) (job *ratchet.Job, err error) {
	err = s.write(ctx, "cancel", func(t *tx) error {
		job, err = cancel(ctx, t, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return job, nil
}

// cancel cancels a job in a transaction. It returns the job as it is then.
func cancel(ctx context.Context, t *tx, id ratchet.JobID) (*ratchet.Job, error) {
	job, err := jobs().get(ctx, t, id.String(), "id = ?"+t.dialect().forUpdate(), id)
	if err != nil {
		return nil, err
	}
	switch {
	case job.State == ratchet.JobCancelled:
		return job, nil
	case job.State.Terminal():
		return nil, ratchet.Errorf(ratchet.ReasonExecutionInvalidState, "job %s has %s already: there is nothing to cancel", id, job.State)
	case job.State == ratchet.JobRunning:
		return job, stopRunning(ctx, t, job)
	}
	var holds bool
	at := now()
	err = t.queryRow(ctx, "UPDATE jobs SET state = 'cancelled', parked = '', cancel_requested = ?, finished_at = ?, ticket = ticket + 1 WHERE id = ? RETURNING holds", true, stamp(at), id).Scan(&holds)
	if err != nil {
		return nil, err
	}
	job.State, job.Status, job.Parked, job.CancelRequested, job.FinishedAt = ratchet.JobCancelled, ratchet.StatusCancelled, "", true, at
	t.publish(jobEvent(job, ratchet.ExecutionID{}, nil))
	if err := t.store.outbox(ctx, t, job); err != nil {
		return nil, err
	}
	return job, t.store.release(ctx, t, job, holds)
}

// stopRunning asks for the end of a running job.
func stopRunning(ctx context.Context, t *tx, job *ratchet.Job) error {
	var execution ratchet.ExecutionID
	err := t.queryRow(ctx, "UPDATE jobs SET cancel_requested = ? WHERE id = ? RETURNING execution_id", true, job.ID).Scan(&execution)
	if err != nil {
		return err
	}
	job.CancelRequested = true
	e := jobEvent(job, execution, nil)
	e.Type = ratchet.EventCancel
	t.publish(e)
	return nil
}

// cancelOverlapping cancels a job of a schedule that starts anew; one that is
// gone or has ended needs nothing.
func cancelOverlapping(ctx context.Context, t *tx, id ratchet.JobID) error {
	_, err := cancel(ctx, t, id)
	reason := ratchet.Reason("")
	if e := ratchet.AsError(err); e != nil {
		reason = e.Reason
	}
	if reason == ratchet.ReasonEntityNotFound || reason == ratchet.ReasonExecutionInvalidState {
		return nil
	}
	return err
}

// CancelRequested returns the jobs that run on this node and are to be stopped.
func (s *Store) CancelRequested(ctx context.Context) (ids []ratchet.JobID, err error) {
	rs, err := s.reader().query(ctx, "SELECT id FROM jobs WHERE state = 'running' AND node = ? AND cancel_requested", s.cfg.Node)
	if err != nil {
		return nil, wrap("list jobs to be stopped", err)
	}
	defer rs.Close()
	for rs.Next() {
		var id ratchet.JobID
		if err := rs.Scan(&id); err != nil {
			return nil, wrap("list jobs to be stopped", err)
		}
		ids = append(ids, id)
	}
	return ids, wrap("list jobs to be stopped", rs.Err())
}

// Hasten lets a scheduled or retrying job start now. One that waits for a worker
// already stays as it is; any other state is a conflict.
func (s *Store) Hasten(ctx context.Context, id ratchet.JobID) (job *ratchet.Job, err error) {
	err = s.write(ctx, "hasten", func(t *tx) error {
		if job, err = jobs().get(ctx, t, id.String(), "id = ?"+t.dialect().forUpdate(), id); err != nil {
			return err
		}
		switch job.State {
		case ratchet.JobQueued:
			return nil
		case ratchet.JobScheduled, ratchet.JobRetrying:
		default:
			return ratchet.Errorf(ratchet.ReasonExecutionInvalidState, "job %s is %s: only one that is scheduled or retrying can be hastened", id, job.State)
		}
		at := now()
		var number int
		err := t.queryRow(ctx, "UPDATE jobs SET state = 'queued', run_at = ?, ticket = ticket + 1 WHERE id = ? RETURNING ticket", stamp(at), id).Scan(&number)
		if err != nil {
			return err
		}
		job.State, job.Status, job.RunAt = ratchet.JobQueued, ratchet.StatusQueued, at
		t.publish(jobEvent(job, ratchet.ExecutionID{}, nil))
		return t.enqueue(ctx, ratchet.Ticket{Job: id, Number: number}, at, job.Priority)
	})
	if err != nil {
		return nil, err
	}
	return job, nil
}
