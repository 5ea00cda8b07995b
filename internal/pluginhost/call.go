package pluginhost

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/ipc"
	"github.com/ratchet-runner/ratchet-go/internal/resilience"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

// routes say whom to call, in order. A value never changes.
type routes struct {
	hooks  map[ratchet.HookPoint][]route
	submit []route
	events []*entry
}

// A route leads to one plugin.
type route struct {
	entry    *entry
	priority int
	brief    bool
	budget   time.Duration
	fail     bool // a failure is the job's
}

// route works out the routes anew.
func (h *Host) route() {
	made := &routes{hooks: map[ratchet.HookPoint][]route{}}
	for _, e := range h.all() {
		e.mu.Lock()
		s, ready := e.settings, e.ready
		e.mu.Unlock()
		if !s.Enabled {
			continue
		}
		r := route{entry: e, budget: cmp.Or(time.Duration(s.Budget), h.config.Budget), fail: s.OnError == ratchet.PluginFail}
		if ready == nil {
			// What it would be called for is not known. If its failures count, no job
			// may get past it.
			if r.fail {
				made.submit = append(made.submit, r)
			}
			continue
		}
		at := func(own int) route {
			r.priority = own
			if s.Priority != nil {
				r.priority = *s.Priority
			}
			return r
		}
		for _, hook := range ready.manifest.Hooks {
			one := at(hook.Priority)
			one.brief = hook.Brief
			made.hooks[hook.Point] = append(made.hooks[hook.Point], one)
		}
		if m := ready.manifest.Submit; m != nil {
			made.submit = append(made.submit, at(m.Priority))
		}
		if ready.manifest.Events != nil {
			made.events = append(made.events, e)
		}
	}
	byPriority := func(a, b route) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(a.entry.name, b.entry.name))
	}
	for _, list := range made.hooks {
		slices.SortFunc(list, byPriority)
	}
	slices.SortFunc(made.submit, byPriority)
	if len(made.hooks) == 0 && len(made.submit) == 0 && len(made.events) == 0 {
		made = nil
	}
	h.routes.Store(made)
}

// Hooked reports whether any plugin is to be called at the point. It costs a load.
func (h *Host) Hooked(p ratchet.HookPoint) bool {
	r := h.routes.Load()
	return r != nil && len(r.hooks[p]) > 0
}

// Submits reports whether any plugin looks at jobs before they are submitted.
func (h *Host) Submits() bool {
	r := h.routes.Load()
	return r != nil && len(r.submit) > 0
}

// eventHead is an event as the protocol has it: the documents are in the body.
type eventHead struct {
	*ratchet.PluginEvent
	InputSize int `json:"inputSize,omitzero"`
}

func encode(e *ratchet.PluginEvent, brief bool) (head, body []byte, err error) {
	if brief {
		head, err = json.Marshal(eventHead{PluginEvent: e})
		return head, nil, err
	}
	head, err = json.Marshal(eventHead{PluginEvent: e, InputSize: len(e.Input)})
	if len(e.Output) == 0 {
		return head, e.Input, err
	}
	return head, slices.Concat(e.Input, e.Output), err
}

// Hook calls the plugins at the event's point, in their order. An error is a
// *ratchet.Error: a plugin rejects the job, or failed and may not.
func (h *Host) Hook(ctx context.Context, e *ratchet.PluginEvent) error {
	all := h.routes.Load()
	if all == nil {
		return nil
	}
	rejects := e.Hook == ratchet.HookBeforeValidation || e.Hook == ratchet.HookAfterValidation || e.Hook == ratchet.HookBeforeExecution
	for _, r := range all.hooks[e.Hook] {
		head, body, err := encode(e, r.brief)
		if err != nil {
			return err
		}
		_, err = r.entry.call(ctx, string(e.Hook), ipc.PluginOpHook, head, body, r.budget)
		if err = r.judge(ctx, e, err, rejects); err != nil {
			return err
		}
	}
	return nil
}

