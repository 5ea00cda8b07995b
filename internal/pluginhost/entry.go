package pluginhost

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/ipc"
	"github.com/ratchet-runner/ratchet-go/internal/resilience"
)

// An entry is what a host knows of one plugin.
type entry struct {
	host  *Host
	name  string
	calls counters
	queue *queue

	change sync.Mutex // held while settings change or the process is exchanged

	mu       sync.Mutex
	settings ratchet.PluginSettings
	ready    *prepared // as it was last found fit to start; nil if it was not
	process  *process  // that takes calls; nil if there is none
	starting *start    // under way; nil if there is none
	problem  error     // why it cannot be used, or died
	sick     string    // what its health says
	failures int       // starts or lives in a row that ended badly
	notUntil time.Time // it is not started again before
	restarts int
	leaving  bool // it finishes its calls
	metrics  map[string]float64
}

// A start is one that is under way.
type start struct {
	done    chan struct{}
	process *process
	err     error
}

func newEntry(h *Host, name string) *entry {
	e := &entry{host: h, name: name}
	e.queue = newQueue(e)
	return e
}

// stable is how long a plugin must live to have its failures forgotten.
const stable = time.Minute

// acquire returns a process that takes calls, started if need be, and holds it
// until release. It waits for a start until ctx ends.
func (e *entry) acquire(ctx context.Context) (*process, error) {
	for {
		e.mu.Lock()
		switch {
		case !e.settings.Enabled:
			e.mu.Unlock()
			return nil, ratchet.Errorf(ratchet.ReasonPluginUnavailable, "plugin %q is not enabled: \"ratchet plugin enable %s\" does that", e.name, e.name)
		case e.process != nil && !e.process.gone():
			p := e.process
			p.users.Add(1)
			e.mu.Unlock()
			return p, nil
		case e.starting == nil && time.Now().Before(e.notUntil):
			problem, left := e.problem, time.Until(e.notUntil)
			e.mu.Unlock()
			later := &laterError{problem, &resilience.OpenError{Host: e.name, After: left}}
			return nil, ratchet.Errorf(ratchet.ReasonPluginUnavailable, "plugin %q is started again in %s: %w", e.name, round(left), later)
		}
		s := e.begin(ctx)
		e.mu.Unlock()
		select {
		case <-s.done:
			if s.err != nil {
				return nil, s.err
			}
		case <-ctx.Done():
			return nil, ratchet.Errorf(ratchet.ReasonPluginUnavailable, "plugin %q is still being started: %w", e.name, context.Cause(ctx))
		}
	}
}

// A laterError is a cause, and when to ask again: nothing was asked of the plugin
// this time.
type laterError struct {
	cause error
	open  *resilience.OpenError
}

func (e *laterError) Error() string   { return e.cause.Error() }
func (e *laterError) Unwrap() []error { return []error{e.cause, e.open} }

func round(d time.Duration) ratchet.Duration {
	return ratchet.Duration(max(d.Round(10*time.Millisecond), 10*time.Millisecond))
}

// release gives a process back.
func (e *entry) release(p *process) {
	p.lastUsed.Store(time.Now().UnixNano())
	p.users.Add(-1)
}

// begin has a process started, once for all who wait. The caller holds e.mu.
func (e *entry) begin(ctx context.Context) *start {
	if e.starting != nil {
		return e.starting
	}
	s := &start{done: make(chan struct{})}
	e.starting = s
	settings := e.settings
	ctx = context.WithoutCancel(ctx) // others may wait for it too
	if !e.host.begin(func() { e.run(ctx, s, settings) }) {
		s.err = ratchet.Errorf(ratchet.ReasonPluginUnavailable, "plugin %q: %w", e.name, errStopped)
		e.starting = nil
		close(s.done)
	}
	return s
}

// run starts a process and puts it in its place.
func (e *entry) run(ctx context.Context, s *start, settings ratchet.PluginSettings) {
	ready, err := e.host.prepare(ctx, e.name, settings)
	if err == nil {
		s.process, err = e.host.start(ctx, ready, settings)
	}
	e.mu.Lock()
	e.starting = nil
	if err != nil {
		s.err = err
		e.failed(err)
	} else {
		e.problem, e.sick = nil, ""
		e.ready, e.process = ready, s.process
	}
	e.mu.Unlock()
	e.host.route()
	close(s.done)
	if err != nil {
		e.host.log.ErrorContext(ctx, "a plugin cannot be started", slog.String("plugin", e.name), slog.Any("error", err))
		e.again(ctx)
		return
	}
	e.host.log.InfoContext(ctx, "a plugin runs", slog.String("plugin", e.name),
		slog.String("version", ready.manifest.Version), slog.Int("pid", s.process.child.PID()))
	e.watch(ctx, s.process)
}

// failed notes a bad end, and when to try again. The caller holds e.mu.
func (e *entry) failed(err error) {
	e.problem = err
	e.failures++
	if e.failures == 1 {
		e.notUntil = time.Now() // a first one may be chance
		return
	}
	e.notUntil = time.Now().Add(resilience.Delay(e.host.config.Restart, e.failures-1, rand.Float64))
}

