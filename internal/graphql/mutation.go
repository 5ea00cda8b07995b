package graphql

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/graphql/schema"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// RegisterTask keeps a task.
func (r mutation) RegisterTask(ctx context.Context, input schema.RegisterTaskInput) (out schema.RegisteredTask, err error) {
	in := service.RegisterTask{Replace: value(input.Replace)}
	switch {
	case (input.File == nil) == (input.Archive == nil):
		return out, at(ctx, "input", ratchet.Errorf(ratchet.ReasonValidation, "one of file and archive is needed: the zip of a task's folder"))
	case input.File != nil:
		in.Archive = input.File.Data
	default:
		if in.Archive, err = schema.Base64(*input.Archive); err != nil {
			return out, at(ctx, "input", &schema.FieldError{Field: "archive", Err: err})
		}
	}
	t, err := r.svc.RegisterTask.Call(ctx, in)
	return the(t, err, func(t *ratchet.Registered) schema.RegisteredTask {
		return schema.RegisteredTask{Task: asTask(&t.Task), Created: t.Created, Warnings: t.Warnings}
	})
}

// UpdateTask changes a task.
func (r mutation) UpdateTask(ctx context.Context, id string, input schema.UpdateTaskInput) (schema.Task, error) {
	t, err := r.svc.UpdateTask.Call(ctx, service.UpdateTask{Task: id, Enabled: input.Enabled, Paused: input.Paused})
	return the(t, err, asTask)
}

// DeleteTask deletes a task.
func (r mutation) DeleteTask(ctx context.Context, id string) (bool, error) {
	_, err := r.svc.DeleteTask.Call(ctx, service.TaskRef{Task: id})
	return err == nil, err
}

// EnableTask enables a task.
func (r mutation) EnableTask(ctx context.Context, id string) (schema.Task, error) {
	t, err := r.svc.EnableTask.Call(ctx, service.TaskRef{Task: id})
	return the(t, err, asTask)
}

// DisableTask disables a task.
func (r mutation) DisableTask(ctx context.Context, id string) (schema.Task, error) {
	t, err := r.svc.DisableTask.Call(ctx, service.TaskRef{Task: id})
	return the(t, err, asTask)
}

// PauseTask pauses a task.
func (r mutation) PauseTask(ctx context.Context, id string) (schema.Task, error) {
	t, err := r.svc.PauseTask.Call(ctx, service.TaskRef{Task: id})
	return the(t, err, asTask)
}

// ResumeTask resumes a task.
func (r mutation) ResumeTask(ctx context.Context, id string) (schema.Task, error) {
	t, err := r.svc.ResumeTask.Call(ctx, service.TaskRef{Task: id})
	return the(t, err, asTask)
}

// PurgeTask forgets the results of a task.
func (r mutation) PurgeTask(ctx context.Context, id string) (bool, error) {
	_, err := r.svc.PurgeTask.Call(ctx, service.TaskRef{Task: id})
	return err == nil, err
}

// PurgeCache forgets what a cache holds.
func (r mutation) PurgeCache(ctx context.Context, name string) (bool, error) {
	_, err := r.svc.PurgeCache.Call(ctx, service.CacheRef{Name: name})
	return err == nil, err
}

// SetEnv gives values to variables.
func (r mutation) SetEnv(ctx context.Context, taskID string, values []schema.EnvValueInput) ([]ratchet.EnvVar, error) {
	in := service.SetEnv{Task: taskID, Values: map[string]string{}}
	for _, v := range values {
		if _, twice := in.Values[v.Name]; twice {
			return nil, at(ctx, "values", ratchet.Errorf(ratchet.ReasonValidation, "the variable %q is there twice", shorten(v.Name)))
		}
		in.Values[v.Name] = v.Value
	}
	return r.svc.SetEnv.Call(ctx, in)
}

// UnsetEnv forgets the value of a variable.
func (r mutation) UnsetEnv(ctx context.Context, taskID, name string) (bool, error) {
	_, err := r.svc.UnsetEnv.Call(ctx, service.EnvRef{Task: taskID, Name: name})
	return err == nil, err
}

// ExecuteTask submits a job.
func (r mutation) ExecuteTask(ctx context.Context, input ratchet.JobRequest) (schema.Job, error) {
	j, err := r.svc.SubmitJob.Call(ctx, input)
	return the(j, err, asJob)
}

