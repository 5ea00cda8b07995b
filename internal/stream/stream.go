// Package stream is the server's one stream of events: who publishes gives each
// event its place, who subscribes gets those that match, from any node. Events
// are kept for a while in memory only; the record of what happened is the store.
package stream

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A Config says how much a Hub keeps. The zero Config works.
type Config struct {
	// Keep is how many events are kept for readers that come back. Default 10,000.
	Keep int
	// KeepBytes bounds what they take together, which long log lines may do
	// sooner. Default 16 MB.
	KeepBytes int
	// Buffer is how many events a reader may be behind before it is dropped.
	// Default 1,000.
	Buffer int
	// Log gets what operators should know. Default: nothing is logged.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Keep = cmp.Or(max(c.Keep, 0), 10_000)
	c.KeepBytes = cmp.Or(max(c.KeepBytes, 0), 16<<20)
	c.Buffer = cmp.Or(max(c.Buffer, 0), 1000)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// A Relay carries events between nodes: each payload that one node sends reaches
// every other one, once, in the order of its sending; or is lost with the
// connection.
type Relay interface {
	Broadcast(ctx context.Context, payload []byte) error
	// Listen calls f with what other nodes sent, until ctx ends.
	Listen(ctx context.Context, f func(payload []byte)) error
	// MaxPayload is the most bytes of one payload; 0 means that there are no
	// other nodes.
	MaxPayload() int
}

// A Filter says which events a reader gets. The zero Filter is all.
type Filter struct {
	Job  ratchet.JobID
	Task string
	// Types are those of the events; none means [ratchet.EventTypes].
	Types []ratchet.EventType
	Level ratchet.LogLevel // of log lines, at least; the zero value is info
	// After is the ID of the last event that the reader has; it gets those kept
	// since, or an EventGap first if that one is no longer kept.
	After string
}

// A Hub is the stream in one node.
type Hub struct {
	config Config

	// mu gives the events their order. Where both locks are held it comes before
	// those of subscriptions.
	mu      sync.Mutex
	ids     ids
	kept    ring
	byJob   map[ratchet.JobID]*group
	byTask  map[string]*group // readers of a task that name no job
	other   group             // the other readers
	readers int
	closed  bool
	reason  string // why it was closed

	out     outbox // what other nodes are to be told
	dropped atomic.Int64
}

// New returns a Hub that starts nothing.
func New(config Config) *Hub {
	config = config.withDefaults()
	return &Hub{
		config: config, ids: newIDs(), kept: ring{most: config.Keep, mostBytes: config.KeepBytes},
		byJob: map[ratchet.JobID]*group{}, byTask: map[string]*group{},
		out: outbox{wake: make(chan struct{}, 1)},
	}
}

// Publish gives each event an ID and a time if it has none, and passes it on. It
// does not wait for readers.
func (h *Hub) Publish(events ...ratchet.Event) {
	if len(events) == 0 {
		return
	}
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range events {
		e := h.complete(&events[i], now)
		h.pass(e)
		h.out.add(e, h.config.Keep)
	}
}

// complete returns a copy of the event with an ID and a time. The lock is held.
func (h *Hub) complete(given *ratchet.Event, now time.Time) *ratchet.Event {
	e := new(*given)
	if e.ID == "" {
		e.ID = h.ids.next(now)
	}
	if e.Time.IsZero() {
		e.Time = now
	}
	return e
}

// gap tells all readers that something was lost before this place. The lock is
// held.
func (h *Hub) gap(reason string) {
	h.pass(h.complete(&ratchet.Event{Type: ratchet.EventGap, Reason: reason}, time.Now()))
}

// pass keeps the event and gives it to the readers that it matches. The lock is
// held.
func (h *Hub) pass(e *ratchet.Event) {
	size := sizeOf(e)
	h.kept.add(e, size)
	if e.Type == ratchet.EventGap {
		for _, g := range h.groups() {
			h.give(g, e, size)
		}
		return
	}
	if len(h.byJob) > 0 {
		h.give(h.byJob[e.Job], e, size)
	}
	if len(h.byTask) > 0 {
		h.give(h.byTask[e.Task], e, size)
	}
	h.give(&h.other, e, size)
}

// give gives the event to those of a group that it matches, and parts with those
// that are too far behind. The lock is held.
func (h *Hub) give(g *group, e *ratchet.Event, size int) {
	if g == nil {
		return
	}
	for i := len(g.readers) - 1; i >= 0; i-- { // backwards, for some may leave
		s := g.readers[i]
		if !s.wants(e) || s.push(e, size) {
			continue
		}
		h.dropped.Add(1)
		h.leave(s)
		s.end(h.ending("this reader was too slow: it was more than " + s.behind() + " behind; come back after the last event it has"))
	}
}

// ending is the last event of a stream. The lock is held.
func (h *Hub) ending(reason string) *ratchet.Event {
	return &ratchet.Event{ID: h.ids.next(time.Now()), Type: ratchet.EventEnd, Time: time.Now(), Reason: reason}
}

// Subscribe returns a reader of the events that match, until it is closed.
func (h *Hub) Subscribe(f Filter) *Subscription {
	s := newSubscription(h, f)
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.After != "" {
		since, found := h.kept.after(f.After)
		if !found {
			s.push(&ratchet.Event{
				ID: f.After, Type: ratchet.EventGap, Time: time.Now(),
				Reason: "events after " + f.After + " are no longer kept: look at the lists for what happened meanwhile",
			}, 0)
		}
		for e := range since {
			if s.wants(e) {
				s.catchUp(e)
			}
		}
	}
	if h.closed {
		s.end(h.ending(h.reason))
		return s
	}
	h.join(s)
	return s
}

// Close ends all subscriptions with an EventEnd that says why.
func (h *Hub) Close(reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.closed, h.reason = true, reason
	for _, g := range h.groups() {
		for _, s := range slices.Clone(g.readers) {
			h.leave(s)
			s.end(h.ending(reason))
		}
	}
}

// Readers is how many there are now; Dropped how many were too slow so far.
func (h *Hub) Readers() (now int, dropped int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.readers, h.dropped.Load()
}
