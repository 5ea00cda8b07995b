package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"
)

// sqliteQueue is River in the same SQLite file.
type sqliteQueue struct {
	riverQueue[*sql.Tx]
	bus *bus
}

func newSQLiteQueue(s *Store) (*sqliteQueue, error) {
	b := &bus{}
	base, err := newRiverQueue(s, riverdriver.Driver[*sql.Tx](sqliteDriver{riversqlite.New(s.db), s, b}))
	return &sqliteQueue{base, b}, err
}

func (q *sqliteQueue) insert(ctx context.Context, t *tx, tickets []placed) error {
	_, err := q.client.InsertManyFastTx(detached(ctx), t.lite, params(tickets))
	return err
}

func (q *sqliteQueue) promote(ctx context.Context) (int, error) {
	const due = "FROM river_job WHERE state IN ('scheduled', 'retryable') AND queue = 'default' AND scheduled_at <= datetime('now', 'subsec')"
	var any bool // to look is no write
	if err := q.store.ro.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 "+due+" LIMIT ?)", 1).Scan(&any); err != nil || !any {
		return 0, err
	}
	moved, err := q.store.db.ExecContext(ctx, "UPDATE river_job SET state = 'available' WHERE id IN (SELECT id "+due+" ORDER BY priority, scheduled_at, id LIMIT ?)", promoteAtOnce)
	if err != nil {
		return 0, err
	}
	n, err := moved.RowsAffected()
	return int(n), err
}

func (q *sqliteQueue) later(ctx context.Context) (times []time.Time, err error) {
	rs, err := q.store.ro.QueryContext(ctx, "SELECT CAST(unixepoch(scheduled_at, 'subsec') * 1000 AS INTEGER) FROM river_job WHERE state = 'scheduled' AND queue = 'default' LIMIT ?", maxAlarms)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rs.Close() }()
	for rs.Next() {
		var millis int64
		if err := rs.Scan(&millis); err != nil {
			return nil, err
		}
		times = append(times, time.UnixMilli(millis+1)) // the fraction is not exact
	}
	return times, rs.Err()
}

func (q *sqliteQueue) notify() { q.bus.notify("river_insert", `{"queue":"default"}`) }

func (q *sqliteQueue) close() {}

// A sqliteDriver is River's driver with another way of being told: one process
// owns the file, so a channel in it says all that a table polled twenty times a
// second would.
type sqliteDriver struct {
	*riversqlite.Driver
	store *Store
	bus   *bus
}

// SupportsListenNotify implements riverdriver.Driver: River need not tell, we do.
func (sqliteDriver) SupportsListenNotify() bool { return false }

// GetListener implements riverdriver.Driver.
func (d sqliteDriver) GetListener(p *riverdriver.GetListenenerParams) riverdriver.Listener {
	return d.bus.listener(p.Schema)
}

// GetExecutor implements riverdriver.Driver.
func (d sqliteDriver) GetExecutor() riverdriver.Executor {
	return sqliteExecutor{executor{d.Driver.GetExecutor(), d.remove}, d.store}
}

// UnwrapExecutor implements riverdriver.Driver.
func (d sqliteDriver) UnwrapExecutor(t *sql.Tx) riverdriver.ExecutorTx {
	return inserter{d.Driver.UnwrapExecutor(t), func(ctx context.Context, jobs []*riverdriver.JobInsertFastParams) error {
		return insertTickets(ctx, t, jobs)
	}}
}

// riverTime is how River writes times in SQLite.
const riverTime = "2006-01-02 15:04:05.000"

func insertTickets(ctx context.Context, t *sql.Tx, jobs []*riverdriver.JobInsertFastParams) error {
	for _, j := range jobs {
		at := time.Now()
		if j.ScheduledAt != nil {
			at = *j.ScheduledAt
		}
		_, err := t.ExecContext(ctx, "INSERT INTO river_job (args, kind, max_attempts, priority, queue, scheduled_at, state) VALUES (?, ?, ?, ?, ?, ?, ?)",
			string(j.EncodedArgs), j.Kind, j.MaxAttempts, j.Priority, j.Queue, at.UTC().Format(riverTime), string(j.State))
		if err != nil {
			return err
		}
	}
	return nil
}

// A sqliteExecutor fetches tickets together with other writes, and only what is
// needed of them: River's own statement reads all of the row.
type sqliteExecutor struct {
	executor
	store *Store
}

