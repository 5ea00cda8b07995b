package service

import (
	"context"
	"fmt"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

// lookAgain is how often a wait reads the job in spite of no event: one from
// another node may be lost with its connection.
const lookAgain = 3 * time.Second

// runTask submits a job and waits for its end. A Wait of 0 only submits it.
func (s *Service) runTask(ctx context.Context, in RunTask) (*Result, error) {
	if err := checkWait(in.Wait); err != nil {
		return nil, err
	}
	// Whoever looks at the job before subscribing may miss its end.
	var end *stream.Subscription
	jobs, err := s.submit(ctx, []ratchet.JobRequest{in.JobRequest}, single, func(subs []ratchet.Submission) {
		if in.Wait > 0 {
			end = s.subscribe(subs[0].Job.ID)
		}
	})
	if end != nil {
		defer end.Close()
	}
	if err != nil {
		return nil, err
	}
	j := &jobs[0]
	if in.Wait > 0 && in.IdempotencyKey != "" {
		return s.getJob(ctx, GetJob{ID: j.ID, Wait: in.Wait}) // it may be an earlier one
	}
	return s.await(ctx, end, j, in.Wait)
}

// getJob returns a job, once it is finished or the time is up.
func (s *Service) getJob(ctx context.Context, in GetJob) (*Result, error) {
	if err := checkWait(in.Wait); err != nil {
		return nil, err
	}
	var end *stream.Subscription
	if in.Wait > 0 {
		end = s.subscribe(in.ID)
		defer end.Close()
	}
	j, err := s.findJob(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.await(ctx, end, j, in.Wait)
}

func checkWait(wait time.Duration) error {
	if wait < 0 || wait > MaxWait {
		return ratchet.Errorf(ratchet.ReasonValidation, "wait is out of bounds: give 0s to %s, got %s", ratchet.Duration(MaxWait), wait)
	}
	return nil
}

func (s *Service) subscribe(id ratchet.JobID) *stream.Subscription {
	return s.stream.Subscribe(stream.Filter{Job: id, Types: []ratchet.EventType{ratchet.EventJob}})
}

// await returns the job once it is finished, the time is up, or the stream ends
// because the server stops. Between events nothing is held or asked.
func (s *Service) await(ctx context.Context, end *stream.Subscription, j *ratchet.Job, wait time.Duration) (*Result, error) {
	if wait == 0 || j.State.Terminal() {
		return &Result{Job: *j, Done: j.State.Terminal()}, nil
	}
	elapsed := time.NewTimer(wait)
	defer elapsed.Stop()
	net := time.NewTicker(lookAgain)
	defer net.Stop()
	for id, last := j.ID, false; !last && !j.State.Terminal(); {
		select {
		case e, open := <-end.Events():
			if open && e.Type == ratchet.EventJob && !e.State.Terminal() {
				continue
			}
			last = !open || e.Type == ratchet.EventEnd
		case <-net.C:
		case <-elapsed.C:
			last = true
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for job %s: %w", id, ctx.Err())
		}
		var err error
		if j, err = s.findJob(ctx, id); err != nil {
			return nil, err
		}
	}
	return &Result{Job: *j, Done: j.State.Terminal()}, nil
}
