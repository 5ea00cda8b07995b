package daemon

import (
	"context"
	"errors"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

// Copy makes what is in the database also that of the one at url, a SQLite file or
// PostgreSQL, which is made or brought up to date first and must be empty. told is
// called after each table.
func Copy(ctx context.Context, c config.Config, url string, told func(table string, rows int)) (err error) {
	other := c
	other.Database.URL = url
	if databaseURL(other) == databaseURL(c) {
		return ratchet.Errorf(ratchet.ReasonUsage, "%s is the database itself", url)
	}
	// Brought up to date, for both must have the same tables.
	return with(ctx, c, false, true, func(from *sqlstore.Store) error {
		to, err := open(ctx, storeConfig(other), other)
		if err != nil {
			return err
		}
		return errors.Join(sqlstore.Copy(ctx, from, to, told), to.Close())
	})
}
