// Package rest is Ratchet over HTTP: every operation of the service's catalogue
// as a route below /api/v1, with its description in OpenAPI and a page to read
// it, and the hooks that tasks are called by. What the operations do is the service's business; connections, keys and
// limits of the server are httpd's.
package rest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// base is where the operations are.
const base = "/api/v1"

// A Config says how the API answers. The zero Config works.
type Config struct {
	// Version is Ratchet's own, as the description of the API names it. Default
	// "dev".
	Version string
	// MaxBody is the most bytes of a request's body. Default 16 MB.
	MaxBody int64
	// MaxArchive is the most bytes of an upload of a task. Default 4 × MaxBody.
	MaxArchive int64
	// ReadWithin is how long a reader of a stream may take to take an event. One
	// that takes longer is dropped: it comes back with Last-Event-ID. Default 10 s.
	ReadWithin time.Duration
	// Log gets what goes wrong inside. Default: nothing is logged.
	Log *slog.Logger
}

// api is what the routes have in common.
type api struct {
	svc    *service.Service
	config Config
	log    *slog.Logger
	routes []*route
	mux    *http.ServeMux
}

// New returns the handler of everything below /api/v1 and /hooks, of /openapi.json
// and of /docs. Who asks is in the context of a request, put there before.
func New(svc *service.Service, c Config) (http.Handler, error) {
	c.Version = cmp.Or(c.Version, "dev")
	c.MaxBody = cmp.Or(max(c.MaxBody, 0), 16<<20)
	c.MaxArchive = cmp.Or(max(c.MaxArchive, 0), 4*c.MaxBody)
	c.ReadWithin = cmp.Or(max(c.ReadWithin, 0), 10*time.Second)
	a := &api{svc: svc, config: c, log: c.Log, mux: http.NewServeMux()}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	for _, noun := range [][]*route{
		a.taskRoutes(), a.environmentRoutes(), a.jobRoutes(), a.executionRoutes(),
		a.scheduleRoutes(), a.deliveryRoutes(), a.hookRoutes(), a.clusterRoutes(), a.pluginRoutes(), a.keyRoutes(),
	} {
		a.routes = append(a.routes, noun...)
	}
	doc := a.describe()
	adapter := humago.NewAdapter(a.mux, base)
	for _, rt := range a.routes {
		op := rt.document(doc.Components.Schemas)
		doc.AddOperation(op)
		adapter.Handle(op, a.serve(rt))
	}
	if err := complete(doc); err != nil {
		return nil, err
	}
	text, err := render(doc)
	if err != nil {
		return nil, err
	}
	a.mountHooks()
	if err := a.mountDocs(text); err != nil {
		return nil, err
	}
	return http.HandlerFunc(a.ServeHTTP), nil
}

// serve answers requests for one route. Huma describes and routes; what a
// request says is read here, where everything wrong with it is told at once.
func (a *api) serve(rt *route) func(huma.Context) {
	return func(ctx huma.Context) {
		hr, w := humago.Unwrap(ctx)
		r := newRequest(w, hr, rt)
		ans, err := rt.handle(r)
		switch {
		case err != nil && len(rt.accepts) == 0:
			a.fail(w, hr, aboutParameters(err))
		case err != nil:
			a.fail(w, hr, aboutPath(rt, err))
		case ans.follow != nil:
			a.stream(r, ans.follow)
		default:
			a.send(r, ans)
		}
	}
}

// render is the description as JSON, the same for the same routes.
func render(doc *huma.OpenAPI) ([]byte, error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("render the OpenAPI description: %w", err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, text, "", "  "); err != nil {
		return nil, fmt.Errorf("render the OpenAPI description: %w", err)
	}
	indented.WriteByte('\n')
	return indented.Bytes(), nil
}
