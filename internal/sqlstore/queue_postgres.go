//go:build !nopostgres

package sqlstore

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// postgresQueue is River in the same PostgreSQL database.
type postgresQueue struct {
	riverQueue[pgx.Tx]
	due  chan struct{} // has room for one
	stop context.CancelFunc
	done sync.WaitGroup
}

func newPostgresQueue(s *Store) (*postgresQueue, error) {
	base, err := newRiverQueue(s, riverdriver.Driver[pgx.Tx](postgresDriver{riverpgxv5.New(s.pool), s.pool}))
	if err != nil {
		return nil, err
	}
	q := &postgresQueue{riverQueue: base, due: make(chan struct{}, 1)}
	return q, nil
}

func (q *postgresQueue) insert(ctx context.Context, t *tx, tickets []placed) error {
	_, err := q.client.InsertManyFastTx(ctx, t.pg, params(tickets))
	return err
}

// migrate brings River's tables up to date, without two indexes for looking into
// jobs, which nobody does here and each ticket would pay for.
func (q *postgresQueue) migrate(ctx context.Context) error {
	if err := q.riverQueue.migrate(ctx); err != nil {
		return err
	}
	_, err := q.store.pool.Exec(ctx, "DROP INDEX IF EXISTS river_job_args_index, river_job_metadata_index")
	return err
}

func (q *postgresQueue) promote(ctx context.Context) (int, error) {
	moved, err := q.store.pool.Exec(ctx, "UPDATE river_job SET state = 'available' WHERE id IN (SELECT id FROM river_job "+
		"WHERE state IN ('scheduled', 'retryable') AND queue = $1 AND scheduled_at <= now() ORDER BY priority, scheduled_at, id LIMIT $2 FOR UPDATE SKIP LOCKED)", river.QueueDefault, promoteAtOnce)
	return int(moved.RowsAffected()), err
}

func (q *postgresQueue) later(ctx context.Context) ([]time.Time, error) {
	rs, err := q.store.pool.Query(ctx, "SELECT scheduled_at FROM river_job WHERE state = 'scheduled' AND queue = $1 LIMIT $2", river.QueueDefault, maxAlarms)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rs, pgx.RowTo[time.Time])
}

// start starts what tells the nodes of tickets.
func (q *postgresQueue) start(ctx context.Context) {
	ctx, q.stop = context.WithCancel(detached(ctx))
	q.done.Go(func() { q.tell(ctx) })
}

func (q *postgresQueue) notify() {
	select {
	case q.due <- struct{}{}:
	default:
	}
}

// tell tells all nodes when tickets are due. While it does, further tickets make
// one notification together: commits that notify wait for each other.
func (q *postgresQueue) tell(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.due:
		}
		err := q.driver.GetExecutor().NotifyMany(ctx, &riverdriver.NotifyManyParams{Topic: "river_insert", Payload: []string{`{"queue":"default"}`}})
		if err != nil && ctx.Err() == nil { // polling finds them
			q.store.cfg.Log.WarnContext(ctx, "nodes were not told of due tickets", slog.Any("error", err))
		}
	}
}

func (q *postgresQueue) close() {
	q.stop()
	q.done.Wait()
}

// A postgresDriver is River's driver, which leaves telling to us: River tells
// within the transaction, so that commits wait for each other, and may leave out
// the last.
type postgresDriver struct {
	*riverpgxv5.Driver
	pool *pgxpool.Pool
}

// SupportsListenNotify implements riverdriver.Driver.
func (postgresDriver) SupportsListenNotify() bool { return false }

// GetExecutor implements riverdriver.Driver.
func (d postgresDriver) GetExecutor() riverdriver.Executor {
	return executor{d.Driver.GetExecutor(), d.remove}
}

func (d postgresDriver) remove(ctx context.Context, ids []int64) error {
	_, err := d.pool.Exec(ctx, "DELETE FROM river_job WHERE id = ANY($1)", ids)
	return err
}

// UnwrapExecutor implements riverdriver.Driver.
func (d postgresDriver) UnwrapExecutor(t pgx.Tx) riverdriver.ExecutorTx {
	return inserter{d.Driver.UnwrapExecutor(t), func(ctx context.Context, jobs []*riverdriver.JobInsertFastParams) error {
		return copyTickets(ctx, t, jobs)
	}}
}

// copyTickets inserts tickets with one statement.
func copyTickets(ctx context.Context, t pgx.Tx, jobs []*riverdriver.JobInsertFastParams) error {
	args := make([]string, len(jobs))
	priorities := make([]int16, len(jobs))
	at := make([]*time.Time, len(jobs))
	states := make([]string, len(jobs))
	for i, j := range jobs {
		args[i], priorities[i], at[i], states[i] = string(j.EncodedArgs), int16(j.Priority), j.ScheduledAt, string(j.State)
	}
	_, err := t.Exec(ctx, "INSERT INTO river_job (args, kind, max_attempts, priority, queue, scheduled_at, state) "+
		"SELECT CAST(u.args AS jsonb), $1, 1, u.priority, $2, coalesce(u.at, now()), CAST(u.state AS river_job_state) "+
		"FROM unnest($3::text[], $4::smallint[], $5::timestamptz[], $6::text[]) AS u (args, priority, at, state)",
		ticketArgs{}.Kind(), river.QueueDefault, args, priorities, at, states)
	return err
}
