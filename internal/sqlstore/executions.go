package sqlstore

import (
	"context"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// executionColumns are what an execution is read from. Input and output are the
// job's: each attempt has the same input, and the one that completed gave the
// job its output.
func executionColumns() []string {
	return []string{
		"id", "job_id", "task", "version_digest", "attempt", "state",
		"(SELECT input FROM jobs WHERE jobs.id = executions.job_id)",
		"CASE WHEN state = 'completed' THEN (SELECT output FROM jobs WHERE jobs.id = executions.job_id) END",
		"error", "progress", "queued_at", "started_at", "finished_at", "cpu", "peak_memory", "worker", "node",
	}
}

func executionDest(x *ratchet.Execution) []any {
	return []any{
		&x.ID, &x.Job, &x.Task, &x.VersionDigest, &x.Attempt,
		scanText[ratchet.ExecutionState]{&x.State},
		scanRaw{&x.Input},
		scanRaw{&x.Output},
		scanJSON{&x.Error},
		scanJSON{&x.Progress},
		scanTime{&x.QueuedAt},
		scanTime{&x.StartedAt},
		scanTime{&x.FinishedAt},
		(*int64)(&x.CPU), (*int64)(&x.PeakMemory), &x.Worker, &x.Node,
	}
}

// executions is the list of executions, without their logs and fetches.
func executions() table[ratchet.Execution] {
	return table[ratchet.Execution]{
		name: "executions", noun: "execution", missing: ratchet.ReasonExecutionNotFound,
		fields:  ratchet.ExecutionFields,
		columns: executionColumns(),
		dest:    executionDest,
		indexed: []string{"state", "task", "job_id"},
		special: map[string]column{
			"id":         {parse: idsOf(ratchet.ParseID[ratchet.Execution])},
			"jobId":      {parse: idsOf(ratchet.ParseID[ratchet.Job])},
			"node":       {parse: idsOf(ratchet.ParseID[ratchet.Node]), null: true},
			"durationMs": {null: true},
			"queuedAt":   {null: true},
			"startedAt":  {null: true},
			"finishedAt": {null: true},
		},
	}
}

// Execution returns an execution with all it logged and fetched.
func (s *Store) Execution(ctx context.Context, id ratchet.ExecutionID) (*ratchet.Execution, error) {
	t := executions()
	t.columns = append(t.columns, "logs", "fetches")
	t.dest = func(x *ratchet.Execution) []any {
		return append(executionDest(x), scanJSON{&x.Logs}, scanJSON{&x.Fetches})
	}
	x, err := t.get(ctx, s.reader(), id.String(), "id = ?", id)
	if err == nil {
		x.Hint = ratchet.HintIn(x.Logs)
	}
	return x, err
}

// Executions returns a part of the list of executions. Logs and fetches are left
// out: see Execution.
func (s *Store) Executions(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Execution], error) {
	return executions().list(ctx, s.reader(), q)
}

// insertExecution writes the beginning of an attempt.
const insertExecution = "INSERT INTO executions (id, job_id, task_id, task, version_digest, attempt, state, queued_at, started_at, node) VALUES (?, ?, ?, ?, ?, ?, 'running', ?, ?, ?)"

// executionArgs are the values of insertExecution.
func executionArgs(c *ratchet.Claim, k *candidate) []any {
	j, l := &c.Job, &c.Lease
	return []any{l.Execution, j.ID, j.TaskID, j.Task, j.VersionDigest, l.Attempt, stamp(queuedAt(&k.job)), stamp(now()), l.Node}
}

// endExecution writes the end of an attempt; see endArgs.
const endExecution = "UPDATE executions SET state = ?, error = ?, error_reason = ?, error_message = ?, progress = ?, logs = ?, fetches = ?, " +
	"started_at = coalesce(?, started_at), finished_at = ?, duration_ms = ?, cpu = ?, peak_memory = ?, worker = ? WHERE id = ? AND state IN ('running', 'pending')"

// endArgs are the values of endExecution.
func endArgs(id ratchet.ExecutionID, x *ratchet.Execution, state ratchet.ExecutionState, at time.Time) ([]any, error) {
	errs, err := errorColumns(x.Error)
	if err != nil {
		return nil, err
	}
	soFar, err := progressOf(x)
	if err != nil {
		return nil, err
	}
	finished := x.FinishedAt
	if finished.IsZero() {
		finished = at
	}
	var took any
	if !x.StartedAt.IsZero() {
		took = max(finished.Sub(x.StartedAt).Milliseconds(), 0)
	}
	args := append([]any{string(state)}, errs...)
	args = append(args, soFar...)
	return append(args, stamp(x.StartedAt), stamp(finished), took, int64(x.CPU), int64(x.PeakMemory), plainText(x.Worker), id), nil
}

// progressOf are the values of progress, logs and fetches.
func progressOf(x *ratchet.Execution) (args []any, err error) {
	texts := [3]string{}
	if x.Progress != (ratchet.Progress{}) {
		if texts[0], err = asJSON(x.Progress); err != nil {
			return nil, err
		}
	}
	if len(x.Logs) > 0 {
		if texts[1], err = asJSON(x.Logs); err != nil {
			return nil, err
		}
	}
	if len(x.Fetches) > 0 {
		if texts[2], err = asJSON(x.Fetches); err != nil {
			return nil, err
		}
	}
	return []any{texts[0], texts[1], texts[2]}, nil
}

// Save keeps what running executions have logged, fetched and said of their
// progress so far. Those whose lease is gone are passed over.
func (s *Store) Save(ctx context.Context, running []*ratchet.Execution) error {
	if len(running) == 0 {
		return nil
	}
	return s.write(ctx, "save running executions", func(t *tx) error {
		for _, x := range running {
			soFar, err := progressOf(x)
			if err != nil {
				return err
			}
			args := append(soFar, plainText(x.Worker), x.ID, s.cfg.Node) //nolint:gocritic // a new slice each time
			if _, err := t.exec(ctx, "UPDATE executions SET progress = ?, logs = ?, fetches = ?, worker = ? WHERE id = ? AND state = 'running' AND node = ?", args...); err != nil {
				return err
			}
		}
		return nil
	})
}
