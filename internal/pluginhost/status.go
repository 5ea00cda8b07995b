package pluginhost

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/ipc"
)

// Plugins lists the plugins that were found and those that were set, by name.
func (h *Host) Plugins(ctx context.Context) []ratchet.Plugin {
	for name := range h.files.find() {
		h.entry(name)
	}
	list := []ratchet.Plugin{}
	for _, e := range h.all() {
		if p, there := e.describe(ctx); there {
			list = append(list, p)
		}
	}
	return list
}

// describe says what there is to say of a plugin on this node; false if it is
// neither there nor set.
func (e *entry) describe(ctx context.Context) (ratchet.Plugin, bool) {
	found, err := e.host.lookup(ctx, e.name)
	e.mu.Lock()
	defer e.mu.Unlock()
	p := ratchet.Plugin{
		Name: e.name, PluginSettings: e.settings, Capabilities: []ratchet.PluginCapability{},
		Calls: e.calls.list(), Dropped: e.queue.drops(), Restarts: e.restarts,
	}
	switch {
	case err != nil:
		p.Problem = err.Error()
		if one, ok := e.host.files.find()[e.name]; ok {
			p.Kind, p.Path = one.kind, one.path
		} else if !e.settings.Enabled && e.settings.UpdatedAt.IsZero() {
			return p, false
		}
	default:
		found.describe(&p)
	}
	p.Status = e.status(err)
	if e.settings.Enabled && e.problem != nil && p.Status == ratchet.PluginFailed {
		p.Problem = whole(e.problem).Error()
	}
	if p.Status == ratchet.PluginActive {
		p.PID, p.StartedAt, p.Metrics, p.Problem = e.process.child.PID(), e.process.started.UTC(), e.metrics, e.sick
	}
	return p, true
}

// status is where the plugin stands. The caller holds e.mu.
func (e *entry) status(err error) ratchet.PluginStatus {
	switch {
	case e.leaving && !e.settings.Enabled:
		return ratchet.PluginUnloading
	case !e.settings.Enabled && err != nil:
		return ratchet.PluginFailed
	case !e.settings.Enabled:
		return ratchet.PluginDisabled
	case e.process != nil && !e.process.gone():
		return ratchet.PluginActive
	case e.starting != nil:
		return ratchet.PluginLoading
	case e.problem != nil || err != nil:
		return ratchet.PluginFailed
	default:
		return ratchet.PluginUnloaded
	}
}

// describe copies what a manifest says.
func (r *prepared) describe(p *ratchet.Plugin) {
	m := r.manifest
	p.Kind, p.Path, p.Checksum = r.file.kind, r.file.path, r.checksum
	p.Version, p.Description, p.Author, p.Homepage, p.License = m.Version, m.Description, m.Author, m.Homepage, m.License
	p.Hooks, p.Functions, p.Requires, p.Needs, p.ConfigSchema = m.Hooks, m.Functions, m.Requires, m.Needs, m.ConfigSchema
	if m.Events != nil {
		p.Events = m.Events.Types
		if len(p.Events) == 0 {
			p.Events = []string{"*"}
		}
	}
	p.Capabilities = append(p.Capabilities, capabilities(&m)...)
}

// capabilities lists what a plugin can be called for.
func capabilities(m *ratchet.PluginManifest) (can []ratchet.PluginCapability) {
	for _, c := range []struct {
		has  bool
		what ratchet.PluginCapability
	}{
		{len(m.Hooks) > 0, ratchet.PluginHooks},
		{m.Submit != nil, ratchet.PluginSubmit},
		{len(m.Functions) > 0, ratchet.PluginFunctions},
		{m.Destination, ratchet.PluginDestination},
		{m.Transform, ratchet.PluginTransform},
		{m.Source, ratchet.PluginSource},
		{m.Events != nil, ratchet.PluginEvents},
	} {
		if c.has {
			can = append(can, c.what)
		}
	}
	return can
}

// check asks a plugin that runs for its health and its numbers, and stops one that
// nobody has called for long and that need not run.
func (e *entry) check(ctx context.Context) {
	e.mu.Lock()
	p, ready, eager := e.process, e.ready, e.eager()
	e.mu.Unlock()
	if p == nil || p.gone() || ready == nil {
		return
	}
	if !eager && p.users.Load() == 0 && time.Since(time.Unix(0, p.lastUsed.Load())) > e.host.config.Idle {
		e.rest(ctx, p)
		return
	}
	if ready.manifest.Health {
		e.checkHealth(ctx, p)
	}
	if ready.manifest.Metrics {
		e.readMetrics(ctx, p)
	}
}

// rest stops a plugin until it is called again.
func (e *entry) rest(ctx context.Context, p *process) {
	if !e.change.TryLock() {
		return // something is done about it already
	}
	defer e.change.Unlock()
	e.mu.Lock()
	idle := e.process == p && p.users.Load() == 0
	if idle {
		e.process = nil
	}
	e.mu.Unlock()
	if idle {
		e.host.log.DebugContext(ctx, "a plugin that nobody calls is stopped", slog.String("plugin", e.name))
		e.retire(p)
	}
}

func (e *entry) checkHealth(ctx context.Context, p *process) {
	text := ""
	r, err := p.call(ctx, ipc.PluginOpHealth, nil, nil, e.host.config.Check)
	switch {
	case err != nil:
		text = err.Error()
	case r.Failure != nil:
		text = limit(r.Failure.Message, maxLine)
	}
	e.mu.Lock()
	changed := e.sick != text
	e.sick = text
	e.mu.Unlock()
	if changed && text != "" {
		e.host.log.WarnContext(ctx, "a plugin says that it is not well", slog.String("plugin", e.name), slog.String("problem", text))
	}
}

func (e *entry) readMetrics(ctx context.Context, p *process) {
	r, err := p.call(ctx, ipc.PluginOpMetrics, nil, nil, e.host.config.Check)
	var numbers map[string]float64
	if err != nil || r.Failure != nil || json.Unmarshal(r.Head, &numbers) != nil || len(numbers) > 1000 {
		return // the old ones stay
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.metrics = numbers
}
