package rest

import (
	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func (a *api) clusterRoutes() []*route {
	s := a.svc
	return []*route{
		newRoute(s.ListWorkers, nothing, whole, listing[ratchet.Worker]),
		newRoute(s.ListNodes, nothing, whole, listing[ratchet.Node]),
		newRoute(s.ListBreakers, nothing, whole, listing[ratchet.Breaker]),
		newRoute(s.ListEngines, nothing, whole, listing[ratchet.EngineInfo]),
		newRoute(s.ListCaches, nothing, whole, listing[ratchet.Cache]),
		newRoute(s.PurgeCache, func(r *request) service.CacheRef { return service.CacheRef{Name: r.PathValue("name")} }, empty),
		newRoute(s.GetStats, nothing, single, gives[ratchet.Stats]),
		newRoute(s.PauseAll, nothing, single, gives[ratchet.Stats]),
		newRoute(s.ResumeAll, nothing, single, gives[ratchet.Stats]),
	}
}

func (a *api) keyRoutes() []*route {
	s, fields, want := a.svc, ratchet.KeyFields(), shapeFor[ratchet.KeyRequest]()
	return []*route{
		newRoute(s.ListKeys, (*request).list, page, with(pages(fields)...), filtered(fields), listing[ratchet.Key]),
		newRoute(s.CreateKey, func(r *request) ratchet.KeyRequest { return body[ratchet.KeyRequest](r, want) },
			func(r *request, key *ratchet.CreatedKey) (answer, error) {
				ans, err := single(r, key)
				ans.location = base + "/keys/" + key.ID.String()
				return ans, err
			}, sent[ratchet.KeyRequest](a.config.MaxBody, `{"name":"ci","scopes":["run"],"expiresIn":"90d"}`), gives[ratchet.CreatedKey], located),
		newRoute(s.RevokeKey, func(r *request) (in service.KeyRef) {
			r.id("id", &in.ID)
			return in
		}, single, gives[ratchet.Key]),
	}
}
