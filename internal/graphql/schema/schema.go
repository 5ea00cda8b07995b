// Package schema is the GraphQL schema, in the .graphqls files, and what its types
// are in Go where they are not the domain's own. Who answers is package graphql's
// business; the code between both, in package exec, is generated.
package schema

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

//go:embed *.graphqls
var files embed.FS

// SDL is the whole schema as a text.
func SDL() (string, error) {
	names, err := fs.Glob(files, "*.graphqls")
	if err != nil {
		return "", fmt.Errorf("list the schema's files: %w", err)
	}
	var all bytes.Buffer
	for i, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("read the schema's files: %w", err)
		}
		if i > 0 {
			all.WriteByte('\n')
		}
		all.Write(text)
	}
	return all.String(), nil
}

// id is the text of an ID; empty for none, which GraphQL shows as null.
func id(of interface {
	IsZero() bool
	String() string
},
) string {
	if of.IsZero() {
		return ""
	}
	return of.String()
}

// A Task is a task as GraphQL shows it.
type Task struct{ *ratchet.Task }

// ID is the task's.
func (t Task) ID() string { return id(t.Task.ID) }

// A Version is a version as GraphQL shows it.
type Version struct{ *ratchet.Version }

// ID is the version's.
func (v Version) ID() string { return id(v.Version.ID) }

// TaskName is the task's name.
func (v Version) TaskName() string { return v.Task }

// Engine is the one that runs it.
func (v Version) Engine() ratchet.Engine { return or(v.Version.Engine, ratchet.EngineQuickJS) }

// Isolation is what shares a worker.
func (v Version) Isolation() ratchet.Isolation {
	return or(v.Version.Isolation, ratchet.IsolationTask)
}

// Fetch is what fetch gives it.
func (v Version) Fetch() ratchet.FetchMode { return or(v.Version.Fetch, ratchet.FetchAsync) }

// Slots is how many executions one worker may run at once.
func (v Version) Slots() int { return max(v.Version.Slots, 1) }

func or[T ~string](v, other T) T {
	if v == "" {
		return other
	}
	return v
}

// A Job is a job as GraphQL shows it.
type Job struct{ *ratchet.Job }

// ID is the job's.
func (j Job) ID() string { return id(j.Job.ID) }

// TaskID is the task's.
func (j Job) TaskID() string { return id(j.Job.TaskID) }

// TaskName is the task's name.
func (j Job) TaskName() string { return j.Job.Task }

// ScheduleID is of the schedule that submitted it.
func (j Job) ScheduleID() string { return id(j.Job.Schedule) }

// RetryOf is the job that it repeats.
func (j Job) RetryOf() string { return id(j.Job.RetryOf) }

// ErrorMessage is that of the last attempt that failed.
func (j Job) ErrorMessage() string { return message(j.Error) }

func message(err *ratchet.Error) string {
	if err == nil {
		return ""
	}
	return err.Message
}

// An Execution is an execution as GraphQL shows it.
type Execution struct {
	*ratchet.Execution
	// Whole says that its logs and fetches are there, which lists leave out.
	Whole bool
}

// ID is the execution's.
func (e Execution) ID() string { return id(e.Execution.ID) }

// JobID is the job's.
func (e Execution) JobID() string { return id(e.Execution.Job) }

// TaskName is the task's name.
func (e Execution) TaskName() string { return e.Execution.Task }

// NodeID is of the server that ran it.
func (e Execution) NodeID() string { return id(e.Node) }

// ErrorMessage says why it failed.
func (e Execution) ErrorMessage() string { return message(e.Error) }

// Progress is what was last reported; nil if nothing was.
func (e Execution) Progress() *ratchet.Progress {
	if e.Execution.Progress == (ratchet.Progress{}) {
		return nil
	}
	return &e.Execution.Progress
}