// Submit has plugins look at a job before it is submitted. It returns the input as
// they leave it, nil if as it was; an error is as of Hook.
func (h *Host) Submit(ctx context.Context, e *ratchet.PluginEvent) (json.RawMessage, error) {
	all := h.routes.Load()
	if all == nil {
		return nil, nil
	}
	event := *e // whose input changes from one to the next
	changed := false
	for _, r := range all.submit {
		head, body, err := encode(&event, false)
		if err != nil {
			return nil, err
		}
		answer, err := r.entry.call(ctx, "submit", ipc.PluginOpSubmit, head, body, r.budget)
		if err == nil && len(answer.Body) > 0 && !json.Valid(answer.Body) {
			err = ratchet.Errorf(ratchet.ReasonPluginFailed, "plugin %q made an input that is not JSON", r.entry.name)
			r.entry.calls.fail("submit", err)
		}
		if err = r.judge(ctx, e, err, true); err != nil {
			return nil, err
		}
		if answer != nil && len(answer.Body) > 0 && json.Valid(answer.Body) {
			event.Input, changed = answer.Body, true
		}
	}
	if !changed {
		return nil, nil
	}
	return event.Input, nil
}

// judge makes of a plugin's error what the operator wants of it.
func (r route) judge(ctx context.Context, e *ratchet.PluginEvent, err error, rejects bool) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil { // nobody waits for it
		return context.Cause(ctx)
	}
	if rejects && errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonPluginRejected}) {
		return err
	}
	if r.fail {
		return err
	}
	level := slog.LevelWarn
	if errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonPluginUnavailable}) {
		level = slog.LevelDebug // why it is left alone was told; every job would tell it again
	}
	r.entry.host.log.Log(ctx, level, "a plugin failed and is ignored", slog.String("plugin", r.entry.name),
		slog.String("hook", string(cmp.Or(e.Hook, "submit"))), slog.String("task", e.Task), slog.Any("error", err))
	return nil
}

// call asks a plugin for something, within its budget, and counts what comes of it
// under a name.
func (e *entry) call(ctx context.Context, counted, op string, head, body []byte, budget time.Duration) (*ipc.PluginReturn, error) {
	began := time.Now()
	r, err := e.ask(ctx, op, head, body, budget)
	e.calls.add(counted, time.Since(began), err)
	return r, err
}

func (e *entry) ask(ctx context.Context, op string, head, body []byte, budget time.Duration) (*ipc.PluginReturn, error) {
	done, err := e.host.breakers.Enter(ctx, e.name)
	if err != nil {
		if open, ok := errors.AsType[*resilience.OpenError](err); ok {
			return nil, ratchet.Errorf(ratchet.ReasonPluginUnavailable, "plugin %q failed so often that it is left alone for %s: %w", e.name, round(open.After), open)
		}
		return nil, err
	}
	outcome := resilience.Unknown
	defer func() { done(outcome) }()
	began := time.Now()
	p, err := e.acquireWithin(ctx, budget)
	if err != nil {
		// That it is not started yet again says nothing new of it.
		if ctx.Err() == nil && !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonPluginUnavailable}) {
			outcome = resilience.Failure
		}
		return nil, err
	}
	defer e.release(p)
	// One that had to be started first gets no less than half of the time for the call
	// itself: what it could not do in the rest would look like a fault of its own.
	r, err := p.call(ctx, op, head, body, max(budget-time.Since(began), budget/2))
	switch late, over := errors.AsType[*budgetError](err); {
	case over:
		outcome = resilience.Failure
		late.budget = budget
		return nil, ratchet.Errorf(ratchet.ReasonPluginTimeout, "plugin %q: %w", e.name, late)
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		outcome = resilience.Failure
		return nil, ratchet.Errorf(ratchet.ReasonPluginFailed, "plugin %q: %w", e.name, err)
	}
	if f := r.Failure; f != nil && f.Kind == "timeout" { // it noticed a moment before we did
		if end, ok := ctx.Deadline(); ok && end.Before(began.Add(budget)) {
			return nil, context.DeadlineExceeded
		}
		outcome = resilience.Failure
		return nil, ratchet.Errorf(ratchet.ReasonPluginTimeout, "plugin %q: %w", e.name, &budgetError{budget})
	}
	outcome = resilience.Success // it answered
	return r, failed(e.name, r.Failure)
}

