package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"

	"github.com/ratchet-runner/ratchet-go"
)

// Defaults of a Config.
const (
	DefaultURL      = "ratchet.db"
	DefaultMaxConns = 16
	DefaultPerLane  = 8
)

// Open opens the database that cfg names and brings its schema up to date. A
// SQLite file that is not there is made; one that is damaged, written by a newer
// Ratchet, not writable or open in another process is an error that says so, and
// is left as it is.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg.URL = cmp.Or(cfg.URL, DefaultURL)
	cfg.MaxConns = cmp.Or(cfg.MaxConns, DefaultMaxConns)
	cfg.Synchronous = strings.ToUpper(cmp.Or(cfg.Synchronous, "FULL"))
	cfg.DeliveriesPerLane = cmp.Or(max(cfg.DeliveriesPerLane, 0), DefaultPerLane)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Node.IsZero() {
		cfg.Node = ratchet.NewID[ratchet.Node]()
	}
	s := &Store{
		cfg: cfg, alarm: newAlarm(),
		candidateSQL: sync.OnceValue(candidateSQL), finishJob: sync.OnceValue(finishJob), finishAlone: sync.OnceValue(finishAlone), loseJob: sync.OnceValue(loseJob),
		endDelivery: sync.OnceValue(endDelivery),
	}
	open := s.openSQLite
	if isPostgres(cfg.URL) {
		s.kind, open = postgres, s.openPostgres
	}
	if err := open(ctx); err != nil {
		return nil, wrap("open database", err)
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(wrap("open database", err), s.Close())
	}
	return s, nil
}

// isPostgres reports whether url names a PostgreSQL database.
func isPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}
