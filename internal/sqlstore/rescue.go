package sqlstore

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// rescueAtOnce is how many jobs are rescued in one transaction.
const rescueAtOnce = 200

// A holder is a running job with its lease.
type holder struct {
	lease ratchet.Lease
	gate  string
}

// Recover gives back what the last process that owned the SQLite file left
// running, and says how many jobs that were. With PostgreSQL, where others may be
// running, it does nothing: see Rescue.
func (s *Store) Recover(ctx context.Context) (n int, err error) {
	if s.kind == postgres {
		return 0, nil
	}
	// Tickets that had been fetched are free again: nobody else has them.
	err = s.write(ctx, "free tickets", func(t *tx) error {
		freed, err := t.exec(ctx, "UPDATE river_job SET state = 'available' WHERE state = 'running'")
		t.tickets = freed > 0
		return err
	})
	for more := true; more && err == nil; {
		var some int
		err = s.write(ctx, "recover jobs", func(t *tx) error {
			held, err := holders(ctx, t, "")
			if err != nil {
				return err
			}
			some = len(held)
			return s.loseAll(ctx, t, held)
		})
		n += some
		more = some == rescueAtOnce
	}
	if err != nil {
		return n, err
	}
	_, err = s.reticket(ctx, 0)
	return n, err
}

// holders returns running jobs for which the condition holds, at most
// rescueAtOnce, with their gates in order: who locks several locks them in the
// same order.
func holders(ctx context.Context, t *tx, condition string, args ...any) ([]holder, error) {
	lock := t.dialect().forUpdate()
	if lock != "" {
		lock += " SKIP LOCKED"
	}
	rs, err := t.query(ctx, "SELECT id, execution_id, attempts, node, lease, concurrency_key FROM jobs WHERE state = 'running'"+condition+
		" ORDER BY concurrency_key, id LIMIT "+strconv.Itoa(rescueAtOnce)+lock, args...)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var held []holder
	for rs.Next() {
		var h holder
		if err := rs.Scan(&h.lease.Job, &h.lease.Execution, &h.lease.Attempt, &h.lease.Node, (*ratchet.JobID)(&h.lease.Token), &h.gate); err != nil {
			return nil, err
		}
		held = append(held, h)
	}
	return held, rs.Err()
}

func (s *Store) loseAll(ctx context.Context, t *tx, held []holder) error {
	for _, h := range held {
		if err := s.lose(ctx, t, h.lease, nil); err != nil {
			return err
		}
	}
	return nil
}

// silent is the condition, in SQL of PostgreSQL, that the node of a running job
// has not beaten for a number of microseconds; a node that is not known is given
// as long from the start of the attempt.
func silent() string {
	clock := postgres.clock()
	return " AND node <> ? AND (EXISTS (SELECT 1 FROM nodes WHERE nodes.id = jobs.node AND nodes.beat_at < " + clock + " - CAST(? AS BIGINT))" +
		" OR NOT EXISTS (SELECT 1 FROM nodes WHERE nodes.id = jobs.node)" +
		" AND (SELECT started_at FROM executions WHERE executions.id = jobs.execution_id) < " + clock + " - CAST(? AS BIGINT))"
}

// Rescue gives back what nodes held that have not beaten for the time dead, by
// the clock of the database: their running jobs, and the tickets that they had
// fetched and not claimed. It says how many that were. Several nodes may rescue
// at once. With SQLite there is nobody to rescue.
func (s *Store) Rescue(ctx context.Context, dead time.Duration) (n int, err error) {
	if s.kind == sqlite {
		return 0, nil
	}
	age := dead.Microseconds()
	for some := rescueAtOnce; some == rescueAtOnce && err == nil; n += some {
		err = s.write(ctx, "rescue jobs", func(t *tx) error {
			held, err := holders(ctx, t, silent(), s.cfg.Node, age, age)
			some = len(held)
			if err != nil {
				return err
			}
			return s.loseAll(ctx, t, held)
		})
	}
	for some := rescueAtOnce; some == rescueAtOnce && err == nil; n += some {
		err = s.write(ctx, "rescue tickets", func(t *tx) (err error) {
			some, err = rescueTickets(ctx, t, age)
			return err
		})
	}
	return n, err
}

