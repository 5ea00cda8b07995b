package graphql

import (
	"context"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/graphql/schema"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func asPlugin(p *ratchet.Plugin) schema.Plugin { return schema.Plugin{Plugin: p} }

// Plugins lists plugins.
func (r query) Plugins(ctx context.Context) ([]schema.Plugin, error) {
	all, err := r.svc.ListPlugins.Call(ctx, service.None{})
	return each(all, asPlugin), err
}

// Plugin finds a plugin.
func (r query) Plugin(ctx context.Context, name string) (*schema.Plugin, error) {
	p, err := r.svc.GetPlugin.Call(ctx, service.PluginRef{Plugin: name})
	return orNil(p, err, asPlugin)
}

// EnablePlugin enables a plugin.
func (r mutation) EnablePlugin(ctx context.Context, name string, input ratchet.PluginRequest) (schema.Plugin, error) {
	p, err := r.svc.EnablePlugin.Call(ctx, service.EnablePlugin{Plugin: name, PluginRequest: input})
	return the(p, err, asPlugin)
}

// DisablePlugin disables a plugin.
func (r mutation) DisablePlugin(ctx context.Context, name string) (schema.Plugin, error) {
	p, err := r.svc.DisablePlugin.Call(ctx, service.PluginRef{Plugin: name})
	return the(p, err, asPlugin)
}

// ReloadPlugin starts a plugin anew.
func (r mutation) ReloadPlugin(ctx context.Context, name string) (schema.Plugin, error) {
	p, err := r.svc.ReloadPlugin.Call(ctx, service.PluginRef{Plugin: name})
	return the(p, err, asPlugin)
}
