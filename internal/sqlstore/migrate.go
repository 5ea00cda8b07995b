package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/ratchet-runner/ratchet-go"
)

//go:embed migrations/sqlite
var sqliteMigrations embed.FS

// A Schema says how far a database's schema is.
type Schema struct {
	Version int64 `json:"version"` // of the database
	Newest  int64 `json:"newest"`  // that this program knows
}

// migrate brings the schema up to date: ours and River's.
func (s *Store) migrate(ctx context.Context) error {
	return s.withSchema(ctx, func(p *goose.Provider) error {
		schema, err := schemaOf(ctx, p)
		if err != nil {
			return err
		}
		if schema.Version > schema.Newest {
			return ratchet.Errorf(ratchet.ReasonStorageSchemaNewer, "a newer Ratchet has written this database (schema %d, this program knows %d): use that one, or restore a backup", schema.Version, schema.Newest)
		}
		if s.cfg.NoMigrate {
			return nil
		}
		if _, err := p.Up(ctx); err != nil {
			return migrationError(err)
		}
		return migrationError(s.queue.migrate(ctx))
	})
}

func migrationError(err error) error {
	if err == nil {
		return nil
	}
	if reason, _ := reasonOf(err); reason != "" && reason != ratchet.ReasonStorageQuery {
		return fmt.Errorf("bring the schema up to date: %w", err)
	}
	return ratchet.Errorf(ratchet.ReasonStorageMigration, "the schema cannot be brought up to date: %w", err)
}

// Schema returns how far the schema is.
func (s *Store) Schema(ctx context.Context) (schema Schema, err error) {
	err = s.withSchema(ctx, func(p *goose.Provider) error {
		schema, err = schemaOf(ctx, p)
		return err
	})
	return schema, wrap("read schema version", err)
}

func schemaOf(ctx context.Context, p *goose.Provider) (Schema, error) {
	version, newest, err := p.GetVersions(ctx)
	if err != nil {
		return Schema{}, migrationError(err)
	}
	return Schema{version, newest}, nil
}

// withSchema calls f with what knows the migrations. On PostgreSQL one node at a
// time is in f.
func (s *Store) withSchema(ctx context.Context, f func(*goose.Provider) error) error {
	if s.kind == postgres {
		return s.withPostgresSchema(ctx, f)
	}
	return useProvider(goose.DialectSQLite3, s.db, sqliteMigrations, "migrations/sqlite", f)
}

// useProvider calls f with what knows the migrations in a folder.
func useProvider(dialect goose.Dialect, db *sql.DB, migrations fs.FS, folder string, f func(*goose.Provider) error) error {
	files, err := fs.Sub(migrations, folder)
	if err != nil {
		return err
	}
	p, err := newProvider(dialect, db, files)
	if err != nil {
		return err
	}
	return f(p)
}

func newProvider(dialect goose.Dialect, db *sql.DB, files fs.FS) (*goose.Provider, error) {
	p, err := goose.NewProvider(dialect, db, files, goose.WithDisableGlobalRegistry(true), goose.WithVerbose(false))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return p, nil
}
