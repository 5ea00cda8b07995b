package ratchet

import (
	"encoding/json"
	"time"
)

// A Schedule submits jobs of a task at times that a rule gives. Each instant is
// fired once, whatever dies meanwhile.
type Schedule struct {
	ID          ScheduleID `json:"id,omitzero"`
	Name        string     `json:"name"` // unique
	Description string     `json:"description,omitempty"`
	TaskID      TaskID     `json:"taskId,omitzero"`
	Task        string     `json:"task"` // the task's name

	// One of the two is set. Cron has 5, 6 or 7 fields, or is "@daily" and its
	// like; Every is the time between two runs, counted from Start or from when
	// the schedule was made.
	Cron  string   `json:"cron,omitempty"`
	Every Duration `json:"every,omitzero"`
	Zone  string   `json:"timezone,omitempty"` // an IANA name; empty means UTC

	Input    json.RawMessage `json:"input"`
	Priority Priority        `json:"priority"`
	Tags     []string        `json:"tags,omitempty"`

	Missed    MissedPolicy  `json:"missed,omitempty"`   // empty means MissedOnce
	MissedMax int           `json:"missedMax,omitzero"` // of MissedAll; default 100
	Overlap   OverlapPolicy `json:"overlap,omitempty"`  // empty means OverlapAllow
	MaxRuns   int           `json:"maxRuns,omitzero"`   // 0: no end
	Start     time.Time     `json:"start,omitzero"`     // no run before
	End       time.Time     `json:"end,omitzero"`       // no run after
	Enabled   bool          `json:"enabled"`

	Destinations []Destination `json:"destinations,omitzero"` // of its jobs' results

	Runs      int       `json:"runs"`               // so far
	Skipped   int       `json:"skipped,omitzero"`   // instants that fired no job, by the policies
	LastRunAt time.Time `json:"lastRunAt,omitzero"` // the instant that fired last
	LastJob   JobID     `json:"lastJobId,omitzero"`
	NextRunAt time.Time `json:"nextRunAt,omitzero"` // zero: never again, or disabled
	CreatedAt time.Time `json:"createdAt,omitzero"`
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
}

func (Schedule) idPrefix() string { return "schedule" }

// A MissedPolicy says what becomes of instants that passed while no server ran.
type MissedPolicy string

// The policies for missed instants.
const (
	MissedSkip MissedPolicy = "skip" // nothing
	MissedOnce MissedPolicy = "once" // one job for all of them
	MissedAll  MissedPolicy = "all"  // a job each, the latest MissedMax of them
)

// An OverlapPolicy says what happens at an instant while the job of an earlier
// one is not yet finished.
type OverlapPolicy string

// The policies for overlaps.
const (
	OverlapAllow  OverlapPolicy = "allow"  // both run
	OverlapSkip   OverlapPolicy = "skip"   // no new job
	OverlapQueue  OverlapPolicy = "queue"  // the new job waits for the earlier one
	OverlapCancel OverlapPolicy = "cancel" // the earlier one is cancelled
)

// MissedPolicies returns every MissedPolicy.
func MissedPolicies() []MissedPolicy { return []MissedPolicy{MissedSkip, MissedOnce, MissedAll} }

// OverlapPolicies returns every OverlapPolicy.
func OverlapPolicies() []OverlapPolicy {
	return []OverlapPolicy{OverlapAllow, OverlapSkip, OverlapQueue, OverlapCancel}
}
