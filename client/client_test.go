package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/client"
	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
)

// A tour is a walk through all that a client can do, step by step; a step rests
// on those before it.
type tour struct {
	*testing.T
	c                         *client.Client
	job, failed, later, other *ratchet.Job
	execution                 ratchet.ExecutionID
	schedule                  *ratchet.Schedule
	key                       *ratchet.CreatedKey
}

// A step calls the method of its name.
type step struct {
	method string
	do     func(context.Context) error
}

func (o *tour) steps() []step {
	all := append(o.taskSteps(), o.jobSteps()...)
	all = append(all, o.executionSteps()...)
	all = append(all, o.scheduleSteps()...)
	all = append(all, o.deliverySteps()...)
	all = append(all, o.hookSteps()...)
	all = append(all, o.clusterSteps()...)
	all = append(all, o.pluginSteps()...)
	all = append(all, step{"PurgeTask", func(ctx context.Context) error { return o.c.PurgeTask(ctx, "greet") }})
	return append(all, step{"DeleteTask", func(ctx context.Context) error {
		// One that never had a job, for those of the other are kept with it.
		_, err := o.c.RegisterTask(ctx, ratchettest.Zip(o, "unused", map[string]string{"main.js": "() => 1"}), false)
		return firstOf(err, o.c.DeleteTask(ctx, "unused"))
	}})
}

func (o *tour) want(ok bool, what string, got any) {
	if o.Helper(); !ok {
		o.Errorf("want %s, got %+v", what, got)
	}
}

// Every operation of the server can be had through the client, and every method
// of the client is tried.
func TestTheClientCanDoAllThatTheServerCan(t *testing.T) {
	t.Parallel()
	s := ratchettest.Start(t)
	tr := &transport{}
	o := &tour{T: t, c: newClient(t, s.URL, client.Options{HTTPClient: &http.Client{Transport: tr}})}
	tried := map[string]bool{}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, step := range o.steps() {
		tried[step.method] = true
		if err := step.do(ctx); err != nil {
			t.Fatalf("%s: %v", step.method, err)
		}
	}
	for m := range reflect.TypeFor[*client.Client]().Methods() {
		if !tried[m.Name] {
			t.Errorf("the client's %s is not tried", m.Name)
		}
	}
	exchanges := tr.exchanges()
	for _, op := range s.Service().Operations() {
		used := false
		for _, e := range exchanges {
			used = used || e.method == op.Method && e.status < 400 && matches("/api/v1"+op.Path, e.path) && !shadowed(s, op.Method, op.Path, e.path)
		}
		if !used {
			t.Errorf("no method of the client does %s: %s %s", op.Name, op.Method, op.Path)
		}
	}
}

// shadowed reports whether a path is of another operation without parameters,
// such as /jobs/cancel beside /jobs/{id}.
func shadowed(s *ratchettest.Server, method, pattern, path string) bool {
	for _, op := range s.Service().Operations() {
		if op.Method == method && op.Path != pattern && "/api/v1"+op.Path == path {
			return true
		}
	}
	return false
}

