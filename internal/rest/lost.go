package rest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/problem"
)

// ServeHTTP finds the route of a request, or says what is near.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, pattern := a.mux.Handler(r); pattern != "" {
		a.mux.ServeHTTP(w, r)
		return
	}
	allowed := a.methods(r)
	switch {
	case len(allowed) == 0:
		problem.Write(w, a.notFound(r))
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		w.WriteHeader(http.StatusNoContent)
	default:
		p := problem.New(http.StatusMethodNotAllowed, ratchet.ReasonMethod, "%s is not for this path: use %s", problem.Shorten(r.Method), strings.Join(allowed, " or "))
		p.Header = http.Header{"Allow": {strings.Join(allowed, ", ")}}
		problem.Write(w, p)
	}
}

// methods are those that there are for the request's path.
func (a *api) methods(r *http.Request) (allowed []string) {
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := *r
		other.Method = method
		if _, pattern := a.mux.Handler(&other); pattern != "" {
			allowed = append(allowed, method)
		}
	}
	return allowed
}

// notFound names the routes that are nearest to the path.
func (a *api) notFound(r *http.Request) *problem.Problem {
	p := problem.New(http.StatusNotFound, ratchet.ReasonRouteNotFound, "there is nothing at %q: /docs lists what there is", problem.Shorten(r.URL.Path))
	if near := a.near(strings.TrimSuffix(r.URL.Path, "/")); len(near) > 0 {
		p.Detail = "there is nothing at " + problem.Shorten(r.URL.Path) + ": did you mean " + strings.Join(near, " or ") + "?"
		p.Errors = []problem.Fault{{Message: "there is no such path", Expected: strings.Join(near, ", "), Got: problem.Shorten(r.URL.Path)}}
	}
	return p
}

// near are up to three routes whose paths are like this one, the nearest first.
func (a *api) near(path string) (near []string) {
	patterns := map[string]string{"/openapi.json": "GET /openapi.json", "/docs": "GET /docs"}
	for _, rt := range a.routes {
		full := base + rt.op.Path
		patterns[fitted(full, path)] = rt.op.Method + " " + full
	}
	paths := slices.Sorted(mapKeys(patterns))
	for range 3 {
		found := ratchet.Nearest(path, paths)
		if found == "" {
			return near
		}
		near = append(near, patterns[found])
		paths = slices.DeleteFunc(paths, func(p string) bool { return p == found })
	}
	return near
}

// fitted is the pattern with the parts of the path in place of its parameters,
// so that only what differs counts.
func fitted(pattern, path string) string {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	for i, part := range want {
		if strings.HasPrefix(part, "{") && i < len(got) && got[i] != "" {
			want[i] = got[i]
		}
	}
	return strings.Join(want, "/")
}
