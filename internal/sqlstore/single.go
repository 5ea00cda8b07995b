package sqlstore

import (
	"context"
	"errors"
	"strings"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/ratchet-runner/ratchet-go"
)

// On PostgreSQL what happens to most jobs, who have no gate, no rate and no
// idempotency key, is one statement each: a transaction of several would be four
// trips to the server where one does.

// single runs f, which makes one statement, and tells of it as of a transaction.
func (s *Store) single(ctx context.Context, what string, f func(*tx) (done bool, err error)) (done bool, err error) {
	t := &tx{conn: s.reader(), store: s}
	if done, err = f(t); err != nil {
		return false, wrap(what, err)
	}
	if done {
		s.committed(t)
	}
	return done, nil
}

// submitOne accepts one job without an idempotency key.
func (s *Store) submitOne(ctx context.Context, from *ratchet.Job) ([]ratchet.Job, error) {
	j := fresh(from, now())
	row, err := submitted(&j)
	if err != nil {
		return nil, err
	}
	p := placed{ratchet.Ticket{Job: j.ID, Number: 1}, j.RunAt, j.Priority}
	args, err := asJSON(ticketArgs{p.Job.UUID(), p.Number})
	if err != nil {
		return nil, err
	}
	_, err = s.single(ctx, "submit", func(t *tx) (bool, error) {
		state, at := string(rivertype.JobStateAvailable), any(nil)
		if j.State == ratchet.JobScheduled {
			state, at = string(rivertype.JobStateScheduled), j.RunAt
			t.later = append(t.later, j.RunAt)
		}
		t.tickets = at == nil
		t.publish(jobEvent(&j, ratchet.ExecutionID{}, nil))
		values := append([]any{args, riverPriority(p.priority), at, state}, row.args()...)
		_, err := t.exec(ctx, "WITH ticket AS (INSERT INTO river_job (args, kind, max_attempts, priority, queue, scheduled_at, state) "+
			"VALUES (CAST(? AS jsonb), '"+ticketArgs{}.Kind()+"', 1, ?, '"+river.QueueDefault+"', coalesce(CAST(? AS timestamptz), now()), CAST(? AS river_job_state))) "+
			row.insert("jobs"), values...)
		return true, err
	})
	if err != nil {
		return nil, err
	}
	return []ratchet.Job{j}, nil
}

// startJob makes a waiting job running, if its ticket is still this one; see
// startArgs.
const startJob = "UPDATE jobs SET state = 'running', attempts = ?, version_digest = ?, lease = ?, node = ?, execution_id = ?, started_at = ?, " +
	"concurrency_key = ?, concurrency_max = ?, holds = ?, reserved_at = NULL WHERE id = ? AND ticket = ? AND state IN " + waitingStates

func startArgs(c *ratchet.Claim, k *candidate) []any {
	j, l := &c.Job, &c.Lease
	return []any{
		j.Attempts, j.VersionDigest, l.Token[:], l.Node, l.Execution, stamp(j.StartedAt),
		gateKey(j), gateMax(j), k.holds, j.ID, k.ticket,
	}
}

// startOne starts a candidate that nothing stands in the way of; nil if it is not
// waiting any more.
func (s *Store) startOne(ctx context.Context, k *candidate) (*ratchet.Claim, error) {
	claim := s.newClaim(k)
	done, err := s.single(ctx, "start", func(t *tx) (bool, error) {
		t.publish(jobEvent(&claim.Job, claim.Lease.Execution, nil))
		insert := strings.Replace(insertExecution, "VALUES (?, ?, ?, ?, ?, ?, 'running', ?, ?, ?)", "SELECT ?, ?, ?, ?, ?, ?, 'running', ?, ?, ? FROM started", 1)
		n, err := t.exec(ctx, "WITH started AS ("+startJob+" RETURNING id) "+insert, append(startArgs(claim, k), executionArgs(claim, k)...)...)
		return n > 0, err
	})
	if err != nil || !done {
		return nil, err
	}
	return claim, nil
}

// finishOne writes the end of an attempt after which there is no other, of a job
// without a gate and destinations; nil if it is not such a job, or the lease is
// gone.
func (s *Store) finishOne(ctx context.Context, l ratchet.Lease, o ratchet.Outcome) (*ratchet.Job, error) {
	at := now()
	args, err := finishArgs(l, o, at)
	if err != nil {
		return nil, err
	}
	end, err := endArgs(l.Execution, o.Execution, o.Execution.State, at)
	if err != nil {
		return nil, err
	}
	var job ratchet.Job
	done, err := s.single(ctx, "finish", func(t *tx) (bool, error) {
		var ticket int
		var holds bool
		err := t.queryRow(ctx, s.finishAlone(), append(args, end...)...).Scan(append(jobDest(&job), &ticket, &holds)...)
		if errors.Is(err, errNoRows) {
			return false, nil
		}
		t.publish(jobEvent(&job, l.Execution, o.Execution.Error))
		return true, err
	})
	if err != nil || !done {
		return nil, err
	}
	return &job, nil
}

// finishAlone is finishJob and endExecution in one.
func finishAlone() string {
	finish := strings.Replace(finishJob(), " RETURNING ", " AND NOT holds AND destinations = '' RETURNING ", 1)
	return "WITH done AS (" + finish + "), ended AS (" + endExecution + " AND EXISTS (SELECT 1 FROM done)) SELECT * FROM done"
}
