package ratchet

import (
	"encoding/json"
	"time"
)

// A Plugin extends a server: it is called as jobs are submitted and run, offers
// functions to tasks, takes results away, brings tasks, follows events. What it is
// comes from its manifest, whether it is used from what the operator set, and how
// it does from the node that was asked.
type Plugin struct {
	Name        string     `json:"name"` // of ratchet-plugin-NAME
	Kind        PluginKind `json:"kind,omitempty"`
	Version     string     `json:"version,omitempty"`
	Description string     `json:"description,omitempty"`
	Author      string     `json:"author,omitempty"`
	Homepage    string     `json:"homepage,omitempty"`
	License     string     `json:"license,omitempty"`
	Path        string     `json:"path,omitempty"`     // of the file, on the node that was asked
	Checksum    string     `json:"checksum,omitempty"` // SHA-256 of the file, in hex

	Status  PluginStatus `json:"status"`
	Problem string       `json:"problem,omitempty"` // why it failed, or what its health says is wrong

	Capabilities []PluginCapability  `json:"capabilities"`
	Hooks        []PluginHook        `json:"hooks,omitempty"`
	Functions    []PluginFunction    `json:"functions,omitempty"`
	Events       []string            `json:"events,omitempty"` // the types that it follows; "*" is all of them
	Requires     []PluginRequirement `json:"requires,omitempty"`
	Needs        PluginNeeds         `json:"needs"`
	ConfigSchema json.RawMessage     `json:"configSchema,omitempty"`

	PluginSettings

	PID       int                `json:"pid,omitzero"`
	StartedAt time.Time          `json:"startedAt,omitzero"`
	Restarts  int                `json:"restarts,omitzero"` // since the server started
	Calls     []PluginCalls      `json:"calls,omitempty"`   // by operation
	Dropped   int64              `json:"dropped,omitzero"`  // events that it was too slow for
	Metrics   map[string]float64 `json:"metrics,omitempty"` // its own numbers
}

// A PluginKind says how a plugin runs.
type PluginKind string

// The kinds of plugins.
const (
	PluginExecutable PluginKind = "executable" // a process of its own
	PluginWASM       PluginKind = "wasm"       // a WebAssembly module, within the server
	PluginBuiltIn    PluginKind = "built_in"   // compiled into the server
)

// A PluginStatus says where a plugin stands on a node.
type PluginStatus string

// The states of a plugin.
const (
	PluginUnloaded  PluginStatus = "unloaded"  // it is enabled, and starts when it is first needed
	PluginLoading   PluginStatus = "loading"   // it is being started
	PluginActive    PluginStatus = "active"    // it takes calls
	PluginDisabled  PluginStatus = "disabled"  // the operator has not enabled it
	PluginFailed    PluginStatus = "failed"    // it cannot be used; Problem says why
	PluginUnloading PluginStatus = "unloading" // it finishes its calls
)

// A PluginCapability is a thing that a plugin can be called for.
type PluginCapability string

// What plugins can do.
const (
	PluginHooks       PluginCapability = "hooks"
	PluginSubmit      PluginCapability = "submit" // reject a job, or rewrite its input
	PluginFunctions   PluginCapability = "functions"
	PluginDestination PluginCapability = "destination"
	PluginTransform   PluginCapability = "transform" // of a result
	PluginSource      PluginCapability = "source"
	PluginEvents      PluginCapability = "events"
)

// A HookPoint is a moment in the life of a job at which plugins are called.
type HookPoint string

// The hooks, in the order of a job's life.
const (
	HookBeforeValidation HookPoint = "beforeValidation" // a job is submitted
	HookAfterValidation  HookPoint = "afterValidation"  // its input fits the task
	HookBeforeExecution  HookPoint = "beforeExecution"  // an attempt is claimed
	HookAfterExecution   HookPoint = "afterExecution"   // an attempt ended, whichever way
	HookOnSuccess        HookPoint = "onSuccess"        // the job is completed
	HookOnFailure        HookPoint = "onFailure"        // the job has failed and is not tried again
)

