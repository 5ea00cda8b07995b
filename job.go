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

// A JobStatus is a job's state in the six words that every client may rely on.
// They do not say why a job waits: the state does.
type JobStatus string

// The statuses of a job.
const (
	StatusQueued    JobStatus = "queued" // scheduled, queued or parked
	StatusRunning   JobStatus = "running"
	StatusRetrying  JobStatus = "retrying"
	StatusCompleted JobStatus = "completed"
	StatusFailed    JobStatus = "failed"
	StatusCancelled JobStatus = "cancelled"
)

// JobStatuses returns every JobStatus, in the order of a job's life.
func JobStatuses() []JobStatus {
	return []JobStatus{StatusQueued, StatusRunning, StatusRetrying, StatusCompleted, StatusFailed, StatusCancelled}
}

// Status returns the state in the words for clients.
func (s JobState) Status() JobStatus {
	if s == JobScheduled || s == JobParked {
		return StatusQueued
	}
	return JobStatus(s)
}

// A Job is what was asked: run this version of a task on this input. It is
// attempted by one execution after the other until one completes or none is
// left.
type Job struct {
	ID            JobID    `json:"id,omitzero"`
	TaskID        TaskID   `json:"taskId,omitzero"`
	Task          string   `json:"task"`            // the task's name
	VersionDigest string   `json:"versionDigest"`   // of the version it is pinned to, or ran last
	Latest        bool     `json:"latest,omitzero"` // each attempt runs the newest version there is
	Priority      Priority `json:"priority"`
	// Status is State.Status(), for clients.
	Status JobStatus `json:"status,omitempty"`
	State  JobState  `json:"state"`
	// Parked says which gate or pause holds a parked job.
	Parked string `json:"parked,omitempty"`

	Input  json.RawMessage `json:"input"`
	Output json.RawMessage `json:"output"` // of a completed job, else null
	Error  *Error          `json:"error"`  // of the last attempt that failed

	// Cache says whether the job's output is a result that was kept, or it was to be
	// made anew whatever is kept.
	Cache CacheUse `json:"cache,omitempty"`

	Attempts int `json:"attempts"`        // begun and not lost, so far
	Losses   int `json:"losses,omitzero"` // attempts that died with their server

	Retry       Retry        `json:"retry,omitzero"`  // zero fields are the version's
	Limits      Limits       `json:"limits,omitzero"` // zero fields are the version's
	Tags        []string     `json:"tags,omitempty"`  // at most MaxTags
	Concurrency *Concurrency `json:"concurrency,omitempty"`
	// IdempotencyKey is the submitter's own name for the request.
	IdempotencyKey string     `json:"idempotencyKey,omitempty"`
	Schedule       ScheduleID `json:"scheduleId,omitzero"` // that submitted it
	RetryOf        JobID      `json:"retryOf,omitzero"`    // the failed or cancelled job that this one repeats
	// Destinations are where its result goes, those of its schedule or task
	// included; the operator's are not.
	Destinations []Destination `json:"destinations,omitempty"`
	// CancelRequested says that a running job is being stopped.
	CancelRequested bool `json:"cancelRequested,omitzero"`

	CreatedAt  time.Time `json:"createdAt,omitzero"`
	RunAt      time.Time `json:"runAt,omitzero"` // not before this time; of a retrying job that of the next attempt
	StartedAt  time.Time `json:"startedAt,omitzero"`
	FinishedAt time.Time `json:"finishedAt,omitzero"`
}

// A Concurrency is a gate: of the jobs with the same key in one namespace, at
// most Max run at once.
type Concurrency struct {
	Key string `json:"key"`
	Max int    `json:"max"`
}

// A Rate admits Max starts in any time of length Per, spread evenly.
type Rate struct {
	Max int      `json:"max"`
	Per Duration `json:"per"`
}

// Interval is the time between two starts.
func (r Rate) Interval() time.Duration { return time.Duration(r.Per) / time.Duration(max(r.Max, 1)) }

// Bounds of what a submitter may say of a job.
const (
	MaxTags           = 20
	MaxTagLength      = 100
	MaxKeyLength      = 200 // of idempotency and concurrency keys
	MaxGate           = 10_000
	MaxBatch          = 1000 // jobs in one submission
	IdempotencyWindow = 24 * time.Hour
)

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