// watch waits for the end of a process. If that was not asked for, it is started
// again: at once if a job's way leads past it, otherwise with the next call.
func (e *entry) watch(ctx context.Context, p *process) {
	e.queue.attach(ctx, p)
	<-p.ended
	e.queue.detach(p)
	p.mu.Lock()
	asked := p.stopped
	p.mu.Unlock()
	if asked {
		return
	}
	err := ratchet.Errorf(ratchet.ReasonPluginFailed, "plugin %q: %w", e.name, p.death())
	e.mu.Lock()
	if e.process == p {
		e.process = nil
		if time.Since(p.started) > stable {
			e.failures = 0
		}
		e.failed(err)
		e.restarts++
	}
	e.mu.Unlock()
	e.host.log.ErrorContext(ctx, "a plugin died", slog.String("plugin", e.name), slog.Any("error", whole(err)))
	e.again(ctx)
}

// again starts a plugin that a job's way leads past, when it may be.
func (e *entry) again(ctx context.Context) {
	e.mu.Lock()
	wait := time.Until(e.notUntil)
	wanted := e.eager()
	e.mu.Unlock()
	if !wanted {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-e.host.stop:
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.eager() && e.process == nil {
		e.begin(ctx)
	}
}

// eager reports whether a plugin is to run before it is called. The caller holds
// e.mu.
func (e *entry) eager() bool {
	if !e.settings.Enabled || e.ready == nil {
		return false
	}
	m := e.ready.manifest
	return len(m.Hooks) > 0 || m.Submit != nil || m.Events != nil
}

// retire takes the process out of its place and lets it finish its calls.
func (e *entry) retire(p *process) {
	if p == nil {
		return
	}
	e.queue.detach(p)
	e.mu.Lock()
	e.leaving = true
	e.mu.Unlock()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for p.users.Load() > 0 && !p.gone() { // it gets no more: this ends with the last budget
		<-ticker.C
	}
	p.finish(errors.New("it did not stop in time"))
	e.mu.Lock()
	e.leaving = false
	e.mu.Unlock()
}

// halt ends what runs of a plugin.
func (e *entry) halt(ctx context.Context, cause error) {
	e.change.Lock()
	defer e.change.Unlock()
	e.settle()
	e.mu.Lock()
	p := e.process
	e.process = nil
	e.mu.Unlock()
	if p == nil {
		return
	}
	e.host.log.DebugContext(ctx, "a plugin is stopped", slog.String("plugin", e.name), slog.Any("cause", cause))
	e.retire(p)
}

// settle waits for a start that is under way.
func (e *entry) settle() {
	e.mu.Lock()
	s := e.starting
	e.mu.Unlock()
	if s != nil {
		<-s.done
	}
}

// exchange starts a process with what is set now and lets the old one finish. If
// the new one cannot be started the old one stays.
func (e *entry) exchange(ctx context.Context) error {
	e.settle()
	e.mu.Lock()
	settings := e.settings
	e.mu.Unlock()
	ready, err := e.host.prepare(ctx, e.name, settings)
	if err != nil {
		return err
	}
	p, err := e.host.start(ctx, ready, settings)
	if err != nil {
		return err
	}
	e.settle() // it may have died meanwhile and be started again
	e.mu.Lock()
	old := e.process
	e.ready, e.process, e.problem, e.sick = ready, p, nil, ""
	e.failures, e.notUntil = 0, time.Time{}
	e.mu.Unlock()
	if !e.host.begin(func() { e.watch(context.WithoutCancel(ctx), p) }) {
		p.finish(errStopped)
		return errStopped
	}
	e.retire(old)
	return nil
}

// set has a plugin used as it is set.
func (e *entry) set(ctx context.Context, settings ratchet.PluginSettings) error {
	e.change.Lock()
	defer e.change.Unlock()
	e.settle()
	e.mu.Lock()
	before := e.settings
	e.settings = settings
	e.failures, e.notUntil = 0, time.Time{}
	p := e.process
	e.mu.Unlock()
	switch {
	case !settings.Enabled:
		e.mu.Lock()
		e.process, e.problem = nil, nil
		e.mu.Unlock()
		e.retire(p)
		return nil
	case p == nil || p.gone():
		held, err := e.acquire(ctx)
		if err != nil {
			return err
		}
		e.release(held)
		return nil
	case before.Pin == settings.Pin && sameNeeds(before.Allowed, settings.Allowed):
		if bytes.Equal(before.Config, settings.Config) {
			return nil
		}
		if e.reconfigured(ctx, p, settings) == nil {
			return nil
		}
	}
	return e.exchange(ctx)
}

// reconfigured gives a running plugin its new configuration, if it takes that.
func (e *entry) reconfigured(ctx context.Context, p *process, settings ratchet.PluginSettings) error {
	if _, err := e.host.prepare(ctx, e.name, settings); err != nil {
		return err
	}
	r, err := p.call(ctx, ipc.PluginOpConfig, orNull(settings.Config), nil, e.host.config.StartBudget)
	if err != nil {
		return err
	}
	return failed(e.name, r.Failure)
}
