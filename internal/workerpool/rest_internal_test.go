package workerpool

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestAPoolAtRestLooksAtItsWorkersAsSoonAsOneRunsSomething(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &Pool{config: Config{}.withDefaults(), stop: make(chan struct{}), busy: make(chan struct{}, 1)}
		p.tasks.Go(p.watch)
		resting := func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.resting
		}
		soon := func() { // two looks at what runs; not one at rest
			<-time.After(2*p.config.Watch + time.Millisecond)
			synctest.Wait()
		}
		soon()
		if !resting() {
			t.Error("a pool in which nothing runs is not at rest")
		}
		p.mu.Lock()
		p.occupy()
		p.mu.Unlock()
		soon()
		if resting() {
			t.Error("a pool is at rest while something runs")
		}
		p.mu.Lock()
		p.running--
		p.mu.Unlock()
		soon()
		if !resting() {
			t.Error("nobody looked while something ran: the pool did not come to rest in time")
		}
		close(p.stop)
		p.tasks.Wait()
	})
}
