package stream

import (
	"fmt"
	"sync"

	"github.com/ratchet-runner/ratchet-go"
)

// ready is how many events wait in a reader's channel. Most readers get few and
// take them at once; for those who do not a queue grows, and a goroutine to empty
// it. So thousands of readers at rest cost little.
const ready = 4

// A Subscription is one reader's view of the stream.
type Subscription struct {
	hub    *Hub
	filter Filter
	types  uint8

	group *group // guarded by the hub's lock, as is the place in it
	at    int

	events chan ratchet.Event
	left   chan struct{} // closed when the reader leaves

	mu      sync.Mutex
	queue   []*ratchet.Event // what the channel had no room for
	bytes   int              // of them
	limit   int              // of their number
	pumping bool             // a goroutine empties the queue
	ended   bool             // the last event is in the queue or beyond
	closed  bool             // the reader left
	pump    sync.WaitGroup
}

func newSubscription(h *Hub, f Filter) *Subscription {
	if len(f.Types) == 0 {
		f.Types = ratchet.EventTypes()
	}
	s := &Subscription{
		hub: h, filter: f, limit: h.config.Buffer,
		events: make(chan ratchet.Event, ready), left: make(chan struct{}),
	}
	for _, t := range f.Types {
		s.types |= typeBit(t)
	}
	return s
}

// Events gives the events in order. It is closed after an EventEnd, or by Close.
func (s *Subscription) Events() <-chan ratchet.Event { return s.events }

// wants reports whether the event passes the filter.
func (s *Subscription) wants(e *ratchet.Event) bool {
	f := &s.filter
	switch {
	case e.Type == ratchet.EventGap:
		return true
	case s.types&typeBit(e.Type) == 0:
		return false
	case !f.Job.IsZero() && e.Job != f.Job, f.Task != "" && e.Task != f.Task:
		return false
	case e.Type == ratchet.EventLog && e.Log != nil && e.Log.Level < f.Level:
		return false
	}
	return true
}

// push gives the reader an event; false if it is too far behind for that.
func (s *Subscription) push(e *ratchet.Event, size int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.ended {
		return true
	}
	if !s.pumping {
		select {
		case s.events <- *e:
			return true
		default:
		}
	}
	if len(s.queue) >= s.limit || s.bytes+size > s.hub.config.KeepBytes {
		return false
	}
	s.enqueue(e, size)
	return true
}

// catchUp gives the reader an event of before its time, which does not count
// against it.
func (s *Subscription) catchUp(e *ratchet.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit++
	s.enqueue(e, 0)
}

// enqueue has the event wait for the reader. The lock is held.
func (s *Subscription) enqueue(e *ratchet.Event, size int) {
	s.queue = append(s.queue, e)
	s.bytes += size
	if !s.pumping {
		s.pumping = true
		s.pump.Go(s.empty)
	}
}

// end gives the reader its last event.
func (s *Subscription) end(last *ratchet.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.ended {
		return
	}
	s.ended = true
	if !s.pumping {
		select {
		case s.events <- *last:
			close(s.events)
			return
		default:
		}
	}
	s.enqueue(last, 0)
}

// empty passes the queue on until it is empty or the reader leaves.
func (s *Subscription) empty() {
	for {
		e := s.pop()
		if e == nil {
			return
		}
		select {
		case s.events <- *e:
		case <-s.left:
		}
	}
}

// pop takes the first event out of the queue; nil if there is nothing to do.
func (s *Subscription) pop() *ratchet.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.queue) == 0 {
		s.pumping, s.queue, s.bytes = false, nil, 0
		if s.closed || s.ended {
			close(s.events)
		}
		return nil
	}
	e := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	s.bytes = max(s.bytes-sizeOf(e), 0)
	return e
}

// behind says how much a reader may be behind.
func (s *Subscription) behind() string {
	return fmt.Sprintf("%d events or %v", s.limit, ratchet.Size(s.hub.config.KeepBytes))
}

// Close ends the subscription. It may be called more than once.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	s.hub.leave(s)
	s.hub.mu.Unlock()
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.left)
		if !s.pumping && !s.ended {
			close(s.events)
		}
	}
	s.mu.Unlock()
	s.pump.Wait()
}
