package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/ratchet-runner/ratchet-go"
)

// An outbox holds what other nodes are to be told. It is guarded by the hub's
// lock.
type outbox struct {
	open   bool // somebody sends
	events []*ratchet.Event
	lost   bool // there were too many
	wake   chan struct{}
}

// add has the event sent. A node that cannot send for long forgets what it would
// have sent, and says so when it can.
func (o *outbox) add(e *ratchet.Event, most int) {
	if !o.open {
		return
	}
	if len(o.events) >= most {
		clear(o.events)
		o.events, o.lost = o.events[:0], true
	}
	o.events = append(o.events, e)
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// A payload is what travels: some events of one node.
type payload struct {
	Origin string            `json:"o"`           // the node, by the random part of its IDs
	Number uint64            `json:"n"`           // of the node's payloads, from 1
	Lost   bool              `json:"l,omitempty"` // events before these were lost
	Events []json.RawMessage `json:"e"`
}

// Run carries events to and from other nodes until ctx ends. Without it the hub
// serves one node. What fails is tried again; what is lost meanwhile shows as an
// EventGap.
func (h *Hub) Run(ctx context.Context, relay Relay) error {
	most := relay.MaxPayload()
	if most == 0 {
		<-ctx.Done()
		return nil
	}
	if most < minPayload {
		return fmt.Errorf("carry events: payloads of %d bytes are too small, want %d at least", most, minPayload)
	}
	h.openOutbox(true)
	defer h.openOutbox(false)
	var both sync.WaitGroup
	both.Go(func() { h.send(ctx, relay, most) })
	both.Go(func() { h.listen(ctx, relay) })
	both.Wait()
	return nil
}

// minPayload holds one event without its texts.
const minPayload = 2000

func (h *Hub) openOutbox(open bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.out.open, h.out.events, h.out.lost = open, nil, false
}

// origin tells this hub from others.
func (h *Hub) origin() string { return fmt.Sprintf("%x", h.ids.tail) }

// send passes on what the outbox holds, all of it together: what comes while one
// payload is on its way goes with the next.
func (h *Hub) send(ctx context.Context, relay Relay, most int) {
	next := payload{Origin: h.origin()}
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.out.wake:
		}
		h.mu.Lock()
		events, lost := h.out.events, h.out.lost
		h.out.events, h.out.lost = nil, false
		h.mu.Unlock()
		next.Lost = next.Lost || lost
		for len(events) > 0 {
			next.Number++ // one that is not sent shows as a gap
			text, taken := next.fill(events, most)
			if taken > 0 && !h.broadcast(ctx, relay, text) {
				return
			}
			next.Lost = next.Lost && taken == 0
			events = events[max(taken, 1):]
		}
	}
}

// fill makes a payload of as many of the events as fit, and says how many did.
func (p payload) fill(events []*ratchet.Event, most int) (text []byte, taken int) {
	p.Events = nil
	room := most - len(`{"o":"","n":18446744073709551615,"l":true,"e":[]}`) - len(p.Origin)
	left := room
	for _, e := range events {
		one, ok := encode(e, room-1)
		if !ok || len(one)+1 > left {
			break
		}
		p.Events = append(p.Events, one)
		left -= len(one) + 1
		taken++
	}
	if taken == 0 {
		return nil, 0
	}
	text, err := json.Marshal(p)
	if err != nil { // its parts are JSON
		return nil, 0
	}
	return text, taken
}

// elsewhere stands for a text that is too long to travel.
const elsewhere = "(too long to be passed between servers: look at the execution)"

// encode writes the event, without its longer texts if it would be over most.
func encode(e *ratchet.Event, most int) (text []byte, ok bool) {
	text, err := json.Marshal(e)
	if err == nil && len(text) <= most {
		return text, true
	}
	short := *e
	if e.Log != nil {
		short.Log = &ratchet.LogEntry{Time: e.Log.Time, Level: e.Log.Level, Message: elsewhere}
	}
	if e.Error != nil {
		short.Error = &ratchet.Error{Code: e.Error.Code, Reason: e.Error.Reason, Message: cut(e.Error.Message, 200)}
	}
	if e.Progress != nil {
		short.Progress = &ratchet.Progress{Value: e.Progress.Value, Message: cut(e.Progress.Message, 200)}
	}
	text, err = json.Marshal(&short)
	return text, err == nil && len(text) <= most
}

// cut is at most so many bytes of a text, and whole characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}

// Between two attempts to reach other nodes.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
)

// broadcast sends a payload, until it is sent or ctx ends.
func (h *Hub) broadcast(ctx context.Context, relay Relay, text []byte) (sent bool) {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := relay.Broadcast(ctx, text)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		h.config.Log.Warn("events did not reach other nodes; trying again", slog.Any("error", err), slog.Duration("in", pause))
		if !wait(ctx, pause) {
			return false
		}
	}
}

// wait waits for so long; false if ctx ended before.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// listen takes in what other nodes send.
func (h *Hub) listen(ctx context.Context, relay Relay) {
	in := inbox{hub: h, seen: map[string]uint64{}}
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		before := in.received
		err := relay.Listen(ctx, in.take)
		if ctx.Err() != nil {
			return
		}
		if in.received > before {
			pause = firstPause
		}
		h.config.Log.Warn("events of other nodes stopped coming; trying again", slog.Any("error", err), slog.Duration("in", pause))
		h.mu.Lock()
		h.gap("the connection to other nodes was lost: look at the lists for what happened meanwhile")
		h.mu.Unlock()
		if !wait(ctx, pause) {
			return
		}
	}
}

// An inbox takes in payloads, each once.
type inbox struct {
	hub      *Hub
	seen     map[string]uint64 // the number of each node's last payload
	received int
}

// take passes on the events of a payload, which must be another node's.
func (in *inbox) take(text []byte) {
	var p payload
	if err := json.Unmarshal(text, &p); err != nil {
		in.hub.config.Log.Warn("cannot read events of another node", slog.Any("error", err))
		return
	}
	last, known := in.seen[p.Origin]
	if p.Origin == in.hub.origin() || known && p.Number <= last {
		return
	}
	in.seen[p.Origin] = p.Number
	in.received++
	events := make([]*ratchet.Event, 0, len(p.Events))
	for _, one := range p.Events {
		e := new(ratchet.Event)
		if err := json.Unmarshal(one, e); err != nil || e.ID == "" {
			in.hub.config.Log.Warn("cannot read an event of another node", slog.Any("error", err))
			continue
		}
		events = append(events, e)
	}
	in.hub.mu.Lock()
	defer in.hub.mu.Unlock()
	if p.Lost || known && p.Number > last+1 {
		in.hub.gap("events of another node were lost: look at the lists for what happened meanwhile")
	}
	for _, e := range events {
		in.hub.pass(e)
	}
}
