package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// PurgeTask notes that results of the task that were made so far are not good any
// more; of all tasks, if it is zero.
func (s *Store) PurgeTask(ctx context.Context, task ratchet.TaskID) error {
	return s.write(ctx, "purge results", func(tx *tx) error {
		if task.IsZero() {
			_, err := tx.exec(ctx, "UPDATE tasks SET purged_at = CASE WHEN purged_at >= ? THEN purged_at + 1 ELSE ? END WHERE namespace = ?", nowStamp(), nowStamp(), namespace)
			return err
		}
		return purged(ctx, tx, task)
	})
}

// purged notes it within a transaction. No two purges have the same time.
func purged(ctx context.Context, tx *tx, task ratchet.TaskID) error {
	at := nowStamp()
	_, err := tx.exec(ctx, "UPDATE tasks SET purged_at = CASE WHEN purged_at >= ? THEN purged_at + 1 ELSE ? END WHERE id = ?", at, at, task)
	return err
}

// SharedResults is a place for results on PostgreSQL that all nodes reach. Its values
// do not survive a crash of the database.
type SharedResults struct{ store *Store }

// SharedResults returns it; nil where the database is another.
func (s *Store) SharedResults() *SharedResults {
	if s.kind != postgres {
		return nil
	}
	return &SharedResults{s}
}

// Get returns a value; nil if there is none.
func (r *SharedResults) Get(ctx context.Context, key [32]byte) (value []byte, err error) {
	err = r.store.reader().queryRow(ctx, "SELECT value FROM kept_results WHERE key = ? AND expires_at > ?", key[:], nowStamp()).Scan(&value)
	if errors.Is(err, errNoRows) {
		return nil, nil
	}
	return value, wrap("read a shared result", err)
}

// Put keeps a value for a time.
func (r *SharedResults) Put(ctx context.Context, key [32]byte, value []byte, ttl time.Duration) error {
	return r.store.write(ctx, "share a result", func(tx *tx) error {
		_, err := tx.exec(ctx, "INSERT INTO kept_results (key, value, expires_at) VALUES (?, ?, ?) "+
			"ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at", key[:], value, stamp(now().Add(ttl)))
		return err
	})
}

// sweepResults deletes shared results whose time is over.
func (s *Store) sweepResults(ctx context.Context) error {
	if s.kind != postgres {
		return nil
	}
	for {
		var n int64
		err := s.write(ctx, "delete old results", func(tx *tx) (err error) {
			n, err = tx.exec(ctx, "DELETE FROM kept_results WHERE key IN (SELECT key FROM kept_results WHERE expires_at < ? LIMIT ?)", nowStamp(), sweepBatch)
			return err
		})
		if err != nil || n < sweepBatch {
			return err
		}
	}
}