func (o *tour) taskSteps() []step {
	const task = "greet"
	flag := func(do func(context.Context, string) (*ratchet.Task, error), ok func(*ratchet.Task) bool) func(context.Context) error {
		return func(ctx context.Context) error {
			got, err := do(ctx, task)
			if err == nil {
				o.want(ok(got), "another state", got)
			}
			return err
		}
	}
	return []step{
		{"RegisterTask", func(ctx context.Context) error {
			for _, want := range []bool{true, false} { // new, and then there
				got, err := o.c.RegisterTask(ctx, greetZip(o, "1.0.0"), false)
				if err != nil {
					return err
				}
				o.want(got.Created == want && got.Name == task, "greet", got)
			}
			return nil
		}},
		{"Tasks", func(ctx context.Context) error {
			got, err := o.c.Tasks(ctx, ratchet.Query{Filters: []ratchet.Filter{{Field: "name", Op: ratchet.OpPrefix, Values: []string{"gre"}}}})
			o.want(len(got.Items) == 1 && got.Total == 1 && got.Next == "", "one task", got)
			return err
		}},
		{"Task", func(ctx context.Context) error {
			got, err := o.c.Task(ctx, task)
			if err == nil {
				o.want(got.Latest.Semver == "1.0.0", "version 1.0.0", got.Latest)
			}
			return err
		}},
		{"DisableTask", flag(o.c.DisableTask, func(t *ratchet.Task) bool { return !t.Enabled })},
		{"EnableTask", flag(o.c.EnableTask, func(t *ratchet.Task) bool { return t.Enabled })},
		{"PauseTask", flag(o.c.PauseTask, func(t *ratchet.Task) bool { return t.Paused })},
		{"ResumeTask", flag(o.c.ResumeTask, func(t *ratchet.Task) bool { return !t.Paused })},
		{"UpdateTask", func(ctx context.Context) error {
			for _, on := range []bool{true, false} {
				got, err := o.c.UpdateTask(ctx, task, ratchet.TaskChange{Paused: &on})
				if err != nil {
					return err
				}
				o.want(got.Paused == on && got.Enabled, "only the pause to change", got)
			}
			return nil
		}},
		{"Versions", func(ctx context.Context) error {
			got, err := o.c.Versions(ctx, task)
			o.want(len(got) == 1, "one version", got)
			return err
		}},
		{"Version", func(ctx context.Context) error {
			got, err := o.c.Version(ctx, task, "1.0.0")
			if err == nil {
				o.want(got.Semver == "1.0.0", "version 1.0.0", got)
			}
			return err
		}},
		{"SetEnv", func(ctx context.Context) error { return o.c.SetEnv(ctx, task, map[string]string{"TOKEN": "secret"}) }},
		{"Env", func(ctx context.Context) error {
			got, err := o.c.Env(ctx, task)
			o.want(len(got) == 1 && got[0].Name == "TOKEN" && got[0].Declared, "TOKEN", got)
			return err
		}},
		{"UnsetEnv", func(ctx context.Context) error { return o.c.UnsetEnv(ctx, task, "TOKEN") }},
		{"RunTask", func(ctx context.Context) error {
			got, done, err := o.c.RunTask(ctx, task, json.RawMessage(`{"name": "Ada"}`), client.RunOptions{Version: "1.0.0", Priority: ratchet.PriorityHigh, Tags: []string{"a", "b"}})
			if err == nil {
				o.want(done && string(got.Output) == `{"greeting":"hello Ada"}` && got.Priority == ratchet.PriorityHigh && len(got.Tags) == 2, "a greeting", got)
			}
			return err
		}},
	}
}

