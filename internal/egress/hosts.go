package egress

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/resilience"
)

// enter takes a place for the hop at its host, if the host is asked at all now.
func (x *exchange) enter(ctx context.Context) (done func(resilience.Outcome), err error) {
	if x.client.cfg.Hosts == nil {
		return func(resilience.Outcome) {}, nil
	}
	host := x.target.hostPort()
	began := time.Now()
	done, err = x.client.cfg.Hosts.Enter(ctx, host)
	if err == nil {
		return done, nil
	}
	if open, ok := errors.AsType[*resilience.OpenError](err); ok {
		return nil, x.open(open)
	}
	if errors.Is(err, errTimeout) || errors.Is(err, context.DeadlineExceeded) {
		return nil, ratchet.Errorf(ratchet.ReasonTimeout, "%s: waited %s for a place among the requests that go out at once: ask less of %s at once, or raise http.max_per_host or http.max_requests",
			x.label(), plain(time.Since(began)), host).WithDetails(detail(KindPlace, x.target.name, ""))
	}
	return nil, err
}

// open words that nothing is asked of a host now; the OpenError is the cause.
func (x *exchange) open(open *resilience.OpenError) error {
	seconds := math.Ceil(open.After.Seconds())
	return ratchet.Errorf(ratchet.ReasonCircuitOpen, "%s: %w: it failed so often lately that nothing is asked of it for another %s",
		x.label(), open, plain(time.Duration(seconds)*time.Second)).
		WithDetails(ratchet.Detail{Pointer: "/url", Message: "circuit open", Got: open.Host, Expected: fmt.Sprintf("a request in %gs", seconds)})
}

// unanswered is after how long a request that its task gave up counts against the
// host that did not answer it: the task's own time ends before the request's.
const unanswered = 5 * time.Second

// outcome is what the end of a hop says of its host: an answer of 500 and above,
// none, or a late one is a failure; whatever our own rules ended says nothing.
func outcome(ctx context.Context, res *hopped, err error, took time.Duration) resilience.Outcome {
	if err == nil {
		if res != nil && res.Status >= 500 {
			return resilience.Failure
		}
		return resilience.Success
	}
	if _, ours := errors.AsType[*refusal](err); ours {
		return resilience.Unknown
	}
	if e, ok := errors.AsType[*ratchet.Error](err); ok && e.Reason != ratchet.ReasonTimeout {
		return resilience.Unknown // the request could not be made
	}
	if f, ok := errors.AsType[*netFault](err); ok && f.kind == KindRedirect || errors.Is(err, errBodyTooLarge) || errors.Is(err, errBadGzip) {
		return resilience.Success // it answers
	}
	if cause := context.Cause(ctx); cause != nil && cause != errTimeout && !errors.Is(cause, context.DeadlineExceeded) && took < unanswered {
		return resilience.Unknown
	}
	return resilience.Failure
}
