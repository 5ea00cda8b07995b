package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/ratchet-runner/ratchet-go"
)

// Plugins reads the plugins of the node that answers.
func (c *Client) Plugins(ctx context.Context) ([]ratchet.Plugin, error) {
	return all[ratchet.Plugin](ctx, c, "/plugins")
}

// Plugin reads a plugin.
func (c *Client) Plugin(ctx context.Context, name string) (*ratchet.Plugin, error) {
	return get[ratchet.Plugin](ctx, c, pluginPath(name), nil)
}

// EnablePlugin has a plugin used, or changes how it is.
func (c *Client) EnablePlugin(ctx context.Context, name string, r ratchet.PluginRequest) (*ratchet.Plugin, error) {
	return send[ratchet.Plugin](ctx, c, write(http.MethodPost, pluginPath(name)+"/enable"), r)
}

// DisablePlugin ends the use of a plugin. Its settings are kept.
func (c *Client) DisablePlugin(ctx context.Context, name string) (*ratchet.Plugin, error) {
	return act[ratchet.Plugin](ctx, c, http.MethodPost, pluginPath(name)+"/disable")
}

// ReloadPlugin starts a plugin anew, without losing a call.
func (c *Client) ReloadPlugin(ctx context.Context, name string) (*ratchet.Plugin, error) {
	return act[ratchet.Plugin](ctx, c, http.MethodPost, pluginPath(name)+"/reload")
}

func pluginPath(name string) string { return "/plugins/" + url.PathEscape(name) }
