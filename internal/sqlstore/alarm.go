package sqlstore

import (
	"container/heap"
	"sync"
	"time"
)

// maxAlarms bounds how many times an alarm remembers: those beyond are found by
// the look at the queue that is taken now and then anyway.
const maxAlarms = 100_000

// An alarm knows when the next ticket becomes due, so that no one need look
// again and again.
type alarm struct {
	changed chan struct{} // has room for one: the first time may be another

	mu    sync.Mutex
	times timeHeap
}

func newAlarm() *alarm { return &alarm{changed: make(chan struct{}, 1)} }

// set adds times.
func (a *alarm) set(times []time.Time) {
	if len(times) == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range times {
		if len(a.times) < maxAlarms || t.UnixMicro() < a.times[0] {
			heap.Push(&a.times, t.UnixMicro())
		}
	}
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

// take forgets the times that have come, reports whether there were any, and
// says how long it is to the next, at most longest.
func (a *alarm) take(now time.Time, longest time.Duration) (due bool, next time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.times) > 0 && a.times[0] <= now.UnixMicro() {
		heap.Pop(&a.times)
		due = true
	}
	if len(a.times) > 0 {
		longest = min(longest, time.Duration(a.times[0]-now.UnixMicro())*time.Microsecond)
	}
	return due, longest
}

// timeHeap is a heap of times in microseconds, the first on top.
type timeHeap []int64

func (h timeHeap) Len() int           { return len(h) }
func (h timeHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h timeHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *timeHeap) Push(x any) { *h = append(*h, x.(int64)) } //nolint:forcetypeassert // only set pushes

// Pop implements heap.Interface.
func (h *timeHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	*h = (*h)[:last]
	return t
}