// ExecuteTasks submits jobs.
func (r mutation) ExecuteTasks(ctx context.Context, inputs []ratchet.JobRequest) ([]schema.Job, error) {
	jobs, err := r.svc.SubmitJobs.Call(ctx, service.SubmitJobs{Jobs: inputs})
	loadersOf(ctx).sawJobs(jobs...)
	return each(jobs, asJob), err
}

// ExecuteTaskDirect runs a task and waits for its result.
func (r mutation) ExecuteTaskDirect(ctx context.Context, taskID string, inputData json.RawMessage, wait *ratchet.Duration, options *ratchet.JobRequest) (schema.TaskExecutionResult, error) {
	in := service.RunTask{JobRequest: value(options), Wait: service.DefaultWait}
	in.Task, in.Input = taskID, inputData
	if wait != nil {
		in.Wait = time.Duration(*wait)
	}
	out, err := r.svc.RunTask.Call(ctx, in)
	return the(out, err, func(out *service.Result) schema.TaskExecutionResult { return schema.TaskExecutionResult{Result: out} })
}

// onJob does to a job what the operation does.
func onJob(ctx context.Context, id string, op service.Op[service.JobRef, *ratchet.Job]) (out schema.Job, err error) {
	job, err := ratchet.ParseID[ratchet.Job](id)
	if err != nil {
		return out, at(ctx, "id", err)
	}
	j, err := op.Call(ctx, service.JobRef{ID: job})
	return the(j, err, asJob)
}

// CancelJob cancels a job.
func (r mutation) CancelJob(ctx context.Context, id string) (schema.Job, error) {
	return onJob(ctx, id, r.svc.CancelJob)
}

// RetryJob repeats a job.
func (r mutation) RetryJob(ctx context.Context, id string) (schema.Job, error) {
	return onJob(ctx, id, r.svc.RetryJob)
}

// onJobs does to many jobs what the operation does.
func onJobs(ctx context.Context, filters schema.JobFilters, limit *int, dryRun *bool, op service.Op[service.BulkJobs, *ratchet.BulkResult]) (out ratchet.BulkResult, err error) {
	if len(filters) == 0 {
		return out, at(ctx, "filters", ratchet.Errorf(ratchet.ReasonValidation, "there is no filter: give at least one, such as {status: FAILED}"))
	}
	if limit != nil && *limit < 1 {
		return out, at(ctx, "limit", ratchet.Errorf(ratchet.ReasonValidation, "the limit %d is out of bounds: want 1 to %d", *limit, ratchet.CountedTotal))
	}
	b, err := op.Call(ctx, service.BulkJobs{Filters: filters, Limit: value(limit), DryRun: value(dryRun)})
	if err != nil {
		return out, err
	}
	return *b, nil
}

// CancelJobs cancels many jobs.
func (r mutation) CancelJobs(ctx context.Context, filters schema.JobFilters, limit *int, dryRun *bool) (ratchet.BulkResult, error) {
	return onJobs(ctx, filters, limit, dryRun, r.svc.CancelJobs)
}

// RetryJobs repeats many jobs.
func (r mutation) RetryJobs(ctx context.Context, filters schema.JobFilters, limit *int, dryRun *bool) (ratchet.BulkResult, error) {
	return onJobs(ctx, filters, limit, dryRun, r.svc.RetryJobs)
}

// CreateSchedule makes a schedule.
func (r mutation) CreateSchedule(ctx context.Context, input ratchet.ScheduleRequest) (schema.Schedule, error) {
	s, err := r.svc.CreateSchedule.Call(ctx, input)
	return the(s, err, asSchedule)
}

// UpdateSchedule changes a schedule.
func (r mutation) UpdateSchedule(ctx context.Context, id string, input map[string]any, ifUpdatedAt *time.Time) (out schema.Schedule, err error) {
	in := service.UpdateSchedule{Schedule: id, IfMatch: value(ifUpdatedAt)}
	for name, given := range input {
		if err := patch(&in.SchedulePatch, name, given); err != nil {
			return out, at(ctx, "input", &schema.FieldError{Field: name, Err: err})
		}
	}
	s, err := r.svc.UpdateSchedule.Call(ctx, in)
	return the(s, err, asSchedule)
}

