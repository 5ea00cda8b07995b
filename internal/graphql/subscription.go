package graphql

import (
	"context"
	"errors"
	"sync"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/graphql/schema"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

// An ending is why a subscription ends. Whoever reads one waits for what feeds it.
type ending struct {
	feeds sync.WaitGroup
	err   error // once what it reads is closed
}

type endingKey struct{}

// ending returns a context in which a subscription says why it ends.
func withEnding(ctx context.Context) (context.Context, *ending) {
	e := &ending{}
	return context.WithValue(ctx, endingKey{}, e), e
}

// errDone ends a subscription that has all that it wanted.
var errDone = errors.New("there is nothing more to tell")

// follow passes on what each makes of the events, until each returns an error, the
// stream or ctx ends. First is called before the events.
func follow[T any](ctx context.Context, sub *stream.Subscription, first func(emit func(T)) error, each func(e ratchet.Event, emit func(T)) error) <-chan T {
	out := make(chan T)
	emit := func(v T) {
		select {
		case out <- v:
		case <-ctx.Done():
		}
	}
	end, _ := ctx.Value(endingKey{}).(*ending)
	end.feeds.Go(func() {
		defer close(out)
		defer sub.Close()
		err := first(emit)
		for err == nil {
			select {
			case e, open := <-sub.Events():
				if !open {
					return
				}
				err = each(e, emit)
			case <-ctx.Done():
				return
			}
		}
		if !errors.Is(err, errDone) {
			end.err = err
		}
	})
	return out
}

// maxLooks is how many subscriptions look something up at once. An event may have
// thousands look at the same thing, and the database answers a few at a time.
const maxLooks = 16

// look calls get when there is room.
func look[T any](ctx context.Context, r *resolvers, get func() (*T, error)) (*T, error) {
	select {
	case r.looks <- struct{}{}:
		defer func() { <-r.looks }()
		return get()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// interrupted is why a stream of other things than events ends too early.
func interrupted(e ratchet.Event) error {
	return ratchet.Errorf(ratchet.ReasonServiceUnavailable, "the subscription ended: %s; look at how things are now, and subscribe again", e.Reason)
}

// Events are what happens.
func (r subscription) Events(ctx context.Context, filter *schema.EventFilter) (<-chan schema.Event, error) {
	given := value(filter)
	f := stream.Filter{Task: value(given.TaskID), Types: given.Types, Level: value(given.Level), After: value(given.After)}
	if given.JobID != nil {
		var err error
		if f.Job, err = ratchet.ParseID[ratchet.Job](*given.JobID); err != nil {
			return nil, at(ctx, "filter", &schema.FieldError{Field: "jobId", Err: err})
		}
	}
	sub, err := r.svc.WatchEvents.Call(ctx, f)
	if err != nil {
		return nil, err
	}
	return follow(ctx, sub, func(func(schema.Event)) error { return nil }, func(e ratchet.Event, emit func(schema.Event)) error {
		emit(schema.Event{Event: e})
		if e.Type == ratchet.EventEnd {
			return errDone
		}
		return nil
	}), nil
}

// JobStatus is a job, whenever its state changes.
func (r subscription) JobStatus(ctx context.Context, jobID string) (<-chan schema.Job, error) {
	id, err := ratchet.ParseID[ratchet.Job](jobID)
	if err != nil {
		return nil, at(ctx, "jobId", err)
	}
	// It listens before it looks, so that nothing falls between.
	sub, err := r.svc.WatchEvents.Call(ctx, stream.Filter{Job: id, Types: []ratchet.EventType{ratchet.EventJob}})
	if err != nil {
		return nil, err
	}
	begin, err := r.svc.GetJob.Call(ctx, service.GetJob{ID: id})
	if err != nil {
		sub.Close()
		return nil, err
	}
	told := ratchet.Job{}
	tell := func(j *ratchet.Job, emit func(schema.Job)) error {
		if j.State != told.State || j.Attempts != told.Attempts || j.Losses != told.Losses {
			told = *j
			emit(asJob(j))
		}
		if j.State.Terminal() {
			return errDone
		}
		return nil
	}
	return follow(ctx, sub, func(emit func(schema.Job)) error { return tell(&begin.Job, emit) }, func(e ratchet.Event, emit func(schema.Job)) error {
		if e.Type == ratchet.EventEnd {
			return interrupted(e)
		}
		now, err := look(ctx, r.resolvers, func() (*service.Result, error) { return r.svc.GetJob.Call(ctx, service.GetJob{ID: id}) })
		if err != nil {
			return err
		}
		return tell(&now.Job, emit)
	}), nil
}

// TaskExecutions are the executions of a task, when they begin and end.
func (r subscription) TaskExecutions(ctx context.Context, taskID *string) (<-chan schema.Execution, error) {
	sub, err := r.svc.WatchEvents.Call(ctx, stream.Filter{Task: value(taskID), Types: []ratchet.EventType{ratchet.EventJob}})
	if err != nil {
		return nil, err
	}
	return follow(ctx, sub, func(func(schema.Execution)) error { return nil }, func(e ratchet.Event, emit func(schema.Execution)) error {
		switch {
		case e.Type == ratchet.EventEnd:
			return interrupted(e)
		case e.Type == ratchet.EventGap:
			return interrupted(ratchet.Event{Reason: "some events were lost"})
		case e.Execution.IsZero():
			return nil
		}
		execution, err := look(ctx, r.resolvers, func() (*ratchet.Execution, error) {
			return r.svc.GetExecution.Call(ctx, service.ExecutionRef{ID: e.Execution})
		})
		if failure, ok := errors.AsType[*ratchet.Error](err); ok && failure.Code == ratchet.CodeNotFound {
			return nil // it was deleted meanwhile
		}
		if err != nil {
			return err
		}
		emit(whole(execution))
		return nil
	}), nil
}
