// Package sqlstore keeps everything a Ratchet knows, on SQLite or PostgreSQL:
// each change of a state is one named transaction, which also moves the job's
// ticket in River, the queue. What a job does, and who may ask for what, is left
// to others.
package sqlstore

import (
	"context"
	"database/sql"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A Config says where a Store keeps its data. The zero Config works: a SQLite
// file in the working directory.
type Config struct {
	// URL is a SQLite file, as "ratchet.db" or "sqlite:ratchet.db", or a
	// PostgreSQL database, as "postgres://user@host/name". Default: "ratchet.db".
	URL string
	// Node is the server that this store works for. Default: a new one.
	Node ratchet.NodeID
	// Publish gets the events of each transaction after it was committed; with
	// SQLite in the order of the commits, with PostgreSQL in about that order. It
	// must not wait, nor write to the store. Default: nobody is told.
	Publish func(...ratchet.Event)
	// Destinations are those that the operator has for the results of a task's
	// jobs, beside the jobs' own. It is asked whenever a job ends, so it must be
	// quick. Default: there are none.
	Destinations func(task string) []ratchet.Destination
	// OnDelivery is told when there may be a delivery to claim that is due sooner
	// than was known. It must not wait, nor call the store. Default: nobody is told.
	OnDelivery func()
	// DeliveriesPerLane is the most deliveries to one place that one claim gives.
	// Default: 8.
	DeliveriesPerLane int
	// Log gets what operators should know. Default: nothing is logged.
	Log *slog.Logger
	// Synchronous is how safely SQLite writes: FULL survives a loss of power,
	// NORMAL and OFF are faster and may lose what was accepted last. Default: FULL.
	Synchronous string
	// MaxConns is the most connections to PostgreSQL at once. Default: 16.
	MaxConns int
	// Existing refuses to make a new SQLite file where there is none.
	Existing bool
	// NoMigrate leaves the schema as it is; it may then be too old for anything
	// but looking at its version.
	NoMigrate bool
}

// A Store keeps tasks, jobs, schedules and the rest in one database. It is safe
// for concurrent use.
type Store struct {
	cfg   Config
	kind  dialect
	file  string // of SQLite, with all symbolic links resolved
	lock  *fileLock
	db    *sql.DB // SQLite: the one writer
	ro    *sql.DB // SQLite: the readers
	group *group  // SQLite
	pool  *pgPool // PostgreSQL
	queue queue

	rebound  rebinder
	stale    atomic.Int64
	trouble  atomic.Pointer[ratchet.Error] // why nothing can be written, since the last try
	versions versionCache
	waiting  waitingCount
	counts   counts
	alarm    *alarm
	leased   leasedDeliveries

	// Statements that are put together of lists of columns, once.
	candidateSQL, finishJob, finishAlone, loseJob, endDelivery func() string
}

// Node returns the server that this store works for.
func (s *Store) Node() ratchet.NodeID { return s.cfg.Node }

// Stale returns how many writes were refused because their lease was gone, since
// the store was opened.
func (s *Store) Stale() int64 { return s.stale.Load() }

// Close closes the database. Nothing else may be using the store.
func (s *Store) Close() error {
	if s.kind == postgres {
		s.queue.close()
		s.pool.Close()
		return nil
	}
	return closeSQLite(s.ro, s.db, s.lock)
}

// publish tells of events that have been committed.
func (s *Store) publish(events []ratchet.Event) {
	if len(events) > 0 && s.cfg.Publish != nil {
		s.cfg.Publish(events...)
	}
}

// now is the time that is written down, to the microsecond that is kept.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// detached is ctx for what must not stop half-way: with SQLite a statement that
// is interrupted takes the whole transaction with it, which others share.
func detached(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }
