package graphql

import (
	"context"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/graphql/schema"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// Deliveries lists deliveries.
func (r query) Deliveries(ctx context.Context, filters schema.DeliveryFilters, sort []ratchet.Sort, limit, offset *int, after *string) (l schema.DeliveryList, err error) {
	q, err := pageQuery(ctx, filters, sort, limit, offset, after)
	if err != nil {
		return l, err
	}
	p, err := r.svc.ListDeliveries.Call(ctx, q)
	l.Items, l.Meta = each(p.Items, asDelivery), schema.MetaOf(q, p)
	return l, err
}

// Delivery finds a delivery.
func (r query) Delivery(ctx context.Context, id string) (*schema.Delivery, error) {
	delivery, err := ratchet.ParseID[ratchet.Delivery](id)
	if err != nil {
		return nil, at(ctx, "id", err)
	}
	d, err := r.svc.GetDelivery.Call(ctx, service.DeliveryRef{ID: delivery})
	return orNil(d, err, asDelivery)
}

// Job is whose result is delivered.
func (r ofDelivery) Job(ctx context.Context, d *schema.Delivery) (*schema.Job, error) {
	return r.job(ctx, d.Delivery.Job)
}

// Redeliver delivers a result again.
func (r mutation) Redeliver(ctx context.Context, id string) (out schema.Delivery, err error) {
	delivery, err := ratchet.ParseID[ratchet.Delivery](id)
	if err != nil {
		return out, at(ctx, "id", err)
	}
	d, err := r.svc.Redeliver.Call(ctx, service.DeliveryRef{ID: delivery})
	return the(d, err, asDelivery)
}

// RedeliverMany delivers many results again.
func (r mutation) RedeliverMany(ctx context.Context, filters schema.DeliveryFilters, limit *int, dryRun *bool) (out ratchet.BulkResult, err error) {
	if len(filters) == 0 {
		return out, at(ctx, "filters", ratchet.Errorf(ratchet.ReasonValidation, "there is no filter: give at least one, such as {state: FAILED}"))
	}
	if limit != nil && *limit < 1 {
		return out, at(ctx, "limit", ratchet.Errorf(ratchet.ReasonValidation, "the limit %d is out of bounds: want 1 to %d", *limit, ratchet.CountedTotal))
	}
	b, err := r.svc.RedeliverMany.Call(ctx, service.BulkDeliveries{Filters: filters, Limit: value(limit), DryRun: value(dryRun)})
	return the(b, err, func(b *ratchet.BulkResult) ratchet.BulkResult { return *b })
}

// TestDestinations tries destinations.
func (r mutation) TestDestinations(ctx context.Context, input schema.TestDestinationsInput) ([]ratchet.DestinationTest, error) {
	in := ratchet.DestinationTestRequest{Task: value(input.Task), Destinations: input.Destinations, Send: value(input.Send)}
	if input.JobID != nil {
		var err error
		if in.Job, err = ratchet.ParseID[ratchet.Job](*input.JobID); err != nil {
			return nil, at(ctx, "input", &schema.FieldError{Field: "jobId", Err: err})
		}
	}
	return r.svc.TestDestinations.Call(ctx, in)
}

// Hooks lists the hooks of a task.
func (r query) Hooks(ctx context.Context, taskID string) ([]schema.Hook, error) {
	all, err := r.svc.ListHooks.Call(ctx, service.TaskRef{Task: taskID})
	return each(all, asHook), err
}

func asCreatedHook(h *ratchet.CreatedHook) schema.CreatedHook {
	return schema.CreatedHook{Hook: asHook(&h.Hook), URL: h.URL, Path: h.Path, Secret: h.Secret}
}

// CreateHook makes a hook.
func (r mutation) CreateHook(ctx context.Context, taskID string, input ratchet.HookRequest) (schema.CreatedHook, error) {
	h, err := r.svc.CreateHook.Call(ctx, service.CreateHook{Task: taskID, HookRequest: input})
	return the(h, err, asCreatedHook)
}

// UpdateHook changes a hook.
func (r mutation) UpdateHook(ctx context.Context, id string, input ratchet.HookPatch) (out schema.Hook, err error) {
	hook, err := ratchet.ParseID[ratchet.Hook](id)
	if err != nil {
		return out, at(ctx, "id", err)
	}
	h, err := r.svc.UpdateHook.Call(ctx, service.UpdateHook{ID: hook, HookPatch: input})
	return the(h, err, asHook)
}

// RotateHook gives a hook another secret.
func (r mutation) RotateHook(ctx context.Context, id string) (out schema.CreatedHook, err error) {
	hook, err := ratchet.ParseID[ratchet.Hook](id)
	if err != nil {
		return out, at(ctx, "id", err)
	}
	h, err := r.svc.RotateHook.Call(ctx, service.HookRef{ID: hook})
	return the(h, err, asCreatedHook)
}

// DeleteHook deletes a hook.
func (r mutation) DeleteHook(ctx context.Context, id string) (bool, error) {
	hook, err := ratchet.ParseID[ratchet.Hook](id)
	if err != nil {
		return false, at(ctx, "id", err)
	}
	_, err = r.svc.DeleteHook.Call(ctx, service.HookRef{ID: hook})
	return err == nil, err
}
