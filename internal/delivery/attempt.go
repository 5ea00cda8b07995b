package delivery

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/destination"
	"github.com/ratchet-runner/ratchet-go/internal/redact"
	"github.com/ratchet-runner/ratchet-go/internal/resilience"
)

// A verdict is what one attempt came to.
type verdict struct {
	status   int            // of HTTP
	bytes    int64          // sent or written
	response string         // how the answer begins
	err      *ratchet.Error // nil: it was taken
	again    bool           // another attempt may do better
	after    time.Duration  // not before that
	gone     bool           // the destination wants no more
	free     bool           // nothing was attempted
}

// failed is a verdict of an error: whether another attempt may do better is told
// by what it is.
func failed(err error) verdict {
	if open, ok := errors.AsType[*resilience.OpenError](err); ok {
		return verdict{free: true, after: open.After, err: ratchet.AsError(err)}
	}
	e := ratchet.AsError(err)
	return verdict{err: e, again: e.Retryable() || e.Code == ratchet.CodeUnavailable || e.Code == ratchet.CodeInternal}
}

// again is a verdict of an error that may pass.
func again(err error) verdict { return verdict{err: ratchet.AsError(err), again: true} }

// An errand is a delivery with what its attempt needs.
type errand struct {
	*ratchet.DueDelivery
	event  *destination.Event
	spec   ratchet.Destination // its secrets open
	refs   map[string]string   // what references stand for
	hidden *redact.Secrets     // what must not be written down
}

func (r *Runner) site() destination.Site {
	return destination.Site{Environment: r.config.Environment, Hostname: r.config.Hostname, Variables: r.config.Variables}
}

// errand readies a delivery. The task is whose environment references are of.
func (r *Runner) errand(ctx context.Context, d *ratchet.DueDelivery, task ratchet.TaskID) (*errand, error) {
	e := &errand{DueDelivery: d, event: destination.NewEvent(d, r.site()), refs: map[string]string{}, hidden: redact.New()}
	for _, name := range destination.References(&d.Spec) {
		value, found, err := r.lookUp(ctx, task, name)
		if err != nil {
			return nil, fmt.Errorf("read ${%s} of the task's environment: %w", name, err)
		}
		if found {
			e.refs[name] = value
			e.hide(value, "${"+name+"}")
		}
	}
	var failure error
	e.spec = d.Spec.CloneSecrets()
	e.spec.EachSecret(func(pointer string, s ratchet.Secret) ratchet.Secret {
		plain, err := r.open(s, e.refs)
		if err != nil && failure == nil {
			failure = fmt.Errorf("%s: %w", strings.TrimPrefix(pointer, "/"), err)
		}
		e.hide(plain, "***")
		return ratchet.Secret(plain)
	})
	return e, failure
}

// hide keeps a value out of errors and receipts. What is very short is no secret,
// and found everywhere.
func (e *errand) hide(value, placeholder string) {
	if len(value) >= 4 {
		e.hidden.Add(value, placeholder, true)
	}
}

// lookUp finds what a reference stands for. "${server:NAME}" is of the server's
// own environment, which only the operator's configuration may name.
func (r *Runner) lookUp(ctx context.Context, task ratchet.TaskID, name string) (string, bool, error) {
	if own, found := strings.CutPrefix(name, destination.ServerPrefix); found {
		return r.opener.Env(ctx, ratchet.TaskID{}, own)
	}
	if task.IsZero() { // which would mean the server's own, and that is nobody else's to name
		return "", false, nil
	}
	return r.opener.Env(ctx, task, name)
}

