package graphql

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	gql "github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/ratchet-runner/ratchet-go"
)

// heartbeat is how often a stream shows that it is alive when nothing happens.
const heartbeat = 15 * time.Second

// An outlet takes the answers of an operation, one after the other.
type outlet interface {
	next(answer []byte) error
	// fail is the last answer, if the operation ends with errors.
	fail(errs gqlerror.List) error
}

// run does an operation, subscriptions too, and gives its answers to the outlet.
// It ends with the operation, with ctx, or when the outlet takes no more. An
// error is the outlet's.
func (h *Handler) run(ctx context.Context, op *operation, to outlet) error {
	ctx, end := withEnding(ctx)
	ctx, cancel := context.WithCancel(ctx)
	defer end.feeds.Wait()
	defer cancel()
	budget := h.config.MaxCost
	var oc *gql.OperationContext
	var errs gqlerror.List
	var next func() []byte
	apart(func() {
		if oc, errs = h.prepare(ctx, op, &budget); errs == nil {
			next = h.begin(ctx, oc)
		}
	})
	if errs != nil {
		return to.fail(errs)
	}
	if oc.Operation.Operation != ast.Subscription {
		return to.next(next())
	}
	for {
		answer := next()
		switch {
		case answer != nil:
			if err := to.next(answer); err != nil {
				return err
			}
		case end.err != nil && ctx.Err() == nil:
			return to.fail(h.list(ctx, end.err))
		default:
			return nil
		}
	}
}

// apart calls do and waits for it, on a goroutine of its own. What a subscription
// needs of the stack to begin, to read a document and to ask the database, is many
// times what it needs from then on, and there may be thousands.
func apart(do func()) {
	failed := make(chan any)
	go func() {
		defer close(failed)
		defer func() {
			if p := recover(); p != nil {
				failed <- p
			}
		}()
		do()
	}()
	if p, panicked := <-failed; panicked {
		panic(p)
	}
}

// An eventStream is an outlet to one reader of server-sent events, as graphql-sse
// has them in its mode of distinct connections.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	within  time.Duration

	mu  sync.Mutex
	err error // of a write that failed
}

// stream answers with a stream of the operation's answers.
func (h *Handler) stream(ctx context.Context, w http.ResponseWriter, in *request) {
	header := w.Header()
	header.Set("Content-Type", streamType+"; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // of proxies
	to := &eventStream{w: w, control: http.NewResponseController(w), within: h.config.ReadWithin}
	w.WriteHeader(http.StatusOK)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer every(heartbeat, func() bool {
		if to.write(":\n\n") != nil {
			cancel() // nobody reads
			return false
		}
		return true
	})()
	err := to.write(":\n\n")
	if err == nil {
		err = h.streamed(ctx, in, to)
	}
	if err == nil && ctx.Err() == nil {
		err = to.write("event: complete\ndata:\n\n")
	}
	if err == nil {
		err = to.failed()
	}
	if err != nil {
		h.log.InfoContext(ctx, "a subscriber was dropped", "transport", "sse", "request_id", requestID(ctx), "error", err.Error())
	}
}

// failed is why nothing can be written any more.
func (s *eventStream) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (h *Handler) streamed(ctx context.Context, in *request, to outlet) error {
	op := &in.operations[0]
	switch {
	case in.batch:
		return to.fail(h.list(ctx, ratchet.Errorf(ratchet.ReasonValidation, "a stream is of one operation: open one for each")))
	case in.readOnly:
		if doc, errs := h.document(ctx, op); errs == nil {
			if chosen := doc.Operations.ForName(op.OperationName); chosen != nil && chosen.Operation == ast.Mutation {
				return to.fail(h.list(ctx, ratchet.Errorf(ratchet.ReasonMethod, "GET is for queries and subscriptions: send a mutation by POST")))
			}
		}
	}
	return h.run(ctx, op, to)
}

func (s *eventStream) next(answer []byte) error {
	lines := bytes.ReplaceAll(bytes.ReplaceAll(answer, []byte("\r"), []byte("\n")), []byte("\n"), []byte("\ndata: "))
	return s.write("event: next\ndata: " + string(lines) + "\n\n")
}

func (s *eventStream) fail(errs gqlerror.List) error { return s.next(encode(nil, errs)) }

// write passes text on to the reader at once.
func (s *eventStream) write(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if err := s.control.SetWriteDeadline(time.Now().Add(s.within)); err != nil {
		s.err = fmt.Errorf("bound the time of an event: %w", err)
	} else if _, err := s.w.Write([]byte(text)); err != nil {
		s.err = fmt.Errorf("send an event: %w", err)
	} else if err := s.control.Flush(); err != nil {
		s.err = fmt.Errorf("send an event: %w", err)
	}
	return s.err
}

// every calls do again and again, until it returns false or stop is called, which
// waits for it. In between it takes no goroutine: there may be thousands.
func every(d time.Duration, do func() bool) (stop func()) {
	var (
		mu    sync.Mutex
		calls sync.WaitGroup
		timer *time.Timer
		ended bool
		arm   func()
	)
	arm = func() {
		mu.Lock()
		defer mu.Unlock()
		if ended {
			return
		}
		calls.Add(1)
		timer = time.AfterFunc(d, func() {
			defer calls.Done()
			if do() {
				arm()
			}
		})
	}
	arm()
	return func() {
		mu.Lock()
		ended = true
		if timer.Stop() {
			calls.Done()
		}
		mu.Unlock()
		calls.Wait()
	}
}
