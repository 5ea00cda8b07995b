package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

func gateKey(j *ratchet.Job) string {
	if j.Concurrency == nil {
		return ""
	}
	return j.Concurrency.Key
}

func gateMax(j *ratchet.Job) int {
	if j.Concurrency == nil {
		return 0
	}
	return j.Concurrency.Max
}

// rateTolerance is how much before its time a job may start: tickets come due in
// milliseconds.
const rateTolerance = 2 * time.Millisecond

// rated reserves the candidate a start that its task's rate allows. If that is
// later, the job gets a ticket for then.
func (s *Store) rated(ctx context.Context, t *tx, k *candidate) (later bool, err error) {
	at := k.reservedAt
	if at.IsZero() && k.rate == nil {
		return false, nil
	}
	if at.IsZero() {
		if at, err = reserve(ctx, t, k.job.TaskID, *k.rate); err != nil {
			return false, err
		}
	}
	if !at.After(time.Now().Add(rateTolerance)) {
		return false, nil
	}
	k.ticket++
	_, err = t.exec(ctx, "UPDATE jobs SET state = 'queued', ticket = ?, reserved_at = ? WHERE id = ?", k.ticket, stamp(at), k.job.ID)
	if err != nil {
		return false, err
	}
	if k.job.State != ratchet.JobQueued {
		k.job.State = ratchet.JobQueued
		t.publish(jobEvent(&k.job, ratchet.ExecutionID{}, nil))
	}
	return true, t.enqueue(ctx, ratchet.Ticket{Job: k.job.ID, Number: k.ticket}, at, k.job.Priority)
}

// reserve takes the next start of a task, by the generic cell rate algorithm
// without bursts: starts are at least an interval apart.
func reserve(ctx context.Context, t *tx, task ratchet.TaskID, r ratchet.Rate) (time.Time, error) {
	if _, err := t.exec(ctx, "INSERT INTO rates (task_id, next_at) VALUES (?, 0) ON CONFLICT (task_id) DO NOTHING", task); err != nil {
		return time.Time{}, err
	}
	var next time.Time
	if err := t.queryRow(ctx, "SELECT next_at FROM rates WHERE task_id = ?"+t.dialect().forUpdate(), task).Scan(scanTime{&next}); err != nil {
		return time.Time{}, err
	}
	if at := now(); next.Before(at) {
		next = at
	}
	_, err := t.exec(ctx, "UPDATE rates SET next_at = ? WHERE task_id = ?", stamp(next.Add(r.Interval())), task)
	return next, err
}

// gated takes a place of the candidate's gate, if it has one, or parks it. The
// gate's row is locked first, so that whoever leaves meanwhile sees it parked.
func (s *Store) gated(ctx context.Context, t *tx, k *candidate) (full bool, err error) {
	key := gateKey(&k.job)
	if key == "" || k.holds {
		return false, nil
	}
	inside, err := lockGate(ctx, t, key)
	if err != nil {
		return false, err
	}
	if inside >= gateMax(&k.job) {
		return true, s.park(ctx, t, k, parkedGate+key)
	}
	k.holds = true
	return false, setGate(ctx, t, key, inside+1)
}

// lockGate keeps others from the gate until the transaction ends, and returns
// how many are inside.
func lockGate(ctx context.Context, t *tx, key string) (inside int, err error) {
	const read = "SELECT running FROM gates WHERE namespace = ? AND key = ?"
	err = t.queryRow(ctx, read+t.dialect().forUpdate(), namespace, key).Scan(&inside)
	if !errors.Is(err, errNoRows) {
		return inside, err
	}
	if _, err := t.exec(ctx, "INSERT INTO gates (namespace, key, running) VALUES (?, ?, 0) ON CONFLICT (namespace, key) DO NOTHING", namespace, key); err != nil {
		return 0, err
	}
	err = t.queryRow(ctx, read+t.dialect().forUpdate(), namespace, key).Scan(&inside)
	return inside, err
}

func setGate(ctx context.Context, t *tx, key string, inside int) error {
	_, err := t.exec(ctx, "UPDATE gates SET running = ? WHERE namespace = ? AND key = ?", inside, namespace, key)
	return err
}

// leaveGate gives a place back, and hands it on if somebody waits.
func leaveGate(ctx context.Context, t *tx, key string) error {
	inside, err := lockGate(ctx, t, key)
	if err != nil {
		return err
	}
	return handOn(ctx, t, key, inside, max(inside-1, 0))
}

// handOn gives the free places of a locked gate to the jobs that are parked
// there, and writes how many are inside then; was is what is written now. The
// greater priority goes first, then the older job.
func handOn(ctx context.Context, t *tx, key string, was, inside int) error {
	for {
		next, places, err := firstParked(ctx, t, key)
		if err != nil {
			return err
		}
		if next == nil || inside >= places {
			break
		}
		if _, err := t.exec(ctx, "UPDATE jobs SET state = 'queued', parked = '', holds = ?, ticket = ? WHERE id = ?", true, next.Number, next.Job); err != nil {
			return err
		}
		if err := t.enqueue(ctx, next.Ticket, time.Time{}, next.priority); err != nil {
			return err
		}
		t.publish(next.event())
		inside++
	}
	if inside == was {
		return nil
	}
	return setGate(ctx, t, key, inside)
}

// A waiter is a parked job with the ticket that it gets next.
type waiter struct {
	placed
	task string
}

func (w *waiter) event() ratchet.Event {
	return jobEvent(&ratchet.Job{ID: w.Job, Task: w.task, State: ratchet.JobQueued}, ratchet.ExecutionID{}, nil)
}

// firstParked returns the job whose turn it is at a gate, and how many its gate
// lets in; nil if none is parked there.
func firstParked(ctx context.Context, t *tx, key string) (*waiter, int, error) {
	const read = "SELECT id, ticket + 1, priority, task, concurrency_max FROM jobs WHERE concurrency_key = ? AND concurrency_key <> '' AND state = 'parked' AND parked = ? " +
		"ORDER BY priority DESC, id LIMIT 1"
	for {
		var w waiter
		var places int
		err := t.queryRow(ctx, read+t.dialect().forUpdate(), key, parkedGate+key).Scan(&w.Job, &w.Number, scanInt[ratchet.Priority]{&w.priority}, &w.task, &places)
		if err == nil {
			return &w, places, nil
		}
		if !errors.Is(err, errNoRows) {
			return nil, 0, err
		}
		// PostgreSQL finds none too if the first was cancelled while it waited
		// for the lock: look again until there really is none.
		err = t.queryRow(ctx, read, key, parkedGate+key).Scan(&w.Job, &w.Number, scanInt[ratchet.Priority]{&w.priority}, &w.task, &places)
		if errors.Is(err, errNoRows) {
			return nil, 0, nil
		}
		if err != nil {
			return nil, 0, err
		}
	}
}
