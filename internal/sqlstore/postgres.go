//go:build !nopostgres

package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ratchet-runner/ratchet-go"
)

// A pgPool is the connections to PostgreSQL.
type pgPool = pgxpool.Pool

// startingUp is what PostgreSQL answers until it has recovered.
const startingUp = "57P03"

// reach waits until PostgreSQL serves that is starting up.
func (s *Store) reach(ctx context.Context) error {
	for {
		err := s.pool.Ping(ctx)
		if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != startingUp {
			return err
		}
		s.cfg.Log.InfoContext(ctx, "PostgreSQL is starting up")
		timer := time.NewTimer(time.Second / 4)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

func (s *Store) openPostgres(ctx context.Context) error {
	cfg, err := pgxpool.ParseConfig(s.cfg.URL)
	if err != nil {
		return &ratchet.Error{
			Code: ratchet.CodeInvalid, Reason: ratchet.ReasonConfig, Cause: err,
			Message: "the database's URL cannot be read: want postgres://user:password@host:port/name",
		}
	}
	cfg.MaxConns = int32(min(max(s.cfg.MaxConns, 4), 1000)) // two listen, one claims
	cfg.ConnConfig.ConnectTimeout = 10 * time.Second
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "ratchet"
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return err
	}
	if err := s.reach(ctx); err != nil {
		s.pool.Close()
		return fmt.Errorf("reach PostgreSQL: %w", err)
	}
	q, err := newPostgresQueue(s)
	if err != nil {
		s.pool.Close()
		return err
	}
	q.start(ctx)
	s.queue = q
	return nil
}
