package pluginhost

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// counters count the calls of a plugin, by operation.
type counters struct {
	mu sync.Mutex
	by map[string]*counter
}

// A counter counts those of one operation.
type counter struct {
	calls, failed, rejected int64
	lastError               string
	recent                  [256]time.Duration // a ring
}

func (c *counters) of(operation string) *counter {
	one := c.by[operation]
	if one == nil {
		if c.by == nil {
			c.by = map[string]*counter{}
		}
		one = &counter{}
		c.by[operation] = one
	}
	return one
}

func (c *counters) add(operation string, took time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.of(operation)
	one.recent[one.calls%int64(len(one.recent))] = took
	one.calls++
	switch {
	case err == nil:
	case errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonPluginRejected}):
		one.rejected++
	default:
		one.failed++
		one.lastError = limit(err.Error(), 500)
	}
}

// fail makes the last call of an operation one that failed.
func (c *counters) fail(operation string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.of(operation)
	one.failed++
	one.lastError = limit(err.Error(), 500)
}

// list describes them, by operation.
func (c *counters) list() []ratchet.PluginCalls {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []ratchet.PluginCalls
	for _, operation := range slices.Sorted(maps.Keys(c.by)) {
		one := c.by[operation]
		times := slices.Clone(one.recent[:min(one.calls, int64(len(one.recent)))])
		slices.Sort(times)
		all = append(all, ratchet.PluginCalls{
			Operation: operation, Calls: one.calls, Failed: one.failed, Rejected: one.rejected, LastError: one.lastError,
			P50: quantile(times, 50), P99: quantile(times, 99),
		})
	}
	return all
}

// quantile is of times in order, rounded to microseconds.
func quantile(times []time.Duration, percent int) ratchet.Duration {
	if len(times) == 0 {
		return 0
	}
	return ratchet.Duration(times[(len(times)-1)*percent/100].Round(time.Microsecond))
}
