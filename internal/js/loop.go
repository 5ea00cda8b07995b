package js

import (
	"container/heap"
	"slices"
	"sync"
	"time"
)

// inbox holds the replies that have come and are not yet answered.
type inbox struct {
	mu      sync.Mutex
	replies []Reply
}

func (b *inbox) put(r Reply) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.replies = append(b.replies, r)
}

// take returns the oldest reply.
func (b *inbox) take() (Reply, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.replies) == 0 {
		return Reply{}, false
	}
	r := b.replies[0]
	b.replies = b.replies[1:]
	return r, true
}

func (b *inbox) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.replies)
}

// first returns the reply to take next, which stays: the oldest, or the one with
// the earliest time.
func (b *inbox) first(byTime bool) (Reply, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.replies) == 0 {
		return Reply{}, false
	}
	r := b.replies[0]
	for _, other := range b.replies[1:] {
		if byTime && (other.At < r.At || other.At == r.At && other.Call < r.Call) {
			r = other
		}
	}
	return r, true
}

// takeCall returns the reply to one call.
func (b *inbox) takeCall(call uint32) (Reply, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, r := range b.replies {
		if r.Call == call {
			b.replies = append(b.replies[:i], b.replies[i+1:]...)
			return r, true
		}
	}
	return Reply{}, false
}

// A timer fires at its time; timers of one time fire in the order they were set.
type timer struct {
	due time.Time
	seq int
	id  int
}

type timerHeap []timer

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool {
	if h[i].due.Equal(h[j].due) {
		return h[i].seq < h[j].seq
	}
	return h[i].due.Before(h[j].due)
}

func (h timerHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push is for package heap.
func (h *timerHeap) Push(t any) { *h = append(*h, t.(timer)) }

// Pop is for package heap.
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	*h = old[:len(old)-1]
	return t
}

// timers are the timers of one execution.
type timers struct {
	heap timerHeap
	live map[int]bool
	seq  int
}

func (t *timers) push(id int, due time.Time) {
	if t.live == nil {
		t.live = map[int]bool{}
	}
	t.seq++
	t.live[id] = true
	heap.Push(&t.heap, timer{due, t.seq, id})
}

// clear leaves the timer in the heap, which is swept once most of it is dead.
func (t *timers) clear(id int) {
	delete(t.live, id)
	if len(t.heap) > 64 && len(t.heap) > 2*len(t.live) {
		t.heap = slices.DeleteFunc(t.heap, func(timer timer) bool { return !t.live[timer.id] })
		heap.Init(&t.heap)
	}
}

// next is when the first timer is due.
func (t *timers) next() (due time.Time, ok bool) {
	for len(t.heap) > 0 && !t.live[t.heap[0].id] {
		heap.Pop(&t.heap)
	}
	if len(t.heap) == 0 {
		return time.Time{}, false
	}
	return t.heap[0].due, true
}

// pop removes the first timer, which next has just reported, and returns its id.
func (t *timers) pop() int {
	id := heap.Pop(&t.heap).(timer).id
	delete(t.live, id)
	return id
}
