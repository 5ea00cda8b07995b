package service

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// PluginStore keeps what the operator set for plugins.
type PluginStore interface {
	// PluginRecords lists the plugins that were ever set, by name.
	PluginRecords(ctx context.Context) ([]ratchet.PluginRecord, error)
	// SetPlugin writes r if it was last updated at the time given; else a conflict.
	SetPlugin(ctx context.Context, r *ratchet.PluginRecord, seen time.Time) error
}

// Plugins are those that this node can have; package pluginhost does.
type Plugins interface {
	SubmitHook
	// Plugins lists those that were found and those that were set, by name.
	Plugins(ctx context.Context) []ratchet.Plugin
	// Settled completes settings and checks whether the plugin could be enabled so:
	// that it is there, has the checksum, accepts the configuration, needs no more
	// than it is allowed, and has what it requires.
	Settled(ctx context.Context, name string, s ratchet.PluginSettings) (ratchet.PluginSettings, error)
	// Able reports why an enabled plugin cannot be called for something: it is not
	// there, not enabled, or has no such capability. That it is down is no reason.
	Able(ctx context.Context, name string, c ratchet.PluginCapability) error
	// Removable reports why a plugin cannot be disabled: others require it.
	Removable(name string) error
	// Changed has this node, and the others, use plugins as they are now set.
	Changed(ctx context.Context, name string) error
	// Reload starts a plugin anew and lets the old process finish what it does.
	Reload(ctx context.Context, name string) error
}

func (s *Service) pluginOperations(c *Catalogue) {
	const read, admin = ratchet.ScopeRead, ratchet.ScopeAdmin
	c.ListPlugins = op(s, Operation{
		Name: "plugins.list", Method: "GET", Path: "/plugins", Effect: Read, Scope: read,
		Summary: "List the plugins of the node that answers",
	}, s.listPlugins)
	c.GetPlugin = op(s, Operation{
		Name: "plugins.get", Method: "GET", Path: "/plugins/{plugin}", Effect: Read, Scope: read,
		Summary: "Show a plugin: what it can do, what it needs, how it does",
	}, s.getPlugin)
	c.EnablePlugin = op(s, Operation{
		Name: "plugins.enable", Method: "POST", Path: "/plugins/{plugin}/enable", Effect: Write, Scope: admin,
		Summary:     "Use a plugin, or change how it is used",
		Description: "The configuration must fit the plugin's schema, and what it needs must be allowed. Its file is pinned to the checksum that it has, or to the one that is given. What is not given stays as it was.",
	}, s.enablePlugin)
	c.DisablePlugin = op(s, Operation{
		Name: "plugins.disable", Method: "POST", Path: "/plugins/{plugin}/disable", Effect: Write, Scope: admin,
		Summary: "Use a plugin no more; its settings are kept",
	}, s.disablePlugin)
	c.ReloadPlugin = op(s, Operation{
		Name: "plugins.reload", Method: "POST", Path: "/plugins/{plugin}/reload", Effect: Write, Scope: admin,
		Summary: "Start a plugin anew, without losing a call",
	}, s.reloadPlugin)
}

func (s *Service) listPlugins(ctx context.Context, _ None) ([]ratchet.Plugin, error) {
	if s.plugins == nil {
		return []ratchet.Plugin{}, nil
	}
	all := s.plugins.Plugins(ctx)
	for i := range all {
		shownPlugin(&all[i])
	}
	return all, nil
}

// findPlugin returns the plugin of a name.
func (s *Service) findPlugin(ctx context.Context, name string) (*ratchet.Plugin, error) {
	if s.plugins == nil {
		return nil, errNoPlugins()
	}
	if !ratchet.ValidPluginName(name) {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "%q is not the name of a plugin: want lower-case letters, digits and hyphens, as in ratchet-plugin-NAME", shorten(name))
	}
	all := s.plugins.Plugins(ctx)
	names := make([]string, len(all))
	for i := range all {
		if names[i] = all[i].Name; names[i] == name {
			return &all[i], nil
		}
	}
	remedy := "\"ratchet plugin list\" shows those there are"
	if near := ratchet.Nearest(name, names); near != "" {
		remedy = fmt.Sprintf("is %q meant?", near)
	} else if len(names) == 0 {
		remedy = "there are none; an executable ratchet-plugin-" + name + " in the folder of plugins would be one"
	}
	return nil, ratchet.Errorf(ratchet.ReasonPluginNotFound, "there is no plugin %q: %s", name, remedy)
}

func errNoPlugins() error {
	return ratchet.Errorf(ratchet.ReasonPluginUnavailable, "this server has no plugins: plugins.enabled is false in its configuration")
}

func (s *Service) getPlugin(ctx context.Context, in PluginRef) (*ratchet.Plugin, error) {
	p, err := s.findPlugin(ctx, in.Plugin)
	if err != nil {
		return nil, err
	}
	return shownPlugin(p), nil
}

// maxPluginBudget bounds what a hook may take.
const maxPluginBudget = ratchet.Duration(time.Minute)

