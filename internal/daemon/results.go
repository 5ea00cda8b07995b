package daemon

import (
	"context"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/cache"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

// results are those that this node keeps, whose purges other nodes are told.
type results struct {
	*cache.Results
	hub *stream.Hub
}

// Purge forgets the results of a task here at once, and on other nodes as soon as
// they hear of it.
func (r results) Purge(task string) {
	r.Results.Purge(task)
	r.hub.Publish(ratchet.Event{Type: ratchet.EventPurge, Time: time.Now().UTC(), Task: task})
}

// purges forgets results that other nodes purge, until ctx ends.
func (d *Daemon) purges(ctx context.Context) error {
	if d.results == nil {
		<-ctx.Done()
		return nil
	}
	for again := false; ; again = true {
		d.heed(ctx, again)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(heedAgain):
		}
	}
}

// heedAgain is how long purges are not heard of after the stream was lost.
const heedAgain = 100 * time.Millisecond

// heed follows purges until the stream or ctx ends. What may have been missed could
// have been about any task.
func (d *Daemon) heed(ctx context.Context, missed bool) {
	sub := d.hub.Subscribe(stream.Filter{Types: []ratchet.EventType{ratchet.EventPurge}})
	defer sub.Close()
	if missed {
		d.results.Purge("")
	}
	for {
		select {
		case <-ctx.Done():
			return
		case e, open := <-sub.Events():
			switch {
			case !open:
				return
			case e.Type == ratchet.EventPurge:
				d.results.Purge(e.Task)
			case e.Type == ratchet.EventGap:
				d.results.Purge("")
			}
		}
	}
}
