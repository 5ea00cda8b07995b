package httpd

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/rs/cors"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/problem"
)

// handler is what every request passes, from the outside in: its name and its
// line in the log, a net under what fails, how many there may be, who asks.
func (s *Server) handler() (http.Handler, error) {
	var h http.Handler = s.mux()
	h = s.admit(h)
	h = s.crossOrigin(h)
	if !s.config.NoCompression {
		compress, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.ContentTypeFilter(compresses))
		if err != nil {
			return nil, fmt.Errorf("set up compression: %w", err)
		}
		h = compressed(h, compress)
	}
	h = s.bounded(h)
	h = s.recovered(h)
	return s.logged(h), nil
}

// compresses leaves streams alone, whose events must not wait for each other.
func compresses(contentType string) bool {
	return !strings.HasPrefix(contentType, "text/event-stream") && gzhttp.DefaultContentTypeFilter(contentType)
}

// compressed compresses what h answers, lists too.
func compressed(h http.Handler, compress func(http.Handler) http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		outer, _ := w.(*response)
		compress(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if outer != nil {
				w = &listing{w, outer}
			}
			h.ServeHTTP(w, r)
		})).ServeHTTP(w, r)
	})
}

// saneID is what an ID that a client gives a request may be.
// Its length is bounded apart: a bound in the pattern is unrolled at the start of
// every process, workers among them.
var saneID = regexp.MustCompile(`^[A-Za-z0-9._:+/=-]+$`)

// maxID is the most characters of such an ID.
const maxID = 128

// logged gives a request its ID, and writes its line.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := r.Header.Get(problem.RequestID)
		if len(id) > maxID || !saneID.MatchString(id) {
			id = requestID()
		}
		out := newResponse(w, s.config.WriteTimeout)
		h := w.Header()
		h.Set(problem.RequestID, id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		who := &asker{}
		r = r.WithContext(context.WithValue(r.Context(), askerKey{}, who))
		defer func() {
			level := s.level(r)
			s.log.Log(r.Context(), level, "request", "method", r.Method, "path", shownPath(r.URL.Path), "status", out.status,
				"bytes", out.bytes, "duration_ms", float64(time.Since(began).Microseconds())/1000,
				"request_id", id, "remote", r.RemoteAddr, "principal", who.name)
		}()
		next.ServeHTTP(out, r)
	})
}

// shownPath is the path without what only its caller may know: whoever has the URL
// of a hook may call it.
func shownPath(path string) string {
	if strings.HasPrefix(path, "/hooks/") {
		return "/hooks/…"
	}
	return path
}

// requestID names a request that has no name.
func requestID() string { return "req_" + ratchet.NewID[ratchet.Job]().UUID() }

// recovered answers a request whose handler panics, and says so in the log.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler { //nolint:errorlint // it is thrown as it is
				panic(p)
			}
			s.log.ErrorContext(r.Context(), "a handler panicked", "panic", p, "method", r.Method, "path", shownPath(r.URL.Path),
				"request_id", w.Header().Get(problem.RequestID), "stack", string(debug.Stack()))
			if out, ok := w.(*response); !ok || out.status != 0 {
				panic(http.ErrAbortHandler) // half an answer must not look like a whole one
			}
			problem.Write(w, problem.New(http.StatusInternalServerError, ratchet.ReasonInternal, "something went wrong inside Ratchet: its log says what, under this request's ID"))
		}()
		next.ServeHTTP(w, r)
	})
}

// bounded bounds how many requests are served, and the body of each in size and
// time. The probes are always answered.
func (s *Server) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !probe(r.URL.Path) {
			select {
			case s.requests <- struct{}{}:
				defer func() { <-s.requests }()
			default:
				p := problem.New(http.StatusServiceUnavailable, ratchet.ReasonServiceUnavailable, "this server is serving as many requests as it may: try again")
				p.Retry = time.Second
				problem.Write(w, p)
				return
			}
		}
		if r.Body != nil && r.Body != http.NoBody {
			b := newBody(http.MaxBytesReader(w, r.Body, s.config.MaxBody), w, s.config.BodyTimeout, &s.bodies)
			defer b.done()
			r.Body = b
		}
		next.ServeHTTP(w, r)
	})
}

// crossOrigin lets pages of the sites that are named call, and refuses what
// those of others would change.
func (s *Server) crossOrigin(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	c := s.config.CORS
	if len(c.Origins) == 0 {
		return s.guarded(guard, nil, next)
	}
	allow := cors.New(cors.Options{
		AllowedOrigins: c.Origins, AllowCredentials: c.Credentials, MaxAge: int(c.MaxAge.Seconds()),
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowedHeaders: []string{"Accept", "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", "X-API-Key", problem.RequestID},
		ExposedHeaders: []string{"Content-Range", "ETag", "Link", "Location", "Retry-After", "X-Total-Count", problem.RequestID},
	})
	return allow.Handler(s.guarded(guard, allow, next))
}

func (s *Server) guarded(guard *http.CrossOriginProtection, allow *cors.Cors, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := guard.Check(r)
		if err != nil && (allow == nil || !allow.OriginAllowed(r)) {
			problem.Write(w, problem.New(http.StatusForbidden, ratchet.ReasonOriginRefused,
				"a page of %q may not change anything here: name its origin in the server's cors.allowed_origins", problem.Shorten(r.Header.Get("Origin"))))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// askerKey finds the asker of a request's line in the log.
type askerKey struct{}

type asker struct{ name string }

// admit finds out who asks.
func (s *Server) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := s.strangeHost(r); p != nil {
			problem.Write(w, p)
			return
		}
		principal, known, err := s.principal(r)
		if err != nil {
			problem.Write(w, problem.Of(err))
			return
		}
		if known {
			r = r.WithContext(auth.With(r.Context(), principal))
			if who, ok := r.Context().Value(askerKey{}).(*asker); ok {
				who.name = principal.Name
			}
		} else if !s.public(r.URL.Path) {
			problem.Write(w, problem.Of(ratchet.Errorf(ratchet.ReasonUnauthenticated,
				"an API key is needed: send one as \"Authorization: Bearer rk_…\" or \"X-API-Key: rk_…\"; \"ratchet key create\" makes one")))
			return
		}
		next.ServeHTTP(w, r)
	})
}
