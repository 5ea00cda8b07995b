package bundle

import (
	"container/list"
	"context"
	"crypto/sha256"
	"os"
	"path"
	"path/filepath"
	"sync"
	"time"
)

// A Cache loads each task once and again only when one of its files changed. It
// is safe for use by many at once; those who ask for the same task at the same
// time wait for one loading.
type Cache struct {
	size int

	mu      sync.Mutex
	entries map[cacheKey]*list.Element // of *cacheEntry
	recent  *list.List                 // most recently used first
}

type cacheKey struct {
	path    string
	options Options
}

type cacheEntry struct {
	key cacheKey

	mu     sync.Mutex
	bundle *Bundle
	files  []stamp
}

// NewCache returns a Cache of the given number of bundles; 0 means 128.
func NewCache(size int) *Cache {
	if size <= 0 {
		size = 128
	}
	return &Cache{size: size, entries: map[cacheKey]*list.Element{}, recent: list.New()}
}

// Load is like the function Load. The bundle is shared: it must not be changed.
func (c *Cache) Load(ctx context.Context, path string, o Options) (*Bundle, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Load(ctx, path, o)
	}
	e := c.entry(cacheKey{abs, o})
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.bundle != nil && e.fresh() {
		return e.bundle, nil
	}
	b, err := Load(ctx, path, o)
	if err != nil {
		e.bundle, e.files = nil, nil
		return nil, err
	}
	e.bundle, e.files = b, stamps(abs, b)
	return b, nil
}

func (c *Cache) entry(key cacheKey) *cacheEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.entries[key]; found != nil {
		c.recent.MoveToFront(found)
		return found.Value.(*cacheEntry)
	}
	e := &cacheEntry{key: key}
	c.entries[key] = c.recent.PushFront(e)
	for c.recent.Len() > c.size {
		oldest := c.recent.Back()
		delete(c.entries, c.recent.Remove(oldest).(*cacheEntry).key)
	}
	return e
}

// A stamp tells whether a file or folder is as it was. Size and time are enough
// unless it was written so shortly before it was read that a later write may
// bear the same time; then, and when they differ, its content decides: of a
// folder the names in it.
type stamp struct {
	path     string
	folder   bool
	size     int64
	modified time.Time
	sure     bool
	sum      [sha256.Size]byte
}

const timeGrain = 2 * time.Second // the coarsest clock of a file system in use

func newStamp(path string, in *Input) stamp {
	s := stamp{path: path}
	if info, err := os.Stat(path); err == nil {
		s.folder, s.size, s.modified = info.IsDir(), info.Size(), info.ModTime()
		s.sure = time.Since(s.modified) > timeGrain
	}
	if in != nil {
		s.sum = in.sum
	} else {
		s.sum, _ = s.content()
	}
	return s
}

// stamps lists what the bundle was made from: its files, and the folders they
// lie in, where a new file may change what an import means.
func stamps(task string, b *Bundle) []stamp {
	if b.archive {
		return []stamp{newStamp(task, nil)}
	}
	var all []stamp
	seen := map[string]bool{}
	folder := func(dir, name string) {
		for ; !seen[dir]; dir, name = filepath.Dir(dir), path.Dir(name) {
			seen[dir] = true
			all = append(all, newStamp(dir, nil))
			if name == "." {
				return
			}
		}
	}
	for _, list := range [][]Input{b.Inputs, b.watch} {
		for i := range list {
			all = append(all, newStamp(list[i].path, &list[i]))
			folder(filepath.Dir(list[i].path), path.Dir(list[i].Name))
		}
	}
	if tests := filepath.Join(b.Root, "tests"); isFolder(tests) {
		folder(tests, "tests")
	}
	return all
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (e *cacheEntry) fresh() bool {
	for i := range e.files {
		if !e.files[i].fresh() {
			return false
		}
	}
	return len(e.files) > 0
}

func (s *stamp) fresh() bool {
	info, err := os.Stat(s.path)
	if err != nil || info.IsDir() != s.folder {
		return false
	}
	if s.sure && info.Size() == s.size && info.ModTime().Equal(s.modified) {
		return true
	}
	sum, err := s.content()
	if err != nil || sum != s.sum {
		return false
	}
	s.size, s.modified, s.sure = info.Size(), info.ModTime(), time.Since(info.ModTime()) > timeGrain
	return true
}

func (s *stamp) content() (sum [sha256.Size]byte, err error) {
	if !s.folder {
		data, err := os.ReadFile(s.path)
		return sha256.Sum256(data), err
	}
	entries, err := os.ReadDir(s.path)
	h := sha256.New()
	for _, e := range entries {
		_, _ = h.Write([]byte(e.Name() + "\x00" + e.Type().String() + "\n"))
	}
	return [sha256.Size]byte(h.Sum(nil)), err
}
