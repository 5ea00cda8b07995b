// Package executor runs one execution from its checked input to its checked
// output: it leases a worker, answers what the task asks for (fetch, log,
// progress), enforces the limits, and writes down what happened. Where workers
// come from is package workerpool's business; what a task is, package bundle's.
package executor

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/cache"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// An Executor runs executions. It is safe for concurrent use and starts nothing
// by itself; its Pool and Client belong to whoever made them.
type Executor struct {
	pool      *workerpool.Pool
	client    *egress.Client
	engines   Engines                                    // nil: the built-in one alone
	functions Functions                                  // nil: there are none
	compiled  *cache.Cache[string, *workerpool.Bytecode] // by version digest
	debug     *Debugging

	mu     sync.Mutex
	hinted map[string]struct{} // versions, by digest
}

// New returns an Executor that runs tasks in pool and makes their requests
// through client.
func New(pool *workerpool.Pool, client *egress.Client) *Executor {
	x := &Executor{pool: pool, client: client}
	x.KeepBytecode(64 * ratchet.MB)
	return x
}

// KeepBytecode has at most so many bytes of compiled programs kept, for workers that
// are started later. Default: 64 MB. It is called before any other method.
func (x *Executor) KeepBytecode(most ratchet.Size) {
	x.compiled = cache.Lasting[string, *workerpool.Bytecode]("bytecode", most)
}

// Bytecode is the cache of compiled programs.
func (x *Executor) Bytecode() *cache.Cache[string, *workerpool.Bytecode] { return x.compiled }

// A Request is one execution asked for.
type Request struct {
	Bundle  *bundle.Bundle
	ID      ratchet.ExecutionID // default: a new one
	Job     ratchet.JobID       // zero for a run without a job
	Attempt int                 // default 1
	Input   json.RawMessage
	// Limits come before the task's own; zero fields are the task's, then the
	// defaults.
	Limits ratchet.Limits
	// Env holds values for the names that the task declares. A value for
	// another name is an error.
	Env map[string]string
	// Hosts are admitted beside the task's permissions.net.
	Hosts egress.HostList
	// OnLog and OnProgress, if set, are told at once, one call after the other;
	// the record has all of it anyway. They must not wait.
	OnLog      func(ratchet.LogEntry)
	OnProgress func(ratchet.Progress)
	// Effects carries out what the task asks of the outside. Default: requests
	// go out through the Executor's client.
	Effects Effects
	// Engine comes before the task's own. Default: that, then the configured one.
	Engine ratchet.Engine
	// Begin, if set, is called when a worker has read the code, and the execution
	// begins when it returns.
	Begin func(ctx context.Context)
	// Timeline makes the execution repeatable. Default: the time of day, and
	// chance.
	Timeline *Timeline
}

// A Timeline gives an execution a clock and a source of chance that can be had
// again. The clock stands still while the task's code runs and goes on only to
// when a timer is due or an answer came, so that the same input, Timeline and
// answers give the same execution.
type Timeline struct {
	Seed  uint64    // of Math.random, crypto.getRandomValues and randomUUID
	Start time.Time // what the clock shows at first
	// Replay does not wait: timers fire, and answers are taken in the order of
	// their times, as soon as every request has its answer.
	Replay bool
}

// Effects is the seam through which everything passes that a task does to the
// outside. Whoever stands here can record it, answer in its place, or refuse it.
type Effects interface {
	// Fetch makes one request. It is called in a goroutine of its own; the ask
	// says which of the execution's requests it is.
	Fetch(ctx context.Context, ask Ask) (Answer, error)
	// Taken is told at the end of an execution with a Timeline when each answer
	// was taken, in order.
	Taken(call uint32, at time.Duration)
}

// An Ask is one request of an execution.
type Ask struct {
	Call    uint32        // its number in the execution; those of synchronous requests begin at 1<<31
	At      time.Duration // when it was asked, since the start as the task sees it
	Request egress.Request
	// Function is what the Request stands for, if it is a call of a plugin's function.
	Function *Function
}

// An Answer is a response, and when it came: At counts from the start of an
// execution with a Timeline, and is not looked at otherwise.
type Answer struct {
	Response *egress.Response
	At       time.Duration
}

// outside is the Effects of an execution that names none.
type outside struct {
	client    *egress.Client
	functions Functions
}

func (o outside) Fetch(ctx context.Context, ask Ask) (Answer, error) {
	start := time.Now()
	if ask.Function != nil {
		res, err := callFunction(ctx, o.functions, ask)
		return Answer{Response: res, At: ask.At + time.Since(start)}, err
	}
	res, err := o.client.Do(ctx, ask.Request)
	return Answer{Response: res, At: ask.At + time.Since(start)}, err
}

func (outside) Taken(uint32, time.Duration) {}

// Outside returns the Effects by which requests go out, for those who stand
// before them.
func (x *Executor) Outside() Effects { return outside{x.client, x.functions} }

