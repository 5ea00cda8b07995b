package dispatch

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/redact"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

// An attempt is one claimed job on its way through this node.
type attempt struct {
	job    ratchet.JobID
	hub    *stream.Hub
	cancel context.CancelCauseFunc

	// The rest is known once the job is claimed.
	claim *ratchet.Claim
	hide  *redact.Redactor

	mu        sync.Mutex
	saved     time.Time // when what follows was last saved
	changed   bool      // since then
	logs      []ratchet.LogEntry
	logged    int // bytes of them
	progress  ratchet.Progress
	shown     time.Time // when progress was last published
	unshown   bool      // it has changed since
	concluded bool
}

// claimed notes what is being run.
func (a *attempt) claimed(c *ratchet.Claim) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.claim = c
}

// execution is which one it is; zero until the job is claimed.
func (a *attempt) execution() ratchet.ExecutionID {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.claim == nil {
		return ratchet.ExecutionID{}
	}
	return a.claim.Lease.Execution
}

// redact has values of the environment hidden from now on.
func (a *attempt) redact(env map[string]string) {
	hide := redact.NewRedactor(env)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hide = hide
}

// log notes a line and shows it to those who look on.
func (a *attempt) log(entry ratchet.LogEntry) {
	entry = a.hide.Log(entry)
	a.mu.Lock()
	a.logs = append(a.logs, entry)
	a.logged += len(entry.Message) + len(entry.Fields)
	a.changed = true
	a.mu.Unlock()
	e := a.event(ratchet.EventLog, entry.Time)
	e.Log = &entry
	a.hub.Publish(e)
}

// progressPause is the least time between two progress events of an execution: a
// task may say it in every turn of a loop.
const progressPause = 100 * time.Millisecond

// advance notes how far the task says it is.
func (a *attempt) advance(p ratchet.Progress) {
	now := time.Now()
	a.mu.Lock()
	if p == a.progress {
		a.mu.Unlock()
		return
	}
	a.progress, a.changed, a.unshown = p, true, true
	due := now.Sub(a.shown) >= progressPause
	a.mu.Unlock()
	if due {
		a.show(now)
	}
}

// show publishes progress that was not yet.
func (a *attempt) show(now time.Time) {
	a.mu.Lock()
	p, unshown := a.progress, a.unshown
	a.shown, a.unshown = now, false
	a.mu.Unlock()
	if !unshown {
		return
	}
	p = a.hide.Progress(p)
	e := a.event(ratchet.EventProgress, now)
	e.Progress = &p
	a.hub.Publish(e)
}

func (a *attempt) event(t ratchet.EventType, at time.Time) ratchet.Event {
	return ratchet.Event{
		Type: t, Time: at, Job: a.claim.Job.ID, Task: a.claim.Job.Task,
		Execution: a.claim.Lease.Execution, Attempt: a.claim.Lease.Attempt,
	}
}

// conclude makes the record complete, and hides in it what must not be seen. The
// attempt is not saved any more.
func (a *attempt) conclude(x *ratchet.Execution) {
	a.show(time.Now())
	a.mu.Lock()
	a.concluded = true
	x.Logs = nil // hidden already, one by one
	logs := a.logs
	a.mu.Unlock()
	a.hide.Outcome(x)
	x.Logs = logs
	x.Job, x.Attempt, x.Node = a.claim.Job.ID, a.claim.Lease.Attempt, a.claim.Lease.Node
	x.QueuedAt = a.claim.Job.CreatedAt
	if due := a.claim.Job.RunAt; due.After(x.QueuedAt) {
		x.QueuedAt = due
	}
	if x.FinishedAt.Before(x.StartedAt) || x.StartedAt.IsZero() {
		x.StartedAt = x.FinishedAt
	}
}

// How often what an attempt says is saved while it runs. A long log is written
// whole each time, so more rarely.
const (
	saveEvery     = 2 * time.Second
	saveLongEvery = 15 * time.Second
	longLog       = 64 << 10
)

// snapshot is what to save now, if there is anything. It counts as saved.
func (a *attempt) snapshot(now time.Time) (x *ratchet.Execution, due bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	pause := saveEvery
	if a.logged > longLog {
		pause = saveLongEvery
	}
	if a.claim == nil || a.concluded || !a.changed || now.Sub(a.saved) < pause*9/10 {
		return nil, false
	}
	a.saved, a.changed = now, false
	return &ratchet.Execution{
		ID: a.claim.Lease.Execution, Job: a.job, Node: a.claim.Lease.Node, Attempt: a.claim.Lease.Attempt, State: ratchet.ExecutionRunning,
		Progress: a.hide.Progress(a.progress), Logs: slices.Clip(a.logs),
	}, true
}
