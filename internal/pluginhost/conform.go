package pluginhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/ipc"
)

// A Check is one rule of the plugin protocol, and whether a plugin keeps it.
type Check struct {
	Name    string           `json:"name"`
	OK      bool             `json:"ok"`
	Note    string           `json:"note,omitempty"` // what came of it; why it failed
	Elapsed ratchet.Duration `json:"elapsed,omitzero"`
}

// A conformance is a run of the checks.
type conformance struct {
	host   *Host
	file   file
	config json.RawMessage
	needs  ratchet.PluginNeeds
	ready  *prepared
	data   string
	told   func(Check)
	failed int
}

// Conform tries a plugin's file against the protocol, as a server would speak it
// and as it should not, and tells of each rule as it is known. The plugin gets what
// its manifest needs, and a folder for its data that is thrown away. It returns how
// many rules were broken; an error is none of the plugin's.
func Conform(ctx context.Context, c Config, path string, config json.RawMessage, told func(Check)) (int, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return 0, err
	}
	data, err := os.MkdirTemp("", "ratchet-plugin-test-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(data)
	c.Dirs, c.Data, c.BuiltIn = nil, data, nil
	h := New(c)
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() { stopped <- h.Run(ctx) }()
	defer func() {
		cancel()
		<-stopped
	}()
	run := &conformance{host: h, config: orNull(config), data: data, told: told}
	run.all(ctx, path)
	return run.failed, ctx.Err()
}

// check runs one rule. A rule that fails is no reason to stop.
func (c *conformance) check(name string, do func() (note string, err error)) bool {
	began := time.Now()
	note, err := do()
	check := Check{Name: name, OK: err == nil, Note: note, Elapsed: ratchet.Duration(time.Since(began).Round(time.Microsecond))}
	if err != nil {
		check.Note = err.Error()
		c.failed++
	}
	c.told(check)
	return err == nil
}

func (c *conformance) all(ctx context.Context, path string) {
	if !c.check("the file is called as a plugin", func() (string, error) { return c.find(path) }) ||
		!c.check("it prints its manifest", func() (string, error) { return c.manifest(ctx) }) ||
		!c.check("the configuration fits its schema", func() (string, error) { return "", c.ready.accepts(c.config) }) {
		return
	}
	c.check("it prints the same manifest again", func() (string, error) {
		again, err := c.host.inspect(ctx, c.file, c.ready.checksum)
		if err == nil && string(again.raw) != string(c.ready.raw) {
			err = errors.New("the manifest is another one each time: a plugin is approved for what it said first")
		}
		return "", err
	})
	if !c.check("it starts, with the manifest that it printed", func() (string, error) {
		return "", c.with(ctx, func(*process) error { return nil })
	}) {
		return
	}
	c.check("it refuses a version of the protocol that it does not speak", func() (string, error) { return "", c.version(ctx) })
	c.capabilities(ctx)
	c.check("it answers what it does not have as unsupported", func() (string, error) { return "", c.unsupported(ctx) })
	c.check("calls do not wait for each other", func() (string, error) { return c.concurrent(ctx) })
	c.check("the cancel of a call that has ended is ignored", func() (string, error) {
		return "", c.with(ctx, func(p *process) error {
			p.out <- &ipc.PluginCancel{ID: 4_000_000_000}
			_, err := c.ask(ctx, p, ipc.PluginOpHealth, nil, nil)
			return err
		})
	})
	c.check("it stops when it is told to", func() (string, error) { return "", c.stop(ctx) })
	c.check("it ends when the server is gone", func() (string, error) { return "", c.orphan(ctx) })
	c.check("it ends when it is sent garbage", func() (string, error) { return "", c.garbage(ctx) })
}

func (c *conformance) find(path string) (string, error) {
	one, ok := plugInFile(filepath.Dir(path), filepath.Base(path))
	if !ok {
		return "", fmt.Errorf("%s is no file that is called %sNAME or %[2]sNAME%s", path, prefix, wasmExt)
	}
	if filepath.Base(filepath.Dir(path)) == one.name {
		one.folder = filepath.Dir(path)
	}
	c.file = one
	return fmt.Sprintf("%s %q", one.kind, one.name), executable(one)
}

