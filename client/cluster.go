package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/ratchet-runner/ratchet-go"
)

// Workers reads the worker processes of the node that answers.
func (c *Client) Workers(ctx context.Context) ([]ratchet.Worker, error) {
	return all[ratchet.Worker](ctx, c, "/workers")
}

// Nodes reads the servers that share the database.
func (c *Client) Nodes(ctx context.Context) ([]ratchet.Node, error) {
	return all[ratchet.Node](ctx, c, "/nodes")
}

// Breakers reads the circuit breakers that ever opened, of the node that answers.
func (c *Client) Breakers(ctx context.Context) ([]ratchet.Breaker, error) {
	return all[ratchet.Breaker](ctx, c, "/breakers")
}

// Engines reads which engines the node that answers has.
func (c *Client) Engines(ctx context.Context) ([]ratchet.EngineInfo, error) {
	return all[ratchet.EngineInfo](ctx, c, "/engines")
}

// Caches reads what the caches of the node that answers hold.
func (c *Client) Caches(ctx context.Context) ([]ratchet.Cache, error) {
	return all[ratchet.Cache](ctx, c, "/caches")
}

// PurgeCache forgets what the cache of a name holds, on every node.
func (c *Client) PurgeCache(ctx context.Context, name string) error {
	_, err := c.do(ctx, write(http.MethodDelete, "/caches/"+url.PathEscape(name)), nil)
	return err
}

func all[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	items, err := get[[]T](ctx, c, path, nil)
	if err != nil {
		return nil, err
	}
	return *items, nil
}

// Stats reads the numbers of the whole.
func (c *Client) Stats(ctx context.Context) (*ratchet.Stats, error) {
	return get[ratchet.Stats](ctx, c, "/stats", nil)
}

// PauseAll has all jobs wait, on every node.
func (c *Client) PauseAll(ctx context.Context) (*ratchet.Stats, error) {
	return act[ratchet.Stats](ctx, c, http.MethodPost, "/pause")
}

// ResumeAll ends PauseAll.
func (c *Client) ResumeAll(ctx context.Context) (*ratchet.Stats, error) {
	return act[ratchet.Stats](ctx, c, http.MethodPost, "/resume")
}

// Keys reads a page of the API keys, without their texts.
func (c *Client) Keys(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Key], error) {
	return list[ratchet.Key](ctx, c, "/keys", q)
}

// CreateKey makes an API key. Its text is in the answer, and nowhere else.
func (c *Client) CreateKey(ctx context.Context, k ratchet.KeyRequest) (*ratchet.CreatedKey, error) {
	return send[ratchet.CreatedKey](ctx, c, write(http.MethodPost, "/keys"), k)
}

// RevokeKey has a key open nothing any more.
func (c *Client) RevokeKey(ctx context.Context, id ratchet.KeyID) error {
	_, err := c.do(ctx, write(http.MethodDelete, "/keys/"+id.String()), nil)
	return err
}

// Health is what a server says of itself.
type Health struct {
	// Status is "healthy", "degraded" if something is wrong that the server can
	// do without, or "unhealthy".
	Status string `json:"status"`
	// Version and Checks are for those who may read.
	Version string        `json:"version,omitempty"`
	Checks  []HealthCheck `json:"checks,omitempty"`
}

// A HealthCheck is one part of Health.
type HealthCheck struct {
	Name    string `json:"name"`
	Status  string `json:"status"`            // as of Health
	Message string `json:"message,omitempty"` // what is wrong and what to do
}

// Health reads what the server says of itself; it is an error only if nobody
// answers.
func (c *Client) Health(ctx context.Context) (*Health, error) {
	out := new(Health)
	if err := c.bare(ctx, "/health", out); err != nil {
		return nil, err
	}
	return out, nil
}

// bare reads a document outside the API, which has no envelope. An answer that
// says unhealthy is an answer too.
func (c *Client) bare(ctx context.Context, path string, out any) error {
	resp, err := c.exchange(ctx, request{method: http.MethodGet, path: path})
	if err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	defer resp.Body.Close()
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind != "application/json" {
		return fmt.Errorf("GET %s: %w", path, readError(resp))
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxProblem)).Decode(out); err != nil {
		return fmt.Errorf("GET %s: %s: %w", path, resp.Status, err)
	}
	return nil
}
