package service

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// findJob returns a job, or an error that says where it may have gone.
func (s *Service) findJob(ctx context.Context, id ratchet.JobID) (*ratchet.Job, error) {
	if id.IsZero() {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "no job is named: give its ID, such as job_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69")
	}
	j, err := s.store.Job(ctx, id)
	if failure, known := ratchetError(err); known && failure.Code == ratchet.CodeNotFound {
		return nil, ratchet.Errorf(ratchet.ReasonEntityNotFound, "there is no job %s: there never was, or it was deleted some days after its end; \"ratchet job list\" shows those there are", id)
	}
	if err != nil {
		return nil, fmt.Errorf("find job: %w", err)
	}
	return j, nil
}

func (s *Service) submitJob(ctx context.Context, r ratchet.JobRequest) (*ratchet.Job, error) {
	jobs, err := s.submit(ctx, []ratchet.JobRequest{r}, single, func([]ratchet.Submission) {})
	if err != nil {
		return nil, err
	}
	return &jobs[0], nil
}

func (s *Service) submitJobs(ctx context.Context, in SubmitJobs) ([]ratchet.Job, error) {
	var wrong problems
	if n := len(in.Jobs); n == 0 || n > ratchet.MaxBatch {
		wrong.wrong("/jobs", "the number of jobs is out of bounds", fmt.Sprintf("1 to %d", ratchet.MaxBatch), fmt.Sprint(n))
		return nil, wrong.err()
	}
	return s.submit(ctx, in.Jobs, batched, func([]ratchet.Submission) {})
}

// single and batched are where a request stands in what was sent.
func single(int) string    { return "" }
func batched(i int) string { return fmt.Sprintf("/jobs/%d", i) }

// submit accepts all requests or none. It tells ready what it is about to submit.
//
// A request with an idempotency key may come again because its first answer was
// lost. What would refuse it by now (its task was disabled, its time has come, the
// queue is full) must not hide that it was accepted.
func (s *Service) submit(ctx context.Context, requests []ratchet.JobRequest, place func(int) string, ready func([]ratchet.Submission)) ([]ratchet.Job, error) {
	subs, err := s.submissions(ctx, requests, place, false)
	admitted := 0
	if err == nil {
		if err = s.admit(ctx, len(subs)); err == nil {
			admitted = len(subs)
		}
	}
	if err != nil {
		again, failed := s.acceptedBefore(ctx, requests)
		if failed != nil || !again {
			return nil, err // which is what the caller can do something about
		}
		if subs, err = s.submissions(ctx, requests, place, true); err != nil {
			return nil, err
		}
	}
	ready(subs)
	jobs, err := s.store.Submit(ctx, subs)
	if err != nil {
		s.withdraw(admitted)
		return nil, err
	}
	for i := range jobs {
		if jobs[i].ID != subs[i].Job.ID || jobs[i].Cache == ratchet.CacheHit { // it was there already, or its result was
			s.withdraw(min(1, admitted))
		}
	}
	return jobs, nil
}

// submissions checks all requests, and tells at once what is wrong with any.
func (s *Service) submissions(ctx context.Context, requests []ratchet.JobRequest, place func(int) string, again bool) ([]ratchet.Submission, error) {
	var wrong problems
	subs := make([]ratchet.Submission, len(requests))
	b := s.submitter(again)
	for i := range requests {
		sub, its, err := b.submission(ctx, &requests[i])
		if err != nil {
			return nil, err
		}
		subs[i] = sub
		wrong.under(place(i), its)
	}
	return subs, wrong.err()
}

// acceptedBefore reports whether each request has an idempotency key with which a
// job of its task was submitted lately. Whether it was the same request is for the
// store.
func (s *Service) acceptedBefore(ctx context.Context, requests []ratchet.JobRequest) (bool, error) {
	for i := range requests {
		r := &requests[i]
		if r.IdempotencyKey == "" {
			return false, nil
		}
		task, err := gone(s.store.Task(ctx, cmp.Or(r.Task, r.TaskID)))
		if task == nil || err != nil {
			return false, err
		}
		page, err := s.store.Jobs(ctx, ratchet.Query{Limit: 1, Filters: []ratchet.Filter{
			{Field: "taskId", Values: []string{task.ID.String()}},
			{Field: "idempotencyKey", Values: []string{r.IdempotencyKey}},
			{Field: "createdAt", Op: ratchet.OpAtLeast, Values: []string{s.now().Add(-ratchet.IdempotencyWindow).Format(time.RFC3339Nano)}},
		}})
		if err != nil || len(page.Items) == 0 {
			return false, err
		}
	}
	return true, nil
}

