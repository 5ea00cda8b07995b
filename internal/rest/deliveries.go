package rest

import (
	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func (a *api) deliveryRoutes() []*route {
	s, fields, test := a.svc, ratchet.DeliveryFields(), shapeFor[ratchet.DestinationTestRequest]()
	return []*route{
		newRoute(s.ListDeliveries, (*request).list, page, with(pages(fields)...), filtered(fields), listing[ratchet.Delivery]),
		newRoute(s.GetDelivery, deliveryRef, single, gives[ratchet.Delivery], tagged),
		newRoute(s.Redeliver, deliveryRef, func(r *request, d *ratchet.Delivery) (answer, error) {
			ans, err := single(r, d)
			ans.location = base + "/deliveries/" + d.ID.String()
			return ans, err
		}, gives[ratchet.Delivery], located),
		newRoute(s.RedeliverMany, func(r *request) service.BulkDeliveries {
			in := service.BulkDeliveries{Filters: r.filters(), Limit: r.number("limit", 1, ratchet.CountedTotal, 0), DryRun: r.yes("dryRun")}
			if len(in.Filters) == 0 && len(r.faults) == 0 {
				r.wrong("", "there is no filter", "at least one, such as state=failed", "")
			}
			return in
		}, single, gives[ratchet.BulkResult], filtered(fields),
			with(query("limit", "How many at most.", numberSchema(1, ratchet.CountedTotal)),
				query("dryRun", "Only say how many there are.", yesSchema()))),
		newRoute(s.TestDestinations, func(r *request) ratchet.DestinationTestRequest {
			return body[ratchet.DestinationTestRequest](r, test)
		}, whole, sent[ratchet.DestinationTestRequest](a.config.MaxBody,
			`{"destinations":[{"type":"file","path":"{{task_name}}/{{job_id}}.json"}],"send":false}`), listing[ratchet.DestinationTest]),
	}
}

func deliveryRef(r *request) (in service.DeliveryRef) {
	r.id("id", &in.ID)
	return in
}

func (a *api) hookRoutes() []*route {
	s, create, change := a.svc, shapeFor[ratchet.HookRequest](), shapeFor[ratchet.HookPatch]()
	return []*route{
		newRoute(s.ListHooks, taskRef, whole, listing[ratchet.Hook]),
		newRoute(s.CreateHook, func(r *request) service.CreateHook {
			return service.CreateHook{Task: r.PathValue("task"), HookRequest: body[ratchet.HookRequest](r, create)}
		}, func(r *request, made *ratchet.CreatedHook) (answer, error) {
			ans, err := single(r, made)
			ans.location = base + "/hooks/" + made.ID.String()
			return ans, err
		}, sent[ratchet.HookRequest](a.config.MaxBody, `{"name":"github","verify":"github"}`), gives[ratchet.CreatedHook], located),
		newRoute(s.UpdateHook, func(r *request) (in service.UpdateHook) {
			in.HookPatch = body[ratchet.HookPatch](r, change)
			r.id("id", &in.ID)
			return in
		}, single, sent[ratchet.HookPatch](a.config.MaxBody, `{"enabled":false}`), gives[ratchet.Hook]),
		newRoute(s.RotateHook, hookRef, single, gives[ratchet.CreatedHook]),
		newRoute(s.DeleteHook, hookRef, empty),
	}
}

func hookRef(r *request) (in service.HookRef) {
	r.id("id", &in.ID)
	return in
}
