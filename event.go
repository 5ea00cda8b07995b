package ratchet

import "time"

// An Event says that something happened to a job. Events have an order, in which
// their IDs sort: a reader that was cut off goes on after the last ID it saw.
type Event struct {
	ID        string      `json:"id"`
	Type      EventType   `json:"type"`
	Time      time.Time   `json:"time"`
	Job       JobID       `json:"jobId,omitzero"`
	Task      string      `json:"task,omitempty"`
	Execution ExecutionID `json:"executionId,omitzero"`
	Attempt   int         `json:"attempt,omitzero"`
	State     JobState    `json:"state,omitempty"`    // of an EventJob: the job's new state
	Status    JobStatus   `json:"status,omitempty"`   // of an EventJob: State.Status()
	Error     *Error      `json:"error,omitempty"`    // of an EventJob in which an attempt failed
	Log       *LogEntry   `json:"log,omitempty"`      // of an EventLog
	Progress  *Progress   `json:"progress,omitempty"` // of an EventProgress
	Delivery  *Delivery   `json:"delivery,omitempty"` // of an EventDelivery, without receipts
	Reason    string      `json:"reason,omitempty"`   // of an EventGap or EventEnd; of an EventPurge the cache
}

// An EventType says what an Event is about.
type EventType string

// The types of events.
const (
	EventJob      EventType = "job"      // a job changed its state
	EventLog      EventType = "log"      // a task logged a line
	EventDelivery EventType = "delivery" // a delivery of a job's result was taken, or failed for good
	EventProgress EventType = "progress" // a task said how far it is
	EventGap      EventType = "gap"      // events before this one are no longer kept: look at the lists
	EventEnd      EventType = "end"      // the stream ends here, for the Reason
	// EventCancel asks the node that runs a job to stop it. It is between the
	// parts of a Ratchet; readers are not offered it.
	EventCancel EventType = "cancel"
	// EventPurge has every node forget what it keeps of the Task, or what the cache
	// holds that the Reason names; without either, whatever may rest on what changed.
	// It is between the parts, too.
	EventPurge EventType = "purge"
	// EventPlugin has every node use the plugin that Task names as it is now set.
	EventPlugin EventType = "plugin"
)

// EventTypes returns the types that a reader may ask for.
func EventTypes() []EventType { return []EventType{EventJob, EventLog, EventProgress, EventDelivery} }