func (o *tour) jobSteps() []step {
	one := func(do func(context.Context, ratchet.JobID) (*ratchet.Job, error), of **ratchet.Job, ok func(*ratchet.Job) bool) func(context.Context) error {
		return func(ctx context.Context) error {
			got, err := do(ctx, (*of).ID)
			if err == nil {
				o.want(ok(got), "another state", got)
			}
			return err
		}
	}
	never := []ratchet.Filter{{Field: "tags", Values: []string{"no such tag"}}}
	return []step{
		{"SubmitJob", func(ctx context.Context) (err error) {
			o.job, err = o.c.SubmitJob(ctx, ratchet.JobRequest{Task: "greet", Input: json.RawMessage(`{"name": "Bo"}`)})
			return err
		}},
		{"SubmitJobs", func(ctx context.Context) error {
			got, err := o.c.SubmitJobs(ctx, []ratchet.JobRequest{
				{Task: "greet", Input: json.RawMessage(`{"name": "Cy", "fail": "no"}`), MaxAttempts: 1},
				{Task: "greet", Input: json.RawMessage(`{"name": "Di"}`), Delay: ratchet.Duration(time.Hour)},
				{Task: "greet", Input: json.RawMessage(`{"name": "Ed", "wait": 60000}`)},
			})
			if err == nil {
				o.failed, o.later, o.other = &got[0], &got[1], &got[2]
			}
			return err
		}},
		{"Wait", func(ctx context.Context) error {
			got, err := o.c.Wait(ctx, o.job.ID)
			if err != nil {
				return err
			}
			o.want(got.State == ratchet.JobCompleted, "a completed job", got)
			got, err = o.c.Wait(ctx, o.failed.ID)
			if err == nil {
				o.want(got.State == ratchet.JobFailed && got.Error.Message == "Error: no" || got.Error.Message == "no", "its error", got.Error)
			}
			return err
		}},
		{"Job", func(ctx context.Context) error {
			_, done, err := o.c.Job(ctx, o.later.ID, time.Millisecond)
			o.want(!done, "a job that waits", done)
			return err
		}},
		{"Jobs", func(ctx context.Context) error {
			got, err := o.c.Jobs(ctx, ratchet.Query{Filters: []ratchet.Filter{{Field: "status", Op: ratchet.OpIn, Values: []string{"failed", "queued"}}}, Sort: []ratchet.Sort{{Field: "createdAt", Desc: true}, {Field: "id"}}})
			o.want(len(got.Items) == 2, "the two", got)
			return err
		}},
		{"ExplainJob", func(ctx context.Context) error {
			got, err := o.c.ExplainJob(ctx, o.failed.ID)
			if err == nil {
				o.want(got.Status == ratchet.StatusFailed && len(got.Executions) == 1, "one execution", got)
			}
			return err
		}},
		{"Follow", func(ctx context.Context) error {
			var seen []string
			for e, err := range o.c.Follow(ctx, o.job.ID) {
				if err != nil {
					return err
				}
				seen = append(seen, string(e.Type)+" "+string(e.State))
			}
			o.want(slices.Equal(seen, []string{"job queued", "job running", "log ", "job completed", "end "}), "its life", seen)
			return nil
		}},
		{"CancelJob", one(func(ctx context.Context, id ratchet.JobID) (*ratchet.Job, error) {
			if _, err := o.c.CancelJob(ctx, o.other.ID); err != nil {
				return nil, err
			}
			return o.c.CancelJob(ctx, id)
		}, &o.later, func(j *ratchet.Job) bool { return j.State == ratchet.JobCancelled })},
		{"RetryJob", one(o.c.RetryJob, &o.failed, func(j *ratchet.Job) bool { return j.RetryOf == o.failed.ID })},
		{"CancelJobs", func(ctx context.Context) error {
			got, err := o.c.CancelJobs(ctx, client.Bulk{Filters: never})
			if err != nil {
				return err
			}
			o.want(got.Matched == 0, "no jobs", got)
			if _, err := o.c.CancelJobs(ctx, client.Bulk{}); ratchet.AsError(err).Code != ratchet.CodeInvalid {
				o.Errorf("without filters: got %v, want it to be refused", err)
			}
			got, err = o.c.CancelJobs(ctx, client.Bulk{Filters: []ratchet.Filter{{Field: "task", Values: []string{"greet"}}}, Limit: 3, DryRun: true})
			if err == nil {
				o.want(got.Matched == 3 && got.Changed == 0 && got.More, "three, unchanged", got)
			}
			return err
		}},
		{"RetryJobs", func(ctx context.Context) error {
			got, err := o.c.RetryJobs(ctx, client.Bulk{Filters: []ratchet.Filter{{Field: "status", Op: ratchet.OpNot, Values: []string{"failed"}}}, DryRun: true})
			if err == nil {
				o.want(got.Changed == 0, "nothing", got)
			}
			return err
		}},
	}
}

