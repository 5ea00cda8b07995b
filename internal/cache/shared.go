package cache

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/resilience"
)

// A Tier is a place outside of this process that all nodes reach. Its values may be
// lost at any time.
type Tier interface {
	// Get returns a value; nil if there is none.
	Get(ctx context.Context, key ResultKey) ([]byte, error)
	// Put keeps a value for a time, in place of any other.
	Put(ctx context.Context, key ResultKey, value []byte, ttl time.Duration) error
	// Close gives up what it holds.
	Close() error
}

// A SharedConfig says how a Shared works. The zero SharedConfig works.
type SharedConfig struct {
	Timeout time.Duration // of one use. Default: 100 ms
	Log     *slog.Logger  // is told when the tier is away, and when it is back. Default: none
}

// Shared keeps results where all nodes find them. A tier that is away or slow has
// nothing: it holds nobody up for longer than the timeout, and, once it failed some
// times, nobody at all until it is tried again.
type Shared struct {
	tier    Tier
	config  SharedConfig
	breaker *resilience.Hosts

	hits   atomic.Int64
	misses atomic.Int64
	errors atomic.Int64
	away   atomic.Bool

	mu     sync.Mutex // orders Put and Close
	closed bool
	life   context.Context //nolint:containedctx // of what is being put
	end    context.CancelFunc
	active sync.WaitGroup
}

// When a tier is left alone, and how many wait for it at once.
const (
	tierFailures = 3
	tierAlone    = 5 * time.Second
	tierAtOnce   = 64
)

// maxShared bounds a value: a larger one would take longer to get than the timeout.
const maxShared = int(4 * ratchet.MB)

// NewShared returns a Shared over the tier, which it closes. What it puts ends with
// ctx, or with Close.
func NewShared(ctx context.Context, tier Tier, c SharedConfig) *Shared {
	if c.Timeout <= 0 {
		c.Timeout = 100 * time.Millisecond
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	life, end := context.WithCancel(ctx)
	return &Shared{tier: tier, config: c, life: life, end: end, breaker: resilience.NewHosts(resilience.Config{
		Failures: tierFailures, Percent: -1, Window: 2 * tierAlone, Open: tierAlone, Successes: 1, PerHost: tierAtOnce, InAll: tierAtOnce,
	})}
}

// tierKey is where a result is found that was made after the task was purged last:
// after the next purge nobody looks there, whether the tier heard of it or not.
func tierKey(key ResultKey, purged time.Time) ResultKey {
	at := int64(0)
	if !purged.IsZero() {
		at = purged.UnixMicro()
	}
	return sha256.Sum256(fmt.Appendf(key[:], "\n%d", at))
}

// Get returns a result that any node put, and how long it is good for. purged is
// when the task was purged last, as the database has it.
func (s *Shared) Get(ctx context.Context, key ResultKey, purged time.Time) (output json.RawMessage, left time.Duration, ok bool) {
	var value []byte
	err := s.use(ctx, func(ctx context.Context) (err error) {
		value, err = s.tier.Get(ctx, tierKey(key, purged))
		return err
	})
	if err == nil && value != nil {
		output, left, ok = unpack(value)
	}
	if ok {
		s.hits.Add(1)
	} else {
		s.misses.Add(1)
	}
	return output, left, ok
}

// Put has a result kept for a time, in the background.
func (s *Shared) Put(key ResultKey, purged time.Time, output json.RawMessage, ttl time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(output) > maxShared {
		return
	}
	value := pack(output, ttl)
	s.active.Go(func() {
		_ = s.use(s.life, func(ctx context.Context) error { // what could not be kept is made again
			return s.tier.Put(ctx, tierKey(key, purged), value, ttl)
		})
	})
}

// pack puts before the output when it is over: whoever finds it keeps it no longer.
func pack(output json.RawMessage, ttl time.Duration) []byte {
	value := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(output)), uint64(time.Now().Add(ttl).UnixMicro()))
	return append(value, output...)
}

// unpack reads what pack wrote; ok is false if it is over, or anything else.
func unpack(value []byte) (output json.RawMessage, left time.Duration, ok bool) {
	if len(value) < 8 || !json.Valid(value[8:]) {
		return nil, 0, false
	}
	left = time.Until(time.UnixMicro(int64(binary.BigEndian.Uint64(value))))
	return value[8:], left, left > 0 && left <= time.Duration(ratchet.MaxCacheTTL)
}

// use asks the tier, unless it is being left alone, and notes what came of it.
func (s *Shared) use(ctx context.Context, do func(context.Context) error) error {
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	done, err := s.breaker.Enter(ctx, "the shared cache")
	if err == nil {
		err = do(ctx)
		switch {
		case err == nil:
			done(resilience.Success)
		case caller.Err() != nil:
			done(resilience.Unknown)
			return err
		default:
			done(resilience.Failure)
		}
	}
	if err == nil {
		if s.away.CompareAndSwap(true, false) {
			s.config.Log.Info("the shared cache is back")
		}
		return nil
	}
	s.errors.Add(1)
	if _, open := errors.AsType[*resilience.OpenError](err); !open && s.away.CompareAndSwap(false, true) {
		s.config.Log.Warn("the shared cache cannot be used: what it holds is made again until it is back", slog.Any("error", err))
	}
	return err
}

// Describe says how it was used. What a tier holds is not known here.
func (s *Shared) Describe() ratchet.Cache {
	return ratchet.Cache{Name: "shared", Hits: s.hits.Load(), Misses: s.misses.Load(), Errors: s.errors.Load(), Away: s.away.Load()}
}

// Wait returns once all is put that was to be.
func (s *Shared) Wait() { s.active.Wait() }

// Close waits for what is being put, which the timeout bounds, and closes the tier.
func (s *Shared) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.active.Wait()
	s.end()
	return s.tier.Close()
}
