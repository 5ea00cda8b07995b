package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// finishJob ends the attempt of a running job, if the lease still holds. A job
// that was to be cancelled is, unless it was completed first.
func finishJob() string {
	return "UPDATE jobs SET state = CASE WHEN cancel_requested AND ? <> 'completed' THEN 'cancelled' ELSE ? END, " +
		"output = ?, error = ?, error_reason = ?, error_message = ?, lease = NULL, execution_id = NULL, node = NULL, " +
		"run_at = CASE WHEN ? = 'retrying' AND NOT cancel_requested THEN CAST(? AS BIGINT) ELSE run_at END, " +
		"ticket = CASE WHEN ? = 'retrying' AND NOT cancel_requested THEN ticket + 1 ELSE ticket END, " +
		"finished_at = CASE WHEN ? = 'retrying' AND NOT cancel_requested THEN NULL ELSE CAST(? AS BIGINT) END " +
		"WHERE id = ? AND state = 'running' AND lease = ? RETURNING " + strings.Join(jobColumns(), ", ") + ", ticket, holds"
}

// Finish writes the end of an attempt: the execution, the job's next state, its
// next ticket if there is to be another attempt, and the place of its gate for
// the next. Without the lease it is ErrStale, and nothing is written.
func (s *Store) Finish(ctx context.Context, l ratchet.Lease, o ratchet.Outcome) (job *ratchet.Job, err error) {
	if o.Execution.State == ratchet.ExecutionLost {
		return nil, s.GiveBack(ctx, l, o.Execution)
	}
	if s.kind == postgres && o.RetryAt.IsZero() && !s.operatorWants(o.Execution.Task) {
		if job, err = s.finishOne(ctx, l, o); err != nil || job != nil {
			return job, err
		}
	}
	err = s.write(ctx, "finish", func(t *tx) error {
		job, err = s.finish(ctx, t, l, o)
		return err
	})
	if errors.Is(err, ratchet.ErrStale) {
		s.stale.Add(1)
	}
	if err != nil {
		return nil, fmt.Errorf("job %s: %w", l.Job, err)
	}
	return job, nil
}

func (s *Store) finish(ctx context.Context, t *tx, l ratchet.Lease, o ratchet.Outcome) (*ratchet.Job, error) {
	var job ratchet.Job
	var ticket int
	var holds bool
	at := now()
	args, err := finishArgs(l, o, at)
	if err != nil {
		return nil, err
	}
	err = t.queryRow(ctx, s.finishJob(), args...).Scan(append(jobDest(&job), &ticket, &holds)...)
	if errors.Is(err, errNoRows) {
		return nil, ratchet.ErrStale
	}
	if err != nil {
		return nil, err
	}
	end, err := endArgs(l.Execution, o.Execution, o.Execution.State, at)
	if err != nil {
		return nil, err
	}
	if _, err := t.exec(ctx, endExecution, end...); err != nil {
		return nil, err
	}
	if job.State == ratchet.JobRetrying {
		if err := t.enqueue(ctx, ratchet.Ticket{Job: job.ID, Number: ticket}, job.RunAt, job.Priority); err != nil {
			return nil, err
		}
	}
	t.publish(jobEvent(&job, l.Execution, o.Execution.Error))
	if err := s.outbox(ctx, t, &job); err != nil {
		return nil, err
	}
	return &job, s.release(ctx, t, &job, holds)
}

// release gives the place of a job that does not run any more to the next.
func (s *Store) release(ctx context.Context, t *tx, j *ratchet.Job, holds bool) error {
	if !holds {
		return nil
	}
	if _, err := t.exec(ctx, "UPDATE jobs SET holds = ? WHERE id = ?", false, j.ID); err != nil {
		return err
	}
	return leaveGate(ctx, t, gateKey(j))
}