func (s *Service) cancelJob(ctx context.Context, in JobRef) (*ratchet.Job, error) {
	if _, err := s.findJob(ctx, in.ID); err != nil {
		return nil, err
	}
	return s.store.Cancel(ctx, in.ID)
}

// retryJob repeats a job that failed or was cancelled, as a new one; one that
// waits for a time starts now.
func (s *Service) retryJob(ctx context.Context, in JobRef) (*ratchet.Job, error) {
	j, err := s.findJob(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	switch j.State {
	case ratchet.JobScheduled, ratchet.JobRetrying:
		return s.store.Hasten(ctx, in.ID)
	case ratchet.JobFailed, ratchet.JobCancelled:
		return s.repeat(ctx, j)
	default:
		return nil, notRetryable(j)
	}
}

func notRetryable(j *ratchet.Job) error {
	var remedy string
	switch j.State {
	case ratchet.JobCompleted:
		remedy = "it has its result; submit a new job to run the task again"
	case ratchet.JobRunning:
		remedy = "cancel it first, or wait for its end"
	default:
		remedy = fmt.Sprintf("it waits to be run; \"ratchet job explain %s\" says for what", j.ID)
	}
	return ratchet.Errorf(ratchet.ReasonExecutionInvalidState, "job %s is %s and cannot be retried: %s", j.ID, j.State, remedy)
}

func (s *Service) repeat(ctx context.Context, j *ratchet.Job) (*ratchet.Job, error) {
	earlier, err := s.store.Jobs(ctx, ratchet.Query{Limit: 1, Filters: []ratchet.Filter{
		{Field: "retryOf", Values: []string{j.ID.String()}},
		{Field: "status", Op: ratchet.OpIn, Values: []string{string(ratchet.StatusQueued), string(ratchet.StatusRunning), string(ratchet.StatusRetrying)}},
	}})
	if err != nil {
		return nil, fmt.Errorf("look for retries of job %s: %w", j.ID, err)
	}
	if len(earlier.Items) > 0 {
		return nil, ratchet.Errorf(ratchet.ReasonExecutionInvalidState, "job %s repeats job %s already and is %s: wait for it, or cancel it first", earlier.Items[0].ID, j.ID, earlier.Items[0].State)
	}
	sub, wrong, err := s.submitter(false).repetition(ctx, j)
	if err == nil {
		err = wrong.err()
	}
	if err != nil {
		return nil, err
	}
	return s.submitOne(ctx, sub)
}

// submitOne accepts a job that was made here.
func (s *Service) submitOne(ctx context.Context, sub ratchet.Submission) (*ratchet.Job, error) {
	if err := s.admit(ctx, 1); err != nil {
		return nil, err
	}
	jobs, err := s.store.Submit(ctx, []ratchet.Submission{sub})
	if err != nil {
		s.withdraw(1)
		return nil, err
	}
	return &jobs[0], nil
}

// repetition makes a job that repeats a finished one: the same version, input and
// options, and no idempotency key.
func (b *submitter) repetition(ctx context.Context, old *ratchet.Job) (sub ratchet.Submission, wrong problems, err error) {
	task, err := b.taskOf(ctx, &wrong, "/task", old.TaskID.String(), "")
	if task == nil || err != nil {
		return sub, wrong, err
	}
	ref := old.VersionDigest
	if old.Latest {
		ref = ""
	}
	version, err := b.versionOf(ctx, &wrong, task, ref)
	if version == nil || err != nil {
		return sub, wrong, err
	}
	if err := b.acceptAgain(ctx, &wrong, task, version, old); err != nil || len(wrong.details) > 0 {
		return sub, wrong, err
	}
	j := &ratchet.Job{
		ID: ratchet.NewID[ratchet.Job](), TaskID: task.ID, Task: task.Name, VersionDigest: version.Digest, Latest: old.Latest,
		Priority: old.Priority, Input: old.Input, Retry: old.Retry, Limits: old.Limits, Tags: old.Tags,
		Concurrency: old.Concurrency, RetryOf: old.ID, Destinations: old.Destinations, CreatedAt: b.now,
	}
	fill(j, version)
	b.place(j, b.now)
	return ratchet.Submission{Job: j}, wrong, nil
}
