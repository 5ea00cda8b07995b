//go:build !nopostgres

package sqlstore

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A pgTx is a transaction on PostgreSQL.
type pgTx = pgx.Tx

func (s *Store) postgresReader() conn { return pgConn{s, s.pool} }

// pgTries is how often a transaction is tried that others got in the way of.
const pgTries = 5

func (s *Store) writePG(ctx context.Context, f func(*tx) error) (t *tx, err error) {
	for range pgTries {
		if t, err = s.tryPG(ctx, f); err == nil || !inTheWay(err) || ctx.Err() != nil {
			break
		}
	}
	return t, err
}

func (s *Store) tryPG(ctx context.Context, f func(*tx) error) (t *tx, err error) {
	begun, err := s.pool.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			if failed := begun.Rollback(detached(ctx)); !errors.Is(failed, pgx.ErrTxClosed) {
				err = errors.Join(err, failed)
			}
		}
	}()
	t = &tx{conn: pgConn{s, begun}, store: s, pg: begun}
	if err := guarded(f, t); err != nil {
		return nil, err
	}
	return t, begun.Commit(ctx)
}

// inTheWay reports whether PostgreSQL refused because of what others were doing.
func inTheWay(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40P01" || pg.Code == "40001")
}

// pgRunner is what *pgxpool.Pool and pgx.Tx have in common.
type pgRunner interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// A pgConn runs statements on PostgreSQL.
type pgConn struct {
	store *Store
	on    pgRunner
}

func (c pgConn) dialect() dialect { return postgres }

func (c pgConn) exec(ctx context.Context, sql string, args ...any) (int64, error) {
	tag, err := c.on.Exec(ctx, c.store.rebound.rebind(sql), args...)
	return tag.RowsAffected(), err
}

func (c pgConn) query(ctx context.Context, sql string, args ...any) (rows, error) {
	r, err := c.on.Query(ctx, c.store.rebound.rebind(sql), args...)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (c pgConn) queryRow(ctx context.Context, sql string, args ...any) row {
	return oneRow{c.on.QueryRow(ctx, c.store.rebound.rebind(sql), args...)}
}
