package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/destination"
	"github.com/ratchet-runner/ratchet-go/internal/dispatch"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/pluginhost"
	"github.com/ratchet-runner/ratchet-go/internal/resilience"
	"github.com/ratchet-runner/ratchet-go/internal/secret"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

// plugins are those of this node, set as the store says.
type plugins struct {
	*pluginhost.Host
	daemon *Daemon
	box    *secret.Box
	turned chan struct{} // whether any follows events may have changed

	mu   sync.Mutex
	seen map[string]applied // what each was last set to here
}

// applied is a setting of a plugin, by its time, and what came of it.
type applied struct {
	at  time.Time
	err error
}

// hooked is where plugins come in; each is nil if there are none.
type hooked struct {
	service  service.Plugins
	dispatch dispatch.Hooks
}

// newPlugins makes the host of plugins, unless there shall be none.
func (d *Daemon) newPlugins(box *secret.Box, exec *executor.Executor) (h hooked) {
	c := d.config.Plugins
	if !c.Enabled {
		return h
	}
	dirs := make([]string, len(c.Dirs))
	for i, dir := range c.Dirs {
		dirs[i] = inDataDir(d.config, dir)
	}
	d.plugins = &plugins{
		Host: pluginhost.New(pluginhost.Config{
			Dirs: dirs, Data: filepath.Join(d.config.Data.Dir, "plugins"), BuiltIn: builtIn(d.log), Version: d.options.Version,
			Budget: c.Budget, CallBudget: c.Timeout, Events: c.Queue, Memory: c.Memory,
			Launcher: d.options.PluginLauncher, Insecure: d.config.Execution.InsecureUnsandboxed, Log: d.log,
		}),
		daemon: d, box: box, turned: make(chan struct{}, 1), seen: map[string]applied{},
	}
	exec.WithFunctions(d.plugins)
	return hooked{service: d.plugins, dispatch: d.plugins}
}

// CallFunction calls a function of a plugin for a task.
func (p *plugins) CallFunction(ctx context.Context, f executor.Function) (json.RawMessage, error) {
	return p.Function(ctx, f.Plugin, f.Name, plugin.Call{Argument: f.Argument, Task: f.Task, Job: f.Job, Execution: f.Execution})
}

// settings reads how plugins are set.
func (p *plugins) settings(ctx context.Context) (map[string]ratchet.PluginSettings, error) {
	records, err := p.daemon.store.PluginRecords(ctx)
	if err != nil {
		return nil, err
	}
	all := make(map[string]ratchet.PluginSettings, len(records))
	for _, r := range records {
		if len(r.Sealed) > 0 {
			plain, err := p.box.Open(r.Sealed, ratchet.PluginContext(r.Name))
			if err != nil {
				p.daemon.log.ErrorContext(ctx, "the configuration of a plugin cannot be opened: restore the key that sealed it, or enable the plugin with a new one", slog.String("plugin", r.Name), slog.Any("error", err))
				r.Enabled = false
			}
			r.Config = plain
		}
		all[r.Name] = r.PluginSettings
	}
	return all, nil
}

// startPlugins has the plugins ready before the first job.
func (d *Daemon) startPlugins(ctx context.Context) {
	if d.plugins == nil {
		return
	}
	all, err := d.plugins.settings(ctx)
	if err != nil {
		d.log.ErrorContext(ctx, "the settings of plugins cannot be read; they are tried again", slog.Any("error", err))
		return
	}
	d.plugins.SetAll(ctx, all)
	d.plugins.mu.Lock()
	for name, s := range all {
		d.plugins.seen[name] = applied{at: s.UpdatedAt}
	}
	d.plugins.mu.Unlock()
	d.plugins.turn()
}

