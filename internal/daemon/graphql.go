//go:build !nographql

package daemon

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/graphql"
)

// graphQLPath is where GraphQL is. Whoever comes without a key gets no more than
// the page there.
const graphQLPath = graphql.Path

// withGraphQL puts GraphQL beside the API.
func (d *Daemon) withGraphQL(api http.Handler, keys *auth.Authenticator) (http.Handler, error) {
	s := d.config.Server
	h, err := graphql.New(context.WithoutCancel(d.life), d.service, graphql.Config{
		Health: d.graphQLHealth, Origins: s.CORS.AllowedOrigins, Keys: keys,
		MaxBody: int64(s.MaxBody), MaxArchive: uploads * int64(s.MaxBody), Log: d.log,
	})
	if err != nil {
		return nil, fmt.Errorf("build the GraphQL API: %w", err)
	}
	d.endGraphQL = h.Close
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != graphQLPath && !strings.HasPrefix(r.URL.Path, graphQLPath+"/") {
			api.ServeHTTP(w, r)
			return
		}
		r.Pattern = graphQLPath // for metrics
		h.ServeHTTP(w, r)
	}), nil
}

// graphQLHealth is how the server is, in GraphQL's words.
func (d *Daemon) graphQLHealth(ctx context.Context) graphql.Health {
	now := d.health(ctx)
	out := graphql.Health{Status: now.Status, Version: d.options.Version}
	for _, c := range now.Checks {
		out.Checks = append(out.Checks, graphql.HealthCheck{Name: c.Name, Status: c.Status, Message: c.Message})
	}
	return out
}
