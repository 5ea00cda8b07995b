package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A dialect is the database that statements are for.
type dialect int

const (
	sqlite dialect = iota
	postgres
)

// forUpdate ends a SELECT whose rows are about to be changed. With SQLite there
// is one writer at a time, so nothing needs to be locked.
func (d dialect) forUpdate() string {
	if d == postgres {
		return " FOR UPDATE"
	}
	return ""
}

// clock is the database's own time in microseconds, as an expression.
func (d dialect) clock() string {
	if d == postgres {
		return "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
	}
	return "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
}

// errNoRows says that a query for one row found none.
var errNoRows = errors.New("no such row")

// conn runs statements: on the readers of the database, or in a transaction.
// Placeholders are "?" on both databases.
type conn interface {
	exec(ctx context.Context, sql string, args ...any) (affected int64, err error)
	query(ctx context.Context, sql string, args ...any) (rows, error)
	queryRow(ctx context.Context, sql string, args ...any) row
	dialect() dialect
}

// rows are the answer to a query. They must be closed before the next statement
// in a transaction.
type rows interface {
	Next() bool
	Scan(dst ...any) error
	Close()
	Err() error
}

// row is an answer of one row: Scan gives errNoRows if there is none.
type row interface{ Scan(dst ...any) error }

// reader returns what reads outside of transactions.
func (s *Store) reader() conn {
	if s.kind == postgres {
		return s.postgresReader()
	}
	return sqlConn{s.ro, false}
}

// A tx is a transaction. Beside rows it carries what must happen with them: the
// tickets of jobs, and what is told to others after the commit.
type tx struct {
	conn
	store   *Store
	lite    *sql.Tx
	pg      pgTx
	events  []ratchet.Event
	tickets bool                    // some are due at once
	later   []time.Time             // when the others are
	deliver bool                    // there may be a delivery to claim
	after   []func(context.Context) // what goes on after the commit
}

// publish notes an event for after the commit.
func (t *tx) publish(e ratchet.Event) { t.events = append(t.events, e) }

// write runs f in one transaction: all that it did is durable when write
// returns nil, and nothing of it otherwise. f may be run again, after a deadlock
// or when others in the same transaction were too much for the disk, so it changes
// nothing but the database and what it returns.
func (s *Store) write(ctx context.Context, what string, f func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	var t *tx
	var err error
	if s.kind == sqlite {
		t, err = s.group.do(detached(ctx), f)
	} else if t, err = s.writePG(ctx, f); err == nil {
		s.committed(t)
	}
	if err != nil {
		err = wrap(what, err)
		s.notice(err)
		return err
	}
	s.notice(nil)
	for _, next := range t.after {
		next(ctx)
	}
	return nil
}

// rollbackError forgets that there is nothing to roll back.
func rollbackError(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// committed tells of what a transaction did, now that it is durable.
func (s *Store) committed(t *tx) {
	s.publish(t.events)
	if t.tickets {
		s.queue.notify()
	}
	s.alarm.set(t.later)
	if t.deliver && s.cfg.OnDelivery != nil {
		s.cfg.OnDelivery()
	}
}

// guarded runs f and makes an error of its panic: the transaction is shared with
// others, or at least must be ended.
func guarded(f func(*tx) error, t *tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v\n%s", p, debug.Stack())
		}
	}()
	return f(t)
}

// sqlRunner is what *sql.DB and *sql.Tx have in common.
type sqlRunner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// A sqlConn runs statements on SQLite.
type sqlConn struct {
	on   sqlRunner
	inTx bool
}

func (c sqlConn) dialect() dialect { return sqlite }

func (c sqlConn) ctx(ctx context.Context) context.Context {
	if c.inTx {
		return detached(ctx)
	}
	return ctx
}

func (c sqlConn) exec(ctx context.Context, sql string, args ...any) (int64, error) {
	result, err := c.on.ExecContext(c.ctx(ctx), sql, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (c sqlConn) query(ctx context.Context, sql string, args ...any) (rows, error) {
	r, err := c.on.QueryContext(c.ctx(ctx), sql, args...) //nolint:rowserrcheck // the caller's
	if err != nil {
		return nil, err
	}
	return sqlRows{r}, nil
}

func (c sqlConn) queryRow(ctx context.Context, sql string, args ...any) row {
	return oneRow{c.on.QueryRowContext(c.ctx(ctx), sql, args...)}
}

type sqlRows struct{ *sql.Rows }

// Close ends the rows. What went wrong is in Err.
func (r sqlRows) Close() { _ = r.Rows.Close() }

// oneRow gives errNoRows on both databases.
type oneRow struct{ row }

func (r oneRow) Scan(dst ...any) error {
	err := r.row.Scan(dst...)
	if errors.Is(err, sql.ErrNoRows) { // of which pgx's own is one
		return errNoRows
	}
	return err
}

// keptStatements is how many statements are kept in the form for PostgreSQL. Our
// own are fewer by far; each combination of filters that somebody thinks of is
// another one.
const keptStatements = 2000

// A rebinder keeps statements with $1, $2, … for each "?".
type rebinder struct {
	mu   sync.RWMutex
	kept map[string]string
}

// rebind returns the statement with $1, $2, … for each "?".
func (r *rebinder) rebind(statement string) string {
	r.mu.RLock()
	done, found := r.kept[statement]
	r.mu.RUnlock()
	if found {
		return done
	}
	done = rebind(statement)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept == nil || len(r.kept) >= keptStatements { // those in use are back at once
		r.kept = map[string]string{}
	}
	r.kept[statement] = done
	return done
}

func rebind(statement string) string {
	var b strings.Builder
	n, quoted := 0, false
	for _, c := range []byte(statement) {
		switch {
		case c == '\'':
			quoted = !quoted
		case c == '?' && !quoted:
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// placeholders returns "?, ?, ?" for n values.
func placeholders(n int) string {
	return strings.TrimSuffix(strings.Repeat("?, ", n), ", ")
}