// enablePlugin keeps nothing that the plugin could not be started with.
func (s *Service) enablePlugin(ctx context.Context, in EnablePlugin) (*ratchet.Plugin, error) {
	p, err := s.findPlugin(ctx, in.Plugin)
	if err != nil {
		return nil, err
	}
	if err := checkPluginRequest(&in.PluginRequest); err != nil {
		return nil, err
	}
	settings := p.PluginSettings
	seen := settings.UpdatedAt
	settings.Enabled = true
	if in.Config != nil {
		settings.Config = unhidden(in.Config, settings.Config)
	}
	if in.Checksum != "" && p.Checksum != "" && in.Checksum != p.Checksum {
		return nil, ratchet.Errorf(ratchet.ReasonPluginChecksum, "plugin %q has the checksum %s, not the one that is given: it is another file than the one that is meant", in.Plugin, p.Checksum)
	}
	// A file that was exchanged is pinned anew when the operator says so again.
	settings.Pin = cmp.Or(in.Checksum, p.Checksum)
	switch {
	case in.AllowAll:
		settings.Allowed = p.Needs
	case in.Allow != nil:
		settings.Allowed = *in.Allow
	}
	settings.OnError = cmp.Or(in.OnError, settings.OnError)
	settings.Budget = cmp.Or(in.Budget, settings.Budget)
	if in.Priority != nil {
		settings.Priority = in.Priority
	}
	if settings, err = s.plugins.Settled(ctx, in.Plugin, settings); err != nil {
		if e, known := ratchetError(err); known && e.Reason == ratchet.ReasonValidation {
			e.Details = prefixed("/config", e.Details)
		}
		return nil, err
	}
	return s.setPlugin(ctx, in.Plugin, settings, seen)
}

func checkPluginRequest(r *ratchet.PluginRequest) error {
	var wrong problems
	if len(r.Config) > 0 && bytes.TrimSpace(r.Config)[0] != '{' {
		wrong.wrong("/config", "the configuration is not an object", "an object such as {}", string(r.Config))
	}
	if r.OnError != "" && !slices.Contains(ratchet.PluginOnErrors(), r.OnError) {
		wrong.wrong("/onError", "this is not what can become of a failing hook", "one of "+fmt.Sprint(ratchet.PluginOnErrors()), string(r.OnError))
	}
	if r.Budget < 0 || r.Budget > maxPluginBudget {
		wrong.wrong("/budget", "the budget is out of bounds", "more than 0s, up to "+maxPluginBudget.String(), r.Budget.String())
	}
	if p := r.Priority; p != nil && (*p < ratchet.HookFirst || *p > ratchet.HookLast) {
		wrong.wrong("/priority", "the priority is out of bounds", fmt.Sprintf("%d (first) to %d (last)", ratchet.HookFirst, ratchet.HookLast), fmt.Sprint(*p))
	}
	if r.Checksum != "" && !checksum.MatchString(r.Checksum) {
		wrong.wrong("/checksum", "this is not a checksum", "the SHA-256 of the file: 64 hexadecimal digits, as sha256sum prints it", r.Checksum)
	}
	if r.AllowAll && r.Allow != nil {
		wrong.wrong("/allow", "allow and allowAll exclude each other", "one of the two", "both")
	}
	return wrong.err()
}

var checksum = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (s *Service) disablePlugin(ctx context.Context, in PluginRef) (*ratchet.Plugin, error) {
	p, err := s.findPlugin(ctx, in.Plugin)
	if err != nil {
		return nil, err
	}
	if !p.Enabled {
		return shownPlugin(p), nil
	}
	if err := s.plugins.Removable(in.Plugin); err != nil {
		return nil, err
	}
	settings := p.PluginSettings
	settings.Enabled = false
	return s.setPlugin(ctx, in.Plugin, settings, p.UpdatedAt)
}

// setPlugin keeps settings and has them take effect.
func (s *Service) setPlugin(ctx context.Context, name string, settings ratchet.PluginSettings, seen time.Time) (*ratchet.Plugin, error) {
	record := ratchet.PluginRecord{Name: name, PluginSettings: settings}
	record.Config = nil
	if len(settings.Config) > 0 {
		var err error
		if record.Sealed, err = s.sealer.Seal(settings.Config, ratchet.PluginContext(name)); err != nil {
			return nil, fmt.Errorf("seal the configuration of plugin %s: %w", name, err)
		}
	}
	if err := s.store.SetPlugin(ctx, &record, seen); err != nil {
		return nil, err
	}
	if err := s.plugins.Changed(ctx, name); err != nil {
		if e, known := ratchetError(err); known && settings.Enabled {
			return nil, ratchet.Errorf(e.Reason, "%w; it stays enabled: change what is wrong and enable it again, or \"ratchet plugin disable %s\"", err, name)
		}
		return nil, err
	}
	return s.getPlugin(ctx, PluginRef{Plugin: name})
}

func (s *Service) reloadPlugin(ctx context.Context, in PluginRef) (*ratchet.Plugin, error) {
	p, err := s.findPlugin(ctx, in.Plugin)
	if err != nil {
		return nil, err
	}
	if !p.Enabled {
		return nil, ratchet.Errorf(ratchet.ReasonPluginUnavailable, "plugin %q is not enabled: \"ratchet plugin enable %s\" starts it", p.Name, p.Name)
	}
	if err := s.plugins.Reload(ctx, in.Plugin); err != nil {
		return nil, err
	}
	return s.getPlugin(ctx, in)
}
