package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// handle takes a ticket from the queue through to its end. life is that of all
// writes, runs that of executions.
func (d *Dispatcher) handle(life, runs context.Context, t ratchet.Ticket) {
	ctx, cancel := context.WithCancelCause(runs)
	defer cancel(nil)
	a := &attempt{job: t.Job, hub: d.hub, cancel: cancel, saved: time.Now()}
	d.enter(a) // before the claim, so that no request to stop it is missed
	defer d.leave(a)
	mark := d.mark() // before anything is read that a result may rest on
	claim := d.claim(life, runs, t)
	if claim == nil {
		return
	}
	d.counts.claimed.Add(1)
	a.claimed(claim)
	x, settle := d.execute(ctx, a, mark)
	lost := d.lost(ctx, a, x)
	a.conclude(x)
	if !lost && life.Err() == nil {
		d.afterExecution(life, a, x)
	}
	settle(x, mark)
	switch {
	case life.Err() != nil: // killed
	case lost:
		d.giveBack(life, a, x)
	default:
		d.finish(life, a, x)
	}
}

func (d *Dispatcher) enter(a *attempt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.attempts[a] = struct{}{}
}

func (d *Dispatcher) leave(a *attempt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.attempts, a)
}

// claimTries bounds how long a ticket is held that the store refuses: its job is
// found again by the reconciliation. While the store is away it is held: to let it
// go would cost the job a minute.
const claimTries = 8

// claim takes the ticket's job; nil if there is nothing to run. life is that of
// each try, runs that of trying.
func (d *Dispatcher) claim(life, runs context.Context, t ratchet.Ticket) (c *ratchet.Claim) {
	err := d.persist(runs, claimTries, func(context.Context) (err error) {
		c, err = d.store.Claim(life, t)
		return err
	})
	if err != nil {
		d.config.Log.Error("job could not be claimed", slog.String("job_id", t.Job.String()), slog.Any("error", err))
		return nil
	}
	return c
}

// execute runs the claimed job, or finds its result, and returns the record of it,
// complete whatever happened. settle is called with that once nothing in it shows
// what it must not.
func (d *Dispatcher) execute(ctx context.Context, a *attempt, mark uint64) (x *ratchet.Execution, settle settlement) {
	c := a.claim
	b, env, err := d.prepare(ctx, c)
	if err != nil {
		return failed(ctx, c, err), unsettled
	}
	a.redact(env)
	if x, settle = d.kept(ctx, a, b, mark); x != nil {
		return x, settle
	}
	if err := d.beforeExecution(ctx, c); err != nil {
		return failed(ctx, c, err), settle
	}
	return d.executor.Execute(ctx, executor.Request{
		Bundle: b, ID: c.Lease.Execution, Job: c.Job.ID, Attempt: c.Lease.Attempt,
		Input: c.Job.Input, Limits: c.Job.Limits.Or(c.Version.Limits), Env: env,
		OnLog: a.log, OnProgress: a.advance,
	}), settle
}

