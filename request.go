package ratchet

import (
	"encoding/json"
	"time"
)

// Registered says what became of a RegisterTask.
type Registered struct {
	Task
	Created  bool     `json:"created"` // false: the same content was there
	Warnings []Detail `json:"warnings,omitempty"`
}

// A TaskDetail is a task with its newest version.
type TaskDetail struct {
	Task
	Latest *Version `json:"latest,omitempty"`
}

// JobRequest asks for a job. Only Task is needed.
type JobRequest struct {
	Task    string          `json:"task,omitempty"`    // ID, name or alias
	TaskID  string          `json:"taskId,omitempty"`  // another word for task
	Version string          `json:"version,omitempty"` // semantic version, digest or ID; default: the newest now
	Latest  bool            `json:"latest,omitempty"`  // each attempt runs the newest version there is then
	Input   json.RawMessage `json:"input,omitempty"`   // default {}

	Priority       Priority     `json:"priority,omitempty"`
	RunAt          time.Time    `json:"runAt,omitzero"`       // not in the past by more than a minute; default now
	Delay          Duration     `json:"delay,omitzero"`       // instead of runAt
	MaxAttempts    int          `json:"maxAttempts,omitzero"` // comes before retry.maxAttempts
	Retry          Retry        `json:"retry,omitzero"`
	Timeout        Duration     `json:"timeout,omitzero"`
	Tags           []string     `json:"tags,omitempty"`
	IdempotencyKey string       `json:"idempotencyKey,omitempty"`
	Concurrency    *Concurrency `json:"concurrency,omitempty"`
	// Destinations are where the result goes; default those of the task. An empty
	// list means none.
	Destinations []Destination `json:"destinations,omitzero"`
	// Cache false has a task that keeps its results run all the same; default true.
	Cache *bool `json:"cache,omitempty"`
}

// A BulkResult says how many jobs there were and what became of them.
type BulkResult struct {
	Matched int      `json:"matched"`
	Changed int      `json:"changed"`
	Skipped int      `json:"skipped"` // in a state that does not allow it
	More    bool     `json:"more"`    // there were more than the limit
	Errors  []Detail `json:"errors,omitempty"`
}

// An Explanation says why a job waits, failed or will be tried again.
type Explanation struct {
	Job     JobID     `json:"jobId"`
	Status  JobStatus `json:"status"`
	State   JobState  `json:"state"`
	Summary string    `json:"summary"` // one sentence
	Reasons []string  `json:"reasons"` // in the order of their weight
	Remedy  string    `json:"remedy,omitempty"`

	Ahead       int                `json:"ahead,omitzero"` // due jobs that go before it, up to 1,000
	NextAttempt time.Time          `json:"nextAttemptAt,omitzero"`
	Gate        *Concurrency       `json:"gate,omitempty"`    // that holds it
	Holders     []JobID            `json:"holders,omitempty"` // of the gate's places
	Executions  []ExecutionSummary `json:"executions,omitempty"`
	Deliveries  []Delivery         `json:"deliveries,omitempty"` // of a finished job, without receipts
}

// An ExecutionSummary is an attempt in a line.
type ExecutionSummary struct {
	ID      ExecutionID    `json:"id"`
	Attempt int            `json:"attempt"`
	State   ExecutionState `json:"state"`
	Reason  Reason         `json:"reason,omitempty"`
	Message string         `json:"message,omitempty"`
	At      time.Time      `json:"finishedAt,omitzero"`
}

// ScheduleRequest is a schedule to be made. Task, Name and one of Cron and Every are
// needed.
type ScheduleRequest struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Task        string          `json:"task,omitempty"`   // ID, name or alias
	TaskID      string          `json:"taskId,omitempty"` // another word for task
	Cron        string          `json:"cron,omitempty"`
	Every       Duration        `json:"every,omitzero"`
	Zone        string          `json:"timezone,omitempty"`
	Input       json.RawMessage `json:"input,omitempty"` // default {}
	Priority    Priority        `json:"priority,omitempty"`
	Tags        []string        `json:"tags,omitempty"`
	Missed      MissedPolicy    `json:"missed,omitempty"`
	MissedMax   int             `json:"missedMax,omitzero"`
	Overlap     OverlapPolicy   `json:"overlap,omitempty"`
	MaxRuns     int             `json:"maxRuns,omitzero"`
	Start       time.Time       `json:"start,omitzero"`
	End         time.Time       `json:"end,omitzero"`
	Enabled     *bool           `json:"enabled,omitempty"` // default true
	// Destinations are where its jobs' results go; default those of the task.
	Destinations []Destination `json:"destinations,omitzero"`
}

// RuleRequest asks when a rule would run, without a schedule.
type RuleRequest struct {
	Cron  string    `json:"cron,omitempty"`
	Every Duration  `json:"every,omitzero"`
	Zone  string    `json:"timezone,omitempty"`
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end,omitzero"`
	After time.Time `json:"after,omitzero"` // default now
	Count int       `json:"count,omitzero"`
}

// KeyRequest is a key to be made.
type KeyRequest struct {
	Name      string   `json:"name"`
	Scopes    []Scope  `json:"scopes"`
	ExpiresIn Duration `json:"expiresIn,omitzero"` // default: never
}

// A CreatedKey is a key with its text, which is shown this once.
type CreatedKey struct {
	Key
	Text string `json:"key"`
}

// A SchedulePatch changes what is not nil.
type SchedulePatch struct {
	Name         *string         `json:"name,omitempty"`
	Description  *string         `json:"description,omitempty"`
	Cron         *string         `json:"cron,omitempty"`
	Every        *Duration       `json:"every,omitempty"`
	Zone         *string         `json:"timezone,omitempty"`
	Input        json.RawMessage `json:"input,omitempty"`
	Priority     *Priority       `json:"priority,omitempty"`
	Tags         *[]string       `json:"tags,omitempty"`
	Missed       *MissedPolicy   `json:"missed,omitempty"`
	MissedMax    *int            `json:"missedMax,omitempty"`
	Overlap      *OverlapPolicy  `json:"overlap,omitempty"`
	MaxRuns      *int            `json:"maxRuns,omitempty"`
	Start        *time.Time      `json:"start,omitempty"`
	End          *time.Time      `json:"end,omitempty"`
	Enabled      *bool           `json:"enabled,omitempty"`
	Destinations *[]Destination  `json:"destinations,omitempty"`
}
