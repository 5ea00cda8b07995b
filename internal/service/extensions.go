package service

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
)

// A SubmitHook is what plugins have to do with jobs that are submitted; package
// pluginhost does.
type SubmitHook interface {
	// Hooked reports whether any plugin is to be called at the point.
	Hooked(p ratchet.HookPoint) bool
	// Hook calls the plugins at the event's point, in their order. An error is a
	// *ratchet.Error: a plugin rejects the job, or failed and may not.
	Hook(ctx context.Context, e *ratchet.PluginEvent) error
	// Submits reports whether any plugin looks at jobs before they are submitted.
	Submits() bool
	// Submit has those plugins look at a job. It returns the input as they leave
	// it, nil if as it was; an error is as of Hook.
	Submit(ctx context.Context, e *ratchet.PluginEvent) (json.RawMessage, error)
}

// hooked reports whether a submit has to tell plugins anything.
func (s *Service) hooked() bool {
	p := s.plugins
	return p != nil && (p.Submits() || p.Hooked(ratchet.HookBeforeValidation) || p.Hooked(ratchet.HookAfterValidation))
}

// accept checks the input of a request, with plugins before and after it, and
// returns it as they leave it. A plugin that refuses is an answer to the request.
func (b *submitter) accept(ctx context.Context, wrong *problems, t *ratchet.Task, v *ratchet.Version, input json.RawMessage, r *ratchet.JobRequest) (json.RawMessage, error) {
	if !b.hooked() || len(wrong.details) > 0 || !json.Valid(input) {
		return input, b.checkInput(ctx, wrong, v, input)
	}
	e := b.event(ctx, t, v, input)
	e.Priority, e.Tags = r.Priority, r.Tags
	if refused, err := b.tell(ctx, wrong, e, ratchet.HookBeforeValidation); refused || err != nil {
		return input, err
	}
	if b.plugins.Submits() {
		e.Hook = ""
		changed, err := b.plugins.Submit(ctx, e)
		if err != nil {
			return input, wrong.refuse("", err)
		}
		if changed != nil {
			input, e.Input = changed, changed
		}
	}
	if err := b.checkInput(ctx, wrong, v, input); err != nil || len(wrong.details) > 0 {
		return input, err
	}
	_, err := b.tell(ctx, wrong, e, ratchet.HookAfterValidation)
	return input, err
}

// acceptAgain is accept for the repetition of a job: its input is as plugins left
// it then.
func (b *submitter) acceptAgain(ctx context.Context, wrong *problems, t *ratchet.Task, v *ratchet.Version, old *ratchet.Job) error {
	if !b.hooked() {
		return b.checkInput(ctx, wrong, v, old.Input)
	}
	e := b.event(ctx, t, v, old.Input)
	e.Priority, e.Tags = old.Priority, old.Tags
	if refused, err := b.tell(ctx, wrong, e, ratchet.HookBeforeValidation); refused || err != nil {
		return err
	}
	if err := b.checkInput(ctx, wrong, v, old.Input); err != nil || len(wrong.details) > 0 {
		return err
	}
	_, err := b.tell(ctx, wrong, e, ratchet.HookAfterValidation)
	return err
}

// event is what plugins are told of a job that is not there yet.
func (b *submitter) event(ctx context.Context, t *ratchet.Task, v *ratchet.Version, input json.RawMessage) *ratchet.PluginEvent {
	e := &ratchet.PluginEvent{Task: t.Name, Version: v.Semver, Schedule: b.schedule, At: time.Now().UTC(), Input: input}
	if who, known := auth.From(ctx); known {
		e.By = who.Name
	}
	return e
}

// tell calls the plugins at a point.
func (b *submitter) tell(ctx context.Context, wrong *problems, e *ratchet.PluginEvent, at ratchet.HookPoint) (refused bool, err error) {
	if !b.plugins.Hooked(at) {
		return false, nil
	}
	e.Hook = at
	if err := b.plugins.Hook(ctx, e); err != nil {
		return true, wrong.refuse("", err)
	}
	return false, nil
}
