//go:build !nopostgres

package sqlstore

import (
	"context"
	"embed"
	"errors"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/postgres
var postgresMigrations embed.FS

// migrationLock is the advisory lock of PostgreSQL under which one node at a
// time changes the schema: "ratchet" in ASCII.
const migrationLock = 0x72617463686574

// withPostgresSchema is withSchema on PostgreSQL, where one node at a time is in f.
func (s *Store) withPostgresSchema(ctx context.Context, f func(*goose.Provider) error) (err error) {
	db := stdlib.OpenDBFromPool(s.pool)
	unlock, err := lockSchema(ctx, s.pool)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	defer func() { err = errors.Join(err, db.Close(), unlock()) }()
	return useProvider(goose.DialectPostgres, db, postgresMigrations, "migrations/postgres", f)
}

// lockSchema holds one connection, with the lock, until unlock.
func lockSchema(ctx context.Context, pool *pgxpool.Pool) (unlock func() error, err error) {
	c, err := pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := c.Exec(ctx, "SELECT pg_advisory_lock($1)", migrationLock); err != nil {
		c.Release()
		return nil, err
	}
	return func() error {
		defer c.Release()
		_, err := c.Exec(detached(ctx), "SELECT pg_advisory_unlock($1)", migrationLock)
		return err
	}, nil
}
