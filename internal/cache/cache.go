// Package cache keeps what is dear to make again for a while, within a bound of
// bytes. What is kept, and when it is no longer true, its callers say.
package cache

import (
	"fmt"
	"math"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/maypok86/otter/v2/stats"

	"github.com/ratchet-runner/ratchet-go"
)

// A Cache keeps values by key until their time is over, within a bound of bytes: of
// more, those that are least likely to be asked for go first. It is safe for
// concurrent use. It has a goroutine of its own until it is closed, unless it is a
// [Lasting] one.
type Cache[K comparable, V any] struct {
	name    string
	most    ratchet.Size
	entries *otter.Cache[K, kept[V]]
}

type kept[V any] struct {
	value V
	size  uint32
	ttl   time.Duration
}

// New returns an empty Cache of at most so many bytes; the name is for statistics.
func New[K comparable, V any](name string, most ratchet.Size) (*Cache[K, V], error) {
	o := options[K, V](most)
	o.ExpiryCalculator = otter.ExpiryWritingFunc(func(e otter.Entry[K, kept[V]]) time.Duration { return e.Value.ttl })
	entries, err := otter.New(o)
	if err != nil {
		return nil, fmt.Errorf("make the cache of %s: %w", name, err)
	}
	return &Cache[K, V]{name: name, most: most, entries: entries}, nil
}

// Lasting returns an empty Cache of what never changes: its values have no time, and
// it need not be closed.
func Lasting[K comparable, V any](name string, most ratchet.Size) *Cache[K, V] {
	return &Cache[K, V]{name: name, most: most, entries: otter.Must(options[K, V](most))}
}

// Always is the time of what is kept for as long as there is room.
const Always = time.Duration(math.MaxInt64)

func options[K comparable, V any](most ratchet.Size) *otter.Options[K, kept[V]] {
	return &otter.Options[K, kept[V]]{
		MaximumWeight: uint64(max(most, 0)),
		Weigher:       func(_ K, k kept[V]) uint32 { return k.size },
		StatsRecorder: stats.NewCounter(),
		Executor:      func(do func()) { do() },
		Logger:        &otter.NoopLogger{}, // it tells of refreshes only, and there are none
	}
}

// overhead is about what an entry takes beside its value.
const overhead = 256

// Get returns the value of a key, if it is kept still.
func (c *Cache[K, V]) Get(key K) (value V, ok bool) {
	k, ok := c.entries.GetIfPresent(key)
	return k.value, ok
}

// Has reports whether a value is kept, which is no use of it.
func (c *Cache[K, V]) Has(key K) bool {
	_, ok := c.entries.GetEntryQuietly(key)
	return ok
}

// Put keeps a value of so many bytes for a time. One that would take more than a
// quarter of the cache is not kept.
func (c *Cache[K, V]) Put(key K, value V, size int, ttl time.Duration) {
	size += overhead
	if ttl <= 0 || ratchet.Size(size) > c.most/4 {
		c.entries.Invalidate(key)
		return
	}
	c.entries.Set(key, kept[V]{value: value, size: uint32(size), ttl: ttl})
}

// Drop forgets every value of which which says so.
func (c *Cache[K, V]) Drop(which func(K, V) bool) {
	for key, k := range c.entries.All() {
		if which(key, k.value) {
			c.entries.Invalidate(key)
		}
	}
}

// Describe says what the cache holds, and how it was used.
func (c *Cache[K, V]) Describe() ratchet.Cache {
	c.entries.CleanUp() // so that what is over is not counted
	s := c.entries.Stats()
	return ratchet.Cache{
		Name: c.name, Entries: c.entries.EstimatedSize(), Size: ratchet.Size(c.entries.WeightedSize()), MaxSize: c.most,
		Hits: int64(s.Hits), Misses: int64(s.Misses), Evicted: int64(s.Evictions),
	}
}

// Close ends the cache's goroutine.
func (c *Cache[K, V]) Close() { c.entries.StopAllGoroutines() }
