package service

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// pastTolerance is how far in the past a run time may lie: clocks differ, and
// requests take their time.
const pastTolerance = time.Minute

// A submitter makes submissions of the requests of one call. Each task and
// version is looked up once.
type submitter struct {
	*Service
	now time.Time
	// again says that the requests were accepted before: what has changed since
	// is no reason to refuse them.
	again    bool
	schedule ratchet.ScheduleID // that fires
	tasks    map[string]*ratchet.Task
	versions map[versionRef]*ratchet.Version
	missing  map[string]error
}

type versionRef struct {
	task ratchet.TaskID
	ref  string
}

func (s *Service) submitter(again bool) *submitter {
	return &submitter{
		Service: s, now: s.now(), again: again, tasks: map[string]*ratchet.Task{},
		versions: map[versionRef]*ratchet.Version{}, missing: map[string]error{},
	}
}

// submission checks a request and makes a job of it. What is wrong with the
// request comes back as problems; err is for what is no answer to it.
func (b *submitter) submission(ctx context.Context, r *ratchet.JobRequest) (sub ratchet.Submission, wrong problems, err error) {
	b.checkOptions(&wrong, r)
	var version *ratchet.Version
	task, err := b.taskOf(ctx, &wrong, "/task", r.Task, r.TaskID)
	if task != nil && err == nil {
		version, err = b.versionOf(ctx, &wrong, task, r.Version)
	}
	if version == nil || err != nil {
		wrong.add(ratchet.ReasonValidation, prefixed("/retry", r.Retry.Validate())...)
		return sub, wrong, err
	}
	if !b.again {
		if err := b.checkEngine(ctx, version); err != nil {
			return sub, wrong, err
		}
	}
	wrong.add(ratchet.ReasonValidation, prefixed("/retry", r.Retry.Or(version.Retry).Validate())...)
	input := r.Input
	if len(input) == 0 {
		input = json.RawMessage("{}")
	}
	asked := input
	if !b.again {
		if input, err = b.accept(ctx, &wrong, task, version, input, r); err != nil {
			return sub, wrong, err
		}
	}
	goals, err := b.destinations(ctx, &wrong, "/destinations", r.Destinations, destinationRule{task, version.Permissions.Env, append([]string{}, r.Tags...)})
	if err != nil || len(wrong.details) > 0 {
		return sub, wrong, err
	}
	if goals == nil {
		goals = version.Destinations
	}
	sub.Job = b.job(task, version, input, r)
	if len(goals) > 0 {
		sub.Job.Destinations = goals
	}
	b.answer(sub.Job, r)
	if r.IdempotencyKey != "" {
		sub.Fingerprint, err = fingerprint(task.ID, asked, r)
	}
	return sub, wrong, err
}

// checkOptions checks what can be checked without knowing the task.
func (b *submitter) checkOptions(wrong *problems, r *ratchet.JobRequest) {
	if !r.RunAt.IsZero() && r.Delay != 0 {
		wrong.wrong("/delay", "runAt and delay exclude each other", "one of the two", "both")
	} else if !b.again && !r.RunAt.IsZero() && r.RunAt.Before(b.now.Add(-pastTolerance)) {
		wrong.wrong("/runAt", "the time to run lies in the past", "a time to come; leave runAt out to run the job now", r.RunAt.Format(time.RFC3339))
	}
	wrong.time("/runAt", r.RunAt)
	if r.Delay < 0 {
		wrong.wrong("/delay", "delay is out of bounds", "0 or more", r.Delay.String())
	}
	if r.Latest && r.Version != "" {
		wrong.wrong("/latest", "version and latest exclude each other", "one of the two", "both")
	}
	if r.MaxAttempts < 0 || r.MaxAttempts > ratchet.MaxAttempts {
		wrong.wrong("/maxAttempts", "maxAttempts is out of bounds", fmt.Sprintf("1 to %d", ratchet.MaxAttempts), fmt.Sprint(r.MaxAttempts))
	}
	limits := ratchet.Limits{Wall: r.Timeout}
	wrong.add(ratchet.ReasonValidation, limits.Validate()...)
	wrong.add(ratchet.ReasonValidation, b.overLimits(limits)...)
	wrong.priority(r.Priority)
	r.Tags = wrong.tags("/tags", r.Tags)
	wrong.text("/idempotencyKey", "the idempotency key", r.IdempotencyKey, textRule{most: ratchet.MaxKeyLength})
	if r.Concurrency != nil {
		wrong.add(ratchet.ReasonValidation, prefixed("/concurrency", r.Concurrency.Validate())...)
	}
}

