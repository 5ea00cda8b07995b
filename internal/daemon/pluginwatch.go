package daemon

import (
	"context"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/httpd"
)

// watchPlugins adds what is counted of plugins.
func (d *Daemon) watchPlugins() {
	if d.plugins == nil {
		return
	}
	r := &d.numbers.registry
	calls := func(of func(*ratchet.PluginCalls) int64) func(func(float64, ...string)) {
		return func(emit func(float64, ...string)) {
			for _, p := range d.plugins.Plugins(d.life) {
				for i := range p.Calls {
					emit(float64(of(&p.Calls[i])), p.Name, p.Calls[i].Operation)
				}
			}
		}
	}
	r.Count("ratchet_plugin_calls_total", "Calls of plugins.", calls(func(c *ratchet.PluginCalls) int64 { return c.Calls }), "plugin", "operation")
	r.Count("ratchet_plugin_failures_total", "Calls of plugins that failed or took too long.", calls(func(c *ratchet.PluginCalls) int64 { return c.Failed }), "plugin", "operation")
	r.Count("ratchet_plugin_rejections_total", "Jobs that plugins refused.", calls(func(c *ratchet.PluginCalls) int64 { return c.Rejected }), "plugin", "operation")
	enabled := func(of func(*ratchet.Plugin) float64) func(func(float64, ...string)) {
		return func(emit func(float64, ...string)) {
			for _, p := range d.plugins.Plugins(d.life) {
				if p.Enabled {
					emit(of(&p), p.Name)
				}
			}
		}
	}
	r.Gauge("ratchet_plugin_failed", "Of enabled plugins: 1 if it cannot be used.", enabled(func(p *ratchet.Plugin) float64 {
		if p.Status == ratchet.PluginFailed {
			return 1
		}
		return 0
	}), "plugin")
	r.Count("ratchet_plugin_restarts_total", "How often plugins were started again.", enabled(func(p *ratchet.Plugin) float64 { return float64(p.Restarts) }), "plugin")
	r.Count("ratchet_plugin_events_dropped_total", "Events that plugins were too slow for.", enabled(func(p *ratchet.Plugin) float64 { return float64(p.Dropped) }), "plugin")
}

// checkPlugins looks at the enabled plugins; nothing is said if there are none.
func (d *Daemon) checkPlugins(ctx context.Context) []httpd.Check {
	if d.plugins == nil {
		return nil
	}
	var broken []string
	enabled := 0
	for _, p := range d.plugins.Plugins(ctx) {
		if !p.Enabled {
			continue
		}
		if enabled++; p.Problem != "" {
			broken = append(broken, p.Name+": "+p.Problem)
		}
	}
	switch {
	case enabled == 0:
		return nil
	case len(broken) > 0:
		return []httpd.Check{{Name: "plugins", Status: httpd.Degraded, Message: strings.Join(broken, "; ")}}
	default:
		return []httpd.Check{{Name: "plugins", Status: httpd.Healthy}}
	}
}
