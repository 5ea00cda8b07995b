package dispatch

import (
	"context"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A Queue hands out jobs and takes what came of them. A write whose lease is no
// longer held gives [ratchet.ErrStale].
type Queue interface {
	// Work gives each ticket that is due to handle, in up to slots goroutines,
	// until ctx ends; then it gives no more, and returns once handle has returned
	// each time. It does not end the contexts it gave.
	Work(ctx context.Context, slots int, handle func(context.Context, ratchet.Ticket)) error
	// Claim takes the ticket's job, nil if there is nothing to run now.
	Claim(ctx context.Context, t ratchet.Ticket) (*ratchet.Claim, error)
	// Save keeps what running executions logged so far and their progress. Those
	// whose lease is lost are passed over.
	Save(ctx context.Context, running []*ratchet.Execution) error
	Finish(ctx context.Context, lease ratchet.Lease, out ratchet.Outcome) (*ratchet.Job, error)
	// GiveBack returns a job to the queue; the attempt is lost, not burnt.
	GiveBack(ctx context.Context, lease ratchet.Lease, e *ratchet.Execution) error
}

// Archives keeps what versions were made from.
type Archives interface {
	Archive(ctx context.Context, digest string) ([]byte, error)
}

// A Keeper does what keeps the store right while nodes come and go.
type Keeper interface {
	// Recover puts back what this node ran when it last died.
	Recover(ctx context.Context) (int, error)
	// Rescue puts back what nodes ran that have not beaten for so long.
	Rescue(ctx context.Context, dead time.Duration) (int, error)
	// Adrift puts back the jobs that this node runs by what the store says, for
	// longer than age, but in none of the executions that it holds.
	Adrift(ctx context.Context, held []ratchet.ExecutionID, age time.Duration) (int, error)
	// Reconcile finds jobs that wait for nothing and gates that are not kept right.
	Reconcile(ctx context.Context) (int, error)
	// Sweep deletes up to limit finished jobs that were kept long enough.
	Sweep(ctx context.Context, r ratchet.Retention, limit int) (int, error)
}

// A Cluster knows the nodes.
type Cluster interface {
	Beat(ctx context.Context, n ratchet.Node) error
	// CancelRequested lists the jobs running on this node that are to be stopped.
	CancelRequested(ctx context.Context) ([]ratchet.JobID, error)
}

// A Store is all that dispatching needs of one.
type Store interface {
	Queue
	Archives
	Keeper
	Cluster
}