// DurationMs is the time from start to finish; nil unless both are known.
func (e Execution) DurationMs() *float64 {
	if e.StartedAt.IsZero() || e.FinishedAt.IsZero() {
		return nil
	}
	ms := float64(e.Elapsed().Microseconds()) / 1000
	return &ms
}

// An ExecutionSummary is an attempt in a line.
type ExecutionSummary struct{ ratchet.ExecutionSummary }

// ID is the execution's.
func (e ExecutionSummary) ID() string { return id(e.ExecutionSummary.ID) }

// FinishedAt is when it ended.
func (e ExecutionSummary) FinishedAt() time.Time { return e.At }

// An Explanation says why a job is as it is.
type Explanation struct{ *ratchet.Explanation }

// JobID is the job's.
func (e Explanation) JobID() string { return id(e.Job) }

// NextAttemptAt is when the job is attempted again.
func (e Explanation) NextAttemptAt() time.Time { return e.NextAttempt }

// Holders are the jobs that hold the gate's places.
func (e Explanation) Holders() (ids []string) {
	for _, job := range e.Explanation.Holders {
		ids = append(ids, job.String())
	}
	return ids
}

// Executions are the attempts so far.
func (e Explanation) Executions() (all []ExecutionSummary) {
	for _, one := range e.Explanation.Executions {
		all = append(all, ExecutionSummary{one})
	}
	return all
}

// Deliveries are those of the job's result.
func (e Explanation) Deliveries() (all []Delivery) {
	for i := range e.Explanation.Deliveries {
		all = append(all, Delivery{&e.Explanation.Deliveries[i]})
	}
	return all
}

// A Schedule is a schedule as GraphQL shows it.
type Schedule struct{ *ratchet.Schedule }

// ID is the schedule's.
func (s Schedule) ID() string { return id(s.Schedule.ID) }

// TaskID is the task's.
func (s Schedule) TaskID() string { return id(s.Schedule.TaskID) }

// TaskName is the task's name.
func (s Schedule) TaskName() string { return s.Schedule.Task }

// LastJobID is of the job that it submitted last.
func (s Schedule) LastJobID() string { return id(s.Schedule.LastJob) }

// Timezone is where its times are meant.
func (s Schedule) Timezone() string { return or(s.Zone, "UTC") }

// Missed is what becomes of missed instants.
func (s Schedule) Missed() ratchet.MissedPolicy { return or(s.Schedule.Missed, ratchet.MissedOnce) }

// Overlap is what happens while an earlier job is not finished.
func (s Schedule) Overlap() ratchet.OverlapPolicy {
	return or(s.Schedule.Overlap, ratchet.OverlapAllow)
}

// A Worker is a worker as GraphQL shows it.
type Worker struct{ ratchet.Worker }

// NodeID is of the server whose worker it is.
func (w Worker) NodeID() string { return id(w.Node) }

// TaskName is of the task that it is bound to.
func (w Worker) TaskName() string { return w.Task }

// VersionDigest is of the version that it is bound to.
func (w Worker) VersionDigest() string { return w.Digest }

// LastUsedAt is when it last ran something.
func (w Worker) LastUsedAt() time.Time { return w.LastUsed }

// A Node is a node as GraphQL shows it.
type Node struct{ ratchet.Node }

// ID is the node's.
func (n Node) ID() string { return id(n.Node.ID) }

// A Key is a key as GraphQL shows it.
type Key struct{ *ratchet.Key }

// ID is the key's.
func (k Key) ID() string { return id(k.Key.ID) }

// An Event is an event as GraphQL shows it.
type Event struct{ ratchet.Event }

// JobID is the job's.
func (e Event) JobID() string { return id(e.Event.Job) }

// TaskName is the task's name.
func (e Event) TaskName() string { return e.Task }

// Delivery is what the event tells of; nil if it tells of none.
func (e Event) Delivery() *Delivery {
	if e.Event.Delivery == nil {
		return nil
	}
	return &Delivery{e.Event.Delivery}
}

// ExecutionID is the execution's.
func (e Event) ExecutionID() string { return id(e.Execution) }