// refresh has plugins used as they are set by now; name is the one that was
// changed, empty if any may have been. A plugin that others require comes first.
func (p *plugins) refresh(ctx context.Context, name string) error {
	all, err := p.settings(ctx)
	if err != nil {
		return fmt.Errorf("read the settings of plugins: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, each := range slices.Sorted(maps.Keys(all)) {
		s := all[each]
		if name != "" && each != name {
			continue
		}
		last := p.seen[each]
		if !last.at.Equal(s.UpdatedAt) {
			last = applied{s.UpdatedAt, p.Set(ctx, each, s)}
			p.seen[each] = last
		} else if name == "" {
			continue
		}
		errs = append(errs, last.err)
	}
	p.turn()
	return errors.Join(errs...)
}

// Changed has the plugin used here as it is set now, and tells the other nodes.
func (p *plugins) Changed(ctx context.Context, name string) error {
	defer p.daemon.hub.Publish(ratchet.Event{Type: ratchet.EventPlugin, Time: time.Now().UTC(), Task: name})
	return p.refresh(ctx, name)
}

// Reload starts a plugin anew, which may follow events now that it did not before.
func (p *plugins) Reload(ctx context.Context, name string) error {
	defer p.turn()
	return p.Host.Reload(ctx, name)
}

func (p *plugins) turn() {
	select {
	case p.turned <- struct{}{}:
	default:
	}
}

// lookForPlugins is how often the settings are read although nothing was heard of a
// change.
const lookForPlugins = 15 * time.Second

// runPlugins supervises plugins, and sets them as other nodes do, until ctx ends.
func (d *Daemon) runPlugins(ctx context.Context) error {
	if d.plugins == nil {
		<-ctx.Done()
		return nil
	}
	host := make(chan error, 1)
	go func() { host <- d.plugins.Run(ctx) }()
	for ctx.Err() == nil {
		d.heedPlugins(ctx)
	}
	return <-host
}

// heedPlugins follows changes of settings until the stream or ctx ends.
func (d *Daemon) heedPlugins(ctx context.Context) {
	sub := d.hub.Subscribe(stream.Filter{Types: []ratchet.EventType{ratchet.EventPlugin}})
	defer sub.Close()
	again := time.NewTicker(lookForPlugins)
	defer again.Stop()
	for {
		name := ""
		select {
		case <-ctx.Done():
			return
		case e, open := <-sub.Events():
			if !open {
				wait(ctx, heedAgain)
				return
			}
			name = e.Task // none of a gap
		case <-again.C:
			if !d.shared() {
				continue
			}
		}
		if err := d.plugins.refresh(ctx, name); err != nil && ctx.Err() == nil {
			d.log.WarnContext(ctx, "plugins cannot be used as they are set", slog.Any("error", err))
		}
	}
}

// wait waits for so long; not at all once ctx ends.
func wait(ctx context.Context, t time.Duration) {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// feedPlugins gives the stream of events to the plugins that follow it, until ctx
// ends. While there are none it is no reader of the stream.
func (d *Daemon) feedPlugins(ctx context.Context) error {
	if d.plugins == nil {
		<-ctx.Done()
		return nil
	}
	for {
		if d.plugins.Subscribed() {
			d.feed(ctx)
		}
		select {
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
			defer cancel()
			d.plugins.Flush(ctx)
			return nil
		case <-d.plugins.turned:
		}
	}
}

// flushTime is how long plugins may take over the last events of a server.
const flushTime = 5 * time.Second

// feed passes events on until no plugin follows them, or ctx ends.
func (d *Daemon) feed(ctx context.Context) {
	sub := d.hub.Subscribe(stream.Filter{Level: ratchet.LevelTrace})
	defer sub.Close()
	for {
		select {
		case <-ctx.Done():
			d.rest(sub)
			return
		case <-d.plugins.turned:
			if !d.plugins.Subscribed() {
				return
			}
		case e, open := <-sub.Events():
			if !open {
				d.plugins.turn() // it was too slow: from here on again
				wait(ctx, heedAgain)
				return
			}
			d.plugins.Publish(e)
		}
	}
}

// rest passes on the events that are there already.
func (d *Daemon) rest(sub *stream.Subscription) {
	for {
		select {
		case e, open := <-sub.Events():
			if !open {
				return
			}
			d.plugins.Publish(e)
		default:
			return
		}
	}
}

// breakers are those of hosts and of plugins.
type breakers struct {
	hosts   *resilience.Hosts
	plugins *plugins // nil: there are none
}

func (d *Daemon) allBreakers() breakers { return breakers{d.hosts, d.plugins} }

// Breakers lists them.
func (b breakers) Breakers() []ratchet.Breaker {
	all := b.hosts.Breakers()
	if b.plugins == nil {
		return all
	}
	return append(all, b.plugins.Breakers()...)
}

// Deliver has a plugin take a job's result away.
func (p *plugins) Deliver(ctx context.Context, name string, d *ratchet.DueDelivery, body *destination.Body) error {
	t := told(d, body)
	t.Config = d.Spec.Config
	return p.DeliverResult(ctx, name, t)
}

// Transform has a plugin make something else of what is delivered.
func (p *plugins) Transform(ctx context.Context, name string, d *ratchet.DueDelivery, body *destination.Body) ([]byte, error) {
	return p.Host.Transform(ctx, name, told(d, body))
}

// told is what a plugin is told of a delivery.
func told(d *ratchet.DueDelivery, body *destination.Body) plugin.Delivery {
	t := plugin.Delivery{
		ID: d.ID.String(), Attempt: d.Attempts + 1, Job: d.Job.ID, Task: d.Job.Task, Version: d.Version,
		Status: d.Job.State.Status(), ContentType: body.ContentType, Body: body.Data,
	}
	if d.Execution != nil {
		t.Execution = d.Execution.ID
	}
	return t
}