// acquireWithin is acquire, which waits for a start no longer than the budget.
func (e *entry) acquireWithin(ctx context.Context, budget time.Duration) (*process, error) {
	e.mu.Lock()
	if p := e.process; p != nil && !p.gone() && e.settings.Enabled { // as a rule
		p.users.Add(1)
		e.mu.Unlock()
		return p, nil
	}
	e.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	return e.acquire(ctx)
}

// failed is what a plugin says went wrong, as an error.
func failed(name string, f *ipc.PluginFailure) error {
	if f == nil {
		return nil
	}
	text := limit(f.Message, maxLine)
	var err *ratchet.Error
	switch f.Kind {
	case "rejected":
		err = ratchet.Errorf(ratchet.ReasonPluginRejected, "plugin %q rejects the job: %s", name, text)
	case "unsupported":
		err = ratchet.Errorf(ratchet.ReasonPluginNotCapable, "plugin %q: %s", name, text)
	default:
		err = ratchet.Errorf(ratchet.ReasonPluginFailed, "plugin %q failed: %s", name, text)
	}
	var data map[string]json.RawMessage
	if len(f.Data) > 0 && f.Kind != "panic" && json.Unmarshal(f.Data, &data) == nil {
		err.Data = f.Data
	}
	return err
}

// able returns the entry of an enabled plugin that can do something.
func (h *Host) able(ctx context.Context, name string, c ratchet.PluginCapability) (*entry, *prepared, error) {
	e := h.known(name)
	if e == nil || !e.enabled() {
		switch _, err := h.lookup(ctx, name); {
		case errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonPluginNotFound}): // where was looked is the operator's to know
			return nil, nil, ratchet.Errorf(ratchet.ReasonPluginNotFound, "there is no plugin %q: \"ratchet plugin list\" shows those there are", name)
		case err != nil:
			return nil, nil, err
		}
		return nil, nil, ratchet.Errorf(ratchet.ReasonPluginUnavailable, "plugin %q is not enabled: \"ratchet plugin enable %s\" does that", name, name)
	}
	e.mu.Lock()
	ready, problem := e.ready, e.problem
	e.mu.Unlock()
	switch {
	case ready == nil && problem != nil:
		return nil, nil, problem
	case ready == nil:
		return nil, nil, ratchet.Errorf(ratchet.ReasonPluginUnavailable, "plugin %q is not ready", name)
	case !slices.Contains(capabilities(&ready.manifest), c):
		return nil, nil, ratchet.Errorf(ratchet.ReasonPluginNotCapable, "plugin %q has no %s", name, c)
	}
	return e, ready, nil
}

// Able reports why a plugin cannot be called for something, however long one waits:
// it is not there, not enabled, or has no such capability.
func (h *Host) Able(ctx context.Context, name string, c ratchet.PluginCapability) error {
	if e := h.known(name); e != nil && e.enabled() && !e.fit() {
		return nil // it is down, and what it can do not known
	}
	_, _, err := h.able(ctx, name, c)
	return err
}

