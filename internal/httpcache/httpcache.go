// Package httpcache keeps responses to HTTP requests as RFC 9111 lets a private
// cache do, one for each task: what one task was told, no other is. Where a request
// may go, and how it gets there, it leaves to whoever asks.
package httpcache

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/cache"
)

// A Config says how much a Cache keeps. The zero Config works.
type Config struct {
	Size       ratchet.Size // of all responses. Default: 64 MB
	MaxBody    ratchet.Size // of one that is kept. Default: a sixteenth of Size
	Background int          // responses that are asked for anew at once while a stale one is used. Default: 16
	// Now is the time. Default: time.Now.
	Now func() time.Time
}

// A Cache keeps responses. It is safe for concurrent use. It is closed once it is
// not asked any more.
type Cache struct {
	config  Config
	entries *cache.Cache[key, *entry]
	hits    atomic.Int64
	misses  atomic.Int64

	mu      sync.Mutex // orders changes of entries
	changes [256]uint64
	behind  map[key]struct{} // entries that are asked for anew in the background

	life   context.Context //nolint:containedctx // of what goes on when whoever asked has gone
	end    context.CancelFunc
	ending bool
	active sync.WaitGroup
}

// New returns an empty Cache. What it does in the background ends with ctx, or with
// Close.
func New(ctx context.Context, c Config) (*Cache, error) {
	c.Size = cmp.Or(c.Size, 64*ratchet.MB)
	c.MaxBody = cmp.Or(c.MaxBody, c.Size/16)
	c.Background = cmp.Or(max(c.Background, 0), 16)
	if c.Now == nil {
		c.Now = time.Now
	}
	entries, err := cache.New[key, *entry]("responses", c.Size)
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancel(ctx)
	return &Cache{config: c, entries: entries, behind: map[key]struct{}{}, life: life, end: end}, nil
}

// Close ends what goes on in the background, and waits for it.
func (c *Cache) Close() {
	c.mu.Lock()
	c.ending = true
	c.mu.Unlock()
	c.end()
	c.active.Wait()
	c.entries.Close()
}

// Purge forgets the responses to a task, by its name; to all tasks, if it is empty.
// One that is on its way is not kept either.
func (c *Cache) Purge(task string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.changes {
		c.changes[i]++
	}
	c.entries.Drop(func(_ key, e *entry) bool { return task == "" || e.task == task })
}

// Describe says what is kept, and how it was used: a hit is a response whose body
// was kept, be it that its server was asked whether it is still good; a miss one that
// might have been kept and was not.
func (c *Cache) Describe() ratchet.Cache {
	d := c.entries.Describe()
	d.Hits, d.Misses = c.hits.Load(), c.misses.Load()
	return d
}

// A Mode is how a request wants to be answered, as in the fetch standard.
type Mode string

// The modes.
const (
	ModeDefault      Mode = "default"        // by the rules of HTTP; the empty Mode too
	ModeNoStore      Mode = "no-store"       // as if there were no cache
	ModeReload       Mode = "reload"         // ask, and keep the answer
	ModeNoCache      Mode = "no-cache"       // ask whether what is kept is still good
	ModeForceCache   Mode = "force-cache"    // what is kept is good, however old it is
	ModeOnlyIfCached Mode = "only-if-cached" // the same, and ask for nothing
)

// ErrNotKept says that a request in ModeOnlyIfCached has no answer.
var ErrNotKept = errors.New("no response is kept for this request")

// A Request is one that may be answered with what is kept, without redirects.
type Request struct {
	Task    string // whose request it is
	Version string // of the task: another one is not told what this one was
	Mode    Mode
	Method  string
	URL     string      // without the fragment
	Header  http.Header // as it would be sent; it is not changed
	MaxBody int64       // a larger one that is kept is no answer
}

// A Response is what comes back. Those that are kept are used by many: neither
// Header nor Body may be changed.
type Response struct {
	Status     int
	StatusText string
	Proto      string
	Header     http.Header
	Body       []byte
	Partial    bool // Body is not all of it, so that it cannot be kept
	Cached     bool // Body was kept
}

// An Asker sends the request with the header, which may have conditions that the
// Request has not. behind says that nobody waits for the answer. That no answer
// came is an Unreached.
type Asker func(ctx context.Context, header http.Header, behind bool) (*Response, error)

// An Unreached says that a server did not answer, or is not asked now. Whoever is
// told it gets the Err.
type Unreached struct{ Err error }

// Error says why.
func (e *Unreached) Error() string { return e.Err.Error() }

// A key names what is kept for a URL in a task's part of the cache.
type key [sha256.Size]byte

func (r *Request) key() key { return keyOf(r.Task, r.URL) }

func keyOf(task, url string) key { return sha256.Sum256([]byte(task + "\x00" + url)) }
