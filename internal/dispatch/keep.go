package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

// The rhythms of what is done beside running jobs. A node that has its store to
// itself beats rarely: nobody listens, and an idle server should write little.
const (
	aloneBeat      = time.Minute
	reconcileEvery = time.Minute
	adriftEvery    = time.Minute
	adriftAge      = 30 * time.Second // how long a claim may take to get to its attempt
	sweepEvery     = 10 * time.Minute
	sweepBatch     = 200
	sweepPause     = 50 * time.Millisecond
)

// keep starts what goes on beside running jobs, until ctx ends.
func (d *Dispatcher) keep(ctx context.Context, keepers *sync.WaitGroup) {
	beat := aloneBeat
	if d.config.Shared {
		beat = ratchet.NodeBeat
	}
	keepers.Go(func() { d.every(ctx, beat, "beat", d.beat) })
	keepers.Go(func() { d.cancels(ctx) })
	keepers.Go(func() { d.every(ctx, ratchet.NodeBeat, "look for cancelled jobs", d.stopCancelled) })
	keepers.Go(func() { d.every(ctx, saveEvery, "save logs", d.save) })
	keepers.Go(func() { d.every(ctx, reconcileEvery, "reconcile", d.reconcile) })
	keepers.Go(func() {
		d.every(ctx, adriftEvery, "look for jobs adrift", func(ctx context.Context) error { return d.adrift(ctx, adriftAge) })
	})
	keepers.Go(func() { d.every(ctx, sweepEvery, "delete old jobs", d.sweep) })
	if d.config.Shared {
		keepers.Go(func() { d.every(ctx, ratchet.NodeBeat, "rescue jobs", d.rescue) })
	}
}

// every does something again and again until ctx ends, at times that differ a
// little, so that nodes do not do it together.
func (d *Dispatcher) every(ctx context.Context, interval time.Duration, what string, do func(context.Context) error) {
	for wait(ctx, interval*9/10+rand.N(interval/5)) {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			d.config.Log.Warn("upkeep failed; it is tried again", slog.String("what", what), slog.Any("error", err))
		}
	}
}

// running lists what runs now.
func (d *Dispatcher) running() []*attempt {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]*attempt, 0, len(d.attempts))
	for a := range d.attempts {
		list = append(list, a)
	}
	return list
}

func (d *Dispatcher) beat(ctx context.Context) error {
	n := d.config.Node
	d.mu.Lock()
	n.Running, n.Stopping = len(d.attempts), d.stopping
	d.mu.Unlock()
	n.BeatAt = time.Now()
	return d.store.Beat(ctx, n)
}

// save keeps what running executions said, so that it can be read from anywhere
// and outlives this process.
func (d *Dispatcher) save(ctx context.Context) error {
	var due []*ratchet.Execution
	now := time.Now()
	for _, a := range d.running() {
		if s, changed := a.snapshot(now); changed {
			a.show(now)
			due = append(due, s)
		}
	}
	if len(due) == 0 {
		return nil
	}
	return d.store.Save(ctx, due)
}

// cancels stops executions as soon as somebody asks for it, on whatever node.
func (d *Dispatcher) cancels(ctx context.Context) {
	for {
		sub := d.hub.Subscribe(stream.Filter{Types: []ratchet.EventType{ratchet.EventCancel}})
		d.follow(ctx, sub)
		sub.Close()
		if !wait(ctx, time.Second) {
			return
		}
	}
}

// follow heeds requests to stop until the stream or ctx ends. What may have been
// missed the store knows.
func (d *Dispatcher) follow(ctx context.Context, sub *stream.Subscription) {
	d.askStore(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case e, open := <-sub.Events():
			switch {
			case !open:
				return
			case e.Type == ratchet.EventCancel:
				d.stop(e.Job)
			case e.Type == ratchet.EventGap:
				d.askStore(ctx)
			}
		}
	}
}

func (d *Dispatcher) askStore(ctx context.Context) {
	if err := d.stopCancelled(ctx); err != nil && ctx.Err() == nil {
		d.config.Log.Warn("cannot tell which jobs were cancelled", slog.Any("error", err))
	}
}

// stopCancelled stops what the store says is to be stopped.
func (d *Dispatcher) stopCancelled(ctx context.Context) error {
	if len(d.running()) == 0 {
		return nil
	}
	jobs, err := d.store.CancelRequested(ctx)
	for _, job := range jobs {
		d.stop(job)
	}
	return err
}

// stop ends the job's execution, if it is here.
func (d *Dispatcher) stop(job ratchet.JobID) {
	for _, a := range d.running() {
		if a.job == job {
			a.cancel(errCancelled())
		}
	}
}

// rescue puts back what dead nodes ran.
func (d *Dispatcher) rescue(ctx context.Context) error {
	n, err := d.store.Rescue(ctx, ratchet.NodeDead)
	if n > 0 {
		d.counts.rescued.Add(int64(n))
		d.config.Log.Warn("jobs of a dead node go on elsewhere", slog.Int("jobs", n))
	}
	return err
}

// adrift puts back jobs that are this node's by what the store says, but were
// never heard of here: the connection broke while they were claimed, say.
func (d *Dispatcher) adrift(ctx context.Context, age time.Duration) error {
	var held []ratchet.ExecutionID
	for _, a := range d.running() {
		if id := a.execution(); !id.IsZero() {
			held = append(held, id)
		}
	}
	n, err := d.store.Adrift(ctx, held, age)
	if n > 0 {
		d.counts.rescued.Add(int64(n))
		d.config.Log.Warn("jobs that this node had claimed and did not run go on", slog.Int("jobs", n))
	}
	return err
}

// reconcile mends what should not have happened.
func (d *Dispatcher) reconcile(ctx context.Context) error {
	n, err := d.store.Reconcile(ctx)
	if n > 0 {
		d.config.Log.Warn("jobs or gates were not as they should be and were put right", slog.Int("mended", n))
	}
	return err
}

// sweep deletes what was kept long enough, a few at a time: others write too.
func (d *Dispatcher) sweep(ctx context.Context) error {
	for total := 0; ; {
		n, err := d.store.Sweep(ctx, d.config.Retention, sweepBatch)
		if total += n; err != nil {
			return fmt.Errorf("after %d: %w", total, err)
		}
		if n < sweepBatch {
			if total > 0 {
				d.config.Log.Info("old jobs were deleted", slog.Int("jobs", total))
			}
			return nil
		}
		if !wait(ctx, sweepPause) {
			return nil
		}
	}
}
