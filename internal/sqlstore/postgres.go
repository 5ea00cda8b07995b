//go:build !nopostgres

package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ratchet-runner/ratchet-go"
)

// A pgPool is the connections to PostgreSQL.
type pgPool = pgxpool.Pool

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
	if err := s.pool.Ping(ctx); err != nil {
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