// taskOf finds the task of a request by whichever of two fields names it; nil if
// there is none.
func (b *submitter) taskOf(ctx context.Context, wrong *problems, pointer, task, taskID string) (*ratchet.Task, error) {
	ref := task
	switch {
	case task == "" && taskID == "":
		wrong.wrong(pointer, "task is missing", "the name or ID of a task", "")
		return nil, nil
	case task == "":
		ref, pointer = taskID, pointer+"Id"
	case taskID != "" && taskID != task:
		wrong.wrong(pointer+"Id", "task and taskId name different tasks", "one of the two", taskID)
		return nil, nil
	}
	found, known := b.tasks[ref]
	if !known && b.missing[ref] == nil {
		var err error
		if found, err = b.knownTask(ctx, ref); err == nil {
			b.tasks[ref] = found
		} else {
			b.missing[ref] = err
		}
	}
	if err := b.missing[ref]; err != nil {
		return nil, wrong.refuse(pointer, err)
	}
	if !found.Enabled && !b.again {
		return found, wrong.refuse(pointer, disabled(found))
	}
	return found, nil
}

func disabled(t *ratchet.Task) error {
	return ratchet.Errorf(ratchet.ReasonTaskDisabled, "task %q is disabled and takes no jobs: \"ratchet task enable %s\" enables it", t.Name, t.Name)
}

func (b *submitter) versionOf(ctx context.Context, wrong *problems, t *ratchet.Task, ref string) (*ratchet.Version, error) {
	if ref == "" {
		v, err := b.newestVersion(ctx, t)
		if err != nil {
			return nil, wrong.refuse("/version", err)
		}
		return v, nil
	}
	key := versionRef{t.ID, ref}
	if v := b.versions[key]; v != nil {
		return v, nil
	}
	v, err := b.findVersion(ctx, t, ref)
	if err != nil {
		return nil, wrong.refuse("/version", err)
	}
	b.versions[key] = v
	return v, nil
}

// checkInput adds in what the input breaks the version's schema.
func (s *Service) checkInput(ctx context.Context, wrong *problems, v *ratchet.Version, input json.RawMessage) error {
	schema, err := s.inputSchema(ctx, v)
	if err != nil {
		return err
	}
	wrong.add(ratchet.ReasonInputInvalid, prefixed("/input", schema.Validate(input))...)
	return nil
}

func (b *submitter) job(t *ratchet.Task, v *ratchet.Version, input json.RawMessage, r *ratchet.JobRequest) *ratchet.Job {
	j := &ratchet.Job{
		ID: ratchet.NewID[ratchet.Job](), TaskID: t.ID, Task: t.Name, VersionDigest: v.Digest, Latest: r.Latest,
		Priority: r.Priority, Input: input, Retry: r.Retry, Limits: ratchet.Limits{Wall: r.Timeout}, Tags: r.Tags,
		Concurrency: r.Concurrency, IdempotencyKey: r.IdempotencyKey, CreatedAt: b.now,
	}
	if r.MaxAttempts > 0 {
		j.Retry.MaxAttempts = r.MaxAttempts
	}
	fill(j, v)
	b.place(j, toMicrosecond(r.RunAt))
	if r.Delay > 0 {
		b.place(j, toMicrosecond(b.now.Add(time.Duration(r.Delay))))
	}
	return j
}

// fill gives a job the number of attempts that its version has. What else it takes
// from the version is known when it is claimed: it may be another one then.
func fill(j *ratchet.Job, v *ratchet.Version) {
	if j.Retry.MaxAttempts == 0 {
		j.Retry.MaxAttempts = v.Retry.Or(ratchet.DefaultRetry()).MaxAttempts
	}
}

// place puts a job at the beginning of its life. The zero time means now.
func (b *submitter) place(j *ratchet.Job, runAt time.Time) {
	if runAt.IsZero() {
		runAt = b.now
	}
	j.RunAt, j.State = runAt, ratchet.JobQueued
	if runAt.After(b.now) {
		j.State = ratchet.JobScheduled
	}
	j.Status = j.State.Status()
}

// overLimits describes the limits that are above what the operator allows.
func (s *Service) overLimits(l ratchet.Limits) (wrong []ratchet.Detail) {
	over := func(field string, got, most int64, text func(int64) string) {
		if most > 0 && got > most {
			wrong = append(wrong, ratchet.Detail{
				Pointer: "/" + field, Message: field + " is more than this server allows",
				Expected: "at most " + text(most), Got: text(got),
			})
		}
	}
	span := func(n int64) string { return ratchet.Duration(n).String() }
	size := func(n int64) string { return ratchet.Size(n).String() }
	number := func(n int64) string { return fmt.Sprint(n) }
	most := s.config.Limits
	over("timeout", int64(l.Wall), int64(most.Wall), span)
	over("cpu", int64(l.CPU), int64(most.CPU), span)
	over("memory", int64(l.Memory), int64(most.Memory), size)
	over("output", int64(l.Output), int64(most.Output), size)
	over("logs", int64(l.Logs), int64(most.Logs), size)
	over("fetches", int64(l.Fetches), int64(most.Fetches), number)
	over("fetchBytes", int64(l.FetchBytes), int64(most.FetchBytes), size)
	over("fetchBody", int64(l.FetchBody), int64(most.FetchBody), size)
	over("recursion", int64(l.Recursion), int64(most.Recursion), number)
	return wrong
}