func (c *conformance) manifest(ctx context.Context) (string, error) {
	sum, err := c.host.files.checksum(c.file)
	if err != nil {
		return "", err
	}
	if c.ready, err = c.host.inspect(ctx, c.file, sum); err != nil {
		return "", err
	}
	c.needs = c.ready.manifest.Needs
	can := capabilities(&c.ready.manifest)
	words := make([]string, len(can))
	for i, one := range can {
		words[i] = string(one)
	}
	return fmt.Sprintf("version %s: %s", c.ready.manifest.Version, strings.Join(words, ", ")), nil
}

// open starts the plugin without a word.
func (c *conformance) open(ctx context.Context) (*process, error) {
	data, err := c.host.dataFolder(c.ready)
	if err != nil {
		return nil, err
	}
	child, rw, stderr, err := c.host.spawn(ctx, c.file, c.needs, data, "serve")
	if err != nil {
		return nil, err
	}
	return c.host.converse(ctx, c.file.name, child, rw, stderr, 0)
}

// with has a plugin that is started do something, and ends it.
func (c *conformance) with(ctx context.Context, do func(*process) error) error {
	p, err := c.host.start(ctx, c.ready, ratchet.PluginSettings{Config: c.config})
	if err != nil {
		return err
	}
	err = do(p)
	if err == nil && p.gone() {
		err = whole(p.death())
	}
	p.kill(errStopped)
	<-p.ended
	return err
}

// ask makes a call. A failure of the plugin's own is an answer.
func (c *conformance) ask(ctx context.Context, p *process, op string, head any, body []byte) (*ipc.PluginReturn, error) {
	var text []byte
	if head != nil {
		var err error
		if text, err = json.Marshal(head); err != nil {
			return nil, err
		}
	}
	r, err := p.call(ctx, op, text, body, c.host.config.CallBudget)
	return r, whole(err)
}

// capabilities calls all that the manifest has, once.
func (c *conformance) capabilities(ctx context.Context) {
	m := c.ready.manifest
	sample := func(hook ratchet.HookPoint) (head any, body []byte) {
		input := []byte(`{"sample":true}`)
		e := &ratchet.PluginEvent{
			Hook: hook, Job: ratchet.NewID[ratchet.Job](), Task: "sample-task", Version: "1.0.0", Attempt: 1, MaxAttempts: 3, At: time.Now().UTC(),
		}
		switch hook {
		case ratchet.HookOnFailure:
			e.State, e.Error = ratchet.ExecutionFailed, ratchet.Errorf(ratchet.ReasonExecutionFailed, "Error: a sample")
		case ratchet.HookAfterExecution, ratchet.HookOnSuccess:
			e.State = ratchet.ExecutionCompleted
		}
		return eventHead{PluginEvent: e, InputSize: len(input)}, input
	}
	try := func(name, op string, head any, body []byte, look func(*ipc.PluginReturn) (string, error)) {
		c.check(name, func() (note string, err error) {
			err = c.with(ctx, func(p *process) error {
				r, err := c.ask(ctx, p, op, head, body)
				if err != nil {
					return err
				}
				if f := r.Failure; f != nil {
					if f.Kind == "panic" || f.Kind == "unsupported" {
						return fmt.Errorf("%s: %s", f.Kind, limit(f.Message, maxLine))
					}
					note = f.Kind + ": " + limit(f.Message, 200)
					return nil
				}
				if look != nil {
					note, err = look(r)
				}
				return err
			})
			return note, err
		})
	}
	for _, hook := range m.Hooks {
		head, body := sample(hook.Point)
		try("hook "+string(hook.Point), ipc.PluginOpHook, head, body, nil)
	}
	if m.Submit != nil {
		head, body := sample("")
		try("submit", ipc.PluginOpSubmit, head, body, func(r *ipc.PluginReturn) (string, error) {
			if len(r.Body) > 0 && !json.Valid(r.Body) {
				return "", errors.New("the new input is not JSON")
			}
			return "", nil
		})
	}
	for _, f := range m.Functions {
		head := map[string]string{"function": f.Name, "task": "sample-task"}
		try("function "+f.Name, ipc.PluginOpFunction, head, []byte("null"), func(r *ipc.PluginReturn) (string, error) {
			if details := c.ready.functions[f.Name].output.Validate(orJSONNull(r.Body)); len(details) > 0 {
				return "", fmt.Errorf("its value breaks its own schema: %s", told(details))
			}
			return "", nil
		})
	}
	if m.Events != nil {
		try("events", ipc.PluginOpEvents, map[string]any{"events": []ratchet.Event{{ID: "1", Type: ratchet.EventJob, Time: time.Now().UTC(), Task: "sample-task"}}}, nil, nil)
	}
	if m.Source {
		try("list of tasks", ipc.PluginOpSources, nil, nil, func(r *ipc.PluginReturn) (string, error) {
			var list []struct {
				Name string `json:"name"`
			}
			err := json.Unmarshal(r.Head, &list)
			return fmt.Sprintf("%d tasks", len(list)), err
		})
	}
	if m.Health {
		try("health", ipc.PluginOpHealth, nil, nil, nil)
	}
	if m.Metrics {
		try("metrics", ipc.PluginOpMetrics, nil, nil, func(r *ipc.PluginReturn) (string, error) {
			var numbers map[string]float64
			err := json.Unmarshal(r.Head, &numbers)
			return fmt.Sprintf("%d numbers", len(numbers)), err
		})
	}
	// What takes a result away is not tried: it would really send one.
}