// open is the plain text of a secret.
func (r *Runner) open(s ratchet.Secret, refs map[string]string) (string, error) {
	if name, reference := s.Reference(); reference {
		value, found := refs[name]
		if !found {
			return "", destination.Missing(name)
		}
		return value, nil
	}
	text, sealed := strings.CutPrefix(string(s), "sealed:")
	if !sealed {
		return string(s), nil
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err == nil {
		data, err = r.opener.Open(data, ratchet.DestinationContext())
	}
	if err != nil {
		return "", ratchet.Errorf(ratchet.ReasonConfig, "the secret cannot be opened: %w; give it again", err)
	}
	return string(data), nil
}

// attempt makes one attempt and says how it ended.
func (r *Runner) attempt(ctx context.Context, d *ratchet.DueDelivery) (ratchet.DeliveryEnd, verdict) {
	began := time.Now()
	e, err := r.errand(ctx, d, d.TaskID)
	var v verdict
	if err != nil {
		v = failed(err)
	} else {
		v = r.deliver(ctx, e)
		v.response = e.hidden.Text(v.response)
		if v.err != nil {
			v.err = e.hidden.Error(v.err)
		}
	}
	if ctx.Err() != nil && v.err != nil {
		v = verdict{free: true, err: v.err}
	}
	end := ratchet.DeliveryEnd{ID: d.ID, Token: d.Token, Receipt: v.receipt(d, began)}
	now := time.Now()
	switch {
	case v.free:
		end.Free, end.State, end.NextAt, end.Receipt = true, ratchet.DeliveryPending, now.Add(v.after), ratchet.Receipt{}
	case v.err == nil:
		end.State = ratchet.DeliveryDelivered
	default:
		end.Gone = v.gone
		end.State, end.NextAt = ratchet.DeliveryFailed, time.Time{}
		if delay, more := delay(d, rand.Float64); v.again && more {
			end.State, end.NextAt = ratchet.DeliveryPending, now.Add(max(delay, v.after))
		}
	}
	return end, v
}

func (v *verdict) receipt(d *ratchet.DueDelivery, began time.Time) ratchet.Receipt {
	return ratchet.Receipt{
		Attempt: d.Attempts + 1, At: began.UTC().Truncate(time.Microsecond), Duration: time.Since(began).Milliseconds(),
		Status: v.status, Bytes: v.bytes, Error: v.err, Response: v.response,
	}
}

// deliver takes the errand where it belongs.
func (r *Runner) deliver(ctx context.Context, e *errand) verdict {
	ctx, cancel := context.WithTimeout(ctx, r.timeout(&e.spec))
	defer cancel()
	if e.spec.Type == ratchet.DestinationPlugin && r.plugins == nil {
		return failed(noPlugin(e.spec.Plugin))
	}
	body, err := r.body(ctx, e)
	if err != nil {
		return failed(err)
	}
	if body, err = r.transform(ctx, e, body); err != nil {
		return ofPlugin(err)
	}
	switch e.spec.Type {
	case ratchet.DestinationWebhook:
		return r.webhook(ctx, e, body)
	case ratchet.DestinationFile:
		return r.file(ctx, e, body)
	case ratchet.DestinationStdout:
		return r.print(ctx, r.stdout, e, body)
	case ratchet.DestinationStderr:
		return r.print(ctx, r.stderr, e, body)
	case ratchet.DestinationPlugin:
		return r.plugin(ctx, e, body)
	}
	return failed(ratchet.Errorf(ratchet.ReasonValidation, "there is no type of destination %q", e.spec.Type))
}

// body makes what is delivered. Few expressions run at once: they are strangers',
// and the processors are everybody's.
func (r *Runner) body(ctx context.Context, e *errand) (*destination.Body, error) {
	if e.spec.Select != "" {
		select {
		case r.selects <- struct{}{}:
			defer func() { <-r.selects }()
		case <-ctx.Done():
			return nil, ratchet.Errorf(ratchet.ReasonTimeout, "too many expressions of other deliveries were in the way")
		}
	}
	return e.event.Body(ctx)
}

func (r *Runner) timeout(d *ratchet.Destination) time.Duration {
	if d.Timeout > 0 {
		return time.Duration(d.Timeout)
	}
	return r.config.Timeout
}

// transform has a plugin make something else of the body, if the destination says
// so.
func (r *Runner) transform(ctx context.Context, e *errand, body *destination.Body) (*destination.Body, error) {
	name := e.spec.Transform
	switch {
	case name == "":
		return body, nil
	case r.plugins == nil:
		return nil, noPlugin(name)
	}
	data, err := r.plugins.Transform(ctx, name, e.DueDelivery, body)
	if err != nil {
		return nil, toldBy(name, err)
	}
	return body.Transformed(data)
}

// plugin hands the body to a plugin.
func (r *Runner) plugin(ctx context.Context, e *errand, body *destination.Body) verdict {
	if err := r.plugins.Deliver(ctx, e.spec.Plugin, e.DueDelivery, body); err != nil {
		if _, open := errors.AsType[*resilience.OpenError](err); open {
			return failed(err) // it was not asked, and has a lane of its own to wait in
		}
		return ofPlugin(toldBy(e.spec.Plugin, err))
	}
	return verdict{bytes: int64(len(body.Data))}
}

// toldBy is what a plugin failed with, as a typed error.
func toldBy(name string, err error) error {
	if _, typed := errors.AsType[*ratchet.Error](err); typed {
		return err
	}
	return ratchet.Errorf(ratchet.ReasonServiceUnavailable, "plugin %s: %w", name, err)
}

// ofPlugin is the verdict of what a plugin failed with. It may pass, unless the
// plugin says that the request is wrong.
func ofPlugin(err error) verdict {
	e := ratchet.AsError(err)
	return verdict{err: e, again: e.Code != ratchet.CodeInvalid}
}

// schedule is that of Standard Webhooks: the delays after the first failure, the
// second and so on.
func schedule() []time.Duration {
	return []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
}

// delay is the time until the next attempt after the one that was just made; more
// is false if there is none.
func delay(d *ratchet.DueDelivery, chance func() float64) (wait time.Duration, more bool) {
	made := d.Attempts - d.Round + 1
	policy := d.Spec.Retry
	most := policy.MaxAttempts
	policy.MaxAttempts = 0
	if d.Spec.Type == ratchet.DestinationWebhook && policy == (ratchet.Retry{}) {
		steps := schedule()
		if most == 0 {
			most = len(steps) + 1
		}
		step := steps[min(made, len(steps))-1]
		return time.Duration(float64(step) * (0.9 + 0.2*chance())), made < most
	}
	policy = d.Spec.Retry.Or(ratchet.DefaultRetry())
	return resilience.Delay(policy, made, chance), made < policy.MaxAttempts
}
