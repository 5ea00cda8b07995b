package graphql

import (
	"context"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/graphql/schema"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// Tasks lists tasks.
func (r query) Tasks(ctx context.Context, filters schema.TaskFilters, sort []ratchet.Sort, limit, offset *int, after *string) (l schema.TaskList, err error) {
	q, err := pageQuery(ctx, filters, sort, limit, offset, after)
	if err != nil {
		return l, err
	}
	p, err := r.svc.ListTasks.Call(ctx, q)
	l.Items, l.Meta = each(p.Items, asTask), schema.MetaOf(q, p)
	return l, err
}

// Task finds a task.
func (r query) Task(ctx context.Context, id string) (*schema.Task, error) {
	t, err := r.svc.GetTask.Call(ctx, service.TaskRef{Task: id})
	return orNil(t, err, func(t *ratchet.TaskDetail) schema.Task { return asTask(&t.Task) })
}

// Version finds a version.
func (r query) Version(ctx context.Context, taskID, version string) (*schema.Version, error) {
	v, err := r.svc.GetVersion.Call(ctx, service.VersionRef{Task: taskID, Version: version})
	return orNil(v, err, asVersion)
}

// Env lists the variables of a task.
func (r query) Env(ctx context.Context, taskID string) ([]ratchet.EnvVar, error) {
	return r.svc.ListEnv.Call(ctx, service.TaskRef{Task: taskID})
}

// Jobs lists jobs.
func (r query) Jobs(ctx context.Context, filters schema.JobFilters, sort []ratchet.Sort, limit, offset *int, after *string) (l schema.JobList, err error) {
	q, err := pageQuery(ctx, filters, sort, limit, offset, after)
	if err != nil {
		return l, err
	}
	p, err := r.svc.ListJobs.Call(ctx, q)
	loadersOf(ctx).sawJobs(p.Items...)
	l.Items, l.Meta = each(p.Items, asJob), schema.MetaOf(q, p)
	return l, err
}

// Job finds a job, and waits for it.
func (r query) Job(ctx context.Context, id string, wait *ratchet.Duration) (*schema.Job, error) {
	job, err := ratchet.ParseID[ratchet.Job](id)
	if err != nil {
		return nil, at(ctx, "id", err)
	}
	out, err := r.svc.GetJob.Call(ctx, service.GetJob{ID: job, Wait: time.Duration(value(wait))})
	return orNil(out, err, func(out *service.Result) schema.Job { return asJob(&out.Job) })
}

// ExplainJob says why a job is as it is.
func (r query) ExplainJob(ctx context.Context, id string) (e schema.Explanation, err error) {
	job, err := ratchet.ParseID[ratchet.Job](id)
	if err != nil {
		return e, at(ctx, "id", err)
	}
	out, err := r.svc.ExplainJob.Call(ctx, service.JobRef{ID: job})
	return the(out, err, func(e *ratchet.Explanation) schema.Explanation { return schema.Explanation{Explanation: e} })
}

// Executions lists executions.
func (r query) Executions(ctx context.Context, filters schema.ExecutionFilters, sort []ratchet.Sort, limit, offset *int, after *string) (l schema.ExecutionList, err error) {
	q, err := pageQuery(ctx, filters, sort, limit, offset, after)
	if err != nil {
		return l, err
	}
	p, err := r.svc.ListExecutions.Call(ctx, q)
	loadersOf(ctx).sawExecutions(p.Items...)
	l.Items, l.Meta = each(p.Items, listed), schema.MetaOf(q, p)
	return l, err
}

// Execution finds an execution.
func (r query) Execution(ctx context.Context, id string) (*schema.Execution, error) {
	execution, err := ratchet.ParseID[ratchet.Execution](id)
	if err != nil {
		return nil, at(ctx, "id", err)
	}
	e, err := r.svc.GetExecution.Call(ctx, service.ExecutionRef{ID: execution})
	return orNil(e, err, whole)
}

// Logs lists what an execution logged.
func (r query) Logs(ctx context.Context, executionID string, level *ratchet.LogLevel, offset, limit *int) (p service.LogPage, err error) {
	id, err := ratchet.ParseID[ratchet.Execution](executionID)
	if err != nil {
		return p, at(ctx, "executionId", err)
	}
	return r.logs(ctx, id, level, offset, limit)
}

func (r *resolvers) logs(ctx context.Context, id ratchet.ExecutionID, level *ratchet.LogLevel, offset, limit *int) (p service.LogPage, err error) {
	out, err := r.svc.ListLogs.Call(ctx, service.ListLogs{ID: id, Level: value(level), Offset: value(offset), Limit: value(limit)})
	if err != nil {
		return p, err
	}
	return *out, nil
}

// Schedules lists schedules.
func (r query) Schedules(ctx context.Context, filters schema.ScheduleFilters, sort []ratchet.Sort, limit, offset *int, after *string) (l schema.ScheduleList, err error) {
	q, err := pageQuery(ctx, filters, sort, limit, offset, after)
	if err != nil {
		return l, err
	}
	p, err := r.svc.ListSchedules.Call(ctx, q)
	loadersOf(ctx).sawSchedules(p.Items...)
	l.Items, l.Meta = each(p.Items, asSchedule), schema.MetaOf(q, p)
	return l, err
}

// Schedule finds a schedule.
func (r query) Schedule(ctx context.Context, id string) (*schema.Schedule, error) {
	s, err := r.svc.GetSchedule.Call(ctx, service.ScheduleRef{Schedule: id})
	return orNil(s, err, asSchedule)
}

// NextRuns lists when a schedule runs.
func (r query) NextRuns(ctx context.Context, scheduleID string, count *int) ([]time.Time, error) {
	return r.svc.NextRuns.Call(ctx, service.NextRuns{Schedule: scheduleID, Count: value(count)})
}

// PreviewSchedule lists when a rule would run.
func (r query) PreviewSchedule(ctx context.Context, input ratchet.RuleRequest) ([]time.Time, error) {
	return r.svc.PreviewSchedule.Call(ctx, input)
}

// Workers lists workers.
func (r query) Workers(ctx context.Context) ([]schema.Worker, error) {
	all, err := r.svc.ListWorkers.Call(ctx, service.None{})
	return each(all, func(w *ratchet.Worker) schema.Worker { return schema.Worker{Worker: *w} }), err
}

// Nodes lists nodes.
func (r query) Nodes(ctx context.Context) ([]schema.Node, error) {
	all, err := r.svc.ListNodes.Call(ctx, service.None{})
	return each(all, func(n *ratchet.Node) schema.Node { return schema.Node{Node: *n} }), err
}

// Breakers lists circuit breakers.
func (r query) Breakers(ctx context.Context) ([]ratchet.Breaker, error) {
	return r.svc.ListBreakers.Call(ctx, service.None{})
}

// Engines lists engines.
func (r query) Engines(ctx context.Context) ([]ratchet.EngineInfo, error) {
	return r.svc.ListEngines.Call(ctx, service.None{})
}

// Caches lists caches.
func (r query) Caches(ctx context.Context) ([]ratchet.Cache, error) {
	return r.svc.ListCaches.Call(ctx, service.None{})
}

// Stats counts everything.
func (r query) Stats(ctx context.Context) (schema.Stats, error) {
	s, err := r.svc.GetStats.Call(ctx, service.None{})
	return the(s, err, asStats)
}

// JobStats counts jobs.
func (r query) JobStats(ctx context.Context) (schema.JobStats, error) {
	s, err := r.svc.GetStats.Call(ctx, service.None{})
	return the(s, err, func(s *ratchet.Stats) schema.JobStats { return schema.JobStats{Stats: s} })
}

// TaskStats counts tasks.
func (r query) TaskStats(ctx context.Context) (out schema.TaskStats, err error) {
	s, err := r.svc.GetStats.Call(ctx, service.None{})
	if err != nil {
		return out, err
	}
	enabled, err := r.svc.ListTasks.Call(ctx, ratchet.Query{Limit: 1, Filters: []ratchet.Filter{{Field: "enabled", Values: []string{"true"}}}})
	if err != nil {
		return out, err
	}
	out.TotalTasks = s.Tasks
	if n := enabled.Total; n >= 0 {
		rest := max(s.Tasks-n, 0)
		out.EnabledTasks, out.DisabledTasks = &n, &rest
	}
	return out, nil
}

// Health says how the server is.
func (r query) Health(ctx context.Context) (Health, error) {
	if r.health == nil {
		return Health{}, ratchet.Errorf(ratchet.ReasonServiceUnavailable, "nothing is known of how the server is")
	}
	return r.health(ctx), nil
}

// Keys lists keys.
func (r query) Keys(ctx context.Context, filters schema.KeyFilters, sort []ratchet.Sort, limit, offset *int, after *string) (l schema.KeyList, err error) {
	q, err := pageQuery(ctx, filters, sort, limit, offset, after)
	if err != nil {
		return l, err
	}
	p, err := r.svc.ListKeys.Call(ctx, q)
	l.Items, l.Meta = each(p.Items, asKey), schema.MetaOf(q, p)
	return l, err
}
