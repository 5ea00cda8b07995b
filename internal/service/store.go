package service

import (
	"context"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// Errors of a store are *ratchet.Error where a user can do something about them
// (not found, conflict, …), wrapped in what was being done.

// TaskStore keeps tasks and their versions. A ref is a task's ID, name or alias.
type TaskStore interface {
	// PutVersion keeps a version, and the task if it is new; created is false if
	// the same content was there. Another content under a semantic version in use
	// is a conflict.
	PutVersion(ctx context.Context, v ratchet.NewVersion) (task *ratchet.Task, created bool, err error)
	Task(ctx context.Context, ref string) (*ratchet.Task, error)
	Tasks(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Task], error)
	// Versions are a task's, newest first; Version is one of them by digest (or a
	// unique beginning of it), semantic version or ID; "" is the newest.
	Versions(ctx context.Context, task ratchet.TaskID) ([]ratchet.Version, error)
	Version(ctx context.Context, task ratchet.TaskID, ref string) (*ratchet.Version, error)
	Archive(ctx context.Context, digest string) ([]byte, error)
	ChangeTask(ctx context.Context, task ratchet.TaskID, c ratchet.TaskChange) (*ratchet.Task, error)
	// PurgeTask notes that results of the task that were made so far are not good any
	// more; of all tasks, if it is zero.
	PurgeTask(ctx context.Context, task ratchet.TaskID) error
	// DeleteTask removes a task that has no unfinished jobs; else a conflict.
	DeleteTask(ctx context.Context, task ratchet.TaskID) error
}

// EnvStore keeps the sealed values of tasks' environments.
type EnvStore interface {
	Env(ctx context.Context, task ratchet.TaskID) ([]EnvVar, error)
	SetEnv(ctx context.Context, task ratchet.TaskID, sealed map[string][]byte) error
	UnsetEnv(ctx context.Context, task ratchet.TaskID, name string) error
}

// JobStore keeps jobs and executions.
type JobStore interface {
	// Submit accepts all or none. Where a job with the idempotency key and the
	// fingerprint is there already, it is returned in place of the new one;
	// another fingerprint is a conflict.
	Submit(ctx context.Context, jobs []ratchet.Submission) ([]ratchet.Job, error)
	Job(ctx context.Context, id ratchet.JobID) (*ratchet.Job, error)
	Jobs(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Job], error)
	// Cancel ends a waiting job; a running one is marked, and its node told.
	Cancel(ctx context.Context, id ratchet.JobID) (*ratchet.Job, error)
	// Hasten lets a scheduled or retrying job start now.
	Hasten(ctx context.Context, id ratchet.JobID) (*ratchet.Job, error)
	Execution(ctx context.Context, id ratchet.ExecutionID) (*ratchet.Execution, error)
	Executions(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Execution], error)
	// Holders are the running jobs that hold places of a gate.
	Holders(ctx context.Context, key string) ([]ratchet.Job, error)
	// Waiting counts jobs that have not begun, up to limit.
	Waiting(ctx context.Context, limit int) (int, error)
	// SetPaused stops or resumes all starts.
	SetPaused(ctx context.Context, paused bool) error
	Stats(ctx context.Context) (*ratchet.Stats, error)
}

// ScheduleStore keeps schedules.
type ScheduleStore interface {
	Schedule(ctx context.Context, ref string) (*ratchet.Schedule, error) // by ID or name
	Schedules(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Schedule], error)
	CreateSchedule(ctx context.Context, s *ratchet.Schedule) error
	// UpdateSchedule writes s if it was last updated at the time given; else a
	// conflict.
	UpdateSchedule(ctx context.Context, s *ratchet.Schedule, updatedAt time.Time) error
	DeleteSchedule(ctx context.Context, id ratchet.ScheduleID) error
}

// DeliveryStore keeps what became of results on their way to destinations.
type DeliveryStore interface {
	// Delivery is one with its receipts.
	Delivery(ctx context.Context, id ratchet.DeliveryID) (*ratchet.Delivery, error)
	Deliveries(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Delivery], error)
	// Redeliver has a delivery attempted now that was delivered, has failed or
	// waits, and lifts the disabling of its target; one that is being sent is a
	// conflict.
	Redeliver(ctx context.Context, id ratchet.DeliveryID) (*ratchet.Delivery, error)
}

// HookStore keeps hooks.
type HookStore interface {
	// Hooks are a task's, by name.
	Hooks(ctx context.Context, task ratchet.TaskID) ([]ratchet.Hook, error)
	Hook(ctx context.Context, id ratchet.HookID) (*ratchet.Hook, error)
	HookByToken(ctx context.Context, tokenHash []byte) (*ratchet.HookKey, error)
	// CreateHook keeps a hook; another of the task with its name is a conflict.
	CreateHook(ctx context.Context, h *ratchet.HookKey) error
	UpdateHook(ctx context.Context, id ratchet.HookID, p ratchet.HookPatch) (*ratchet.Hook, error)
	// RotateHook gives a hook another secret; the one it has is its old one then.
	RotateHook(ctx context.Context, id ratchet.HookID, secret []byte, oldUntil time.Time) (*ratchet.Hook, error)
	DeleteHook(ctx context.Context, id ratchet.HookID) error
	// HookUsed counts calls that were accepted, the last of them at the time.
	HookUsed(ctx context.Context, id ratchet.HookID, calls int64, at time.Time) error
}

// ClusterStore knows the nodes, and the keys.
type ClusterStore interface {
	Nodes(ctx context.Context) ([]ratchet.Node, error)
	Keys(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Key], error)
	CreateKey(ctx context.Context, k *ratchet.Key, hash []byte) error
	RevokeKey(ctx context.Context, id ratchet.KeyID) (*ratchet.Key, error)
	Ping(ctx context.Context) error
}

// A Store keeps everything.
type Store interface {
	TaskStore
	EnvStore
	JobStore
	ScheduleStore
	DeliveryStore
	HookStore
	ClusterStore
	PluginStore
}

// An EnvVar is a variable of a task's environment. Its value is write-only.
type EnvVar = ratchet.EnvVar
