package dispatch

import (
	"sync/atomic"

	"github.com/ratchet-runner/ratchet-go"
)

// Stats are a Dispatcher's numbers since it was made.
type Stats struct {
	Slots   int // executions it may run at once
	Running int // executions now

	Claimed    int64 // attempts begun
	Completed  int64 // jobs that completed here
	Failed     int64 // jobs that failed for good here
	Cancelled  int64 // jobs that were stopped here while they ran
	Retried    int64 // attempts that failed and are followed by another
	HandedBack int64 // attempts lost to a stop, or to what happened to a neighbour
	Stale      int64 // outcomes refused because the lease was lost
	Rescued    int64 // jobs taken from the dead: this node before it started, and others
}

type counts struct {
	claimed, completed, failed, cancelled, retried, handedBack, stale, rescued atomic.Int64
}

// Stats returns the numbers.
func (d *Dispatcher) Stats() Stats {
	d.mu.Lock()
	running := len(d.attempts)
	d.mu.Unlock()
	c := &d.counts
	return Stats{
		Slots: d.config.Slots, Running: running,
		Claimed: c.claimed.Load(), Completed: c.completed.Load(), Failed: c.failed.Load(), Cancelled: c.cancelled.Load(),
		Retried: c.retried.Load(), HandedBack: c.handedBack.Load(), Stale: c.stale.Load(), Rescued: c.rescued.Load(),
	}
}

// finished counts a job by the state in which its attempt left it.
func (c *counts) finished(s ratchet.JobState) {
	switch s {
	case ratchet.JobCompleted:
		c.completed.Add(1)
	case ratchet.JobFailed:
		c.failed.Add(1)
	case ratchet.JobCancelled:
		c.cancelled.Add(1)
	default: // retrying, or already due again
		c.retried.Add(1)
	}
}
