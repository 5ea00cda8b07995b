// Command ratchet-plugin-probe notes how a server calls it, and misbehaves as its
// configuration says.
package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/ratchet-runner/ratchet-go/plugin"
)

type config struct {
	Fail    []string        `json:"fail"`    // hooks that fail
	Reject  []string        `json:"reject"`  // that reject the job
	Hang    []string        `json:"hang"`    // that never answer
	Rewrite json.RawMessage `json:"rewrite"` // what every input becomes
	Task    string          `json:"task"`    // code of the task that it brings
	Secret  string          `json:"secret"`
	Broken  bool            `json:"broken"` // it does not start
}

type probe struct {
	mu     sync.Mutex
	config config
	calls  *os.File
}

func main() {
	p := &probe{}
	hook := func() *plugin.Hook { return &plugin.Hook{Call: p.hook} }
	plugin.Main(plugin.Plugin{
		Name: "probe", Version: "1.2.3",
		Config: json.RawMessage(`{"type":"object","properties":{
			"fail":{"type":"array"},"reject":{"type":"array"},"hang":{"type":"array"},"rewrite":{},"task":{"type":"string"},
			"secret":{"type":"string","writeOnly":true},"broken":{"type":"boolean"}
		},"additionalProperties":false}`),
		Start: p.start,
		ConfigChanged: func(_ context.Context, text json.RawMessage) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.config = config{}
			return json.Unmarshal(text, &p.config)
		},
		BeforeValidation: hook(), AfterValidation: hook(), BeforeExecution: hook(), AfterExecution: hook(), OnSuccess: hook(), OnFailure: hook(),
		Submit: &plugin.Middleware{Call: func(ctx context.Context, e *plugin.Event) error {
			e.Hook = "submit"
			if err := p.hook(ctx, e); err != nil {
				return err
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.config.Rewrite != nil {
				e.Input = p.config.Rewrite
			}
			return nil
		}},
		Source: &plugin.Source{List: p.list, Get: p.get},
		Destination: func(_ context.Context, d plugin.Delivery) error {
			return p.note(map[string]any{"hook": "destination", "config": d.Config, "type": d.ContentType, "body": string(d.Body), "task": d.Task, "status": d.Status, "attempt": d.Attempt}, "destination")
		},
		Transform: func(_ context.Context, d plugin.Delivery) ([]byte, error) {
			err := p.note(map[string]any{"hook": "transform", "config": d.Config, "type": d.ContentType, "body": string(d.Body), "task": d.Task, "status": d.Status, "attempt": d.Attempt}, "transform")
			return bytes.ToUpper(d.Body), err
		},
	})
}

func (p *probe) start(_ context.Context, s plugin.Setup) (err error) {
	if err := json.Unmarshal(s.Config, &p.config); err != nil {
		return err
	}
	if p.config.Broken {
		return errors.New("it is told not to start")
	}
	p.calls, err = os.OpenFile(filepath.Join(s.Data, "calls"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return err
}

// note notes a delivery, and fails if it was told to.
func (p *probe) note(call map[string]any, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	line, err := json.Marshal(call)
	if err == nil {
		_, err = p.calls.Write(append(line, '\n'))
	}
	if err == nil && slices.Contains(p.config.Fail, name) {
		err = errors.New("it fails as told")
	}
	return err
}

// hook notes the call, a line of JSON, and then does as it was told.
func (p *probe) hook(ctx context.Context, e *plugin.Event) error {
	p.mu.Lock()
	c := p.config
	line, err := json.Marshal(map[string]any{
		"hook": e.Hook, "task": e.Task, "job": !e.Job.IsZero(), "input": e.Input, "output": e.Output, "state": e.State,
		"attempt": e.Attempt, "of": e.MaxAttempts, "by": e.By, "schedule": !e.Schedule.IsZero(),
	})
	if err == nil {
		_, err = p.calls.Write(append(line, '\n'))
	}
	p.mu.Unlock()
	switch name := string(e.Hook); {
	case err != nil:
		return err
	case slices.Contains(c.Hang, name):
		<-ctx.Done()
		return ctx.Err()
	case slices.Contains(c.Reject, name):
		return plugin.Reject("it is told to")
	case slices.Contains(c.Fail, name):
		return errors.New("it fails as told")
	}
	return nil
}

func (p *probe) list(context.Context) ([]plugin.SourceTask, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.config.Task == "" {
		return nil, nil
	}
	return []plugin.SourceTask{{Name: "brought", Revision: p.config.Task}}, nil
}

func (p *probe) get(_ context.Context, name string) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for file, text := range map[string]string{"metadata.json": `{"name": "` + name + `", "version": "1.0.0"}`, "main.js": p.config.Task} {
		w, err := z.Create(file)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(text)); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}
