package client_test

import (
	"context"

	"github.com/ratchet-runner/ratchet-go"
)

// pluginSteps use the plugin that every server has.
func (o *tour) pluginSteps() []step {
	const name = "log-events"
	return []step{
		{"Plugins", func(ctx context.Context) error {
			all, err := o.c.Plugins(ctx)
			o.want(len(all) == 1 && all[0].Name == name && all[0].Status == ratchet.PluginDisabled, "the plugin, disabled", all)
			return err
		}},
		{"EnablePlugin", func(ctx context.Context) error {
			p, err := o.c.EnablePlugin(ctx, name, ratchet.PluginRequest{OnError: ratchet.PluginFail})
			o.want(err == nil && p.Enabled && p.OnError == ratchet.PluginFail && p.Status == ratchet.PluginActive, "the plugin, active", p)
			return err
		}},
		{"ReloadPlugin", func(ctx context.Context) error {
			p, err := o.c.ReloadPlugin(ctx, name)
			o.want(err == nil && p.Enabled, "the plugin", p)
			return err
		}},
		{"Plugin", func(ctx context.Context) error {
			p, err := o.c.Plugin(ctx, name)
			o.want(err == nil && p.Kind == ratchet.PluginBuiltIn && len(p.Capabilities) == 1, "the plugin", p)
			return err
		}},
		{"DisablePlugin", func(ctx context.Context) error {
			p, err := o.c.DisablePlugin(ctx, name)
			o.want(err == nil && !p.Enabled, "the plugin, disabled", p)
			return err
		}},
	}
}
