package daemon

import (
	"fmt"
	"net/http"
	"runtime"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/feature"
	"github.com/ratchet-runner/ratchet-go/internal/httpd"
	"github.com/ratchet-runner/ratchet-go/internal/rest"
)

// newServer builds the way in: the API, and what operators ask.
func (d *Daemon) newServer() (*httpd.Server, error) {
	s := d.config.Server
	api, err := rest.New(d.service, rest.Config{Version: d.options.Version, MaxBody: int64(s.MaxBody), MaxArchive: uploads * int64(s.MaxBody), Log: d.log})
	if err != nil {
		return nil, fmt.Errorf("build the API: %w", err)
	}
	keys := auth.NewAuthenticator(d.store)
	d.keys = keys
	if api, err = d.withGraphQL(api, keys); err != nil {
		return nil, err
	}
	parts := httpd.Parts{
		API: d.counted(api), Public: []string{"/openapi.json", "/docs", "/docs/", graphQLPath, graphQLPath + "/", "/hooks/"}, Keys: keys, Health: d.health, Ready: d.ready,
		Version: httpd.Version{Version: d.options.Version, Commit: d.options.Commit, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Without: feature.Without()},
	}
	if s.Metrics {
		parts.Metrics = &d.numbers.registry
	}
	return httpd.New(parts, httpd.Config{
		Address: address(s), CertFile: s.TLS.CertFile, KeyFile: s.TLS.KeyFile,
		RequireKeys: d.config.KeysRequired(), Insecure: d.config.Auth.InsecureNoAuth, Hosts: s.Hosts,
		CORS:      httpd.CORS{Origins: s.CORS.AllowedOrigins, Credentials: s.CORS.AllowCredentials, MaxAge: s.CORS.MaxAge},
		MaxHeader: int(s.MaxHeader), MaxBody: uploads * int64(s.MaxBody),
		HeaderTimeout: s.HeaderTimeout, BodyTimeout: s.BodyTimeout, WriteTimeout: s.WriteTimeout, IdleTimeout: s.IdleTimeout,
		MaxRequests: s.MaxRequests, NoCompression: !s.Compress,
		StopTimeout: s.StopTimeout + afterJobs, Log: d.log,
	})
}

// uploads is how much larger than other bodies the upload of a task may be.
const uploads = 4

// afterJobs is how much longer than executions requests get when the server stops:
// those that wait for one are to have its result.
const afterJobs = 15 * time.Second

// counted counts requests by the route that served them.
func (d *Daemon) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		out := &answered{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			route := r.Pattern
			if route == "" || route == "/" {
				route = "none"
			}
			d.numbers.answered(r.Method, route, out.status, time.Since(begun))
		}()
		next.ServeHTTP(out, r)
	})
}

// answered remembers the status of an answer.
type answered struct {
	http.ResponseWriter
	status int
}

// Unwrap is how http.ResponseController finds the connection.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader begins the answer.
func (a *answered) WriteHeader(status int) {
	if status >= http.StatusOK {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}
