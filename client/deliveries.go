package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/ratchet-runner/ratchet-go"
)

// Deliveries reads a page of the deliveries, without their receipts.
func (c *Client) Deliveries(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Delivery], error) {
	return list[ratchet.Delivery](ctx, c, "/deliveries", q)
}

// Delivery reads a delivery with its receipts.
func (c *Client) Delivery(ctx context.Context, id ratchet.DeliveryID) (*ratchet.Delivery, error) {
	return get[ratchet.Delivery](ctx, c, "/deliveries/"+id.String(), nil)
}

// Redeliver has a result delivered again, or one that waits now.
func (c *Client) Redeliver(ctx context.Context, id ratchet.DeliveryID) (*ratchet.Delivery, error) {
	return act[ratchet.Delivery](ctx, c, http.MethodPost, "/deliveries/"+id.String()+"/redeliver")
}

// RedeliverMany has many delivered again; those that were delivered only if a
// filter says which states are meant.
func (c *Client) RedeliverMany(ctx context.Context, b Bulk) (*ratchet.BulkResult, error) {
	return c.bulk(ctx, "/deliveries/redeliver", b)
}

// TestDestinations checks destinations, and tells them of a result if r.Send says
// so.
func (c *Client) TestDestinations(ctx context.Context, r ratchet.DestinationTestRequest) ([]ratchet.DestinationTest, error) {
	results, err := send[[]ratchet.DestinationTest](ctx, c, write(http.MethodPost, "/deliveries/test"), r)
	if err != nil {
		return nil, err
	}
	return *results, nil
}

// Hooks reads the hooks of a task, without their URLs and secrets.
func (c *Client) Hooks(ctx context.Context, task string) ([]ratchet.Hook, error) {
	return all[ratchet.Hook](ctx, c, "/tasks/"+url.PathEscape(task)+"/hooks")
}

// CreateHook makes a hook. Its URL and its secret are in the answer, and nowhere
// else.
func (c *Client) CreateHook(ctx context.Context, task string, r ratchet.HookRequest) (*ratchet.CreatedHook, error) {
	return send[ratchet.CreatedHook](ctx, c, write(http.MethodPost, "/tasks/"+url.PathEscape(task)+"/hooks"), r)
}

// UpdateHook changes what is not nil in p.
func (c *Client) UpdateHook(ctx context.Context, id ratchet.HookID, p ratchet.HookPatch) (*ratchet.Hook, error) {
	return send[ratchet.Hook](ctx, c, write(http.MethodPatch, "/hooks/"+id.String()), p)
}

// RotateHook gives a hook a new secret, which is in the answer and nowhere else. The
// one before is accepted for 24 hours.
func (c *Client) RotateHook(ctx context.Context, id ratchet.HookID) (*ratchet.CreatedHook, error) {
	return act[ratchet.CreatedHook](ctx, c, http.MethodPost, "/hooks/"+id.String()+"/rotate")
}

// DeleteHook has a hook call nothing any more.
func (c *Client) DeleteHook(ctx context.Context, id ratchet.HookID) error {
	_, err := c.do(ctx, write(http.MethodDelete, "/hooks/"+id.String()), nil)
	return err
}
