package delivery

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/ratchet-runner/ratchet-go"
)

// A TestRequest asks to try destinations: to make what would be delivered to them,
// and to deliver it if Send says so.
type TestRequest struct {
	// Destinations are as [destination.Prepare] leaves them; their secrets are
	// plain, references or sealed.
	Destinations []ratchet.Destination
	// Job is whose result is delivered, with its last execution and the semantic
	// version of what ran; zero: one is made up.
	Job       ratchet.Job
	Execution *ratchet.Execution
	Version   string
	// Task is whose environment references are of; zero: the Job's.
	Task ratchet.TaskID
	Send bool
}

// maxShown is how much of a body is shown.
const maxShown = 4096

// Test tries destinations, all at once, and writes nothing of it.
func (r *Runner) Test(ctx context.Context, request TestRequest) []ratchet.DestinationTest {
	if request.Task.IsZero() {
		request.Task = request.Job.TaskID
	}
	if request.Job.ID.IsZero() {
		request.Job, request.Execution, request.Version = sample(request.Job.Task, request.Task)
	}
	tests := make([]ratchet.DestinationTest, len(request.Destinations))
	var all sync.WaitGroup
	for i := range request.Destinations {
		all.Go(func() { tests[i] = r.test(ctx, &request, &request.Destinations[i]) })
	}
	all.Wait()
	return tests
}

// sample is a made-up job that was completed.
func sample(name string, task ratchet.TaskID) (ratchet.Job, *ratchet.Execution, string) {
	if task.IsZero() {
		task = ratchet.NewID[ratchet.Task]()
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	job := ratchet.Job{
		ID: ratchet.NewID[ratchet.Job](), TaskID: task, Task: cmp.Or(name, "example"), State: ratchet.JobCompleted, Status: ratchet.StatusCompleted,
		Input: json.RawMessage(`{"example":true}`), Output: json.RawMessage(`{"example":true,"message":"this is a test of a destination"}`), Attempts: 1,
		CreatedAt: now.Add(-time.Second), StartedAt: now.Add(-time.Second), FinishedAt: now,
	}
	execution := &ratchet.Execution{
		ID: ratchet.NewID[ratchet.Execution](), Job: job.ID, Task: job.Task, Attempt: 1, State: ratchet.ExecutionCompleted,
		Input: job.Input, Output: job.Output, StartedAt: job.StartedAt, FinishedAt: now,
	}
	return job, execution, "1.0.0"
}

// test tries one destination.
func (r *Runner) test(ctx context.Context, request *TestRequest, spec *ratchet.Destination) ratchet.DestinationTest {
	t := ratchet.DestinationTest{Name: spec.Name, Type: spec.Type, Target: spec.Target()}
	d := &ratchet.DueDelivery{
		Delivery: ratchet.Delivery{
			ID: ratchet.NewID[ratchet.Delivery](), Job: request.Job.ID, TaskID: request.Job.TaskID, Task: request.Job.Task,
			Destination: spec.Name, Type: spec.Type, Target: t.Target, CreatedAt: request.Job.FinishedAt,
		},
		Spec: *spec, Job: request.Job, Execution: request.Execution, Version: request.Version, Lane: spec.Lane(),
	}
	e, err := r.errand(ctx, d, request.Task)
	if err != nil {
		t.Error = e.conceal(ratchet.AsError(err))
		return t
	}
	body, err := r.rehearse(ctx, e)
	t.Body = e.hidden.Text(beginning(body))
	if err != nil {
		t.Error = e.conceal(ratchet.AsError(err))
		return t
	}
	if !request.Send {
		t.OK = true
		return t
	}
	began := time.Now()
	v := r.deliver(ctx, e)
	v.err, v.response = e.conceal(v.err), e.hidden.Text(v.response)
	receipt := v.receipt(d, began)
	t.Sent, t.Receipt, t.Error, t.OK = !v.free, &receipt, v.err, v.err == nil
	return t
}

// conceal is an error without secrets.
func (e *errand) conceal(err *ratchet.Error) *ratchet.Error {
	if e == nil || err == nil {
		return err
	}
	return e.hidden.Error(err)
}

// rehearse makes everything that an attempt would, and sends nothing.
func (r *Runner) rehearse(ctx context.Context, e *errand) ([]byte, error) {
	body, err := r.body(ctx, e)
	if err != nil {
		return nil, err
	}
	if body, err = r.transform(ctx, e, body); err != nil {
		return nil, err
	}
	switch e.spec.Type {
	case ratchet.DestinationWebhook:
		_, err = r.request(e, body)
	case ratchet.DestinationFile:
		_, err = e.event.Path()
	case ratchet.DestinationPlugin:
		if r.plugins == nil {
			err = noPlugin(e.spec.Plugin)
		}
	default:
		_, err = e.event.Prefix()
	}
	return body.Data, err
}

func noPlugin(name string) error {
	return ratchet.Errorf(ratchet.ReasonPluginNotFound, "there is no plugin %q: this server has none", name)
}

// beginning is what is shown of a body.
func beginning(body []byte) string {
	if !utf8.Valid(body) {
		return fmt.Sprintf("%d bytes that are not text", len(body))
	}
	if len(body) <= maxShown {
		return string(body)
	}
	cut := maxShown
	for !utf8.RuneStart(body[cut]) {
		cut--
	}
	return string(body[:cut])
}
