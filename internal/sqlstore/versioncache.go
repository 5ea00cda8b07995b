package sqlstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// keptVersions is how many bytes of versions a store keeps in memory, about. What a
// version says never changes.
const keptVersions = 32 * ratchet.MB

type versionKey struct {
	task   ratchet.TaskID
	digest string
}

type versionCache struct {
	mu     sync.Mutex
	kept   map[versionKey]*ratchet.Version
	size   ratchet.Size
	hits   int64
	misses int64
}

// sizeOf is about what a version takes.
func sizeOf(v *ratchet.Version) ratchet.Size {
	return ratchet.Size(2048 + len(v.InputSchema) + len(v.OutputSchema))
}

// KeptVersions says which versions are kept in memory, and how often one was.
func (s *Store) KeptVersions() ratchet.Cache {
	c := &s.versions
	c.mu.Lock()
	defer c.mu.Unlock()
	return ratchet.Cache{Name: "versions", Entries: len(c.kept), Size: c.size, MaxSize: keptVersions, Hits: c.hits, Misses: c.misses}
}

// ForgetVersions has all versions read again.
func (s *Store) ForgetVersions() { s.versions.forget() }

// forget makes the cache empty: some versions are gone.
func (c *versionCache) forget() {
	c.mu.Lock()
	c.kept, c.size = nil, 0
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
	if v != nil {
		s.versions.hits++
	} else {
		s.versions.misses++
	}
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
	size := sizeOf(v)
	if s.versions.kept == nil || s.versions.size+size > keptVersions {
		s.versions.kept, s.versions.size = map[versionKey]*ratchet.Version{}, 0
	}
	if s.versions.kept[key] == nil {
		s.versions.size += size
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