// Execute runs the request to its end and returns the record of it. The record
// is complete whatever happens: a failure is in its Error, with a reason that
// says which rule or limit it was.
func (x *Executor) Execute(ctx context.Context, req Request) *ratchet.Execution {
	r := x.prepare(req)
	r.record.Error = r.check()
	if r.record.Error != nil && !json.Valid(req.Input) {
		r.record.Input = nil // the record is JSON itself
	}
	return r.execute(ctx, x)
}

// probeTime is what loading code may take before Probe gives up on it.
const probeTime = ratchet.Duration(5 * time.Second)

// Probe finds out whether a worker can read the task's code and finds a function
// in it. It evaluates the code, in the sandbox and without network, and does not
// call the function.
func (x *Executor) Probe(ctx context.Context, b *bundle.Bundle) error {
	none, err := egress.ParseHosts([]string{})
	if err != nil {
		return err
	}
	r := x.prepare(Request{Bundle: b, Input: json.RawMessage("null"), Limits: ratchet.Limits{Wall: probeTime}})
	r.probe, r.hosts = true, none
	if e := r.execute(ctx, x).Error; e != nil {
		return e
	}
	return nil
}

func (r *run) execute(ctx context.Context, x *Executor) *ratchet.Execution {
	r.caller = ctx
	r.lift(x)
	if r.record.Error == nil {
		r.record.Error = r.ready(ctx, x)
	}
	if r.record.Error == nil {
		ctx, cancel := context.WithCancelCause(ctx)
		r.ctx, r.cancel = ctx, cancel
		domain := r.domain(x)
		done, err := x.pool.Run(ctx, domain, time.Duration(r.limits.Wall), r)
		cancel(errEnded)
		r.effects.Wait()
		r.hint(x, done)
		r.conclude(done, err)
		x.keep(domain, r.record.VersionDigest)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record.FinishedAt = time.Now()
	r.record.State = ratchet.EndState(r.record.Error)
	return &r.record
}

func (x *Executor) prepare(req Request) *run {
	b := req.Bundle
	if req.ID.IsZero() {
		req.ID = ratchet.NewID[ratchet.Execution]()
	}
	if req.Effects == nil {
		req.Effects = x.Outside()
	}
	r := &run{
		req:    req,
		engine: x.EngineOf(req.Engine, b),
		limits: req.Limits.Or(b.Limits).Or(ratchet.DefaultLimits()),
		record: ratchet.Execution{
			ID: req.ID, Job: req.Job, Task: b.Name, VersionDigest: b.Digest,
			Attempt: max(req.Attempt, 1), State: ratchet.ExecutionPending,
			Input: req.Input, QueuedAt: time.Now(),
		},
	}
	return r
}

func (r *run) check() *ratchet.Error {
	if wrong := r.limits.Validate(); len(wrong) > 0 {
		return ratchet.Errorf(ratchet.ReasonValidation, "a limit is out of bounds").WithDetails(wrong...)
	}
	if wrong := r.req.Bundle.Input.Validate(r.req.Input); len(wrong) > 0 {
		what := "the input breaks the task's input schema"
		if wrong[0].Line > 0 { // places are told of texts that are no good JSON
			what = "the input is not JSON that a task can take"
		}
		return ratchet.Errorf(ratchet.ReasonInputInvalid, "%s", what).WithDetails(wrong...)
	}
	for _, name := range slices.Sorted(maps.Keys(r.req.Env)) {
		if !r.req.Bundle.Permissions.AllowsEnv(name) {
			return ratchet.Errorf(ratchet.ReasonValidation,
				"the task does not declare the environment variable %s; add it to permissions.env in metadata.json", name)
		}
	}
	hosts, err := egress.ParseHosts(r.req.Bundle.Permissions.Net)
	if err != nil {
		return ratchet.AsError(err)
	}
	r.hosts = hosts.Extend(r.req.Hosts)
	return nil
}

// domain is what the task's workers are bound to. Executions with other limits
// of memory or recursion are another domain: a worker has those for life.
func (r *run) domain(x *Executor) *workerpool.Domain {
	b, l := r.req.Bundle, r.limits
	return &workerpool.Domain{
		Key: fmt.Sprintf("default/%s/%s/%d/%d", r.engine, b.Digest, l.Memory, l.Recursion), Engine: r.engine,
		Program: workerpool.Program{
			File: programFile, Kind: string(b.Kind), Source: r.source(), Cache: x.bytecode(string(r.engine) + "/" + b.Digest),
		},
		Memory: int64(l.Memory), Recursion: l.Recursion, Slots: max(b.Slots, 1),
		Fresh: b.Isolation == ratchet.IsolationExecution,
	}
}

// programFile is what stack traces call a bundle, before they are led back to
// the user's own files.
const programFile = "task.js"

// bytecode returns where the bytecode of a version is kept.
func (x *Executor) bytecode(digest string) *workerpool.Bytecode {
	if c, found := x.compiled.Get(digest); found {
		return c
	}
	return new(workerpool.Bytecode)
}

// keep keeps the bytecode of a version that was run, if a worker made it meanwhile.
func (x *Executor) keep(d *workerpool.Domain, digest string) {
	if size := d.Program.Cache.Size(); size > 0 && !x.compiled.Has(digest) {
		x.compiled.Put(digest, d.Program.Cache, size, cache.Always)
	}
}
