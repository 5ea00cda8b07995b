package executor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// run is one execution under way. It is the handler of what the worker asks.
type run struct {
	req    Request
	engine ratchet.Engine
	limits ratchet.Limits
	hosts  egress.HostList
	probe  bool
	debug  *Debugging // nil: nobody looks on

	caller  context.Context // whoever wants the execution
	ctx     context.Context // of the effects: ends with the execution
	cancel  context.CancelCauseFunc
	effects sync.WaitGroup

	mu         sync.Mutex
	record     ratchet.Execution
	logged     ratchet.Size
	fetched    int
	fetchBytes ratchet.Size
}

// errEnded ends the effects that an execution leaves behind.
var errEnded = errors.New("the execution has ended")

// taskContext is what the task's second argument holds.
type taskContext struct {
	ExecutionID ratchet.ExecutionID `json:"executionId"`
	TaskID      string              `json:"taskId"`
	TaskVersion string              `json:"taskVersion"`
	JobID       ratchet.JobID       `json:"jobId,omitzero"`
	Attempt     int                 `json:"attempt"`
	Deadline    time.Time           `json:"deadline"`
	Env         map[string]string   `json:"env,omitempty"`
	Plugins     []string            `json:"plugins,omitempty"` // whose functions it may call
	FetchMode   ratchet.FetchMode   `json:"fetchMode,omitempty"`
	Probe       bool                `json:"probe,omitempty"` // find the function, do not call it
}

// Start is called when a worker is there.
func (r *run) Start(x *workerpool.Execution) workerpool.Run {
	if r.req.Begin != nil {
		r.req.Begin(r.ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record.StartedAt = time.Now()
	r.record.State = ratchet.ExecutionRunning
	r.record.Worker = x.Worker()
	id := r.req.Bundle.UUID
	if id == "" {
		id = r.req.Bundle.Name
	}
	c, err := json.Marshal(taskContext{
		ExecutionID: r.record.ID, TaskID: id, TaskVersion: r.req.Bundle.Version,
		JobID: r.record.Job, Attempt: r.record.Attempt,
		Deadline: r.start().Add(time.Duration(r.limits.Wall)).UTC(),
		Env:      r.req.Env, Plugins: r.req.Bundle.Permissions.Plugins, FetchMode: r.req.Bundle.Fetch, Probe: r.probe,
	})
	if err != nil { // strings, a time and a number: it cannot fail
		r.cancel(fmt.Errorf("encode the task's context: %w", err))
	}
	run := workerpool.Run{
		Input: r.req.Input, Context: c,
		CPU: int64(r.limits.CPU), Output: int64(r.limits.Output),
	}
	if t := r.req.Timeline; t != nil {
		run.Timeline = &workerpool.Timeline{Seed: t.Seed, Start: t.Start.UnixNano(), Replay: t.Replay}
	}
	return run
}

// start is when the execution began, as the task sees it.
func (r *run) start() time.Time {
	if r.req.Timeline != nil {
		return r.req.Timeline.Start
	}
	return r.record.StartedAt
}

// Request carries out an effect, without holding up the worker's other messages.
func (r *run) Request(x *workerpool.Execution, m *workerpool.Request) {
	do := r.fetch
	switch m.Op {
	case "fetch":
	case "plugin":
		do = r.function
	default:
		x.Reply(failed(m, ratchet.Errorf(ratchet.ReasonValidation, "the host has no operation %q", m.Op)))
		return
	}
	r.mu.Lock()
	r.fetched++
	over := r.fetched > r.limits.Fetches
	r.mu.Unlock()
	if over {
		r.cancel(overFetches(r.limits.Fetches))
		return
	}
	r.effects.Go(func() {
		if reply := do(m); reply != nil {
			x.Reply(reply)
		}
	})
}

// Log notes a line.
func (r *run) Log(_ *workerpool.Execution, m *workerpool.Log) {
	level, err := ratchet.ParseLogLevel(m.Level)
	if err != nil {
		level = ratchet.LevelInfo
	}
	r.log(ratchet.LogEntry{Time: time.Unix(0, m.At), Level: level, Message: r.mapped(m.Message), Fields: fields(m.Fields)})
}

// fields is what a line carries beside its text: an object, whatever the task gave.
func fields(text []byte) json.RawMessage {
	switch {
	case len(text) == 0 || !json.Valid(text):
		return nil
	case text[0] == '{':
		return text
	default:
		return slices.Concat([]byte(`{"value":`), text, []byte("}"))
	}
}

func (r *run) log(entry ratchet.LogEntry) {
	r.mu.Lock()
	r.logged += ratchet.Size(len(entry.Message) + len(entry.Fields) + 1)
	used := r.logged
	over := used > r.limits.Logs
	if !over {
		r.record.Logs = append(r.record.Logs, entry)
	}
	r.mu.Unlock()
	if over {
		r.cancel(overLogs(used, r.limits.Logs))
		return
	}
	if r.req.OnLog != nil {
		r.req.OnLog(entry)
	}
}

// Progress notes how far the task says it is.
func (r *run) Progress(_ *workerpool.Execution, m *workerpool.Progress) {
	if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
		return // the prelude refuses them; a worker gone bad may not
	}
	p := ratchet.Progress{Value: m.Value, Message: m.Message}
	r.mu.Lock()
	r.record.Progress = p
	r.mu.Unlock()
	if r.req.OnProgress != nil {
		r.req.OnProgress(p)
	}
}

// conclude writes down how the execution ended.
func (r *run) conclude(done *workerpool.Done, err error) {
	if done != nil {
		for _, reason := range done.Unhandled {
			r.log(ratchet.LogEntry{
				Time: time.Now(), Level: ratchet.LevelWarn,
				Message: "a promise was rejected and nobody handled it: " + r.mapped(reason),
			})
		}
	}
	if done != nil {
		for _, t := range done.Taken {
			r.req.Effects.Taken(t.Call, time.Duration(t.At))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if done != nil {
		r.record.CPU = ratchet.Duration(done.CPU)
		r.record.PeakMemory = ratchet.Size(done.PeakMemory)
	}
	if cause := context.Cause(r.ctx); cause != nil && !errors.Is(cause, errEnded) && err == nil {
		err = cause // a limit was passed in the last moment
	}
	switch {
	case err != nil:
		r.record.Error = r.lost(err)
	case done.Failure != nil:
		r.record.Error = r.failure(done)
	case r.probe: // there is a function; it was not called
	default:
		if r.record.Error = r.checkOutput(done.Output); r.record.Error != nil {
			return
		}
		r.record.Output = done.Output
	}
}

// checkOutput holds the output against the task's schema. A worker is not
// trusted to have kept to the limit, nor to send JSON.
func (r *run) checkOutput(output []byte) *ratchet.Error {
	if size := ratchet.Size(len(output)); size > r.limits.Output {
		return r.overOutput(size)
	}
	schema := r.req.Bundle.Output
	wrong := schema.Validate(output)
	switch {
	case len(wrong) == 0:
		return nil
	case schema == nil:
		return ratchet.Errorf(ratchet.ReasonOutputNotJSON, "the output is not JSON that can be passed on").WithDetails(wrong...)
	default:
		return ratchet.Errorf(ratchet.ReasonOutputInvalid, "the output breaks the task's output schema").WithDetails(wrong...)
	}
}