// prepare gets what an execution needs: the code, and the values of the
// environment that it declares.
func (d *Dispatcher) prepare(ctx context.Context, c *ratchet.Claim) (b *bundle.Bundle, env map[string]string, err error) {
	err = d.persist(ctx, claimTries, func(ctx context.Context) (err error) {
		b, err = d.bundles.get(ctx, c.Version.Digest)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	env = make(map[string]string, len(c.Env))
	for name, sealed := range c.Env {
		if !b.Permissions.AllowsEnv(name) {
			continue
		}
		plain, err := d.box.Open(sealed, ratchet.EnvContext(c.Job.TaskID, name))
		if err != nil {
			return nil, nil, ratchet.Errorf(ratchet.ReasonConfig,
				"the value of %s in the task's environment cannot be opened: %w; restore the key that sealed it, or set it again", name, err)
		}
		env[name] = string(plain)
	}
	return b, env, nil
}

// failed is the record of an execution that did not come to run.
func failed(ctx context.Context, c *ratchet.Claim, err error) *ratchet.Execution {
	e := ratchet.AsError(err)
	if ctx.Err() != nil {
		e = ratchet.Errorf(ratchet.ReasonExecutionCancelled, "the execution was cancelled: %w", context.Cause(ctx))
	}
	return &ratchet.Execution{
		ID: c.Lease.Execution, Task: c.Job.Task, VersionDigest: c.Version.Digest,
		State: ratchet.EndState(e), Error: e, Input: c.Job.Input, FinishedAt: time.Now(),
	}
}

// lost reports whether an attempt ended for no reason of its own: this server
// stops, or the worker was killed for what a neighbour in it did.
func (d *Dispatcher) lost(ctx context.Context, a *attempt, x *ratchet.Execution) bool {
	if x.Error == nil {
		return false
	}
	if x.State == ratchet.ExecutionCancelled {
		return errors.Is(context.Cause(ctx), errHandedBack)
	}
	if errors.Is(x.Error, workerpool.ErrClosed) {
		return true
	}
	death, died := errors.AsType[*workerpool.DeathError](x.Error)
	return died && x.Error.Reason == ratchet.ReasonWorker && death.Cause != nil && a.claim.Version.Slots > 1
}

// errCancelled is the cause by which a running execution is stopped.
func errCancelled() error {
	return ratchet.Errorf(ratchet.ReasonExecutionCancelled, "the job was cancelled while it ran")
}

// giveBack returns the job to the queue.
func (d *Dispatcher) giveBack(ctx context.Context, a *attempt, x *ratchet.Execution) {
	x.State = ratchet.ExecutionLost
	err := d.persist(ctx, 0, func(ctx context.Context) error { return d.store.GiveBack(ctx, a.claim.Lease, x) })
	if err != nil {
		d.unwritten(a, err)
		return
	}
	d.counts.handedBack.Add(1)
}

// refusals is how often a store may refuse an outcome before its parts that may
// be to blame are left out.
const refusals = 5

// finish writes what came of the attempt, and decides what comes next.
func (d *Dispatcher) finish(ctx context.Context, a *attempt, x *ratchet.Execution) {
	c := a.claim
	out := ratchet.Outcome{Execution: x, RetryAt: retryAt(
		c.Job.Retry.Or(c.Version.Retry), max(c.Job.Attempts, 1), x.Error, time.Now(), chances(c.Job.ID),
	)}
	var job *ratchet.Job
	refused := 0
	err := d.persist(ctx, 0, func(ctx context.Context) (err error) {
		job, err = d.store.Finish(ctx, c.Lease, out)
		if errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonStorageQuery}) {
			if refused++; refused == refusals {
				out = bare(out, err)
			}
		}
		return err
	})
	if err != nil {
		d.unwritten(a, err)
		return
	}
	if job == nil {
		return
	}
	d.counts.finished(job.State)
	d.finished(ctx, a, job, out.Execution)
	if d.config.OnFinished != nil {
		d.config.OnFinished(job, out.Execution)
	}
}

// bare is an outcome that any store takes, in place of one that it refuses.
func bare(out ratchet.Outcome, err error) ratchet.Outcome {
	x := *out.Execution
	x.Output, x.Logs, x.Fetches, x.Progress = nil, nil, nil, ratchet.Progress{}
	x.Error = ratchet.Errorf(ratchet.ReasonInternal, "the attempt ended %s, but its record could not be stored: %w", x.State, err)
	x.State = ratchet.EndState(x.Error)
	return ratchet.Outcome{Execution: &x, RetryAt: out.RetryAt}
}

// unwritten tells of an outcome that could not be written.
func (d *Dispatcher) unwritten(a *attempt, err error) {
	id := slog.String("execution_id", a.claim.Lease.Execution.String())
	if errors.Is(err, ratchet.ErrStale) {
		d.counts.stale.Add(1)
		d.config.Log.Warn("the outcome came too late: the job is no longer this node's", id)
		return
	}
	d.config.Log.Error("the outcome of an execution could not be written", id, slog.Any("error", err))
}

// Between two tries of a write that a store did not take.
const (
	firstPause = 20 * time.Millisecond
	lastPause  = time.Second
)

// persist does what a store may be unable to do for a while, again and again
// until ctx ends, or it refused so many times if that is not 0. A lost lease is an
// answer, and so is what trying again would not change.
func (d *Dispatcher) persist(ctx context.Context, tries int, do func(context.Context) error) error {
	refused := 0
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := do(ctx)
		if err == nil || errors.Is(err, ratchet.ErrStale) {
			return err
		}
		if !away(err) {
			refused++
		}
		if tries > 0 && (refused == tries || settled(err)) {
			return err
		}
		d.config.Log.Warn("the store cannot serve now; trying again", slog.Any("error", err), slog.Duration("in", pause))
		if !wait(ctx, pause/2+rand.N(pause)) {
			return errors.Join(err, context.Cause(ctx))
		}
	}
}

// away reports whether an error says that the store cannot be reached or written
// now, whatever it is asked.
func away(err error) bool {
	e, ok := errors.AsType[*ratchet.Error](err)
	if !ok {
		return false
	}
	switch e.Reason {
	case ratchet.ReasonStorageConnection, ratchet.ReasonStorageTransaction, ratchet.ReasonStorageFull, ratchet.ReasonStorageReadOnly:
		return true
	default:
		return false
	}
}

// settled reports whether an error is about what was asked, not about the store.
func settled(err error) bool {
	e, ok := errors.AsType[*ratchet.Error](err)
	if !ok {
		return errors.Is(err, context.Canceled)
	}
	switch e.Code {
	case ratchet.CodeInvalid, ratchet.CodeNotFound, ratchet.CodeConflict, ratchet.CodeForbidden:
		return true
	}
	return false
}

// wait waits for so long; false if ctx ended before.
func wait(ctx context.Context, t time.Duration) bool {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
