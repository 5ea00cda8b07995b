package httpd

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/problem"
)

// Health says how Ratchet is.
type Health struct {
	// Status is "healthy" if everything works, "degraded" if something does not
	// that Ratchet can do without, "unhealthy" otherwise.
	Status  string  `json:"status"`
	Version string  `json:"version,omitempty"`
	Checks  []Check `json:"checks,omitempty"`
}

// The statuses of Health.
const (
	Healthy   = "healthy"
	Degraded  = "degraded"
	Unhealthy = "unhealthy"
)

// A Check says how one part is.
type Check struct {
	Name    string `json:"name"`
	Status  string `json:"status"`            // as of Health
	Message string `json:"message,omitempty"` // what is wrong and what to do
}

// HealthOf sums the checks up: as bad as the worst.
func HealthOf(checks ...Check) Health {
	h := Health{Status: Healthy, Checks: checks}
	for _, c := range checks {
		if c.Status == Unhealthy || c.Status == Degraded && h.Status == Healthy {
			h.Status = c.Status
		}
	}
	return h
}

// mux serves what the server itself has to say, and the API.
func (s *Server) mux() *http.ServeMux {
	mux := http.NewServeMux()
	own := func(path string, h http.HandlerFunc) {
		mux.HandleFunc("GET "+path, h)
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			p := problem.New(http.StatusMethodNotAllowed, ratchet.ReasonMethod, "this path is for GET only")
			p.Header = http.Header{"Allow": {"GET, HEAD"}}
			problem.Write(w, p)
		})
	}
	own("/live", func(w http.ResponseWriter, _ *http.Request) { show(w, http.StatusOK, Health{Status: "live"}) })
	own("/ready", s.ready)
	own("/health", s.health)
	own("/version", func(w http.ResponseWriter, _ *http.Request) { show(w, http.StatusOK, s.parts.Version) })
	if s.parts.Metrics != nil {
		own("/metrics", s.parts.Metrics.ServeHTTP)
	}
	own("/{$}", s.index)
	api := s.parts.API
	if api == nil {
		api = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			problem.Write(w, problem.New(http.StatusNotFound, ratchet.ReasonRouteNotFound, "there is nothing at %q", problem.Shorten(r.URL.Path)))
		})
	}
	mux.Handle("/", api)
	return mux
}

// ready says whether requests may come.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	switch err := s.unready(r.Context()); {
	case s.stopping.Load():
		show(w, http.StatusServiceUnavailable, Health{Status: "stopping"})
	case err != nil:
		h := Health{Status: "not ready"}
		if _, known := auth.From(r.Context()); known {
			h.Checks = []Check{{Name: "ready", Status: Unhealthy, Message: problem.Of(err).Detail}}
		}
		show(w, http.StatusServiceUnavailable, h)
	default:
		show(w, http.StatusOK, Health{Status: "ready"})
	}
}

func (s *Server) unready(ctx context.Context) error {
	if s.parts.Ready == nil {
		return nil
	}
	return s.parts.Ready(ctx)
}

// health says how everything is, and to those who may know, how each part is.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	h := Health{Status: Healthy}
	if s.parts.Health != nil {
		h = s.parts.Health(r.Context())
	}
	h.Version = s.parts.Version.Version
	status := http.StatusOK
	if h.Status == Unhealthy {
		status = http.StatusServiceUnavailable
	}
	if _, known := auth.From(r.Context()); !known {
		h = Health{Status: h.Status}
	}
	show(w, status, h)
}

// An index says what there is to see.
type index struct {
	Version
	Links map[string]string `json:"links"`
}

func (s *Server) index(w http.ResponseWriter, _ *http.Request) {
	show(w, http.StatusOK, index{s.parts.Version, map[string]string{
		"api": "/api/v1", "docs": "/docs", "openapi": "/openapi.json", "health": "/health", "ready": "/ready", "live": "/live", "version": "/version",
	}})
}

// show answers with JSON.
func show[T any](w http.ResponseWriter, status int, v T) {
	data, err := json.Marshal(v)
	if err != nil {
		problem.Write(w, problem.Of(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n')) // a client that is gone hears nothing
}
