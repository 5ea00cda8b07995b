package dispatch

import (
	"context"
	"log/slog"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// Hooks are the plugins that are called around attempts; package pluginhost has
// them.
type Hooks interface {
	// Hooked reports whether any plugin is to be called at the point.
	Hooked(p ratchet.HookPoint) bool
	// Hook calls the plugins at the event's point, in their order. An error is a
	// *ratchet.Error: a plugin rejects the job, or failed and may not.
	Hook(ctx context.Context, e *ratchet.PluginEvent) error
}

// hooked reports whether plugins are to be told of a point: without any it costs
// nothing.
func (d *Dispatcher) hooked(p ratchet.HookPoint) bool {
	return d.config.Hooks != nil && d.config.Hooks.Hooked(p)
}

// beforeExecution lets plugins look at an attempt before it is run. One of them may
// refuse it.
func (d *Dispatcher) beforeExecution(ctx context.Context, c *ratchet.Claim) error {
	if !d.hooked(ratchet.HookBeforeExecution) {
		return nil
	}
	return d.config.Hooks.Hook(ctx, hookEvent(ratchet.HookBeforeExecution, c))
}

// afterExecution tells plugins how an attempt ended, before that is written. If one
// fails that may not, the attempt has failed.
func (d *Dispatcher) afterExecution(ctx context.Context, a *attempt, x *ratchet.Execution) {
	if !d.hooked(ratchet.HookAfterExecution) {
		return
	}
	err := d.config.Hooks.Hook(ctx, ended(hookEvent(ratchet.HookAfterExecution, a.claim), x))
	if err == nil || x.Error != nil || ctx.Err() != nil {
		return
	}
	x.Error, x.Output = ratchet.AsError(err), nil
	x.State = ratchet.EndState(x.Error)
}

// finished tells plugins what came of a job, which is written by now: that they
// fail changes nothing.
func (d *Dispatcher) finished(ctx context.Context, a *attempt, job *ratchet.Job, x *ratchet.Execution) {
	point := ratchet.HookOnSuccess
	switch job.State {
	case ratchet.JobCompleted:
	case ratchet.JobFailed:
		point = ratchet.HookOnFailure
	default:
		return
	}
	if !d.hooked(point) {
		return
	}
	if err := d.config.Hooks.Hook(ctx, ended(hookEvent(point, a.claim), x)); err != nil {
		d.config.Log.WarnContext(ctx, "a plugin failed when it was told of a job's end; the job stays as it is",
			slog.String("job_id", job.ID.String()), slog.String("hook", string(point)), slog.Any("error", err))
	}
}

// hookEvent is what plugins are told of a claimed job.
func hookEvent(p ratchet.HookPoint, c *ratchet.Claim) *ratchet.PluginEvent {
	return &ratchet.PluginEvent{
		Hook: p, Job: c.Job.ID, Task: c.Job.Task, Version: c.Version.Semver, Execution: c.Lease.Execution,
		Attempt: c.Lease.Attempt, MaxAttempts: c.Job.Retry.Or(c.Version.Retry).Or(ratchet.DefaultRetry()).MaxAttempts,
		Priority: c.Job.Priority, Tags: c.Job.Tags, Schedule: c.Job.Schedule, At: time.Now().UTC(), Input: c.Job.Input,
	}
}

// ended adds how the attempt ended.
func ended(e *ratchet.PluginEvent, x *ratchet.Execution) *ratchet.PluginEvent {
	e.State, e.Duration, e.Error, e.Input, e.Output = x.State, x.Elapsed(), x.Error, x.Input, x.Output
	return e
}
