//go:build nopostgres

package sqlstore

import (
	"context"

	"github.com/pressly/goose/v3"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/feature"
)

// This build has no PostgreSQL: a store on it cannot be opened, so that of what
// follows nothing else is ever called.

type pgTx struct{}

type pgPool struct{}

func (*pgPool) Close() {}

func notBuilt() error {
	return ratchet.Errorf(ratchet.ReasonConfig, "the database is on PostgreSQL: %s, or a SQLite file", feature.Postgres().Missing())
}

func (s *Store) openPostgres(context.Context) error { return notBuilt() }

func (s *Store) postgresReader() conn { return sqlConn{s.ro, false} }

func (s *Store) writePG(context.Context, func(*tx) error) (*tx, error) { return nil, notBuilt() }

func (s *Store) withPostgresSchema(context.Context, func(*goose.Provider) error) error {
	return notBuilt()
}

func (s *Store) tell(context.Context, string) error { return notBuilt() }

func (s *Store) listen(context.Context, func([]byte)) error { return notBuilt() }

func postgresReasonOf(error) (reason ratchet.Reason, remedy string) { return "", "" }

func interrupted(error) bool { return false }
