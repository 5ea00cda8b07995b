package pluginhost

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/ipc"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

// maxBatch is the most events of one call.
const maxBatch = 100

// A queue has the events that wait for one plugin. It is bounded: a plugin that does
// not keep up loses the newest, and is told how many.
type queue struct {
	entry *entry
	wake  chan struct{}

	mu      sync.Mutex
	waiting []ratchet.Event
	dropped int64 // since the last batch
	lost    int64 // in all
	pump    *process
	busy    bool // the pump has a batch
}

func newQueue(e *entry) *queue { return &queue{entry: e, wake: make(chan struct{}, 1)} }

// Publish hands events to the plugins that follow them. It does not wait.
func (h *Host) Publish(events ...ratchet.Event) {
	all := h.routes.Load()
	if all == nil {
		return
	}
	for _, e := range all.events {
		e.mu.Lock()
		ready := e.ready
		e.mu.Unlock()
		if ready != nil && ready.manifest.Events != nil {
			e.queue.add(ready.manifest.Events, events)
		}
	}
}

// Subscribed reports whether any plugin follows events.
func (h *Host) Subscribed() bool {
	r := h.routes.Load()
	return r != nil && len(r.events) > 0
}

func (q *queue) add(s *ratchet.PluginSubscription, events []ratchet.Event) {
	q.mu.Lock()
	for _, e := range events {
		switch {
		case !follows(s, e):
		case len(q.waiting) >= q.entry.host.config.Events:
			q.dropped++
			q.lost++
		default:
			q.waiting = append(q.waiting, e)
		}
	}
	q.mu.Unlock()
	q.nudge()
}

func follows(s *ratchet.PluginSubscription, e ratchet.Event) bool {
	if len(s.Tasks) > 0 && !slices.Contains(s.Tasks, e.Task) {
		return false
	}
	if len(s.Types) == 0 || slices.Contains(s.Types, "*") {
		return slices.Contains(ratchet.EventTypes(), e.Type)
	}
	return slices.Contains(s.Types, string(e.Type))
}

// attach has a process get the events from now on.
func (q *queue) attach(ctx context.Context, p *process) {
	q.entry.mu.Lock()
	ready := q.entry.ready
	q.entry.mu.Unlock()
	if ready == nil || ready.manifest.Events == nil {
		return
	}
	q.mu.Lock()
	q.pump = p
	q.mu.Unlock()
	q.entry.host.begin(func() { q.run(ctx, p) })
}

// detach ends that.
func (q *queue) detach(p *process) {
	q.mu.Lock()
	if q.pump == p {
		q.pump = nil
	}
	q.mu.Unlock()
	q.nudge()
}

// run hands events to a process, one batch after the other: it gets no more before
// it has dealt with those.
func (q *queue) run(ctx context.Context, p *process) {
	for {
		batch, mine := q.take(p)
		if !mine {
			q.nudge() // whoever has it now
			return
		}
		if batch == nil {
			select {
			case <-q.wake:
			case <-p.ended:
				return
			}
			continue
		}
		head, err := json.Marshal(batch)
		if err != nil {
			continue // events marshal
		}
		if _, err := q.entry.call(ctx, "events", ipc.PluginOpEvents, head, nil, q.entry.host.config.CallBudget); err != nil {
			q.lose(batch) // counted as failed; a batch does not come again
		}
	}
}

// nudge wakes the pump, in case it waits.
func (q *queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take returns the next batch, nil if there is none now.
func (q *queue) take(p *process) (batch *plugin.Batch, mine bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.pump != p {
		return nil, false
	}
	if q.busy = len(q.waiting) > 0; !q.busy {
		return nil, true
	}
	n := min(len(q.waiting), maxBatch)
	batch = &plugin.Batch{Events: slices.Clone(q.waiting[:n]), Dropped: q.dropped}
	q.waiting, q.dropped = append(q.waiting[:0], q.waiting[n:]...), 0
	return batch, true
}

// lose counts a batch as dropped.
func (q *queue) lose(b *plugin.Batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped += b.Dropped + int64(len(b.Events))
	q.lost += int64(len(b.Events))
}

// drops is how many events were lost so far.
func (q *queue) drops() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lost
}