// finishArgs are the values of finishJob.
func finishArgs(l ratchet.Lease, o ratchet.Outcome, at time.Time) ([]any, error) {
	x := o.Execution
	next := ratchet.JobFailed
	var output any
	switch {
	case x.State == ratchet.ExecutionCompleted:
		next, output = ratchet.JobCompleted, storable(x.Output)
	case x.State == ratchet.ExecutionCancelled:
		next = ratchet.JobCancelled
	case !o.RetryAt.IsZero():
		next = ratchet.JobRetrying
	}
	errs, err := errorColumns(x.Error)
	if err != nil {
		return nil, err
	}
	state := string(next)
	args := append([]any{state, state, output}, errs...)
	return append(args, state, stamp(o.RetryAt), state, state, stamp(at), l.Job, l.Token[:]), nil
}

// GiveBack ends an attempt that was not lost through the task: the job goes back
// to the queue, and the attempt does not count.
func (s *Store) GiveBack(ctx context.Context, l ratchet.Lease, x *ratchet.Execution) error {
	err := s.write(ctx, "give back", func(t *tx) error {
		return s.lose(ctx, t, l, x)
	})
	if errors.Is(err, ratchet.ErrStale) {
		s.stale.Add(1)
	}
	if err != nil {
		return fmt.Errorf("job %s: %w", l.Job, err)
	}
	return nil
}

// loseJob takes an attempt back. A job that has lost too many fails: it may
// itself be what ends the servers it runs on.
func loseJob() string {
	return "UPDATE jobs SET state = CASE WHEN cancel_requested THEN 'cancelled' WHEN losses + 1 >= ? THEN 'failed' ELSE 'queued' END, " +
		"attempts = attempts - 1, losses = losses + 1, ticket = ticket + 1, lease = NULL, execution_id = NULL, node = NULL, " +
		"error = CASE WHEN losses + 1 >= ? THEN ? ELSE error END, error_reason = CASE WHEN losses + 1 >= ? THEN ? ELSE error_reason END, " +
		"error_message = CASE WHEN losses + 1 >= ? THEN ? ELSE error_message END, " +
		"finished_at = CASE WHEN cancel_requested OR losses + 1 >= ? THEN CAST(? AS BIGINT) ELSE NULL END " +
		"WHERE id = ? AND state = 'running' AND lease = ? RETURNING " + strings.Join(jobColumns(), ", ") + ", ticket, holds"
}

// lose takes the attempt of the lease back; x is what is known of it.
func (s *Store) lose(ctx context.Context, t *tx, l ratchet.Lease, x *ratchet.Execution) error {
	cause := ratchet.Errorf(ratchet.ReasonWorker, "the job was lost %d times with the server that ran it: it may be what ends them", ratchet.MaxLosses)
	errs, err := errorColumns(cause)
	if err != nil {
		return err
	}
	at := now()
	most := ratchet.MaxLosses
	var job ratchet.Job
	var ticket int
	var holds bool
	err = t.queryRow(ctx, s.loseJob(), most, most, errs[0], most, errs[1], most, errs[2], most, stamp(at), l.Job, l.Token[:]).
		Scan(append(jobDest(&job), &ticket, &holds)...)
	if errors.Is(err, errNoRows) {
		return ratchet.ErrStale
	}
	if err != nil {
		return err
	}
	if err := loseExecution(ctx, t, l.Execution, x, at); err != nil {
		return err
	}
	if job.State == ratchet.JobQueued {
		if err := t.enqueue(ctx, ratchet.Ticket{Job: job.ID, Number: ticket}, time.Time{}, job.Priority); err != nil {
			return err
		}
	}
	t.publish(jobEvent(&job, l.Execution, job.Error))
	if err := s.outbox(ctx, t, &job); err != nil {
		return err
	}
	return s.release(ctx, t, &job, holds)
}

// loseExecution writes the end of an attempt that was lost. If its server died,
// what it saved last is all there is.
func loseExecution(ctx context.Context, t *tx, id ratchet.ExecutionID, x *ratchet.Execution, at time.Time) error {
	if x == nil {
		_, err := t.exec(ctx, "UPDATE executions SET state = 'lost', finished_at = ? WHERE id = ? AND state IN ('running', 'pending')", stamp(at), id)
		return err
	}
	end, err := endArgs(id, x, ratchet.ExecutionLost, at)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, endExecution, end...)
	return err
}