func (o *tour) executionSteps() []step {
	return []step{
		{"Executions", func(ctx context.Context) error {
			got, err := o.c.Executions(ctx, ratchet.Query{Filters: []ratchet.Filter{{Field: "jobId", Values: []string{o.job.ID.String()}}}})
			if err == nil && len(got.Items) != 1 {
				return errors.New("no execution")
			}
			if err == nil {
				o.execution = got.Items[0].ID
			}
			return err
		}},
		{"Execution", func(ctx context.Context) error {
			got, err := o.c.Execution(ctx, o.execution)
			if err == nil {
				o.want(got.Job == o.job.ID, "that of the job", got)
			}
			return err
		}},
		{"Logs", func(ctx context.Context) error {
			got, total, err := o.c.Logs(ctx, o.execution, ratchet.LevelInfo, 0, 10)
			o.want(total == 1 && len(got) == 1 && got[0].Message == "greeting Bo", "a line", got)
			return err
		}},
		{"FollowLogs", func(ctx context.Context) error {
			var lines []string
			for e, err := range o.c.FollowLogs(ctx, o.execution, ratchet.LevelTrace) {
				if err != nil {
					return err
				}
				if e.Log != nil {
					lines = append(lines, e.Log.Message)
				}
			}
			o.want(len(lines) == 1 && lines[0] == "greeting Bo", "a line", lines)
			return nil
		}},
		{"Events", func(ctx context.Context) error {
			submitted := false
			for e, err := range o.c.Events(ctx, client.EventFilter{Task: "greet", Types: []ratchet.EventType{ratchet.EventLog, ratchet.EventJob}, After: "00000000-0000-7000-8000-000000000000"}) {
				if err != nil {
					return err
				}
				if !submitted { // the gap says that the stream is there
					submitted = true
					if _, err := o.c.SubmitJob(ctx, ratchet.JobRequest{Task: "greet", Input: json.RawMessage(`{"name": "Flo"}`)}); err != nil {
						return err
					}
				}
				if e.Log != nil && e.Log.Message == "greeting Flo" {
					return nil
				}
			}
			return errors.New("the stream ended")
		}},
	}
}

func (o *tour) scheduleSteps() []step {
	flag := func(do func(context.Context, string) (*ratchet.Schedule, error), on bool) func(context.Context) error {
		return func(ctx context.Context) error {
			got, err := do(ctx, "nightly")
			if err == nil {
				o.want(got.Enabled == on, "another state", got)
			}
			return err
		}
	}
	return []step{
		{"CreateSchedule", func(ctx context.Context) (err error) {
			o.schedule, err = o.c.CreateSchedule(ctx, ratchet.ScheduleRequest{Name: "nightly", Task: "greet", Cron: "30 2 * * *", Zone: "Europe/Berlin", Input: json.RawMessage(`{"name": "Gus"}`)})
			return err
		}},
		{"Schedules", func(ctx context.Context) error {
			got, err := o.c.Schedules(ctx, ratchet.Query{})
			o.want(len(got.Items) == 1, "one schedule", got)
			return err
		}},
		{"Schedule", func(ctx context.Context) error {
			got, err := o.c.Schedule(ctx, o.schedule.ID.String())
			if err == nil {
				o.want(got.Name == "nightly", "nightly", got)
			}
			return err
		}},
		{"DisableSchedule", flag(o.c.DisableSchedule, false)},
		{"EnableSchedule", flag(o.c.EnableSchedule, true)},
		{"UpdateSchedule", func(ctx context.Context) error {
			got, err := o.c.UpdateSchedule(ctx, "nightly", ratchet.SchedulePatch{Description: new("at night")})
			if err == nil {
				o.want(got.Description == "at night" && got.Cron == "30 2 * * *", "only the description to change", got)
			}
			return err
		}},
		{"UpdateScheduleIf", func(ctx context.Context) error {
			patch := ratchet.SchedulePatch{Cron: new("0 3 * * *")}
			if _, err := o.c.UpdateScheduleIf(ctx, o.schedule, patch); !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonChanged}) {
				o.Errorf("a schedule that was changed since it was seen: got %v, want it to be refused", err)
			}
			seen, err := o.c.Schedule(ctx, "nightly")
			if err != nil {
				return err
			}
			got, err := o.c.UpdateScheduleIf(ctx, seen, patch)
			if err == nil {
				o.want(got.Cron == "0 3 * * *", "the new rule", got)
			}
			return err
		}},
		{"NextRuns", func(ctx context.Context) error {
			got, err := o.c.NextRuns(ctx, "nightly", 3)
			o.want(len(got) == 3, "three", got)
			return err
		}},
		{"PreviewSchedule", func(ctx context.Context) error {
			got, err := o.c.PreviewSchedule(ctx, ratchet.RuleRequest{Every: ratchet.Duration(time.Minute), Count: 2})
			o.want(len(got) == 2, "two", got)
			return err
		}},
		{"TriggerSchedule", func(ctx context.Context) error {
			got, err := o.c.TriggerSchedule(ctx, "nightly")
			if err == nil {
				o.want(got.Schedule == o.schedule.ID, "a job of the schedule", got)
			}
			return err
		}},
		{"DeleteSchedule", func(ctx context.Context) error { return o.c.DeleteSchedule(ctx, "nightly") }},
	}
}