// HookPoints returns every HookPoint.
func HookPoints() []HookPoint {
	return []HookPoint{
		HookBeforeValidation, HookAfterValidation, HookBeforeExecution,
		HookAfterExecution, HookOnSuccess, HookOnFailure,
	}
}

// A PluginHook is one that a plugin has.
type PluginHook struct {
	Point    HookPoint `json:"point"`
	Priority int       `json:"priority"`       // 0 to 1000; the lowest is called first
	Brief    bool      `json:"brief,omitzero"` // it is not given the documents
}

// The priorities of hooks that have names, and the default.
const (
	HookFirst   = 0
	HookHigh    = 100
	HookDefault = 500
	HookLow     = 900
	HookLast    = 1000
)

// A PluginFunction is one that tasks can call, as ratchet.plugins.NAME.FUNCTION.
type PluginFunction struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Input       json.RawMessage `json:"input,omitempty"`  // JSON Schema of its argument
	Output      json.RawMessage `json:"output,omitempty"` // JSON Schema of its value
}

// A PluginRequirement is another plugin that a plugin needs.
type PluginRequirement struct {
	Name     string `json:"name"`
	Version  string `json:"version,omitempty"` // a range such as ">=1.2 <2", "^1.2" or "~1.2.3"; empty is any
	Optional bool   `json:"optional,omitzero"` // if it is there it starts first
}

// PluginNeeds are what a plugin may touch outside of its own folder and its data.
type PluginNeeds struct {
	Network bool         `json:"network,omitzero"` // connections to others
	Listen  bool         `json:"listen,omitzero"`  // connections from others
	Files   []PluginFile `json:"files,omitempty"`
	Memory  Size         `json:"memory,omitzero"` // more than the default of 256 MB
}

// A PluginFile is a file or folder that a plugin may open.
type PluginFile struct {
	Path  string `json:"path"` // absolute
	Write bool   `json:"write,omitzero"`
}

// PluginSettings are what the operator set for a plugin; they are kept.
type PluginSettings struct {
	Enabled   bool            `json:"enabled"`
	Config    json.RawMessage `json:"config,omitempty"` // what its schema calls writeOnly is not shown
	Pin       string          `json:"pin,omitempty"`    // the checksum that the file must have
	Allowed   PluginNeeds     `json:"allowed"`          // the needs that were consented to
	OnError   PluginOnError   `json:"onError,omitempty"`
	Budget    Duration        `json:"budget,omitzero"`    // of one hook; default 1s
	Priority  *int            `json:"priority,omitempty"` // of all its hooks, in place of their own
	UpdatedAt time.Time       `json:"updatedAt,omitzero"`
}

// A PluginOnError says what becomes of a job when a plugin's hook fails or is over
// its budget. A hook that rejects a job has not failed.
type PluginOnError string

// What a failing hook does.
const (
	PluginIgnore PluginOnError = "ignore" // it is logged and counted; the default
	PluginFail   PluginOnError = "fail"   // the submit or the attempt fails
)

// PluginOnErrors returns every PluginOnError.
func PluginOnErrors() []PluginOnError { return []PluginOnError{PluginIgnore, PluginFail} }

// PluginCalls counts the calls of one operation of a plugin since the server
// started.
type PluginCalls struct {
	Operation string   `json:"operation"` // a hook, "submit", "function NAME", "destination", …
	Calls     int64    `json:"calls"`
	Failed    int64    `json:"failed,omitzero"`
	Rejected  int64    `json:"rejected,omitzero"` // jobs that it refused
	P50       Duration `json:"p50,omitzero"`
	P99       Duration `json:"p99,omitzero"`
	LastError string   `json:"lastError,omitempty"`
}

