package pluginhost

import (
	"context"
	"slices"
	"time"
)

// flushLook is how often Flush looks whether the events are through.
const flushLook = 2 * time.Millisecond

// Flush waits until the plugins that run have the events that were published, or
// ctx ends.
func (h *Host) Flush(ctx context.Context) {
	again := time.NewTicker(flushLook)
	defer again.Stop()
	for slices.ContainsFunc(h.all(), func(e *entry) bool { return e.queue.unsent() }) {
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
	}
}

// unsent reports whether a process has still to get events.
func (q *queue) unsent() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.pump != nil && (q.busy || len(q.waiting) > 0)
}