// patch sets a field of p to what the input gives. Null takes the bounds of a
// schedule away; another field has no null.
func patch(p *ratchet.SchedulePatch, name string, given any) error {
	switch v := given.(type) {
	case *string:
		if to := map[string]**string{"name": &p.Name, "description": &p.Description, "cron": &p.Cron, "timezone": &p.Zone}[name]; to != nil && v != nil {
			*to = v
			return nil
		}
	case *int:
		if to := map[string]**int{"missedMax": &p.MissedMax, "maxRuns": &p.MaxRuns}[name]; to != nil && v != nil {
			*to = v
			return nil
		}
	case *time.Time:
		if v == nil {
			v = &time.Time{}
		}
		if to := map[string]**time.Time{"start": &p.Start, "end": &p.End}[name]; to != nil {
			*to = v
			return nil
		}
	case *ratchet.Duration:
		p.Every = v
	case json.RawMessage:
		p.Input = v
	case *ratchet.Priority:
		p.Priority = v
	case []string:
		p.Tags = &v
	case *ratchet.MissedPolicy:
		p.Missed = v
	case *ratchet.OverlapPolicy:
		p.Overlap = v
	case *bool:
		p.Enabled = v
	case []ratchet.Destination:
		p.Destinations = &v
	default:
		return fmt.Errorf("the schema has %s of the type %T, and no schedule does", name, given)
	}
	if isNull(given) {
		return ratchet.Errorf(ratchet.ReasonValidation, "%s cannot be null: leave it out to keep what there is", name)
	}
	return nil
}

// isNull reports whether a field was given as null.
func isNull(given any) bool {
	switch v := given.(type) {
	case *string:
		return v == nil
	case *int:
		return v == nil
	case *bool:
		return v == nil
	case *ratchet.Duration:
		return v == nil
	case *ratchet.Priority:
		return v == nil
	case *ratchet.MissedPolicy:
		return v == nil
	case *ratchet.OverlapPolicy:
		return v == nil
	case []string:
		return v == nil
	case []ratchet.Destination:
		return v == nil
	case json.RawMessage:
		return v == nil
	}
	return false
}

// DeleteSchedule deletes a schedule.
func (r mutation) DeleteSchedule(ctx context.Context, id string) (bool, error) {
	_, err := r.svc.DeleteSchedule.Call(ctx, service.ScheduleRef{Schedule: id})
	return err == nil, err
}

// EnableSchedule enables a schedule.
func (r mutation) EnableSchedule(ctx context.Context, id string) (schema.Schedule, error) {
	s, err := r.svc.EnableSchedule.Call(ctx, service.ScheduleRef{Schedule: id})
	return the(s, err, asSchedule)
}

// DisableSchedule disables a schedule.
func (r mutation) DisableSchedule(ctx context.Context, id string) (schema.Schedule, error) {
	s, err := r.svc.DisableSchedule.Call(ctx, service.ScheduleRef{Schedule: id})
	return the(s, err, asSchedule)
}

// TriggerSchedule submits a schedule's job.
func (r mutation) TriggerSchedule(ctx context.Context, id string) (schema.Job, error) {
	j, err := r.svc.TriggerSchedule.Call(ctx, service.ScheduleRef{Schedule: id})
	return the(j, err, asJob)
}

// PauseAll starts no more jobs.
func (r mutation) PauseAll(ctx context.Context) (schema.Stats, error) {
	s, err := r.svc.PauseAll.Call(ctx, service.None{})
	return the(s, err, asStats)
}

// ResumeAll starts jobs again.
func (r mutation) ResumeAll(ctx context.Context) (schema.Stats, error) {
	s, err := r.svc.ResumeAll.Call(ctx, service.None{})
	return the(s, err, asStats)
}

// CreateKey makes a key.
func (r mutation) CreateKey(ctx context.Context, input ratchet.KeyRequest) (schema.CreatedKey, error) {
	k, err := r.svc.CreateKey.Call(ctx, input)
	return the(k, err, func(k *ratchet.CreatedKey) schema.CreatedKey {
		return schema.CreatedKey{APIKey: asKey(&k.Key), Key: k.Text}
	})
}

// RevokeKey revokes a key.
func (r mutation) RevokeKey(ctx context.Context, id string) (out schema.Key, err error) {
	key, err := ratchet.ParseID[ratchet.Key](id)
	if err != nil {
		return out, at(ctx, "id", err)
	}
	k, err := r.svc.RevokeKey.Call(ctx, service.KeyRef{ID: key})
	return the(k, err, asKey)
}