// PluginRequest enables a plugin, or changes how an enabled one is used; what is
// not given stays as it was.
type PluginRequest struct {
	Config   json.RawMessage `json:"config,omitempty"`
	Checksum string          `json:"checksum,omitempty"` // pin the file to it; default: to the one that is there
	Allow    *PluginNeeds    `json:"allow,omitempty"`    // consent; the manifest must not need more
	AllowAll bool            `json:"allowAll,omitzero"`  // consent to all that the manifest needs
	OnError  PluginOnError   `json:"onError,omitempty"`
	Budget   Duration        `json:"budget,omitzero"`
	Priority *int            `json:"priority,omitempty"`
}

// A PluginManifest is what a plugin says of itself, before anything else of it is
// run.
type PluginManifest struct {
	Name         string              `json:"name"`
	Version      string              `json:"version"` // semantic
	Description  string              `json:"description,omitempty"`
	Author       string              `json:"author,omitempty"`
	Homepage     string              `json:"homepage,omitempty"`
	License      string              `json:"license,omitempty"`
	Protocol     [2]int              `json:"protocol"` // the lowest and highest version it speaks
	ConfigSchema json.RawMessage     `json:"configSchema,omitempty"`
	Needs        PluginNeeds         `json:"needs"`
	Requires     []PluginRequirement `json:"requires,omitempty"`
	Hooks        []PluginHook        `json:"hooks,omitempty"`
	Submit       *PluginMiddleware   `json:"submit,omitempty"`
	Functions    []PluginFunction    `json:"functions,omitempty"`
	Destination  bool                `json:"destination,omitzero"`
	Transform    bool                `json:"transform,omitzero"`
	Source       bool                `json:"source,omitzero"`
	Events       *PluginSubscription `json:"events,omitempty"`
	Health       bool                `json:"health,omitzero"`
	Metrics      bool                `json:"metrics,omitzero"`
}

// A PluginMiddleware is a plugin's part in a submit.
type PluginMiddleware struct {
	Priority int `json:"priority"` // as of a hook
}

// A PluginSubscription is what a plugin follows of the stream of events.
type PluginSubscription struct {
	Types []string `json:"types,omitempty"` // default: all
	Tasks []string `json:"tasks,omitempty"` // names; default: all
}

// A PluginEvent is what a hook and a submit are told. It holds what is known at
// that point.
type PluginEvent struct {
	Hook        HookPoint       `json:"hook,omitempty"`
	Job         JobID           `json:"jobId,omitzero"`
	Task        string          `json:"task"`
	Version     string          `json:"version,omitempty"`
	Execution   ExecutionID     `json:"executionId,omitzero"`
	Attempt     int             `json:"attempt,omitzero"`
	MaxAttempts int             `json:"maxAttempts,omitzero"`
	Priority    Priority        `json:"priority,omitempty"`
	Tags        []string        `json:"tags,omitempty"`
	Schedule    ScheduleID      `json:"scheduleId,omitzero"`
	By          string          `json:"by,omitempty"` // whose key submitted the job
	State       ExecutionState  `json:"state,omitempty"`
	Duration    time.Duration   `json:"durationNs,omitzero"`
	Error       *Error          `json:"error,omitempty"`
	At          time.Time       `json:"at,omitzero"`
	Input       json.RawMessage `json:"-"` // travels beside the rest
	Output      json.RawMessage `json:"-"`
}

// A PluginRecord is what is kept of a plugin that the operator has set: its
// settings, without the configuration, which is sealed.
type PluginRecord struct {
	Name string
	PluginSettings
	Sealed []byte // the configuration; empty if there is none
}

// PluginContext is what the sealed configuration of a plugin is bound to.
func PluginContext(name string) []byte { return []byte("plugin\x00" + name) }

// maxPluginName is the greatest length of a plugin's name.
const maxPluginName = 64

// ValidPluginName reports whether name can be that of a plugin: lower-case letters,
// digits and single hyphens between them, beginning with a letter.
func ValidPluginName(name string) bool {
	if name == "" || len(name) > maxPluginName || name[0] < 'a' || name[0] > 'z' || name[len(name)-1] == '-' {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case c == '-' && name[i-1] != '-':
		default:
			return false
		}
	}
	return true
}
