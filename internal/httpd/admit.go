package httpd

import (
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/problem"
)

// principal is who asks; known is false for nobody. A key that is shown must be
// good, even where none is needed: whoever shows one means to be held to it.
func (s *Server) principal(r *http.Request) (p auth.Principal, known bool, err error) {
	key, err := shownKey(r)
	switch {
	case err != nil:
		return p, false, err
	case key != "" && s.parts.Keys == nil:
		return p, false, ratchet.Errorf(ratchet.ReasonUnauthenticated, "this server knows no keys")
	case key != "":
		p, err = s.parts.Keys.Authenticate(r.Context(), key)
		return p, err == nil, err
	case s.config.RequireKeys:
		return p, false, nil
	}
	return auth.Local(), true, nil
}

// shownKey is the key that a request carries; "" if it carries none.
func shownKey(r *http.Request) (string, error) {
	other := strings.TrimSpace(r.Header.Get("X-API-Key"))
	header := r.Header.Get("Authorization")
	if header == "" {
		return other, nil
	}
	scheme, key, _ := strings.Cut(header, " ")
	key = strings.TrimSpace(key)
	if !strings.EqualFold(scheme, "Bearer") || key == "" {
		return "", ratchet.Errorf(ratchet.ReasonUnauthenticated, "the header Authorization is not understood: send \"Bearer \" and an API key")
	}
	if other != "" && other != key {
		return "", ratchet.Errorf(ratchet.ReasonUnauthenticated, "the headers Authorization and X-API-Key show different keys: send one")
	}
	return key, nil
}

// probe reports whether the path is asked for by what watches over the server.
func probe(path string) bool { return path == "/live" || path == "/ready" }

// public reports whether nobody needs a key for the path.
func (s *Server) public(path string) bool {
	paths := s.parts.Public
	if paths == nil {
		paths = []string{"/openapi.json", "/docs", "/docs/"}
	}
	return probe(path) || path == "/health" || slices.ContainsFunc(paths, func(p string) bool {
		return path == p || strings.HasSuffix(p, "/") && strings.HasPrefix(path, p)
	})
}

// strangeHost refuses requests by a name that is not this server's, where the
// asker is trusted for being on this machine: a page in a browser may have been
// led here by a name of its own.
func (s *Server) strangeHost(r *http.Request) *problem.Problem {
	if s.config.RequireKeys || !s.loopback {
		return nil
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if isLoopback(host) || slices.Contains(s.config.Hosts, host) {
		return nil
	}
	return problem.New(http.StatusForbidden, ratchet.ReasonOriginRefused,
		"this server does not answer to the name %q: call it localhost or 127.0.0.1, or require API keys", problem.Shorten(strings.ToValidUTF8(r.Host, "�")))
}

// level is how much the line of a request matters.
func (s *Server) level(r *http.Request) slog.Level {
	if probe(r.URL.Path) || r.URL.Path == "/health" || r.URL.Path == "/metrics" {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}
