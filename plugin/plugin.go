// Package plugin is the SDK of Ratchet's plugins: a plugin is a [Plugin] of the
// functions that it has, and [Main]. When and for which jobs it is called, how
// long it may take and what it may touch is decided by the server that starts it.
//
//	func main() {
//		plugin.Main(plugin.Plugin{
//			Name: "greet", Version: "1.0.0",
//			Functions: map[string]plugin.Function{
//				"hello": plugin.Func(func(ctx context.Context, name string) (string, error) {
//					return "Hello, " + name, nil
//				}),
//			},
//		})
//	}
//
// The program is called ratchet-plugin-NAME and lies in a folder of plugins of the
// server. What it prints becomes lines of the server's log. Built for WebAssembly
// (GOOS=wasip1 GOARCH=wasm) and called ratchet-plugin-NAME.wasm, it runs within
// the server, one call at a time, with neither files nor network.
package plugin

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/ratchet-runner/ratchet-go"
)

// A Plugin is what a plugin can do. Name and Version are needed; a nil function is
// one that it does not have. Functions may be called at the same time.
type Plugin struct {
	Name        string // lower-case letters, digits and dashes; of ratchet-plugin-NAME
	Version     string // semantic
	Description string
	Author      string
	Homepage    string
	License     string
	// Config is the JSON Schema of its configuration, which is checked before the
	// plugin is started. Default: anything is accepted.
	Config json.RawMessage
	// Needs is what it must touch beyond its own folder and Setup.Data, where alone it
	// may write. The operator is asked for it.
	Needs ratchet.PluginNeeds
	// Requires are plugins that are started before it.
	Requires []ratchet.PluginRequirement

	// Start is called once, before all else. If it fails the plugin does not run.
	Start func(ctx context.Context, s Setup) error
	// Stop is called last, when no call is under way.
	Stop func(ctx context.Context) error
	// ConfigChanged takes a configuration that fits the schema. Without it the plugin
	// is started anew when its configuration changes.
	ConfigChanged func(ctx context.Context, config json.RawMessage) error

	BeforeValidation *Hook // a job is submitted
	AfterValidation  *Hook // its input fits the task
	BeforeExecution  *Hook // an attempt is claimed
	AfterExecution   *Hook // an attempt ended, whichever way
	OnSuccess        *Hook // the job is completed
	OnFailure        *Hook // the job has failed and is not tried again

	// Submit rejects jobs or rewrites their input before it is validated.
	Submit *Middleware
	// Functions are what tasks call as ratchet.plugins.NAME.FUNCTION.
	Functions map[string]Function
	// Destination takes the result of a job away.
	Destination func(ctx context.Context, d Delivery) error
	// Transform returns what a result is made into before it is delivered.
	Transform func(ctx context.Context, d Delivery) ([]byte, error)
	// Source brings tasks.
	Source *Source
	// Events follows the server's stream of events.
	Events *Subscriber

	// Health says what is wrong, if something is.
	Health func(ctx context.Context) error
	// Metrics are numbers of the plugin's own, by name.
	Metrics func(ctx context.Context) (map[string]float64, error)
}

// A Setup is what a plugin starts with.
type Setup struct {
	Config  json.RawMessage // fits the schema; {} if the operator gave none
	Data    string          // the folder that it may write to; empty in WebAssembly and in the server
	Ratchet string          // the server's version
	// Log writes to the server's log. What is printed gets there too.
	Log *slog.Logger
}

// An Event is what a hook and a submit are told.
type Event = ratchet.PluginEvent

// A Hook is called at a moment in the life of a job.
type Hook struct {
	// Priority orders the hooks of all plugins: 1 is called first, 1000 last. Default:
	// 500.
	Priority int
	// Brief leaves the job's documents, Input and Output, out of the Event.
	Brief bool
	// Call is told of the moment. What becomes of the job if it fails is the operator's
	// choice.
	Call func(ctx context.Context, e *Event) error
}

// A Middleware stands between whoever submits a job and its validation.
type Middleware struct {
	Priority int // as of a Hook
	// Call may set e.Input, and then the job has that input; no other change has an
	// effect. An error of [Reject] refuses the job.
	Call func(ctx context.Context, e *Event) error
}

// A Function is called by tasks.
type Function struct {
	Description string
	Input       json.RawMessage // JSON Schema of its argument. Default: anything
	Output      json.RawMessage // JSON Schema of its value. Default: anything
	// Call gets the argument as JSON, null if there was none, and returns the value as
	// JSON; nil is null.
	Call func(ctx context.Context, c Call) (json.RawMessage, error)
}

// A Call is a call of a Function by a task.
type Call struct {
	Argument  json.RawMessage     `json:"-"`
	Task      string              `json:"task,omitempty"`
	Job       ratchet.JobID       `json:"jobId,omitzero"` // zero if the task is run without a job
	Execution ratchet.ExecutionID `json:"executionId,omitzero"`
}

// Func makes a Function of a function of Go.
func Func[In, Out any](f func(ctx context.Context, in In) (Out, error)) Function {
	return Function{Call: func(ctx context.Context, c Call) (json.RawMessage, error) {
		var in In
		if err := json.Unmarshal(c.Argument, &in); err != nil {
			return nil, &Error{Message: "the argument does not fit: " + err.Error()}
		}
		out, err := f(ctx, in)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}}
}

// A Delivery is a result on its way to a destination. The same may come again: ID
// tells.
type Delivery struct {
	ID          string              `json:"id"`
	Attempt     int                 `json:"attempt,omitzero"` // from 1
	Config      json.RawMessage     `json:"config,omitempty"` // what the destination says for the plugin
	Job         ratchet.JobID       `json:"jobId,omitzero"`
	Task        string              `json:"task,omitempty"`
	Version     string              `json:"version,omitempty"`
	Execution   ratchet.ExecutionID `json:"executionId,omitzero"`
	Status      ratchet.JobStatus   `json:"status,omitempty"`
	ContentType string              `json:"contentType,omitempty"`
	Body        []byte              `json:"-"`
}

// A Source brings tasks to the server.
type Source struct {
	// List returns the tasks that there are.
	List func(ctx context.Context) ([]SourceTask, error)
	// Get returns a task's folder as a zip.
	Get func(ctx context.Context, name string) ([]byte, error)
}

// A SourceTask is a task that a Source has.
type SourceTask struct {
	Name     string `json:"name"`
	Revision string `json:"revision,omitempty"` // it is read again when this changes; empty: every time
}

// A Subscriber follows events. They come in batches and in order; a subscriber that
// does not keep up loses some, and is told how many.
type Subscriber struct {
	Types  []ratchet.EventType // default: all
	Tasks  []string            // names; default: all
	Handle func(ctx context.Context, b Batch) error
}

// A Batch is events in their order.
type Batch struct {
	Events  []ratchet.Event `json:"events"`
	Dropped int64           `json:"dropped,omitzero"` // lost before these
}

// An Error is a failure that says more than its text.
type Error struct {
	Message string
	// Retry says that the same call may succeed later.
	Retry bool
	// Data goes to whoever called, as a JSON object.
	Data json.RawMessage

	rejected bool
}

// Error returns the Message.
func (e *Error) Error() string { return e.Message }

// Reject returns the error with which a Submit refuses a job. The reason is shown
// to whoever submitted it.
func Reject(reason string) error { return &Error{Message: reason, rejected: true} }

// Retry returns err as one that may not come again.
func Retry(err error) error { return &Error{Message: err.Error(), Retry: true} }
