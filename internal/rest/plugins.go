package rest

import (
	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func (a *api) pluginRoutes() []*route {
	s, want := a.svc, shapeFor[ratchet.PluginRequest]()
	return []*route{
		newRoute(s.ListPlugins, nothing, whole, listing[ratchet.Plugin]),
		newRoute(s.GetPlugin, pluginRef, single, gives[ratchet.Plugin]),
		newRoute(s.EnablePlugin, func(r *request) service.EnablePlugin {
			return service.EnablePlugin{Plugin: r.PathValue("plugin"), PluginRequest: body[ratchet.PluginRequest](r, want)}
		}, single, sent[ratchet.PluginRequest](a.config.MaxBody, `{"config":{"level":"warn"},"allow":{"network":true},"onError":"ignore","budget":"500ms"}`), gives[ratchet.Plugin]),
		newRoute(s.DisablePlugin, pluginRef, single, gives[ratchet.Plugin]),
		newRoute(s.ReloadPlugin, pluginRef, single, gives[ratchet.Plugin]),
	}
}

func pluginRef(r *request) service.PluginRef { return service.PluginRef{Plugin: r.PathValue("plugin")} }
