package ratchet

import (
	"encoding/json"
	"fmt"
	"time"
)

// An ExecutionState is where an execution is in its life. See
// [ExecutionState.CanBecome].
type ExecutionState string

// The states of an execution. All but the first two are terminal.
const (
	ExecutionPending   ExecutionState = "pending"   // has no worker yet
	ExecutionRunning   ExecutionState = "running"   // a worker runs the task
	ExecutionCompleted ExecutionState = "completed" // gave an output that passed its schema
	ExecutionFailed    ExecutionState = "failed"    // threw, hit a limit other than time, or lost its worker
	ExecutionCancelled ExecutionState = "cancelled" // somebody stopped it
	ExecutionTimedOut  ExecutionState = "timed_out" // hit its limit of wall or processor time
	// ExecutionLost is the end of an attempt whose server died, or which was
	// handed back by a server that stops. It counts as a loss of its job, not as
	// one of its attempts, which is why it is not called failed or cancelled.
	ExecutionLost ExecutionState = "lost"
)

// executionTransitions is the life of an execution.
func executionTransitions() []transition[ExecutionState] {
	return []transition[ExecutionState]{
		{ExecutionPending, []ExecutionState{ExecutionRunning, ExecutionFailed, ExecutionCancelled, ExecutionLost}},
		{ExecutionRunning, []ExecutionState{ExecutionCompleted, ExecutionFailed, ExecutionCancelled, ExecutionTimedOut, ExecutionLost}},
		{ExecutionCompleted, nil},
		{ExecutionFailed, nil},
		{ExecutionCancelled, nil},
		{ExecutionTimedOut, nil},
		{ExecutionLost, nil},
	}
}

// ExecutionStates returns every ExecutionState, in the order of an execution's
// life.
func ExecutionStates() []ExecutionState { return states(executionTransitions()) }

// CanBecome reports whether an execution in state s may change to next.
func (s ExecutionState) CanBecome(next ExecutionState) bool {
	return canBecome(executionTransitions(), s, next)
}

// Terminal reports whether an execution in state s never changes again.
func (s ExecutionState) Terminal() bool { return terminal(executionTransitions(), s) }

// EndState returns the state in which err ends an execution: completed if err
// is nil.
func EndState(err *Error) ExecutionState {
	if err == nil {
		return ExecutionCompleted
	}
	switch err.Reason {
	case ReasonExecutionTimeout, ReasonCPULimit:
		return ExecutionTimedOut
	case ReasonExecutionCancelled:
		return ExecutionCancelled
	default:
		return ExecutionFailed
	}
}

// An Execution is one attempt at a job: where and when it ran, what came out,
// what it logged and fetched.
type Execution struct {
	ID            ExecutionID    `json:"id,omitzero"`
	Job           JobID          `json:"job,omitzero"` // zero for a run without a job, as by the command line
	Task          string         `json:"task"`         // the task's name
	VersionDigest string         `json:"versionDigest"`
	Attempt       int            `json:"attempt"` // from 1; one that is lost is followed by another of the same number
	State         ExecutionState `json:"state"`

	Input  json.RawMessage `json:"input"`
	Output json.RawMessage `json:"output,omitempty"` // of a completed execution
	Error  *Error          `json:"error,omitempty"`  // of one that ended otherwise

	Progress Progress   `json:"progress,omitzero"` // as last reported
	Logs     []LogEntry `json:"logs,omitempty"`
	Fetches  []Fetch    `json:"fetches,omitempty"` // every request, in the order of their starts

	QueuedAt   time.Time `json:"queuedAt,omitzero"`
	StartedAt  time.Time `json:"startedAt,omitzero"`
	FinishedAt time.Time `json:"finishedAt,omitzero"`
	CPU        Duration  `json:"cpu,omitzero"`        // processor time of the task's own code
	PeakMemory Size      `json:"peakMemory,omitzero"` // JavaScript heap at its largest
	Worker     string    `json:"worker,omitempty"`    // the worker process that ran it
	Node       NodeID    `json:"node,omitzero"`       // the server whose worker it was
	// Hint says what the task's author could do better, where Ratchet knows it. It
	// stands in the log, too, in a line whose Fields are HintFields.
	Hint string `json:"hint,omitempty"`
}

// HintFields are the Fields of a line in the log that is no line of the task's,
// but a hint of Ratchet's.
const HintFields = `{"hint":"engine"}`

// HintIn returns the hint among the lines of a log, empty if there is none.
func HintIn(logs []LogEntry) string {
	for _, l := range logs {
		if string(l.Fields) == HintFields {
			return l.Message
		}
	}
	return ""
}

func (Execution) idPrefix() string { return "execution" }

// Elapsed returns the time from start to finish; 0 unless both are known.
func (e *Execution) Elapsed() time.Duration {
	if e.StartedAt.IsZero() || e.FinishedAt.IsZero() {
		return 0
	}
	return e.FinishedAt.Sub(e.StartedAt)
}

// Validate reports what is wrong with e, each as one Detail whose Pointer is the
// field's JSON name.
func (e *Execution) Validate() (wrong []Detail) {
	if e.Task == "" {
		wrong = append(wrong, required("/task", "the name of a task"))
	}
	if e.Attempt < 1 {
		wrong = append(wrong, Detail{Pointer: "/attempt", Message: "attempt is out of bounds", Expected: "1 or more", Got: fmt.Sprint(e.Attempt)})
	}
	wrong = append(wrong, unknownState(executionTransitions(), e.State)...)
	if e.State == ExecutionCompleted && len(e.Output) == 0 {
		wrong = append(wrong, required("/output", "the output of a completed execution"))
	}
	if e.State == ExecutionCompleted && e.Error != nil {
		wrong = append(wrong, Detail{Pointer: "/error", Message: "error and state do not agree", Expected: "no error in a completed execution", Got: e.Error.Message})
	}
	wrong = append(wrong, notJSON("/input", e.Input)...)
	return append(wrong, notJSON("/output", e.Output)...)
}

// A LogEntry is one line that a task logged.
type LogEntry struct {
	Time    time.Time       `json:"time"`
	Level   LogLevel        `json:"level"`
	Message string          `json:"message"`
	Fields  json.RawMessage `json:"fields,omitempty"` // a JSON object
}

// Progress is how far a task says it is.
type Progress struct {
	Value   float64 `json:"value"` // 0 to 1
	Message string  `json:"message,omitempty"`
}

// A Fetch is one request in the ledger of an execution. It holds what the
// request cost, not what it said: no path, headers or bodies, which may carry
// secrets.
type Fetch struct {
	Method    HTTPMethod `json:"method"`
	Host      string     `json:"host"`             // with the port, if the URL had one
	Status    int        `json:"status,omitzero"`  // 0 if no response came
	Sent      Size       `json:"sent"`             // bytes of the request's body
	Received  Size       `json:"received"`         // bytes of the response's body
	Cached    bool       `json:"cached,omitempty"` // the response was kept from an earlier request
	StartedAt time.Time  `json:"startedAt,omitzero"`
	Duration  Duration   `json:"duration"`        // until the last byte of the body
	Error     *Error     `json:"error,omitempty"` // why there is no response
}
