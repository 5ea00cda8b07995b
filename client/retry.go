package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

// pause says how long to wait after err before the next try, and whether there
// should be one.
func pause(err error, try int) (time.Duration, bool) {
	backoff := min(100*time.Millisecond<<min(try, 10), 5*time.Second)
	backoff += rand.N(backoff / 4) // so that those who were refused together do not come back together
	answered, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return backoff, !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
	case answered.Status == http.StatusTooManyRequests || answered.Status == http.StatusServiceUnavailable:
		return min(max(answered.RetryAfter, backoff), time.Minute), true
	}
	return 0, false
}

// sleep waits; false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// reachWithin is how long a server that was there may be gone before those who
// wait for it give up: long enough for a restart.
const reachWithin = time.Minute

// A contact is the connection to a server that one wants to keep.
type contact struct {
	since time.Time // the server was last there
	tries int
}

// made notes that the server is there.
func (c *contact) made() { *c = contact{since: time.Now()} }

// again waits before the next try after err; false if there should be none.
func (c *contact) again(ctx context.Context, err error) bool {
	wait, again := pause(err, min(c.tries, 4))
	c.tries++
	return again && !c.since.IsZero() && time.Since(c.since)+wait < reachWithin && sleep(ctx, wait)
}
