package sqlstore

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// unparkAtOnce is how many parked jobs go back to the queue in one transaction.
const unparkAtOnce = 500

// SetPaused stops or resumes all starts. Jobs that come up meanwhile are parked,
// and go back to the queue when it ends.
func (s *Store) SetPaused(ctx context.Context, paused bool) error {
	return s.write(ctx, "pause or resume", func(t *tx) error {
		_, err := t.exec(ctx, "INSERT INTO settings (namespace, name, value, updated_at) VALUES (?, 'paused', ?, ?) "+
			"ON CONFLICT (namespace, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at", namespace, strconv.FormatBool(paused), nowStamp())
		if err != nil || paused {
			return err
		}
		return unpark(ctx, t, parked{reason: parkedAll})
	})
}

// unparkTask gives the parked jobs of a task that is resumed back to the queue.
func unparkTask(ctx context.Context, t *tx, task ratchet.TaskID) error {
	return unpark(ctx, t, parked{reason: parkedTask, task: task})
}

// parked jobs are those with a reason, of one task or all.
type parked struct {
	reason string
	task   ratchet.TaskID
}

// unpark gives parked jobs back to the queue: the first of them in this
// transaction, the others in further ones after it.
func unpark(ctx context.Context, t *tx, p parked) error {
	n, err := unparkSome(ctx, t, p)
	if err == nil && n == unparkAtOnce {
		t.after = append(t.after, func(ctx context.Context) { t.store.unparkRest(ctx, p) })
	}
	return err
}

// unparkRest goes on until no job is parked. What it leaves, Reconcile finds.
func (s *Store) unparkRest(ctx context.Context, p parked) {
	for n := unparkAtOnce; n == unparkAtOnce; {
		err := s.write(ctx, "resume parked jobs", func(t *tx) (err error) {
			n, err = unparkSome(ctx, t, p)
			return err
		})
		if err != nil {
			s.cfg.Log.WarnContext(ctx, "parked jobs were not resumed", slog.String("parked", p.reason), slog.Any("error", err))
			return
		}
	}
}

// unparkSome gives unparkAtOnce parked jobs back to the queue, the greater
// priority first, and says how many there were.
func unparkSome(ctx context.Context, t *tx, p parked) (n int, err error) {
	of, args := "", []any{p.reason}
	if !p.task.IsZero() {
		of, args = " AND task_id = ?", append(args, p.task)
	}
	lock := t.dialect().forUpdate()
	if lock != "" {
		lock += " SKIP LOCKED"
	}
	rs, err := t.query(ctx, "UPDATE jobs SET state = 'queued', parked = '', ticket = ticket + 1 WHERE id IN ("+
		"SELECT id FROM jobs WHERE state = 'parked' AND parked = ?"+of+" ORDER BY priority DESC, id LIMIT "+strconv.Itoa(unparkAtOnce)+lock+
		") RETURNING id, ticket, priority, task", args...)
	if err != nil {
		return 0, err
	}
	defer rs.Close()
	var tickets []placed
	for rs.Next() {
		var w waiter
		if err := rs.Scan(&w.Job, &w.Number, scanInt[ratchet.Priority]{&w.priority}, &w.task); err != nil {
			return 0, err
		}
		w.at = time.Time{}
		tickets = append(tickets, w.placed)
		t.publish(w.event())
	}
	if err := rs.Err(); err != nil {
		return 0, err
	}
	rs.Close()
	return len(tickets), t.enqueueAll(ctx, tickets)
}
