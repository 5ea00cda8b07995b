package ratchet

import (
	"encoding/json"
	"fmt"
	"time"
)

// A JobState is where a job is in its life. See [JobState.CanBecome].
type JobState string

// The states of a job. The last three are terminal: they never change again, so
// that whoever was told a result can rely on it. A failed job that is redriven
// from the dead letters is a new job.
const (
	JobScheduled JobState = "scheduled" // its run time lies in the future
	JobQueued    JobState = "queued"    // waits for a worker
	JobParked    JobState = "parked"    // held by a gate or a pause, without a place in the queue
	JobRunning   JobState = "running"   // an execution is at work on it
	JobRetrying  JobState = "retrying"  // an attempt failed; the next one has a run time
	JobCompleted JobState = "completed" // an execution gave the result
	JobFailed    JobState = "failed"    // no attempt is left: a dead letter
	JobCancelled JobState = "cancelled" // somebody stopped it
)

// jobTransitions is the life of a job. A running job that goes back to queued
// has lost its attempt to the death of a server or was handed back by one that
// stops; neither counts against its attempts.
func jobTransitions() []transition[JobState] {
	return []transition[JobState]{
		{JobScheduled, []JobState{JobQueued, JobParked, JobRunning, JobCancelled}},
		{JobQueued, []JobState{JobRunning, JobParked, JobCancelled}},
		{JobParked, []JobState{JobQueued, JobCancelled}},
		{JobRunning, []JobState{JobCompleted, JobFailed, JobRetrying, JobQueued, JobCancelled}},
		{JobRetrying, []JobState{JobQueued, JobParked, JobRunning, JobCancelled}},
		{JobCompleted, nil},
		{JobFailed, nil},
		{JobCancelled, nil},
	}
}

// JobStates returns every JobState, in the order of a job's life.
func JobStates() []JobState { return states(jobTransitions()) }

// CanBecome reports whether a job in state s may change to next.
func (s JobState) CanBecome(next JobState) bool { return canBecome(jobTransitions(), s, next) }

// Terminal reports whether a job in state s never changes again.
func (s JobState) Terminal() bool { return terminal(jobTransitions(), s) }

// A Job is what was asked: run this version of a task on this input. It is
// attempted by one execution after the other until one completes or none is
// left.
type Job struct {
	ID            JobID    `json:"id,omitzero"`
	Task          string   `json:"task"`          // the task's name
	VersionDigest string   `json:"versionDigest"` // of the version it is pinned to
	Priority      Priority `json:"priority"`
	State         JobState `json:"state"`
	// Parked says which gate or pause holds a parked job.
	Parked string `json:"parked,omitempty"`

	Input  json.RawMessage `json:"input"`
	Output json.RawMessage `json:"output,omitempty"` // of a completed job
	Error  *Error          `json:"error,omitempty"`  // of the last attempt that failed

	Attempts int `json:"attempts"`        // begun and not lost, so far
	Losses   int `json:"losses,omitzero"` // attempts that died with their server

	CreatedAt  time.Time `json:"createdAt,omitzero"`
	RunAt      time.Time `json:"runAt,omitzero"` // not before this time
	StartedAt  time.Time `json:"startedAt,omitzero"`
	FinishedAt time.Time `json:"finishedAt,omitzero"`
}

// MaxLosses is how often a job may lose its attempt to the death of a server
// before it fails: it may itself be what kills them.
const MaxLosses = 20

func (Job) idPrefix() string { return "job" }

// Validate reports what is wrong with j, each as one Detail whose Pointer is the
// field's JSON name.
func (j *Job) Validate() (wrong []Detail) {
	if j.Task == "" {
		wrong = append(wrong, required("/task", "the name of a task"))
	}
	if j.VersionDigest == "" {
		wrong = append(wrong, required("/versionDigest", "the digest of a version"))
	}
	wrong = append(wrong, unknownState(jobTransitions(), j.State)...)
	if (j.State == JobParked) != (j.Parked != "") {
		wrong = append(wrong, Detail{
			Pointer: "/parked", Message: "parked and state do not agree",
			Expected: "a reason for a parked job and none for any other", Got: fmt.Sprintf("%q in state %s", j.Parked, j.State),
		})
	}
	if len(j.Input) == 0 {
		wrong = append(wrong, required("/input", "a JSON text"))
	}
	wrong = append(wrong, notJSON("/input", j.Input)...)
	return append(wrong, notJSON("/output", j.Output)...)
}
