package service

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// countEvery is how old the count of waiting jobs may be.
const countEvery = 250 * time.Millisecond

// queue is what is known of how many jobs wait. Between two counts only what
// this node added is known, which errs on the side of refusing.
type queue struct {
	mu       sync.Mutex
	waiting  int
	counted  time.Time
	counting bool
}

// admit refuses n more jobs if too many wait already. One caller at a time counts;
// the others go by what is known.
func (s *Service) admit(ctx context.Context, n int) error {
	q := &s.queue
	q.mu.Lock()
	now := s.clock()
	if age := now.Sub(q.counted); !q.counting && (age >= countEvery || age < 0) {
		q.counting = true
		q.mu.Unlock()
		waiting, err := s.store.Waiting(ctx, s.config.MaxWaiting)
		q.mu.Lock()
		q.counting = false
		if err != nil {
			q.mu.Unlock()
			return fmt.Errorf("count waiting jobs: %w", err)
		}
		q.waiting, q.counted = waiting, now
	}
	defer q.mu.Unlock()
	if q.waiting+n > s.config.MaxWaiting {
		return ratchet.Errorf(ratchet.ReasonQueueFull, "the queue is full: %d jobs wait and at most %d may; submit again when some have run", q.waiting, s.config.MaxWaiting)
	}
	q.waiting += n
	return nil
}

// withdraw takes back what was admitted and then not submitted.
func (s *Service) withdraw(n int) {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	s.queue.waiting = max(0, s.queue.waiting-n)
}
