// Package dispatch takes jobs from the queue, has each executed, and says what
// came of it: done, again later, or failed. It keeps its node's part of the
// cluster alive meanwhile. Where jobs are kept is the store's business; how a
// task is run, package executor's.
package dispatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/cache"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/secret"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

// A Config says how a Dispatcher works. The zero Config works.
type Config struct {
	// Slots is how many jobs run at once. Default: four a processor.
	Slots int
	// Shared says that other nodes work on the same store: this one then beats
	// every [ratchet.NodeBeat], and looks after those that died.
	Shared bool
	// SoftStop is how long running executions may go on after a stop was asked
	// for, before they are handed back. Default 30 s.
	SoftStop time.Duration
	// Retention says how long finished jobs are kept.
	Retention ratchet.Retention
	// Bundles bounds the versions that are kept ready to run, by about what they take.
	// Default 128 MB.
	Bundles ratchet.Size
	// Results keeps outputs of tasks that ask for it. Default: none are kept.
	Results *cache.Results
	// SharedResults keeps them where other nodes find them too. Default: nothing does.
	SharedResults *cache.Shared
	// Hooks are called around attempts. Default: there are none.
	Hooks Hooks
	// Node is what this node says of itself when it beats; what changes is filled
	// in.
	Node ratchet.Node
	// OnFinished, if set, is told of every attempt that ended, with the job as it
	// then is. It must not wait.
	OnFinished func(*ratchet.Job, *ratchet.Execution)
	// Log gets what operators should know. Default: nothing is logged.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Slots = cmp.Or(max(c.Slots, 0), 4*runtime.GOMAXPROCS(0))
	c.SoftStop = cmp.Or(max(c.SoftStop, 0), 30*time.Second)
	c.Retention.Completed = cmp.Or(c.Retention.Completed, 7*24*time.Hour)
	c.Retention.Failed = cmp.Or(c.Retention.Failed, 30*24*time.Hour)
	c.Node.Slots = c.Slots
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// A Dispatcher runs jobs.
type Dispatcher struct {
	store    Store
	executor *executor.Executor
	hub      *stream.Hub
	box      *secret.Box
	config   Config
	bundles  *bundles
	counts   counts

	mu       sync.Mutex
	killed   bool
	end      context.CancelCauseFunc // of life, while running
	stopping bool
	attempts map[*attempt]struct{}
}

// New returns a Dispatcher. It starts nothing.
func New(store Store, x *executor.Executor, hub *stream.Hub, box *secret.Box, config Config) *Dispatcher {
	config = config.withDefaults()
	return &Dispatcher{
		store: store, executor: x, hub: hub, box: box, config: config,
		bundles: newBundles(store, config.Bundles), attempts: map[*attempt]struct{}{},
	}
}

// Bundles is the cache of versions that are ready to run.
func (d *Dispatcher) Bundles() *cache.Cache[string, *bundle.Bundle] { return d.bundles.kept }

// How a Dispatcher ends what it runs.
var (
	errHandedBack = errors.New("the server stops: the job was handed back to the queue")
	errKilled     = errors.New("the server was stopped at once")
)

// hardStop is how long the store may take to learn how executions ended that were
// cut off by a stop.
const hardStop = 10 * time.Second

// Run works until ctx ends, and then stops in order: it claims nothing more,
// gives running executions the SoftStop to end by themselves, and hands the
// others back to the queue without burning an attempt.
func (d *Dispatcher) Run(ctx context.Context) error {
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	runs, cut := context.WithCancelCause(life)
	defer cut(nil)
	if !d.begin(end) {
		return nil
	}
	if err := d.resume(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	kept, rest := context.WithCancel(life)
	var keepers sync.WaitGroup
	d.keep(kept, &keepers)

	claims, enough := context.WithCancel(ctx)
	defer enough()
	defer context.AfterFunc(life, enough)()
	worked := make(chan error, 1)
	go func() {
		worked <- d.store.Work(claims, d.config.Slots, func(_ context.Context, t ratchet.Ticket) { d.handle(life, runs, t) })
	}()
	err := d.supervise(ctx, worked, cut, end)
	rest()
	keepers.Wait()
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("dispatch jobs: %w", err)
	}
	return nil
}

// begin notes how to end it all at once; false if that was asked for already.
func (d *Dispatcher) begin(end context.CancelCauseFunc) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end = end
	return !d.killed
}

// resume puts back what this node left behind.
func (d *Dispatcher) resume(ctx context.Context) error {
	n, err := d.store.Recover(ctx)
	if err != nil {
		return fmt.Errorf("recover unfinished jobs: %w", err)
	}
	if n > 0 {
		d.counts.rescued.Add(int64(n))
		d.config.Log.Info("unfinished jobs of the last run go on", slog.Int("jobs", n))
	}
	if err := d.beat(ctx); err != nil {
		return fmt.Errorf("announce this node: %w", err)
	}
	return nil
}

// supervise waits until all work has ended, and ends it step by step once ctx
// has.
func (d *Dispatcher) supervise(ctx context.Context, worked <-chan error, cut, end context.CancelCauseFunc) error {
	select {
	case err := <-worked:
		return err
	case <-ctx.Done():
	}
	d.mu.Lock()
	d.stopping = true
	running := len(d.attempts)
	d.mu.Unlock()
	d.config.Log.Info("no more jobs are started", slog.Int("running", running), slog.Duration("soft_stop", d.config.SoftStop))
	for _, step := range []struct {
		after time.Duration
		then  func()
	}{
		{d.config.SoftStop, func() { cut(errHandedBack) }},
		{hardStop, func() { end(errKilled) }},
	} {
		timer := time.NewTimer(step.after)
		select {
		case err := <-worked:
			timer.Stop()
			return err
		case <-timer.C:
			step.then()
		}
	}
	return <-worked
}

// Kill ends Run at once: executions are ended and nothing is written of them. What
// they were is recovered by the next start, or by other nodes.
func (d *Dispatcher) Kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.killed = true
	if d.end != nil {
		d.end(errKilled)
	}
}
