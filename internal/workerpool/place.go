package workerpool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// A waiter stands in the queue for a place.
type waiter struct {
	domain *Domain
	got    chan place // receives the place that it may use, or is closed with the pool
}

// A place is what a lease is given: a worker of its own domain, or room for one
// that it starts itself.
type place struct {
	worker *worker // nil: start one
}

// lease waits for a worker that may run one more execution of the domain.
func (p *Pool) lease(ctx context.Context, d *Domain) (*worker, error) {
	got, wait := p.place(d)
	if wait != nil {
		var open bool
		select {
		case got, open = <-wait.got:
		case <-ctx.Done():
			p.abandon(wait)
			return nil, fmt.Errorf("wait for a worker: %w", context.Cause(ctx))
		}
		if !open {
			return nil, ErrClosed
		}
	}
	if got.worker == nil {
		return p.spawnFor(d)
	}
	return got.worker, nil
}

// place finds a place for one more execution of the domain, else queues for one.
func (p *Pool) place(d *Domain) (place, *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait := &waiter{domain: d, got: make(chan place, 1)}
	if p.closed {
		close(wait.got)
		return place{}, wait
	}
	if got, ok := p.find(d); ok {
		return got, nil
	}
	p.waiting = append(p.waiting, wait)
	return place{}, wait
}

// find takes a place: a worker with a free slot of the domain, else an unbound
// one, else room for another. The lock is held.
func (p *Pool) find(d *Domain) (place, bool) {
	if w := p.take(d); w != nil {
		return place{w}, true
	}
	if !p.mayStart(p.kindOf(d)) {
		return place{}, false
	}
	p.occupy()
	p.spawning++
	p.tasks.Add(1) // spawnFor's
	return place{}, true
}

// take claims a slot in a resident worker. The lock is held.
func (p *Pool) take(d *Domain) *worker {
	var spare *worker
	for _, w := range p.workers {
		if w.domain == nil {
			if w.kind == p.kindOf(d) {
				spare = w
			}
			continue
		}
		if w.domain.Key != d.Key || d.Fresh || w.retired || w.used >= max(w.domain.Slots, 1) {
			continue
		}
		if w.used == 0 && p.running >= p.config.Running {
			continue
		}
		p.claim(w)
		return w
	}
	if spare != nil && p.running < p.config.Running {
		w := spare
		w.domain = d
		p.claim(w)
		p.addSpares(w.kind, p.config.Spare)
		return w
	}
	return nil
}

func (p *Pool) claim(w *worker) {
	if w.used == 0 {
		p.occupy()
	}
	w.used++
}

// occupy counts one more worker that runs something, and has it watched. The lock
// is held.
func (p *Pool) occupy() {
	p.running++
	if p.resting {
		p.resting = false
		select {
		case p.busy <- struct{}{}:
		default: // it is told already
		}
	}
}

// mayStart reports whether one more worker of a kind fits, ending the idle worker unused
// longest if need be. The lock is held.
func (p *Pool) mayStart(k kind) bool {
	if p.running >= p.config.Running || p.starting[k] > 0 && p.running == 0 && len(p.workers) == 0 {
		return false // full, or one is about to be ready
	}
	starting := 0
	for _, n := range p.starting {
		starting += n
	}
	if len(p.workers)+p.spawning+starting < p.config.Resident {
		return true
	}
	var oldest *worker
	for _, w := range p.workers {
		if w.used == 0 && (oldest == nil || w.lastUsed.Before(oldest.lastUsed)) {
			oldest = w
		}
	}
	if oldest == nil {
		return false
	}
	p.remove(oldest)
	oldest.kill(errEvicted)
	return true
}

var (
	errEvicted = errors.New("made room for another task")
	errRetired = errors.New("worker was retired")
	errIdle    = errors.New("worker was idle")
)

// spawnFor starts a worker for the domain; its place is already counted.
func (p *Pool) spawnFor(d *Domain) (*worker, error) {
	defer p.tasks.Done()
	p.mu.Lock()
	k := p.kindOf(d)
	p.mu.Unlock()
	w, err := p.spawn(k)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spawning--
	if err == nil && p.closed {
		w.kill(ErrClosed)
		err = ErrClosed
	}
	if err != nil {
		p.running--
		p.serveWaiters()
		return nil, err
	}
	w.domain = d
	w.used = 1
	p.workers = append(p.workers, w)
	if w.kind.engine != ratchet.EngineQuickJS { // the others are warmed from the start
		p.addSpares(w.kind, p.config.Spare)
	}
	p.serveWaiters() // those of the same domain may share it
	return w, nil
}

// release gives a slot back after an execution.
func (p *Pool) release(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.served++
	w.lastUsed = time.Now()
	p.giveBack(w)
}

// giveBack frees a slot. The lock is held.
func (p *Pool) giveBack(w *worker) {
	w.used--
	if w.served >= p.config.Recycle || w.domain.Fresh {
		w.retired = true
	}
	if w.used == 0 {
		p.running--
		if w.retired {
			p.remove(w)
			w.kill(errRetired)
		}
	}
	p.serveWaiters()
}

// serveWaiters gives places to those who wait, first come first served, as long
// as there are places. The lock is held.
func (p *Pool) serveWaiters() {
	p.waiting = slices.DeleteFunc(p.waiting, func(wait *waiter) bool {
		if p.running >= p.config.Running && !p.sharing() {
			return false
		}
		got, ok := p.find(wait.domain)
		if ok {
			wait.got <- got
		}
		return ok
	})
}

// sharing reports whether some worker has room for one more of its own domain.
func (p *Pool) sharing() bool {
	return slices.ContainsFunc(p.workers, func(w *worker) bool {
		return w.domain != nil && !w.retired && w.used > 0 && w.used < w.domain.Slots
	})
}

// abandon takes a waiter out of the queue. A place it was given meanwhile goes
// to the next.
func (p *Pool) abandon(wait *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, wait); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
		return
	}
	got, open := <-wait.got
	switch {
	case !open:
	case got.worker != nil:
		p.giveBack(got.worker)
	default:
		p.running--
		p.spawning--
		p.tasks.Done()
		p.serveWaiters()
	}
}

// remove takes a worker out of the set. The lock is held.
func (p *Pool) remove(w *worker) {
	if i := slices.Index(p.workers, w); i >= 0 {
		p.workers = slices.Delete(p.workers, i, i+1)
	}
}

// retire keeps a worker from getting more executions.
func (p *Pool) retire(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.retired = true
}
