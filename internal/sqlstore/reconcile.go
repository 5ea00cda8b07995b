package sqlstore

import (
	"context"
	"strconv"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// overdue is how long a due job may be without a ticket before it is given one.
const overdue = time.Minute

// Reconcile is the net below everything else: it finds due jobs without a ticket,
// jobs parked for a reason that has ended, gates that count wrong, and
// idempotency keys that have had their time; it puts them right and says how many
// there were. Where all is well it only reads.
func (s *Store) Reconcile(ctx context.Context) (n int, err error) {
	for _, step := range []func(context.Context) (int, error){
		func(ctx context.Context) (int, error) { return s.reticket(ctx, overdue) },
		s.reconcilePaused, s.reconcileGates, s.forgetKeys,
	} {
		some, err := step(ctx)
		n += some
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// withoutTicket reads the waiting jobs that have no ticket in the queue; those
// only that have been due for a while, unless all are wanted.
func withoutTicket(d dialect, all bool) string {
	live := "SELECT unhex(json_extract(args, '$.job'), '-') AS job, json_extract(args, '$.number') AS number"
	if d == postgres {
		live = "SELECT CAST(args ->> 'job' AS uuid) AS job, CAST(args ->> 'number' AS bigint) AS number"
	}
	due := " AND coalesce(jobs.reserved_at, jobs.run_at, jobs.created_at) <= ?"
	if all {
		due = " AND CAST(? AS BIGINT) > 0"
	}
	return "WITH live AS MATERIALIZED (" + live + " FROM river_job WHERE kind = 'execution' AND state IN ('available', 'running', 'scheduled', 'retryable')) " +
		"SELECT jobs.id, jobs.ticket FROM jobs LEFT JOIN live ON live.job = jobs.id AND live.number = jobs.ticket " +
		"WHERE jobs.state IN " + waitingStates + due + " AND live.job IS NULL ORDER BY jobs.id LIMIT " + strconv.Itoa(rescueAtOnce)
}

// reticket gives jobs without a ticket one.
func (s *Store) reticket(ctx context.Context, age time.Duration) (n int, err error) {
	for some := rescueAtOnce; some == rescueAtOnce; n += some {
		lost, err := s.lostTickets(ctx, age)
		if some = len(lost); err != nil || some == 0 {
			return n, wrap("look for jobs without a ticket", err)
		}
		err = s.write(ctx, "give jobs tickets", func(t *tx) error {
			for _, ticket := range lost {
				_, err := moved(ctx, t, "UPDATE jobs SET ticket = ticket + 1 WHERE id = ? AND ticket = ? AND state IN "+waitingStates+
					" RETURNING id, ticket, priority, task, coalesce(reserved_at, run_at)", ticket.Job, ticket.Number)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (s *Store) lostTickets(ctx context.Context, age time.Duration) (lost []ratchet.Ticket, err error) {
	rs, err := s.reader().query(ctx, withoutTicket(s.kind, age == 0), nowStamp()-age.Microseconds())
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	for rs.Next() {
		var t ratchet.Ticket
		if err := rs.Scan(&t.Job, &t.Number); err != nil {
			return nil, err
		}
		lost = append(lost, t)
	}
	return lost, rs.Err()
}

// reconcilePaused resumes jobs that are parked for a pause that has ended.
func (s *Store) reconcilePaused(ctx context.Context) (n int, err error) {
	rs, err := s.reader().query(ctx, "SELECT DISTINCT jobs.parked, jobs.task_id FROM jobs LEFT JOIN tasks ON tasks.id = jobs.task_id "+
		"LEFT JOIN settings ON settings.namespace = jobs.namespace AND settings.name = 'paused' "+
		"WHERE jobs.state = 'parked' AND (jobs.parked = ? AND coalesce(settings.value, 'false') <> 'true' OR jobs.parked = ? AND (tasks.id IS NULL OR NOT tasks.paused))", parkedAll, parkedTask)
	if err != nil {
		return 0, wrap("look for parked jobs", err)
	}
	defer rs.Close()
	var held []parked
	for rs.Next() {
		var p parked
		if err := rs.Scan(&p.reason, &p.task); err != nil {
			return 0, wrap("look for parked jobs", err)
		}
		held = append(held, p)
	}
	if err := rs.Err(); err != nil {
		return 0, wrap("look for parked jobs", err)
	}
	rs.Close()
	for _, p := range held {
		for some := unparkAtOnce; some == unparkAtOnce; n += some {
			err := s.write(ctx, "resume parked jobs", func(t *tx) (err error) {
				some, err = unparkSome(ctx, t, p)
				return err
			})
			if err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// wrongGates reads the keys of gates that count wrong, are of no use any more, or
// before which jobs are parked that could be inside.
const wrongGates = "SELECT key FROM (" +
	"SELECT gates.key AS key, gates.running AS running, (SELECT count(*) FROM jobs WHERE jobs.concurrency_key = gates.key AND jobs.concurrency_key <> '' AND jobs.holds) AS inside, " +
	"(SELECT max(concurrency_max) FROM jobs WHERE jobs.concurrency_key = gates.key AND jobs.concurrency_key <> '' AND jobs.state = 'parked' AND jobs.parked = ? || gates.key) AS widest " +
	"FROM gates WHERE namespace = ?) AS counted WHERE running <> inside OR widest > inside OR inside = 0 AND widest IS NULL"

// reconcileGates counts the gates again.
func (s *Store) reconcileGates(ctx context.Context) (n int, err error) {
	rs, err := s.reader().query(ctx, wrongGates, parkedGate, namespace)
	if err != nil {
		return 0, wrap("look at gates", err)
	}
	defer rs.Close()
	var keys []string
	for rs.Next() {
		var key string
		if err := rs.Scan(&key); err != nil {
			return 0, wrap("look at gates", err)
		}
		keys = append(keys, key)
	}
	if err := rs.Err(); err != nil {
		return 0, wrap("look at gates", err)
	}
	rs.Close()
	for _, key := range keys {
		var wrong bool
		err := s.write(ctx, "count gate again", func(t *tx) (err error) {
			wrong, err = recount(ctx, t, key)
			return err
		})
		if err != nil {
			return n, err
		}
		if wrong {
			n++
		}
	}
	return n, nil
}

// recount counts a gate again and lets in who may be. A gate that nobody uses is
// forgotten, which is nothing wrong.
func recount(ctx context.Context, t *tx, key string) (wrong bool, err error) {
	was, err := lockGate(ctx, t, key)
	if err != nil {
		return false, err
	}
	var inside, waiting int
	err = t.queryRow(ctx, "SELECT coalesce(sum(CASE WHEN holds THEN 1 ELSE 0 END), 0), coalesce(sum(CASE WHEN state = 'parked' THEN 1 ELSE 0 END), 0) FROM jobs "+
		"WHERE concurrency_key = ? AND concurrency_key <> '' AND (holds OR state = 'parked')", key).Scan(&inside, &waiting)
	if err != nil {
		return false, err
	}
	if inside == 0 && waiting == 0 {
		_, err := t.exec(ctx, "DELETE FROM gates WHERE namespace = ? AND key = ?", namespace, key)
		return was != 0, err
	}
	before := len(t.events)
	err = handOn(ctx, t, key, was, inside)
	return was != inside || len(t.events) > before, err
}

// forgetKeys removes idempotency keys whose time is over.
func (s *Store) forgetKeys(ctx context.Context) (n int, err error) {
	expired := nowStamp() - ratchet.IdempotencyWindow.Microseconds()
	var any bool
	if err := s.reader().queryRow(ctx, "SELECT EXISTS (SELECT 1 FROM idempotency WHERE created_at < ?)", expired).Scan(&any); err != nil || !any {
		return 0, wrap("look for old idempotency keys", err)
	}
	const most = 1000
	for some := most; some == most; {
		err := s.write(ctx, "forget idempotency keys", func(t *tx) error {
			gone, err := t.exec(ctx, "DELETE FROM idempotency WHERE (namespace, task_id, key) IN (SELECT namespace, task_id, key FROM idempotency WHERE created_at < ? LIMIT ?)", expired, most)
			some = int(gone)
			return err
		})
		if err != nil {
			return n, err
		}
		n += some
	}
	return n, nil
}