// fetchTickets is the statement that fetches n tickets. What it compares is
// written out, and so is a small n: of values that are bound SQLite prepares it
// again each time that they are others.
func fetchTickets(n int) (sql string, args []any) {
	const most = 64
	limit := "?"
	if n <= most {
		limit = strconv.Itoa(n)
	} else {
		args = []any{n}
	}
	return "UPDATE river_job SET attempt = attempt + 1, attempted_at = datetime('now', 'subsec'), state = 'running' WHERE id IN (" +
		"SELECT id FROM river_job WHERE state = 'available' AND queue = 'default' AND scheduled_at <= datetime('now', 'subsec') ORDER BY priority, scheduled_at, id LIMIT " + limit + ") " +
		"RETURNING id, args, attempt, max_attempts, priority", args
}

// JobGetAvailable implements riverdriver.Executor.
func (e sqliteExecutor) JobGetAvailable(ctx context.Context, p *riverdriver.JobGetAvailableParams) (*riverdriver.JobGetAvailableResult, error) {
	var found []*rivertype.JobRow
	err := e.store.write(ctx, "fetch tickets", func(t *tx) (err error) {
		found, err = fetch(ctx, t, p)
		return err
	})
	slices.SortFunc(found, func(a, b *rivertype.JobRow) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.ID, b.ID))
	})
	return &riverdriver.JobGetAvailableResult{Jobs: found}, err
}

func fetch(ctx context.Context, t *tx, p *riverdriver.JobGetAvailableParams) (found []*rivertype.JobRow, err error) {
	sql, args := fetchTickets(p.MaxToLock)
	rs, err := t.query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	at := time.Now().UTC()
	for rs.Next() {
		j := &rivertype.JobRow{
			AttemptedAt: &at, AttemptedBy: []string{p.ClientID}, CreatedAt: at, ScheduledAt: at, Kind: ticketArgs{}.Kind(),
			Queue: p.Queue, State: rivertype.JobStateRunning, Metadata: []byte("{}"),
		}
		if err := rs.Scan(&j.ID, &j.EncodedArgs, &j.Attempt, &j.MaxAttempts, &j.Priority); err != nil {
			return nil, err
		}
		found = append(found, j)
	}
	return found, rs.Err()
}

func (d sqliteDriver) remove(ctx context.Context, ids []int64) error {
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	return d.store.write(ctx, "remove tickets", func(t *tx) error {
		_, err := t.exec(ctx, "DELETE FROM river_job WHERE id IN (SELECT value FROM json_each(?))", string(list))
		return err
	})
}

// A bus is LISTEN and NOTIFY within this process.
type bus struct {
	mu        sync.Mutex
	listeners []*busListener
}

func (b *bus) listener(schema string) *busListener {
	l := &busListener{bus: b, schema: schema, heard: make(chan *riverdriver.Notification, 1), closed: make(chan struct{})}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listeners = append(b.listeners, l)
	return l
}

// notify tells the listeners. One that has not heard the last notification yet
// needs no other: all say the same.
func (b *bus) notify(topic, payload string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.listeners {
		select {
		case l.heard <- &riverdriver.Notification{Topic: topic, Payload: payload}:
		default:
		}
	}
}

// A busListener implements riverdriver.Listener.
type busListener struct {
	bus    *bus
	schema string
	heard  chan *riverdriver.Notification

	once   sync.Once
	closed chan struct{}
}

// Close implements riverdriver.Listener.
func (l *busListener) Close(context.Context) error {
	l.once.Do(func() { close(l.closed) })
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	l.bus.listeners = slices.DeleteFunc(l.bus.listeners, func(other *busListener) bool { return other == l })
	return nil
}

// Connect implements riverdriver.Listener.
func (*busListener) Connect(context.Context) error { return nil }

// Listen implements riverdriver.Listener.
func (*busListener) Listen(context.Context, string) error { return nil }

// Unlisten implements riverdriver.Listener.
func (*busListener) Unlisten(context.Context, string) error { return nil }

// Ping implements riverdriver.Listener.
func (*busListener) Ping(context.Context) error { return nil }

// Schema implements riverdriver.Listener.
func (l *busListener) Schema() string { return l.schema }

// SetAfterConnectExec implements riverdriver.Listener.
func (*busListener) SetAfterConnectExec(string) {}

// WaitForNotification implements riverdriver.Listener.
func (l *busListener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	select {
	case n := <-l.heard:
		return n, nil
	case <-l.closed:
		return nil, errNoListener
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
