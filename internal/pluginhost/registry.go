package pluginhost

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

// requirements checks that what a plugin requires is there, enabled, of the right
// version, and does not require it in turn.
func (h *Host) requirements(ctx context.Context, m ratchet.PluginManifest) error {
	refuse := func(format string, args ...any) error {
		return ratchet.Errorf(ratchet.ReasonPluginDependency, "plugin %q "+format, append([]any{m.Name}, args...)...)
	}
	if circle := h.circle(ctx, m); circle != nil {
		return refuse("cannot be started: plugins require each other in a circle: %s", strings.Join(circle, " → "))
	}
	for _, r := range m.Requires {
		if r.Optional {
			continue
		}
		other, err := h.lookup(ctx, r.Name)
		if err != nil {
			return refuse("requires %q, which cannot be used: %w", r.Name, err)
		}
		if e := h.known(r.Name); e == nil || !e.enabled() {
			return refuse("requires %q, which is not enabled: \"ratchet plugin enable %[2]s\" comes first", r.Name)
		}
		versions, err := plugin.ParseRange(r.Version)
		if err != nil {
			return refuse("requires %q: %w", r.Name, err)
		}
		if !versions.Has(other.manifest.Version) {
			return refuse("requires %q in version %s, but it is %s", r.Name, r.Version, other.manifest.Version)
		}
	}
	return nil
}

// circle returns the names of plugins that require each other, beginning and
// ending with m's; nil if there are none.
func (h *Host) circle(ctx context.Context, m ratchet.PluginManifest) []string {
	seen := map[string]bool{}
	var walk func(at ratchet.PluginManifest, path []string) []string
	walk = func(at ratchet.PluginManifest, path []string) []string {
		for _, r := range at.Requires {
			if r.Name == m.Name {
				return append(path, r.Name)
			}
			if seen[r.Name] {
				continue
			}
			seen[r.Name] = true
			next, err := h.lookup(ctx, r.Name)
			if err != nil {
				continue // it is told of where it is required
			}
			if found := walk(next.manifest, append(path, r.Name)); found != nil {
				return found
			}
		}
		return nil
	}
	return walk(m, []string{m.Name})
}

// order returns the entries so that each comes after those that it requires.
func (h *Host) order() (sorted []*entry) {
	all := h.all()
	byName := map[string]*entry{}
	for _, e := range all {
		byName[e.name] = e
	}
	const walking, done = 1, 2
	state := map[*entry]int{}
	var visit func(e *entry)
	visit = func(e *entry) {
		if state[e] != 0 {
			return // done, or in a circle, which is told of when it is started
		}
		state[e] = walking
		for _, r := range e.requires() {
			if other := byName[r.Name]; other != nil {
				visit(other)
			}
		}
		state[e] = done
		sorted = append(sorted, e)
	}
	for _, e := range all {
		visit(e)
	}
	return sorted
}

func (e *entry) requires() []ratchet.PluginRequirement {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ready == nil {
		return nil
	}
	return e.ready.manifest.Requires
}

// fit reports whether it was found fit to start.
func (e *entry) fit() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ready != nil
}

func (e *entry) enabled() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.settings.Enabled
}

// Removable reports why a plugin cannot be disabled: others require it.
func (h *Host) Removable(name string) error {
	var users []string
	for _, e := range h.all() {
		if !e.enabled() || e.name == name {
			continue
		}
		for _, r := range e.requires() {
			if r.Name == name && !r.Optional {
				users = append(users, e.name)
			}
		}
	}
	if len(users) == 0 {
		return nil
	}
	return ratchet.Errorf(ratchet.ReasonPluginDependency, "plugin %q is required by %s: disable %s first",
		name, strings.Join(users, ", "), map[bool]string{true: "that", false: "those"}[len(users) == 1])
}

// Settled checks whether a plugin could be used with these settings: that it is
// there, has the checksum, accepts the configuration, needs no more than it is
// allowed and has what it requires. It returns them complete.
func (h *Host) Settled(ctx context.Context, name string, s ratchet.PluginSettings) (ratchet.PluginSettings, error) {
	if s.Pin == "" {
		p, err := h.lookup(ctx, name)
		if err != nil {
			return s, err
		}
		s.Pin = p.checksum
	}
	s.OnError = cmp.Or(s.OnError, ratchet.PluginIgnore)
	_, err := h.prepare(ctx, name, s)
	return s, err
}

// Set has a plugin used as it is set now. It returns when it runs so, or is
// stopped; an error leaves it as its status tells.
func (h *Host) Set(ctx context.Context, name string, s ratchet.PluginSettings) error {
	e := h.entry(name)
	err := e.set(ctx, s)
	if !s.Enabled {
		e.mu.Lock()
		e.ready = nil
		e.mu.Unlock()
	}
	h.route()
	if err == nil {
		h.breakers.Close(name) // whatever it failed with was before
	}
	return err
}

// SetAll is Set for all plugins that were ever set, each after those that it
// requires. It is what a server does when it starts: those that a job's way leads
// past are started, the others with their first call. Whatever fails shows in the
// plugin's status.
func (h *Host) SetAll(ctx context.Context, all map[string]ratchet.PluginSettings) {
	for name, s := range all {
		e := h.entry(name)
		e.mu.Lock()
		e.settings = s
		e.mu.Unlock()
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !all[name].Enabled {
			continue
		}
		e := h.entry(name)
		ready, err := h.prepare(ctx, name, all[name])
		e.mu.Lock()
		if err != nil {
			e.failed(err)
		} else {
			e.ready = ready
		}
		e.mu.Unlock()
		if err != nil {
			h.log.ErrorContext(ctx, "an enabled plugin cannot be used", slog.String("plugin", name), slog.Any("error", err))
		}
	}
	h.route()
	for _, e := range h.order() {
		e.mu.Lock()
		wanted := e.eager() && e.process == nil
		e.mu.Unlock()
		if !wanted {
			continue
		}
		if p, err := e.acquire(ctx); err == nil { // an error shows in its status
			e.release(p)
		}
	}
}

// Reload starts a plugin anew, with the file that is there now, and lets the old
// process finish what it does. If the new one cannot be started the old one stays.
func (h *Host) Reload(ctx context.Context, name string) error {
	e := h.known(name)
	if e == nil || !e.enabled() {
		return ratchet.Errorf(ratchet.ReasonPluginUnavailable, "plugin %q is not enabled: \"ratchet plugin enable %s\" does that", name, name)
	}
	e.change.Lock()
	defer e.change.Unlock()
	err := e.exchange(ctx)
	h.route()
	if err == nil {
		h.breakers.Close(name)
	}
	return err
}
