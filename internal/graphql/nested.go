package graphql

import (
	"context"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/graphql/schema"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// maxLast is how many of the newest things of another are answered with.
const maxLast = 100

// LatestVersion is the newest version of a task.
func (r ofTask) LatestVersion(ctx context.Context, t *schema.Task) (*schema.Version, error) {
	if t.VersionDigest == "" {
		return nil, nil //nolint:nilnil // null is the answer
	}
	v, err := r.svc.GetVersion.Call(ctx, service.VersionRef{Task: t.Task.ID.String(), Version: t.VersionDigest})
	return orNil(v, err, asVersion)
}

// Versions are those of a task.
func (r ofTask) Versions(ctx context.Context, t *schema.Task) ([]schema.Version, error) {
	all, err := r.svc.ListVersions.Call(ctx, service.TaskRef{Task: t.Task.ID.String()})
	return each(all, asVersion), err
}

// Env are the variables of a task.
func (r ofTask) Env(ctx context.Context, t *schema.Task) ([]ratchet.EnvVar, error) {
	return r.svc.ListEnv.Call(ctx, service.TaskRef{Task: t.Task.ID.String()})
}

// Jobs are the last of a task.
func (r ofTask) Jobs(ctx context.Context, t *schema.Task, last *int) ([]schema.Job, error) {
	limit, err := within(ctx, "last", last, ratchet.DefaultLimit, maxLast)
	if err != nil {
		return nil, err
	}
	p, err := r.svc.ListJobs.Call(ctx, ratchet.Query{Limit: limit, Uncounted: true, Filters: []ratchet.Filter{{Field: "taskId", Values: []string{t.Task.ID.String()}}}})
	loadersOf(ctx).sawJobs(p.Items...)
	return each(p.Items, asJob), err
}

// Task is what the job runs.
func (r ofJob) Task(ctx context.Context, j *schema.Job) (*schema.Task, error) {
	t, err := loadersOf(ctx).tasks.load(ctx, j.Job.TaskID)
	return orNil(t, err, asTask)
}

// Version is what the job runs.
func (r ofJob) Version(ctx context.Context, j *schema.Job) (*schema.Version, error) {
	v, err := r.svc.GetVersion.Call(ctx, service.VersionRef{Task: j.Job.TaskID.String(), Version: j.VersionDigest})
	return orNil(v, err, asVersion)
}

// Schedule is what submitted the job.
func (r ofJob) Schedule(ctx context.Context, j *schema.Job) (*schema.Schedule, error) {
	if j.Job.Schedule.IsZero() {
		return nil, nil //nolint:nilnil // null is the answer
	}
	s, err := loadersOf(ctx).schedules.load(ctx, j.Job.Schedule)
	return orNil(s, err, asSchedule)
}

// Executions are the last of a job.
func (r ofJob) Executions(ctx context.Context, j *schema.Job, last *int) ([]schema.Execution, error) {
	n, err := within(ctx, "last", last, maxLast, maxLast)
	if err != nil {
		return nil, err
	}
	loadersOf(ctx).sawJobs(*j.Job)
	all, err := loadersOf(ctx).executionsOf(ctx, j.Job.ID, n)
	return each(all, listed), err
}

// Job is what the execution attempts.
func (r ofExecution) Job(ctx context.Context, e *schema.Execution) (*schema.Job, error) {
	return r.job(ctx, e.Execution.Job)
}

func (r *resolvers) job(ctx context.Context, id ratchet.JobID) (*schema.Job, error) {
	if id.IsZero() {
		return nil, nil //nolint:nilnil // null is the answer
	}
	j, err := loadersOf(ctx).jobs.load(ctx, id)
	return orNil(j, err, asJob)
}

// Task is what the execution runs.
func (r ofExecution) Task(ctx context.Context, e *schema.Execution) (*schema.Task, error) {
	t, err := loadersOf(ctx).named.load(ctx, e.Execution.Task)
	return orNil(t, err, asTask)
}

// Logs are what the execution logged.
func (r ofExecution) Logs(ctx context.Context, e *schema.Execution, level *ratchet.LogLevel, offset, limit *int) (service.LogPage, error) {
	return r.logs(ctx, e.Execution.ID, level, offset, limit)
}

// Fetches are the requests that the execution made.
func (r ofExecution) Fetches(ctx context.Context, e *schema.Execution) ([]ratchet.Fetch, error) {
	if e.Whole {
		return e.Execution.Fetches, nil
	}
	all, err := r.svc.GetExecution.Call(ctx, service.ExecutionRef{ID: e.Execution.ID})
	if err != nil {
		return nil, err
	}
	return all.Fetches, nil
}

// Task is what the schedule runs.
func (r ofSchedule) Task(ctx context.Context, s *schema.Schedule) (*schema.Task, error) {
	t, err := loadersOf(ctx).tasks.load(ctx, s.Schedule.TaskID)
	return orNil(t, err, asTask)
}

// LastJob is what the schedule submitted last.
func (r ofSchedule) LastJob(ctx context.Context, s *schema.Schedule) (*schema.Job, error) {
	return r.job(ctx, s.Schedule.LastJob)
}

// NextRuns are when the schedule runs.
func (r ofSchedule) NextRuns(ctx context.Context, s *schema.Schedule, count *int) ([]time.Time, error) {
	return r.svc.NextRuns.Call(ctx, service.NextRuns{Schedule: s.Schedule.ID.String(), Count: value(count)})
}

// Job is what the event is of.
func (r ofEvent) Job(ctx context.Context, e *schema.Event) (*schema.Job, error) {
	return r.job(ctx, e.Event.Job)
}
