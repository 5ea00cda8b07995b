//go:build nographql

package daemon

import (
	"net/http"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/feature"
	"github.com/ratchet-runner/ratchet-go/internal/problem"
)

// graphQLPath is where GraphQL would be.
const graphQLPath = "/graphql"

// withGraphQL says that there is no GraphQL beside the API.
func (d *Daemon) withGraphQL(api http.Handler, _ *auth.Authenticator) (http.Handler, error) {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != graphQLPath && !strings.HasPrefix(r.URL.Path, graphQLPath+"/") {
			api.ServeHTTP(w, r)
			return
		}
		r.Pattern = graphQLPath // for metrics
		problem.Write(w, problem.New(http.StatusNotFound, ratchet.ReasonRouteNotFound, "there is no GraphQL here: %s", feature.GraphQL().Missing()))
	}), nil
}
