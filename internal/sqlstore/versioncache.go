package sqlstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// keptVersions is how many versions a store keeps in memory. What a version says
// never changes.
const keptVersions = 1000

type versionKey struct {
	task   ratchet.TaskID
	digest string
}

type versionCache struct {
	mu   sync.Mutex
	kept map[versionKey]*ratchet.Version
}

// forget makes the cache empty: some versions are gone.
func (c *versionCache) forget() {
	c.mu.Lock()
	c.kept = nil
	c.mu.Unlock()
}

// version returns a version of a task; nil if it is gone.
func (s *Store) version(ctx context.Context, c conn, task ratchet.TaskID, digest string) (*ratchet.Version, error) {
	if digest == "" {
		return nil, nil //nolint:nilnil // a task without versions has none
	}
	key := versionKey{task, digest}
	s.versions.mu.Lock()
	v := s.versions.kept[key]
	s.versions.mu.Unlock()
	if v != nil {
		return v, nil
	}
	v, err := versions().one(ctx, c, "task_id = ? AND digest = ?", task, digest)
	if errors.Is(err, errNoRows) {
		return nil, nil //nolint:nilnil // it was deleted
	}
	if err != nil {
		return nil, err
	}
	s.versions.mu.Lock()
	defer s.versions.mu.Unlock()
	if s.versions.kept == nil || len(s.versions.kept) >= keptVersions {
		s.versions.kept = map[versionKey]*ratchet.Version{}
	}
	s.versions.kept[key] = v
	return v, nil
}

// countEvery is how old the count of waiting jobs may be.
const countEvery = 500 * time.Millisecond

// A waitingCount knows about how many jobs wait: counting them is too slow to do
// for each that is submitted.
type waitingCount struct {
	mu    sync.Mutex
	n     int
	limit int // as far as was counted
	at    time.Time
}

// add corrects the count by what this store did.
func (w *waitingCount) add(n int) {
	w.mu.Lock()
	w.n = max(w.n+n, 0)
	w.mu.Unlock()
}

// Waiting counts the jobs that have not begun, up to limit. The count may be half
// a second old, but for what this store itself has done.
func (s *Store) Waiting(ctx context.Context, limit int) (int, error) {
	s.waiting.mu.Lock()
	defer s.waiting.mu.Unlock()
	w := &s.waiting
	if time.Since(w.at) < countEvery && (w.limit >= limit || w.n < w.limit) {
		return min(w.n, limit), nil
	}
	var n int
	err := s.reader().queryRow(ctx, "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state IN ('scheduled', 'queued', 'parked', 'retrying') LIMIT ?) AS counted", limit).Scan(&n)
	if err != nil {
		return 0, wrap("count waiting jobs", err)
	}
	w.n, w.limit, w.at = n, limit, time.Now()
	return n, nil
}
