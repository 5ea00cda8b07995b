package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

// A DatabaseStatus says what database there is and how it is.
type DatabaseStatus = sqlstore.Status

// ServerOf returns where the server listens that has the database open; empty if
// none does, or it does not say.
func ServerOf(c config.Config) string {
	if isPostgres(c.Database.URL) {
		return ""
	}
	text, err := os.ReadFile(databaseURL(c) + ".lock")
	if err != nil {
		return ""
	}
	_, address, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(address)
}

// with opens the database without a server, and closes it after do. One that is
// not there is made only if create says so, and its schema is brought up to date
// only if migrate does.
func with(ctx context.Context, c config.Config, create, migrate bool, do func(*sqlstore.Store) error) (err error) {
	cfg := storeConfig(c)
	cfg.Existing, cfg.NoMigrate = !create, !migrate
	if create {
		if err := os.MkdirAll(c.Data.Dir, 0o700); err != nil {
			return ratchet.Errorf(ratchet.ReasonIO, "cannot make the data folder %s: %w", c.Data.Dir, err)
		}
	}
	store, err := open(ctx, cfg, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return do(store)
}

// Migrate makes the database, if it is missing, and brings its schema up to date.
func Migrate(ctx context.Context, c config.Config) (st *DatabaseStatus, err error) {
	err = with(ctx, c, true, true, func(s *sqlstore.Store) error {
		st, err = s.Status(ctx)
		return err
	})
	return st, err
}

// Status looks at the database and leaves it as it is.
func Status(ctx context.Context, c config.Config) (st *DatabaseStatus, err error) {
	err = with(ctx, c, false, false, func(s *sqlstore.Store) error {
		st, err = s.Status(ctx)
		return err
	})
	return st, err
}

// Backup writes a copy of the database to a new file, also while a server runs.
func Backup(ctx context.Context, c config.Config, file string, overwrite bool) error {
	if overwrite {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return ratchet.Errorf(ratchet.ReasonIO, "cannot replace %s: %w", file, err)
		}
	}
	return sqlstore.Backup(ctx, databaseURL(c), file)
}

// Restore makes the database what the backup is.
func Restore(ctx context.Context, c config.Config, backup string, overwrite bool) error {
	return sqlstore.Restore(ctx, backup, databaseURL(c), overwrite)
}

// A Finding is something in the database that should not be so.
type Finding = sqlstore.Finding

// Check looks for what should not be so in the database, and puts right what can
// be if repair says so.
func Check(ctx context.Context, c config.Config, repair bool) (found []Finding, err error) {
	err = with(ctx, c, false, false, func(s *sqlstore.Store) error {
		found, err = s.Check(ctx, repair)
		return err
	})
	return found, err
}

// Keys are the API keys in a database that no server has open, or that many have.
type Keys struct {
	store   *sqlstore.Store
	service *service.Service
}

// OpenKeys opens the database, which is made if it is missing: a server that
// listens for strangers wants a key before it starts.
func OpenKeys(ctx context.Context, c config.Config) (*Keys, error) {
	if err := os.MkdirAll(c.Data.Dir, 0o700); err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonIO, "cannot make the data folder %s: %w", c.Data.Dir, err)
	}
	store, err := open(ctx, storeConfig(c), c)
	if err != nil {
		return nil, err
	}
	return &Keys{store, service.New(service.Deps{Store: store}, service.Config{})}, nil
}

// Close closes the database.
func (k *Keys) Close() error { return k.store.Close() }

// asOwner is who has the database in hand, and so may do anything to it.
func asOwner(ctx context.Context) context.Context { return auth.With(ctx, auth.Local()) }

// Keys lists keys.
func (k *Keys) Keys(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Key], error) {
	return k.service.ListKeys.Call(asOwner(ctx), q)
}

// CreateKey makes a key.
func (k *Keys) CreateKey(ctx context.Context, r ratchet.KeyRequest) (*ratchet.CreatedKey, error) {
	return k.service.CreateKey.Call(asOwner(ctx), r)
}

// RevokeKey ends a key.
func (k *Keys) RevokeKey(ctx context.Context, id ratchet.KeyID) error {
	_, err := k.service.RevokeKey.Call(asOwner(ctx), service.KeyRef{ID: id})
	if err != nil {
		return fmt.Errorf("revoke key %s: %w", id, err)
	}
	return nil
}
