package service_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

func TestWhoeverRunsATaskGetsItsResult(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding())
	f.work(t, func(c *ratchet.Claim) *ratchet.Outcome {
		if strings.Contains(string(c.Job.Input), "-1") {
			return failure("negative")
		}
		return completed(`{"sum": 3}`)
	})
	var wg sync.WaitGroup
	for range 8 { // at once: a result reaches the one who waits for it
		wg.Go(func() {
			for range 25 {
				r, err := f.RunTask.Call(f.ctx, service.RunTask{JobRequest: ratchet.JobRequest{Task: "addition", Input: sum(1, 2)}, Wait: 30 * time.Second})
				if err != nil || !r.Done || r.Job.State != ratchet.JobCompleted || string(r.Job.Output) != `{"sum": 3}` || r.Job.Attempts != 1 {
					t.Errorf("got %+v, %v", r, err)
					return
				}
			}
		})
	}
	wg.Wait()
	r := must(f.RunTask.Call(f.ctx, service.RunTask{JobRequest: ratchet.JobRequest{Task: "addition", Input: sum(-1, 2)}, Wait: 30 * time.Second}))(t)
	if !r.Done || r.Job.State != ratchet.JobFailed || r.Job.Error == nil || r.Job.Error.Message != "negative" {
		t.Errorf("got %+v", r)
	}
	key := ratchet.JobRequest{Task: "addition", Input: sum(1, 2), IdempotencyKey: "once"}
	first := must(f.RunTask.Call(f.ctx, service.RunTask{JobRequest: key, Wait: 30 * time.Second}))(t)
	again := must(f.RunTask.Call(f.ctx, service.RunTask{JobRequest: key, Wait: 30 * time.Second}))(t)
	if !again.Done || again.Job.ID != first.Job.ID {
		t.Errorf("got %+v, want job %s", again, first.Job.ID)
	}
}

func TestAWaitThatElapsesLeavesTheJobAsItIs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding())
	claims := make(chan *ratchet.Claim, 1)
	f.work(t, func(c *ratchet.Claim) *ratchet.Outcome {
		claims <- c
		return nil
	})
	r := must(f.RunTask.Call(f.ctx, service.RunTask{JobRequest: ratchet.JobRequest{Task: "addition", Input: sum(1, 2)}, Wait: 30 * time.Millisecond}))(t)
	if r.Done || r.Job.State.Terminal() {
		t.Errorf("got %+v", r)
	}
	claim := <-claims
	if r = must(f.GetJob.Call(f.ctx, service.GetJob{ID: r.Job.ID}))(t); r.Done || r.Job.State != ratchet.JobRunning {
		t.Errorf("got %+v", r)
	}
	ctx, stop := context.WithCancel(f.ctx)
	stop()
	if _, err := f.GetJob.Call(ctx, service.GetJob{ID: r.Job.ID, Wait: time.Minute}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that the caller is gone", err)
	}
	got := make(chan *service.Result)
	go func() {
		r, err := f.GetJob.Call(f.ctx, service.GetJob{ID: r.Job.ID, Wait: time.Minute})
		if err != nil {
			t.Error(err)
		}
		got <- r
	}()
	f.finish(t.Context(), t, claim, completed(`{"sum": 3}`))
	if r := <-got; !r.Done || string(r.Job.Output) != `{"sum": 3}` {
		t.Errorf("got %+v", r)
	}
	for _, wait := range []time.Duration{-1, service.MaxWait + 1} {
		_, err := f.GetJob.Call(f.ctx, service.GetJob{ID: r.Job.ID, Wait: wait})
		refused(t, err, ratchet.ReasonValidation, "0s to 10m")
	}
}

// The event of a job's end may be lost on its way from another node.
func TestAWaitEndsThoughNoEventCame(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding())
	deaf := service.New(service.Deps{Store: f.store, Stream: stream.New(stream.Config{})}, service.Config{})
	f.work(t, func(*ratchet.Claim) *ratchet.Outcome { return completed("{}") })
	r := must(deaf.RunTask.Call(f.ctx, service.RunTask{JobRequest: ratchet.JobRequest{Task: "addition", Input: sum(1, 2)}, Wait: time.Minute}))(t)
	if !r.Done {
		t.Errorf("got %+v", r)
	}
}

func TestAServerThatStopsLetsNobodyWait(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding())
	job := must(f.SubmitJob.Call(f.ctx, ratchet.JobRequest{Task: "addition", Input: sum(1, 2)}))(t)
	got := make(chan *service.Result)
	go func() {
		r, err := f.GetJob.Call(f.ctx, service.GetJob{ID: job.ID, Wait: service.MaxWait})
		if err != nil {
			t.Error(err)
		}
		got <- r
	}()
	f.hub.Close("the server stops")
	if r := <-got; r.Done || r.Job.State != ratchet.JobQueued {
		t.Errorf("got %+v", r)
	}
}
