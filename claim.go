package ratchet

import "time"

// A Ticket is a job's place in the queue. It is good for one claim: a job that
// gets another place has another Number, and the old ticket is then stale.
type Ticket struct {
	Job    JobID
	Number int
}

// A Lease is the right to write the outcome of one attempt. Every write names
// the lease; one that was taken away, because its holder was thought dead, writes
// nothing and gives [ErrStale].
type Lease struct {
	Job       JobID
	Execution ExecutionID
	Attempt   int
	Node      NodeID
	Token     [16]byte
}

// ErrStale refuses a write by a holder that no longer has the lease.
const ErrStale = staleError("the lease is no longer held")

type staleError string

func (e staleError) Error() string { return string(e) }

// A Claim is a job that its node may now run.
type Claim struct {
	Lease Lease
	Job   Job // in its new state, running
	// Version is what to run: the one the job is pinned to or the newest.
	Version Version
	// PurgedAt is when the task's results were purged last, as it was when its
	// environment was read or before.
	PurgedAt time.Time
	// Env are the sealed values of the task's environment, by name.
	Env map[string][]byte
}

// An Outcome is how an attempt ended.
type Outcome struct {
	Execution *Execution // complete
	// RetryAt is when the job is attempted again; zero: it is not.
	RetryAt time.Time
}

// A Submission is a job to be accepted.
type Submission struct {
	Job *Job
	// Fingerprint tells two requests with the same idempotency key apart. Jobs
	// without such a key need none.
	Fingerprint []byte
}

// A NewVersion is a version of a task to be kept.
type NewVersion struct {
	Task    *Task
	Version *Version
	Archive []byte // the zip it came from, as bundle.Archive gives it
	// Replace lets another content take a semantic version that is in use, as
	// while a task is being worked on.
	Replace bool
}

// A TaskChange changes what is not nil.
type TaskChange struct{ Enabled, Paused *bool }

// A Firing is one step of a schedule: the jobs of the instants that are due, and
// when it is due again.
type Firing struct {
	Schedule ScheduleID
	Expected time.Time // NextRunAt as it was read; another one means that it was fired already
	Next     time.Time // zero: never again
	Last     time.Time // the instant that fired last; zero leaves it
	Jobs     []Submission
	Skipped  int
	Cancel   []JobID // to cancel first, by OverlapCancel
}

// Stats are the numbers of a Ratchet, now.
type Stats struct {
	Jobs       map[JobStatus]int `json:"jobs"`                 // of those kept
	States     map[JobState]int  `json:"states"`               // the same, precisely
	Waiting    int               `json:"waiting"`              // in the queue, due or not
	OldestDue  time.Time         `json:"oldestDueAt,omitzero"` // since when the oldest due job waits
	Tasks      int               `json:"tasks"`
	Schedules  int               `json:"schedules"`
	Executions int               `json:"executions"`
	Stale      int64             `json:"staleWrites"` // refused by this node's store since it started
	Paused     bool              `json:"paused"`      // everything
}

// An EnvVar is a variable of a task's environment, without its value.
type EnvVar struct {
	Name      string    `json:"name"`
	Declared  bool      `json:"declared"` // the newest version reads it
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
}

// EnvContext is what the sealed value of a variable is bound to: moved to another
// task or name it does not open.
func EnvContext(task TaskID, name string) []byte {
	return append([]byte("env/"+task.UUID()+"/"), name...)
}
