package dispatch

import (
	"context"
	"time"
)

// Names of what the tests of rules look at.
var (
	RetryAt    = retryAt
	RetryAfter = retryAfter
)

// GiveBackAdrift does at once, and for another age, what is done every minute.
func (d *Dispatcher) GiveBackAdrift(ctx context.Context, age time.Duration) error {
	return d.adrift(ctx, age)
}