// Function calls a function that a plugin offers to tasks. The argument and the
// value fit what the plugin says of them.
func (h *Host) Function(ctx context.Context, name, function string, c plugin.Call) (json.RawMessage, error) {
	e, ready, err := h.able(ctx, name, ratchet.PluginFunctions)
	if err != nil {
		return nil, err
	}
	fits, ok := ready.functions[function]
	if !ok {
		var names []string
		for _, f := range ready.manifest.Functions {
			names = append(names, f.Name)
		}
		return nil, ratchet.Errorf(ratchet.ReasonPluginNotCapable, "plugin %q has no function %q; it has %q", name, function, names)
	}
	if len(c.Argument) == 0 {
		c.Argument = json.RawMessage("null")
	}
	if details := fits.input.Validate(c.Argument); len(details) > 0 {
		return nil, ratchet.Errorf(ratchet.ReasonInputInvalid, "plugins.%s.%s: the argument is not what the function takes: %s", name, function, told(details)).WithDetails(details...)
	}
	head, err := json.Marshal(struct {
		plugin.Call
		Function string `json:"function"`
	}{c, function})
	if err != nil {
		return nil, err
	}
	r, err := e.call(ctx, "function "+function, ipc.PluginOpFunction, head, c.Argument, h.config.CallBudget)
	if err != nil {
		return nil, err
	}
	if len(r.Body) == 0 {
		r.Body = []byte("null")
	}
	if details := fits.output.Validate(r.Body); len(details) > 0 {
		err := ratchet.Errorf(ratchet.ReasonPluginFailed, "plugins.%s.%s returned what its schema forbids: %s", name, function, told(details)).WithDetails(details...)
		e.calls.fail("function "+function, err)
		return nil, err
	}
	return r.Body, nil
}

func told(details []ratchet.Detail) string {
	if details[0].Pointer == "" {
		return details[0].Message
	}
	return details[0].Pointer + ": " + details[0].Message
}

// DeliverResult has a plugin take a result away.
func (h *Host) DeliverResult(ctx context.Context, name string, d plugin.Delivery) error {
	e, _, err := h.able(ctx, name, ratchet.PluginDestination)
	if err != nil {
		return err
	}
	head, err := json.Marshal(d)
	if err != nil {
		return err
	}
	_, err = e.call(ctx, "destination", ipc.PluginOpDeliver, head, d.Body, h.config.CallBudget)
	return err
}

// Transform has a plugin make something else of a result before it is delivered.
func (h *Host) Transform(ctx context.Context, name string, d plugin.Delivery) ([]byte, error) {
	e, _, err := h.able(ctx, name, ratchet.PluginTransform)
	if err != nil {
		return nil, err
	}
	head, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	r, err := e.call(ctx, "transform", ipc.PluginOpTransform, head, d.Body, h.config.CallBudget)
	if err != nil {
		return nil, err
	}
	return r.Body, nil
}

// Sources names the enabled plugins that bring tasks.
func (h *Host) Sources() []string {
	var names []string
	for _, e := range h.all() {
		e.mu.Lock()
		if e.settings.Enabled && e.ready != nil && e.ready.manifest.Source {
			names = append(names, e.name)
		}
		e.mu.Unlock()
	}
	return names
}

func (h *Host) source(ctx context.Context, name string) (*entry, error) {
	e, _, err := h.able(ctx, name, ratchet.PluginSource)
	return e, err
}

// SourceTasks lists the tasks that a plugin has.
func (h *Host) SourceTasks(ctx context.Context, name string) ([]plugin.SourceTask, error) {
	e, err := h.source(ctx, name)
	if err != nil {
		return nil, err
	}
	r, err := e.call(ctx, "source list", ipc.PluginOpSources, nil, nil, h.config.CallBudget)
	if err != nil {
		return nil, err
	}
	var list []plugin.SourceTask
	if err := json.Unmarshal(r.Head, &list); err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonPluginFailed, "plugin %q: its list of tasks is not what it should be: %w", name, err)
	}
	return list, nil
}

// SourceTask returns the folder of a task that a plugin has, as a zip.
func (h *Host) SourceTask(ctx context.Context, name, task string) ([]byte, error) {
	e, err := h.source(ctx, name)
	if err != nil {
		return nil, err
	}
	head, err := json.Marshal(plugin.SourceTask{Name: task})
	if err != nil {
		return nil, err
	}
	r, err := e.call(ctx, "source get", ipc.PluginOpSource, head, nil, h.config.CallBudget)
	if err != nil {
		return nil, err
	}
	return r.Body, nil
}
