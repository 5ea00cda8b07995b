// Package graphql is Ratchet over GraphQL: every operation of the service's
// catalogue as a query, a mutation or a subscription at /graphql, with a page to
// try them. What the operations do is the service's business; connections, keys
// and limits of the server are httpd's.
package graphql

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	gql "github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/rs/cors"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/graphql/exec"
	"github.com/ratchet-runner/ratchet-go/internal/graphql/schema"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// Path is where the API and its page are; what the page needs is below it.
const Path = "/graphql"

// Health says how the server is.
type Health = schema.HealthStatus

// A HealthCheck says how a part of it is.
type HealthCheck = schema.HealthCheck

// A Config says how the API answers. The zero Config works.
type Config struct {
	// Health says how the server is. Default: nothing is known.
	Health func(context.Context) Health
	// Origins are the pages of other sites that may open a WebSocket:
	// "https://app.example.com", with "*" for a part of it, or "*" for all.
	Origins []string
	// Keys tells whose a key is that is shown in the first message of a WebSocket,
	// where browsers cannot send it earlier. Default: it must come earlier.
	Keys *auth.Authenticator
	// MaxBody is the most bytes of a request's body. Default 16 MB.
	MaxBody int64
	// MaxArchive is the most bytes of an upload of a task. Default 4 × MaxBody.
	MaxArchive int64
	// MaxDepth is how deep selections may nest. Default 15.
	MaxDepth int
	// MaxCost is the most that the operations of a request may cost together.
	// Default 1,000: see docs/graphql.md.
	MaxCost int
	// MaxAliases is how many fields may be asked for more than once. Default 100.
	MaxAliases int
	// MaxBatch is how many operations a request may have. Default 10.
	MaxBatch int
	// MaxSockets is how many WebSockets may be open at once. Default 10,000.
	MaxSockets int
	// ReadWithin is how long a subscriber may take to take an event. Default 10 s.
	ReadWithin time.Duration
	// Log gets what goes wrong inside. Default: nothing is logged.
	Log *slog.Logger
}

// Bounds of a document that nobody who wrote it by hand meets.
const (
	maxDocument = 64 << 10 // bytes
	maxTokens   = 8000
	maxFields   = 1000
)

// How much is remembered.
const (
	keptDocuments = 500
	keptQueries   = 500
)

// A Handler serves the API. It is safe for concurrent use.
type Handler struct {
	svc     *service.Service
	config  Config
	log     *slog.Logger
	schema  *ast.Schema
	exec    gql.ExecutableSchema
	cors    *cors.Cors // nil: no other site
	page    *page
	known   gql.Cache[*ast.QueryDocument] // by their text: valid documents
	queries gql.Cache[string]             // by their hash: persisted queries

	life    context.Context //nolint:containedctx // of WebSockets, which nobody else ends
	end     context.CancelFunc
	mu      sync.Mutex
	opened  int // WebSockets
	sockets sync.WaitGroup
}

// New returns a Handler. Who asks is in the context of a request, put there
// before; without anybody, only the page is shown. Close ends its WebSockets,
// which live until then at most.
func New(ctx context.Context, svc *service.Service, c Config) (*Handler, error) {
	c.MaxBody = cmp.Or(max(c.MaxBody, 0), 16<<20)
	c.MaxArchive = cmp.Or(max(c.MaxArchive, 0), 4*c.MaxBody)
	c.MaxDepth = cmp.Or(max(c.MaxDepth, 0), 15)
	c.MaxCost = cmp.Or(max(c.MaxCost, 0), 1000)
	c.MaxAliases = cmp.Or(max(c.MaxAliases, 0), 100)
	c.MaxBatch = cmp.Or(max(c.MaxBatch, 0), 10)
	c.MaxSockets = cmp.Or(max(c.MaxSockets, 0), 10_000)
	c.ReadWithin = cmp.Or(max(c.ReadWithin, 0), 10*time.Second)
	h := &Handler{svc: svc, config: c, log: c.Log, known: lru.New[*ast.QueryDocument](keptDocuments), queries: lru.New[string](keptQueries)}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	text, err := schema.SDL()
	if err != nil {
		return nil, err
	}
	if h.schema, err = gqlparser.LoadSchema(&ast.Source{Name: "schema.graphqls", Input: text}); err != nil {
		return nil, fmt.Errorf("read the GraphQL schema: %w", err)
	}
	if len(c.Origins) > 0 {
		h.cors = cors.New(cors.Options{AllowedOrigins: c.Origins})
	}
	if h.page, err = newPage(); err != nil {
		return nil, err
	}
	h.exec = exec.NewExecutableSchema(exec.Config{Schema: h.schema, Resolvers: &resolvers{svc: svc, health: c.Health, looks: make(chan struct{}, maxLooks)}})
	h.life, h.end = context.WithCancel(ctx)
	return h, nil
}

// Close ends all WebSockets and waits for them.
func (h *Handler) Close() {
	h.mu.Lock()
	h.end()
	h.mu.Unlock()
	h.sockets.Wait()
}

// enter counts a WebSocket in, unless there may be no more.
func (h *Handler) enter() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.life.Err() != nil:
		return ratchet.Errorf(ratchet.ReasonServiceUnavailable, "the server is stopping")
	case h.opened >= h.config.MaxSockets:
		return ratchet.Errorf(ratchet.ReasonServiceUnavailable, "this server has %d WebSockets open, which is as many as it may: try again", h.opened)
	}
	h.opened++
	h.sockets.Add(1)
	return nil
}

// leave counts a WebSocket out.
func (h *Handler) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.opened--
	h.sockets.Done()
}

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != Path {
		h.page.serveAsset(w, r)
		return
	}
	if isUpgrade(r) {
		h.serveSocket(w, r)
		return
	}
	if wantsPage(r) {
		h.page.serve(w)
		return
	}
	if _, known := auth.From(r.Context()); !known {
		h.refuse(w, r, http.StatusUnauthorized, unauthenticated())
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
	case http.MethodOptions:
		w.Header().Set("Allow", allowed)
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		w.Header().Set("Allow", allowed)
		h.refuse(w, r, http.StatusMethodNotAllowed, wrongMethod(r.Method))
		return
	}
	in, status, err := h.read(w, r)
	if err != nil {
		h.refuse(w, r, status, err)
		return
	}
	ctx := withRequestID(r.Context(), w.Header().Get(requestIDHeader))
	if wantsStream(r) {
		h.stream(ctx, w, in)
		return
	}
	h.answer(ctx, w, r, in)
}

const allowed = "GET, HEAD, POST, OPTIONS"
