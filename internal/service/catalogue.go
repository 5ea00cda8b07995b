package service

import (
	"context"
	"reflect"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

// An Operation describes one thing that Ratchet can do, for every surface.
type Operation struct {
	Name        string // "jobs.submit"
	Method      string // of HTTP
	Path        string // below /api/v1, with {parameters}
	Summary     string // one line
	Description string
	Effect      Effect
	Scope       ratchet.Scope // who may; an operation without one cannot be called
	Status      int           // of HTTP on success; 0 means 200
}

// Tag is the noun of the operation.
func (o Operation) Tag() string {
	noun, _, _ := strings.Cut(o.Name, ".")
	return noun
}

// An Effect is what an operation does to what is kept.
type Effect string

// The effects.
const (
	Read        Effect = "read"
	Write       Effect = "write"
	Destructive Effect = "destructive" // takes away what cannot be had again
)

// An Op is an operation that can be called. There is no other way to it than
// Call, which asks the policy first, and counts.
type Op[In, Out any] struct {
	Operation
	do   func(context.Context, In) (Out, error)
	gate gate
}

// A gate decides whether the principal in ctx may do o, before it is done, and
// returns what to call afterwards.
type gate func(ctx context.Context, o Operation) (done func(error), err error)

// Call does the operation.
func (o Op[In, Out]) Call(ctx context.Context, in In) (out Out, err error) {
	done, err := o.gate(ctx, o.Operation)
	if err != nil {
		return out, err
	}
	out, err = o.do(ctx, in)
	done(err)
	return shown(out), err
}

func (o Op[In, Out]) operation() Operation { return o.Operation }

// None is the input or output of an operation that has none.
type None struct{}

// A Catalogue is everything that Ratchet can do.
type Catalogue struct {
	ListTasks    Op[ratchet.Query, ratchet.Page[ratchet.Task]]
	RegisterTask Op[RegisterTask, *ratchet.Registered]
	GetTask      Op[TaskRef, *ratchet.TaskDetail]
	UpdateTask   Op[UpdateTask, *ratchet.Task]
	DeleteTask   Op[TaskRef, None]
	PurgeTask    Op[TaskRef, None]
	EnableTask   Op[TaskRef, *ratchet.Task]
	DisableTask  Op[TaskRef, *ratchet.Task]
	PauseTask    Op[TaskRef, *ratchet.Task]
	ResumeTask   Op[TaskRef, *ratchet.Task]
	ListVersions Op[TaskRef, []ratchet.Version]
	GetVersion   Op[VersionRef, *ratchet.Version]
	RunTask      Op[RunTask, *Result]
	ListEnv      Op[TaskRef, []ratchet.EnvVar]
	SetEnv       Op[SetEnv, []ratchet.EnvVar]
	UnsetEnv     Op[EnvRef, None]

	ListJobs   Op[ratchet.Query, ratchet.Page[ratchet.Job]]
	SubmitJob  Op[ratchet.JobRequest, *ratchet.Job]
	SubmitJobs Op[SubmitJobs, []ratchet.Job]
	GetJob     Op[GetJob, *Result]
	CancelJob  Op[JobRef, *ratchet.Job]
	RetryJob   Op[JobRef, *ratchet.Job]
	CancelJobs Op[BulkJobs, *ratchet.BulkResult]
	RetryJobs  Op[BulkJobs, *ratchet.BulkResult]
	ExplainJob Op[JobRef, *ratchet.Explanation]

	ListExecutions Op[ratchet.Query, ratchet.Page[ratchet.Execution]]
	GetExecution   Op[ExecutionRef, *ratchet.Execution]
	ListLogs       Op[ListLogs, *LogPage]
	WatchEvents    Op[stream.Filter, *stream.Subscription]

	ListSchedules   Op[ratchet.Query, ratchet.Page[ratchet.Schedule]]
	CreateSchedule  Op[ratchet.ScheduleRequest, *ratchet.Schedule]
	GetSchedule     Op[ScheduleRef, *ratchet.Schedule]
	UpdateSchedule  Op[UpdateSchedule, *ratchet.Schedule]
	DeleteSchedule  Op[ScheduleRef, None]
	EnableSchedule  Op[ScheduleRef, *ratchet.Schedule]
	DisableSchedule Op[ScheduleRef, *ratchet.Schedule]
	TriggerSchedule Op[ScheduleRef, *ratchet.Job]
	NextRuns        Op[NextRuns, []time.Time]
	PreviewSchedule Op[ratchet.RuleRequest, []time.Time]

	ListDeliveries   Op[ratchet.Query, ratchet.Page[ratchet.Delivery]]
	GetDelivery      Op[DeliveryRef, *ratchet.Delivery]
	Redeliver        Op[DeliveryRef, *ratchet.Delivery]
	RedeliverMany    Op[BulkDeliveries, *ratchet.BulkResult]
	TestDestinations Op[ratchet.DestinationTestRequest, []ratchet.DestinationTest]

	ListHooks  Op[TaskRef, []ratchet.Hook]
	CreateHook Op[CreateHook, *ratchet.CreatedHook]
	UpdateHook Op[UpdateHook, *ratchet.Hook]
	RotateHook Op[HookRef, *ratchet.CreatedHook]
	DeleteHook Op[HookRef, None]

	ListWorkers  Op[None, []ratchet.Worker]
	ListNodes    Op[None, []ratchet.Node]
	ListBreakers Op[None, []ratchet.Breaker]
	ListEngines  Op[None, []ratchet.EngineInfo]
	ListCaches   Op[None, []ratchet.Cache]
	PurgeCache   Op[CacheRef, None]
	GetStats     Op[None, *ratchet.Stats]
	PauseAll     Op[None, *ratchet.Stats]
	ResumeAll    Op[None, *ratchet.Stats]

	ListPlugins   Op[None, []ratchet.Plugin]
	GetPlugin     Op[PluginRef, *ratchet.Plugin]
	EnablePlugin  Op[EnablePlugin, *ratchet.Plugin]
	DisablePlugin Op[PluginRef, *ratchet.Plugin]
	ReloadPlugin  Op[PluginRef, *ratchet.Plugin]

	ListKeys  Op[ratchet.Query, ratchet.Page[ratchet.Key]]
	CreateKey Op[ratchet.KeyRequest, *ratchet.CreatedKey]
	RevokeKey Op[KeyRef, *ratchet.Key]
}

// Operations lists the catalogue, in the order of its fields.
func (c *Catalogue) Operations() []Operation {
	v := reflect.ValueOf(c).Elem()
	all := make([]Operation, v.NumField())
	for i := range all {
		all[i] = v.Field(i).Interface().(interface{ operation() Operation }).operation()
	}
	return all
}

// A TaskRef names a task by ID, name or alias.
type TaskRef struct{ Task string }

// RegisterTask is a task to be kept, as a zip.
type RegisterTask struct {
	Archive []byte
	// Replace lets another content take a semantic version that is in use.
	Replace bool
}

// UpdateTask changes what is not nil.
type UpdateTask struct {
	Task    string
	Enabled *bool `json:"enabled,omitempty"`
	Paused  *bool `json:"paused,omitempty"`
}

// A VersionRef names a version of a task by semantic version, digest or ID.
type VersionRef struct{ Task, Version string }

// RunTask submits a job and waits for its result.
type RunTask struct {
	ratchet.JobRequest
	Wait time.Duration // at most MaxWait
}

// Bounds of waiting for a result.
const (
	DefaultWait = 30 * time.Second
	MaxWait     = 10 * time.Minute
)

// A Result is a job, and whether it is finished.
type Result struct {
	Job  ratchet.Job
	Done bool
}

// SetEnv gives values to variables of a task's environment.
type SetEnv struct {
	Task   string
	Values map[string]string
}

// An EnvRef names a variable.
type EnvRef struct{ Task, Name string }

// SubmitJobs asks for up to ratchet.MaxBatch jobs, all or none.
type SubmitJobs struct {
	Jobs []ratchet.JobRequest `json:"jobs"`
}

// GetJob asks for a job, once it is finished or the time is up.
type GetJob struct {
	ID   ratchet.JobID
	Wait time.Duration
}

// A JobRef names a job.
type JobRef struct{ ID ratchet.JobID }

// BulkJobs names the jobs that pass all filters, the oldest first.
type BulkJobs struct {
	Filters []ratchet.Filter
	Limit   int  // at most 10,000, which is the default
	DryRun  bool // only count
}

// An ExecutionRef names an execution.
type ExecutionRef struct{ ID ratchet.ExecutionID }

// ListLogs asks for the log lines of an execution.
type ListLogs struct {
	ID     ratchet.ExecutionID
	Level  ratchet.LogLevel // at least
	Offset int
	Limit  int // default 1,000
}

// A LogPage is a part of an execution's log.
type LogPage struct {
	Lines  []ratchet.LogEntry
	Offset int
	Total  int
	// Running says that there may be more.
	Running bool
}

// A ScheduleRef names a schedule by ID or name.
type ScheduleRef struct{ Schedule string }

// UpdateSchedule changes a schedule.
type UpdateSchedule struct {
	Schedule string
	IfMatch  time.Time // UpdatedAt as the caller saw it; zero: whatever it is
	ratchet.SchedulePatch
}

// NextRuns asks when a schedule runs next.
type NextRuns struct {
	Schedule string
	Count    int // at most 100; default 10
}

// A DeliveryRef names a delivery.
type DeliveryRef struct{ ID ratchet.DeliveryID }

// BulkDeliveries names the deliveries that pass all filters, the oldest first.
type BulkDeliveries struct {
	Filters []ratchet.Filter
	Limit   int  // at most 10,000, which is the default
	DryRun  bool // only count
}

// CreateHook asks for a hook of a task.
type CreateHook struct {
	Task string
	ratchet.HookRequest
}

// UpdateHook changes what is not nil.
type UpdateHook struct {
	ID ratchet.HookID
	ratchet.HookPatch
}

// A HookRef names a hook.
type HookRef struct{ ID ratchet.HookID }

// A PluginRef names a plugin.
type PluginRef struct{ Plugin string }

// EnablePlugin has a plugin used, or changes how it is.
type EnablePlugin struct {
	Plugin string
	ratchet.PluginRequest
}

// A KeyRef names a key.
type KeyRef struct{ ID ratchet.KeyID }
