package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ratchet-runner/ratchet-go/internal/ipc"
)

// errUnsupported is a call of what a plugin does not have.
var errUnsupported = errors.New("the plugin has no such thing")

// call does what the server asks for.
func (s *server) call(ctx context.Context, c *ipc.PluginCall) (head, body []byte, err error) {
	p := s.plugin
	switch c.Op {
	case ipc.PluginOpHook:
		return nil, nil, s.hook(ctx, c)
	case ipc.PluginOpSubmit:
		return s.submit(ctx, c)
	case ipc.PluginOpFunction:
		body, err = s.function(ctx, c)
		return nil, body, err
	case ipc.PluginOpDeliver, ipc.PluginOpTransform:
		body, err = s.deliver(ctx, c)
		return nil, body, err
	case ipc.PluginOpSources, ipc.PluginOpSource:
		return s.source(ctx, c)
	case ipc.PluginOpEvents:
		if p.Events == nil {
			return nil, nil, errUnsupported
		}
		var b Batch
		if err := json.Unmarshal(c.Head, &b); err != nil {
			return nil, nil, fmt.Errorf("events: %w", err)
		}
		return nil, nil, p.Events.Handle(ctx, b)
	case ipc.PluginOpConfig:
		if p.ConfigChanged == nil {
			return nil, nil, errUnsupported
		}
		return nil, nil, p.ConfigChanged(ctx, c.Head)
	case ipc.PluginOpHealth:
		if p.Health == nil {
			return nil, nil, nil
		}
		return nil, nil, p.Health(ctx)
	case ipc.PluginOpMetrics:
		if p.Metrics == nil {
			return nil, nil, errUnsupported
		}
		numbers, err := p.Metrics(ctx)
		if err != nil {
			return nil, nil, err
		}
		head, err = json.Marshal(numbers)
		return head, nil, err
	default:
		return nil, nil, fmt.Errorf("%w: operation %q", errUnsupported, c.Op)
	}
}

// event reads what a hook or a submit is told: the body is the input, then the
// output, and the head says how long the input is.
func event(c *ipc.PluginCall) (*Event, error) {
	var e struct {
		Event
		InputSize int `json:"inputSize"`
	}
	if err := json.Unmarshal(c.Head, &e); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	if e.InputSize < 0 || e.InputSize > len(c.Body) {
		return nil, fmt.Errorf("event: an input of %d bytes in a body of %d", e.InputSize, len(c.Body))
	}
	if e.InputSize > 0 {
		e.Input = c.Body[:e.InputSize:e.InputSize]
	}
	if e.InputSize < len(c.Body) {
		e.Output = c.Body[e.InputSize:]
	}
	return &e.Event, nil
}

func (s *server) hook(ctx context.Context, c *ipc.PluginCall) error {
	e, err := event(c)
	if err != nil {
		return err
	}
	h := s.plugin.hook(e.Hook)
	if h == nil {
		return fmt.Errorf("%w: hook %q", errUnsupported, e.Hook)
	}
	return h.Call(ctx, e)
}

func (s *server) submit(ctx context.Context, c *ipc.PluginCall) (head, body []byte, err error) {
	if s.plugin.Submit == nil {
		return nil, nil, errUnsupported
	}
	e, err := event(c)
	if err != nil {
		return nil, nil, err
	}
	before := string(e.Input)
	if err := s.plugin.Submit.Call(ctx, e); err != nil {
		return nil, nil, err
	}
	if string(e.Input) == before {
		return nil, nil, nil
	}
	if !json.Valid(e.Input) {
		return nil, nil, errors.New("the input that the plugin made is not JSON")
	}
	return nil, e.Input, nil
}

func (s *server) function(ctx context.Context, c *ipc.PluginCall) ([]byte, error) {
	var head struct {
		Call
		Function string `json:"function"`
	}
	if err := json.Unmarshal(c.Head, &head); err != nil {
		return nil, fmt.Errorf("function: %w", err)
	}
	f, ok := s.plugin.Functions[head.Function]
	if !ok {
		return nil, fmt.Errorf("%w: function %q", errUnsupported, head.Function)
	}
	head.Argument = c.Body
	if len(c.Body) == 0 {
		head.Argument = json.RawMessage("null")
	}
	value, err := f.Call(ctx, head.Call)
	if err == nil && len(value) > 0 && !json.Valid(value) {
		err = errors.New("what the function returned is not JSON")
	}
	return value, err
}

func (s *server) deliver(ctx context.Context, c *ipc.PluginCall) ([]byte, error) {
	var d Delivery
	if err := json.Unmarshal(c.Head, &d); err != nil {
		return nil, fmt.Errorf("delivery: %w", err)
	}
	d.Body = c.Body
	switch {
	case c.Op == ipc.PluginOpTransform && s.plugin.Transform != nil:
		return s.plugin.Transform(ctx, d)
	case c.Op == ipc.PluginOpDeliver && s.plugin.Destination != nil:
		return nil, s.plugin.Destination(ctx, d)
	}
	return nil, errUnsupported
}

func (s *server) source(ctx context.Context, c *ipc.PluginCall) (head, body []byte, err error) {
	src := s.plugin.Source
	if src == nil {
		return nil, nil, errUnsupported
	}
	if c.Op == ipc.PluginOpSources {
		list, err := src.List(ctx)
		if err != nil {
			return nil, nil, err
		}
		head, err = json.Marshal(list)
		return head, nil, err
	}
	var task SourceTask
	if err := json.Unmarshal(c.Head, &task); err != nil {
		return nil, nil, fmt.Errorf("source: %w", err)
	}
	body, err = src.Get(ctx, task.Name)
	return nil, body, err
}