// rescueTickets gives the jobs whose tickets a silent node had fetched new ones.
// The old ones are removed: the node may still wake up and write them.
func rescueTickets(ctx context.Context, t *tx, age int64) (int, error) {
	clock := postgres.clock()
	return moved(ctx, t, "WITH gone AS (DELETE FROM river_job WHERE id IN (SELECT id FROM river_job WHERE state = 'running' AND kind = 'execution'"+
		" AND (extract(epoch FROM attempted_at) * 1000000)::bigint < "+clock+" - CAST(? AS BIGINT)"+
		" AND NOT EXISTS (SELECT 1 FROM nodes WHERE 'node_' || nodes.id = attempted_by[array_upper(attempted_by, 1)] AND nodes.beat_at >= "+clock+" - CAST(? AS BIGINT))"+
		" ORDER BY id LIMIT "+strconv.Itoa(rescueAtOnce)+" FOR UPDATE SKIP LOCKED) RETURNING args)"+
		" UPDATE jobs SET ticket = ticket + 1 FROM gone WHERE jobs.id = CAST(gone.args ->> 'job' AS uuid) AND jobs.ticket = CAST(gone.args ->> 'number' AS bigint)"+
		" AND jobs.state IN "+waitingStates+" RETURNING jobs.id, jobs.ticket, jobs.priority, jobs.task, coalesce(jobs.reserved_at, jobs.run_at)", age, age)
}

// moved runs a statement that gives jobs new ticket numbers and returns them, and
// adds the tickets to the queue.
func moved(ctx context.Context, t *tx, sql string, args ...any) (int, error) {
	rs, err := t.query(ctx, sql, args...)
	if err != nil {
		return 0, err
	}
	defer rs.Close()
	var tickets []placed
	for rs.Next() {
		var w waiter
		if err := rs.Scan(&w.Job, &w.Number, scanInt[ratchet.Priority]{&w.priority}, &w.task, scanTime{&w.at}); err != nil {
			return 0, err
		}
		tickets = append(tickets, w.placed)
	}
	if err := rs.Err(); err != nil {
		return 0, err
	}
	rs.Close()
	return len(tickets), t.enqueueAll(ctx, tickets)
}

// Adrift gives back the jobs that by their rows run on this node, for longer than
// age, but in none of the executions that it holds: they were claimed, and the
// answer never came. It says how many that were. Where there are none it only
// reads.
func (s *Store) Adrift(ctx context.Context, held []ratchet.ExecutionID, age time.Duration) (n int, err error) {
	lost, err := column1[ratchet.ExecutionID](ctx, s.reader(), "SELECT executions.id FROM jobs JOIN executions ON executions.id = jobs.execution_id "+
		"WHERE jobs.state = 'running' AND jobs.node = ? AND executions.started_at <= ?", s.cfg.Node, nowStamp()-age.Microseconds())
	if err != nil {
		return 0, wrap("look for jobs adrift", err)
	}
	known := make(map[ratchet.ExecutionID]bool, len(held))
	for _, id := range held {
		known[id] = true
	}
	lost = slices.DeleteFunc(lost, func(id ratchet.ExecutionID) bool { return known[id] })
	for some := range slices.Chunk(lost, rescueAtOnce) {
		args := []any{s.cfg.Node}
		for _, id := range some {
			args = append(args, id)
		}
		var found []holder
		err := s.write(ctx, "give back jobs adrift", func(t *tx) (err error) {
			found, err = holders(ctx, t, " AND node = ? AND execution_id IN ("+placeholders(len(some))+")", args...)
			if err != nil {
				return err
			}
			return s.loseAll(ctx, t, found)
		})
		if err != nil {
			return n, err
		}
		n += len(found)
	}
	return n, nil
}