func (o *tour) clusterSteps() []step {
	flag := func(do func(context.Context) (*ratchet.Stats, error), paused bool) func(context.Context) error {
		return func(ctx context.Context) error {
			got, err := do(ctx)
			if err == nil {
				o.want(got.Paused == paused, "another state", got)
			}
			return err
		}
	}
	return []step{
		{"Workers", func(ctx context.Context) error {
			got, err := o.c.Workers(ctx)
			o.want(len(got) > 0, "a worker", got)
			return err
		}},
		{"Caches", func(ctx context.Context) error {
			got, err := o.c.Caches(ctx)
			o.want(slices.ContainsFunc(got, func(c ratchet.Cache) bool { return c.Name == "bundles" && c.Entries > 0 }), "the cache of bundles", got)
			return err
		}},
		{"PurgeCache", func(ctx context.Context) error {
			if err := o.c.PurgeCache(ctx, "bundels"); !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonEntityNotFound}) {
				o.Errorf("a cache that is not there: got %v", err)
			}
			err := o.c.PurgeCache(ctx, "bundles")
			got, _ := o.c.Caches(ctx)
			o.want(slices.ContainsFunc(got, func(c ratchet.Cache) bool { return c.Name == "bundles" && c.Entries == 0 }), "an empty cache of bundles", got)
			return err
		}},
		{"Engines", func(ctx context.Context) error {
			got, err := o.c.Engines(ctx)
			o.want(len(got) == 2 && got[0].Name == ratchet.EngineQuickJS && got[0].Usable && got[0].Level != "", "the built-in engine", got)
			return err
		}},
		{"Breakers", func(ctx context.Context) error {
			got, err := o.c.Breakers(ctx)
			o.want(len(got) == 0, "no breaker that opened", got)
			return err
		}},
		{"Nodes", func(ctx context.Context) error {
			got, err := o.c.Nodes(ctx)
			o.want(len(got) == 1, "one node", got)
			return err
		}},
		{"Stats", func(ctx context.Context) error {
			got, err := o.c.Stats(ctx)
			if err == nil {
				o.want(got.Jobs[ratchet.StatusCompleted] > 0 && got.Tasks == 1, "what there is", got)
			}
			return err
		}},
		{"PauseAll", flag(o.c.PauseAll, true)},
		{"ResumeAll", flag(o.c.ResumeAll, false)},
		{"CreateKey", func(ctx context.Context) (err error) {
			o.key, err = o.c.CreateKey(ctx, ratchet.KeyRequest{Name: "ci", Scopes: []ratchet.Scope{ratchet.ScopeRun}})
			if err == nil {
				o.want(strings.HasPrefix(o.key.Text, "rk_"), "a key", o.key)
			}
			return err
		}},
		{"Keys", func(ctx context.Context) error {
			got, err := o.c.Keys(ctx, ratchet.Query{})
			o.want(len(got.Items) == 1 && got.Items[0].ID == o.key.ID, "the key", got)
			return err
		}},
		{"RevokeKey", func(ctx context.Context) error { return o.c.RevokeKey(ctx, o.key.ID) }},
		{"Health", func(ctx context.Context) error {
			got, err := o.c.Health(ctx)
			if err == nil {
				o.want(got.Status == "healthy" && got.Version == "test" && len(got.Checks) > 0, "health", got)
			}
			return err
		}},
	}
}