func orJSONNull(b []byte) json.RawMessage {
	if len(b) == 0 {
		return json.RawMessage("null")
	}
	return b
}

// version offers versions that nobody speaks.
func (c *conformance) version(ctx context.Context) error {
	p, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		p.kill(errStopped)
		<-p.ended
	}()
	p.out <- &ipc.PluginHello{Min: 1_000_000, Max: 1_000_001, Ratchet: c.host.config.Version}
	m, err := p.await("the hello", c.host.config.StartBudget)
	if err != nil {
		return err
	}
	if r, ok := m.(*ipc.PluginReady); !ok || r.Error == "" {
		return fmt.Errorf("it takes version %d of the protocol", 1_000_000)
	}
	return nil
}

func (c *conformance) unsupported(ctx context.Context) error {
	return c.with(ctx, func(p *process) error {
		for op, head := range map[string]any{"no-such-operation": nil, ipc.PluginOpFunction: map[string]string{"function": "noSuchFunction"}} {
			r, err := c.ask(ctx, p, op, head, nil)
			if err != nil {
				return err
			}
			if r.Failure == nil || r.Failure.Kind != "unsupported" {
				return fmt.Errorf("operation %q was not answered as unsupported", op)
			}
		}
		return nil
	})
}

func (c *conformance) concurrent(ctx context.Context) (string, error) {
	const many = 32
	began := time.Now()
	err := c.with(ctx, func(p *process) error {
		began = time.Now()
		errs := make([]error, many)
		var calls sync.WaitGroup
		for i := range many {
			calls.Go(func() { _, errs[i] = c.ask(ctx, p, ipc.PluginOpHealth, nil, nil) })
		}
		calls.Wait()
		return errors.Join(errs...)
	})
	return fmt.Sprintf("%d at once in %s", many, time.Since(began).Round(time.Microsecond)), err
}

// stop tells it to end.
func (c *conformance) stop(ctx context.Context) error {
	p, err := c.host.start(ctx, c.ready, ratchet.PluginSettings{Config: c.config})
	if err != nil {
		return err
	}
	p.finish(fmt.Errorf("it did not end within %s", ratchet.Duration(c.host.config.StopBudget)))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause != nil {
		return p.cause
	}
	if p.status != "exit status 0" {
		return fmt.Errorf("it ended with %s", p.status)
	}
	return nil
}

// orphan closes its standard input.
func (c *conformance) orphan(ctx context.Context) error {
	p, err := c.host.start(ctx, c.ready, ratchet.PluginSettings{Config: c.config})
	if err != nil {
		return err
	}
	if d, ok := p.rw.(duplex); ok {
		err = d.w.Close()
	} else {
		err = p.rw.Close()
	}
	return errors.Join(err, c.ends(p))
}

// ends waits for its end.
func (c *conformance) ends(p *process) error {
	timer := time.NewTimer(c.host.config.StopBudget)
	defer timer.Stop()
	select {
	case <-p.ended:
		return nil
	case <-timer.C:
		p.kill(errStopped)
		<-p.ended
		return fmt.Errorf("it still ran %s later", ratchet.Duration(c.host.config.StopBudget))
	}
}

// garbage sends what is no frame.
func (c *conformance) garbage(ctx context.Context) error {
	p, err := c.host.start(ctx, c.ready, ratchet.PluginSettings{Config: c.config})
	if err != nil {
		return err
	}
	if err := p.rw.SetWriteDeadline(time.Now().Add(c.host.config.StopBudget)); err != nil {
		return err
	}
	_, _ = p.rw.Write([]byte("\xff\xff\xff\xffGET / HTTP/1.1\r\n\r\n")) // it may end before it has read all
	return c.ends(p)
}
