package service_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func TestWhyAJobWaitsIsFoundOutFromTheStore(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding())
	claims := make(chan *ratchet.Claim, 10)
	must(f.store.Node(), f.store.Beat(t.Context(), ratchet.Node{ID: f.store.Node(), Host: "alpha", PID: 1, StartedAt: time.Now(), Slots: 4}))(t)
	submit := func(r ratchet.JobRequest) *ratchet.Job {
		r.Task, r.Input = "addition", sum(1, 2)
		return must(f.SubmitJob.Call(f.ctx, r))(t)
	}
	explain := func(id ratchet.JobID) *ratchet.Explanation {
		return must(f.ExplainJob.Call(f.ctx, service.JobRef{ID: id}))(t)
	}
	gate := &ratchet.Concurrency{Key: "customer-7", Max: 1}
	low := submit(ratchet.JobRequest{Priority: ratchet.PriorityLow, Concurrency: gate})
	high := submit(ratchet.JobRequest{Priority: ratchet.PriorityHigh, Concurrency: gate})
	if e := explain(low.ID); e.Ahead != 1 {
		t.Errorf("got %d ahead of the low one, want 1: %+v", e.Ahead, e)
	}
	if e := explain(high.ID); e.Ahead != 0 || e.Summary != "The job is about to start." {
		t.Errorf("got %+v", e)
	}
	must(f.PauseAll.Call(f.ctx, service.None{}))(t)
	if e := explain(high.ID); !strings.Contains(e.Summary, "everything is paused") {
		t.Errorf("got %+v", e)
	}
	f.work(t, func(c *ratchet.Claim) *ratchet.Outcome {
		claims <- c
		return nil
	})
	f.becomes(t, low.ID, ratchet.JobParked)
	f.becomes(t, high.ID, ratchet.JobParked)
	if e := explain(high.ID); !strings.Contains(e.Summary, "everything is paused") {
		t.Errorf("got %+v", e)
	}
	must(f.ResumeAll.Call(f.ctx, service.None{}))(t)
	first := <-claims
	parked := low.ID
	if first.Job.ID == low.ID {
		parked = high.ID
	}
	f.becomes(t, parked, ratchet.JobParked)
	e := explain(parked)
	if !slices.Equal(e.Holders, []ratchet.JobID{first.Job.ID}) || e.Gate == nil || *e.Gate != *gate || !strings.Contains(e.Summary, `"customer-7" is taken`) {
		t.Errorf("got %+v", e)
	}
	if e := explain(first.Job.ID); !strings.Contains(e.Summary, "on node alpha") || len(e.Executions) != 1 {
		t.Errorf("got %+v", e)
	}
	retry := failure("try again")
	retry.RetryAt = time.Now().Add(time.Hour)
	f.finish(t.Context(), t, first, retry)
	if e := explain(first.Job.ID); e.NextAttempt.IsZero() || !strings.Contains(e.Summary, "Attempt 1 of 3 failed") || e.Executions[0].Message != "try again" {
		t.Errorf("got %+v", e)
	}
	f.finish(t.Context(), t, <-claims, failure("never mind"))
	if e := explain(parked); !strings.Contains(strings.Join(e.Reasons, ""), "never mind") || !strings.Contains(e.Remedy, "ratchet job retry") {
		t.Errorf("got %+v", e)
	}
}
