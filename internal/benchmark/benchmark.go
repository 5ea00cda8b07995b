// Package benchmark measures one task: it runs it again and again, sums up what
// each execution took, and holds one measurement against another. What an
// execution is, and how a measurement is shown, is left to its caller.
package benchmark

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// A Config says what to measure and for how long.
type Config struct {
	// Execute runs the task once and returns the record of it.
	Execute func(ctx context.Context) *ratchet.Execution
	// Workers returns the processes that run executions now. Default: nothing
	// is known of them.
	Workers func() []int
	// Duration is for how long executions are started; those under way at its
	// end are waited for. Default 5 s, unless Count is set.
	Duration time.Duration
	// Count is how many executions to measure, in place of a Duration.
	Count int
	// Concurrency is how many run at once: each of so many clients starts an
	// execution as soon as its last has ended. Default 1.
	Concurrency int
	// Warmup is how many executions run between the cold one and the measured
	// ones. Default: 10, or two a client if that is more, but only as many as
	// start within a second. Negative: none.
	Warmup int
	// OnProgress, if set, is told ten times a second how far it is.
	OnProgress func(Progress)
}

// Progress is how far a measurement has come.
type Progress struct {
	Executions int           // that have ended
	Elapsed    time.Duration // since the first of them began
	Share      float64       // of the duration or the count, 0 to 1
}

// What a Config's defaults are.
const (
	defaultDuration = 5 * time.Second
	defaultWarmup   = 10
	warmupTime      = time.Second
	observePause    = 100 * time.Millisecond
)

func (c Config) withDefaults() Config {
	if c.Duration == 0 && c.Count == 0 {
		c.Duration = defaultDuration
	}
	c.Concurrency = max(c.Concurrency, 1)
	if c.Workers == nil {
		c.Workers = func() []int { return nil }
	}
	if c.OnProgress == nil {
		c.OnProgress = func(Progress) {}
	}
	return c
}

// An AllFailedError is why nothing was measured: no execution before the
// measurement completed.
type AllFailedError struct {
	First *ratchet.Execution
	Tried int
}

func (e *AllFailedError) Error() string { return e.First.Error.Message }

// Unwrap returns what the first execution ended with.
func (e *AllFailedError) Unwrap() error { return e.First.Error }

// Run runs the task once cold, then to warm up, then for the measurement. If ctx
// ends meanwhile, the Measurement is of what was seen until then, and nil if
// that is nothing; the error is for when there is nothing to measure.
func Run(ctx context.Context, config Config) (*Measurement, error) {
	r := &run{
		config: config.withDefaults(), failures: map[ratchet.Reason]*Failure{},
		samples: samples{limit: maxSamples, random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))},
	}
	cold, warmed, err := r.warmUp(ctx)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	m := r.measure(ctx)
	m.Cold.FirstMs, m.Warmup = milliseconds(cold), warmed
	if m.Executions+m.Failed == 0 {
		return nil, context.Cause(ctx)
	}
	return m, nil
}

// run is one measurement under way.
type run struct {
	config Config

	mu       sync.Mutex
	samples  samples
	failures map[ratchet.Reason]*Failure
	failed   int
	weight   weight
}

// warmUp runs the task once cold and then until it is warm. It returns the time
// of the cold execution, and how many followed.
func (r *run) warmUp(ctx context.Context) (cold time.Duration, warmed int, err error) {
	start := time.Now()
	first := r.config.Execute(ctx)
	cold = time.Since(start)
	n, deadline := r.config.Warmup, time.Time{}
	if n == 0 {
		n, deadline = max(defaultWarmup, 2*r.config.Concurrency), start.Add(cold+warmupTime)
	}
	var ended, completed atomic.Int64
	if first.Error == nil {
		completed.Add(1)
	}
	r.clients(ctx, r.allow(n, deadline), func(x *ratchet.Execution, _ time.Duration) {
		ended.Add(1)
		if x.Error == nil {
			completed.Add(1)
		}
	})
	if completed.Load() == 0 {
		err = &AllFailedError{First: first, Tried: int(ended.Load()) + 1}
	}
	return cold, int(ended.Load()), err
}

// measure runs the task for the duration or the count, and sums up.
func (r *run) measure(ctx context.Context) *Measurement {
	begun := time.Now()
	n, deadline := r.config.Count, time.Time{}
	if n == 0 {
		n, deadline = int(^uint(0)>>1), begun.Add(r.config.Duration)
	}
	before := spent(r.config.Workers())
	over := make(chan struct{})
	var observer sync.WaitGroup
	observer.Go(func() { r.observe(begun, over) })
	r.clients(ctx, r.allow(n, deadline), func(x *ratchet.Execution, latency time.Duration) {
		r.note(x, time.Since(begun), latency)
	})
	elapsed := time.Since(begun)
	close(over)
	observer.Wait()
	workers := r.config.Workers()
	after := spent(workers)
	r.weight.weighAll(workers)

	m := r.samples.summary(elapsed, r.config.Concurrency)
	m.Failed, m.Failures = r.failed, failureList(r.failures)
	m.Interrupted = ctx.Err() != nil
	m.CPU.share(before, after, m.Executions+m.Failed)
	m.Memory.WorkerRSS, m.Memory.WorkerPSS = r.weight.rss, r.weight.pss
	return m
}

// clients runs executions, Concurrency at once, as long as more allows, and
// notes each but those that the end of ctx cut short.
func (r *run) clients(ctx context.Context, more func() bool, note func(*ratchet.Execution, time.Duration)) {
	var clients sync.WaitGroup
	for range r.config.Concurrency {
		clients.Go(func() {
			for ctx.Err() == nil && more() {
				start := time.Now()
				x := r.config.Execute(ctx)
				latency := time.Since(start)
				if x.Error != nil && ctx.Err() != nil {
					return
				}
				note(x, latency)
			}
		})
	}
	clients.Wait()
}

// allow returns what allows n executions to start, until the deadline if there
// is one.
func (r *run) allow(n int, deadline time.Time) (more func() bool) {
	var begun atomic.Int64
	return func() bool {
		return begun.Add(1) <= int64(n) && (deadline.IsZero() || time.Now().Before(deadline))
	}
}

// note takes down an execution that has ended at the given time since the
// beginning.
func (r *run) note(x *ratchet.Execution, end, latency time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if x.Error == nil {
		r.samples.add(sample{end, latency, time.Duration(x.CPU), int64(x.PeakMemory)})
		return
	}
	r.failed++
	f := r.failures[x.Error.Reason]
	if f == nil {
		f = &Failure{Reason: x.Error.Reason, First: x.Error.Message}
		r.failures[x.Error.Reason] = f
	}
	f.Count++
}

// observe tells how far it is and looks at the workers' memory, until it is over.
func (r *run) observe(begun time.Time, over <-chan struct{}) {
	tick := time.NewTicker(observePause)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case <-tick.C:
		}
		r.weight.look(r.config.Workers())
		r.mu.Lock()
		p := Progress{Executions: r.samples.seen + r.failed, Elapsed: time.Since(begun)}
		r.mu.Unlock()
		if r.config.Count > 0 {
			p.Share = float64(p.Executions) / float64(r.config.Count)
		} else {
			p.Share = min(float64(p.Elapsed)/float64(r.config.Duration), 1)
		}
		r.config.OnProgress(p)
	}
}
