// Package delivery brings the results of finished jobs to their destinations: it
// takes what is due from the store's outbox, attempts it, and writes a receipt of
// each attempt. When a delivery comes into being, and what is allowed, is left to
// the store and the service.
package delivery

import (
	"context"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A Store is the outbox.
type Store interface {
	// ClaimDeliveries leases at most so many deliveries that are due to this node,
	// the longest due first, but none of the lanes in except.
	ClaimDeliveries(ctx context.Context, most int, except []string) ([]ratchet.DueDelivery, error)
	// EndDeliveries writes how attempts ended, all in one transaction. Those whose
	// lease was lost are left out, and counted as stale.
	EndDeliveries(ctx context.Context, ends []ratchet.DeliveryEnd) error
	// NextDelivery is when the next one is due that is not in a lane of except;
	// zero: none waits.
	NextDelivery(ctx context.Context, except []string) (time.Time, error)
	// RecoverDeliveries puts back what this node was sending when it died, and
	// what nodes hold that have not beaten for so long.
	RecoverDeliveries(ctx context.Context, dead time.Duration) (int, error)
}

// A Plugin takes results for a destination of type plugin. body is what Select,
// Template and Format made of the envelope.
type Plugin interface {
	Deliver(ctx context.Context, plugin string, config []byte, d *ratchet.DueDelivery, body []byte) error
}
