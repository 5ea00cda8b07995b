package httpd_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/httpd"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

func keys(t *testing.T) (a *auth.Authenticator, text string) {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: filepath.Join(t.TempDir(), "r.db"), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	k := &ratchet.Key{ID: ratchet.NewID[ratchet.Key](), Name: "ci", Scopes: []ratchet.Scope{ratchet.ScopeRun}, CreatedAt: time.Now()}
	text, hash := auth.NewKey(k.ID)
	if err := store.CreateKey(t.Context(), k, hash); err != nil {
		t.Fatal(err)
	}
	return auth.NewAuthenticator(store), text
}

func TestWhoAsksIsKnownByTheKey(t *testing.T) {
	t.Parallel()
	known, key := keys(t)
	health := func(context.Context) httpd.Health {
		return httpd.HealthOf(httpd.Check{Name: "database", Status: httpd.Degraded, Message: "full"})
	}
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ratchet_up 1") })
	parts := httpd.Parts{Keys: known, Health: health, Metrics: metrics, Version: httpd.Version{Version: "1"}}
	open := start(t, parts, httpd.Config{})
	closed := start(t, parts, httpd.Config{RequireKeys: true})

	for _, s := range []*server{open, closed} {
		if got := s.want(200, s.send("GET", "/x", nil, "Authorization", "Bearer "+key)); got != "hello ci" {
			t.Errorf("got %q", got)
		}
		if got := s.want(200, s.send("GET", "/x", nil, "X-API-Key", key)); got != "hello ci" {
			t.Errorf("got %q", got)
		}
		for _, bad := range [][]string{
			{"Authorization", "Bearer " + key[:len(key)-1] + "x"},
			{"X-API-Key", "rk_nonsense"},
			{"Authorization", "Basic Y2k6Y2k="},
			{"Authorization", "Bearer"},
			{"Authorization", "Bearer " + key, "X-API-Key", "rk_other"},
		} {
			res := s.send("GET", "/x", nil, bad...)
			s.want(401, res)
			if !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("got WWW-Authenticate %q", res.Header.Get("WWW-Authenticate"))
			}
		}
		for _, path := range []string{"/live", "/ready", "/health", "/docs", "/openapi.json", "/docs/docs.js"} {
			s.want(200, s.send("GET", path, nil))
		}
	}
	if got := open.want(200, open.send("GET", "/x", nil)); got != "hello local" {
		t.Errorf("got %q", got)
	}
	for _, path := range []string{"/x", "/metrics", "/version", "/", "/docsx"} {
		closed.want(401, closed.send("GET", path, nil))
	}
	if got := closed.want(200, closed.send("GET", "/health", nil)); strings.Contains(got, "full") || !strings.Contains(got, "degraded") {
		t.Errorf("a stranger learns %s", got)
	}
	if got := closed.want(200, closed.send("GET", "/health", nil, "X-API-Key", key)); !strings.Contains(got, "full") {
		t.Errorf("got %s", got)
	}
	if got := closed.want(200, closed.send("GET", "/metrics", nil, "X-API-Key", key)); got != "ratchet_up 1" {
		t.Errorf("got %s", got)
	}
	res := open.send("POST", "/health", nil)
	open.want(405, res)
	if res.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("got Allow %q", res.Header.Get("Allow"))
	}
}

func TestAnOpenServerIsRefused(t *testing.T) {
	t.Parallel()
	known, _ := keys(t)
	for _, test := range []struct {
		config httpd.Config
		parts  httpd.Parts
		ok     bool
	}{
		{config: httpd.Config{}, ok: true},
		{config: httpd.Config{Address: "[::1]:0"}, ok: true},
		{config: httpd.Config{Address: "localhost:0"}, ok: true},
		{config: httpd.Config{Address: "0.0.0.0:0"}},
		{config: httpd.Config{Address: ":0"}},
		{config: httpd.Config{Address: "192.0.2.1:80"}},
		{config: httpd.Config{Address: "0.0.0.0:0", Insecure: true}, ok: true},
		{config: httpd.Config{Address: "0.0.0.0:0", RequireKeys: true}},
		{config: httpd.Config{Address: "0.0.0.0:0", RequireKeys: true}, parts: httpd.Parts{Keys: known}, ok: true},
		{config: httpd.Config{Address: "nonsense"}},
		{config: httpd.Config{CORS: httpd.CORS{Origins: []string{"*"}}}},
		{config: httpd.Config{RequireKeys: true, CORS: httpd.CORS{Origins: []string{"*"}}}, parts: httpd.Parts{Keys: known}, ok: true},
		{config: httpd.Config{RequireKeys: true, CORS: httpd.CORS{Origins: []string{"*"}, Credentials: true}}, parts: httpd.Parts{Keys: known}},
	} {
		_, err := httpd.New(test.parts, test.config)
		var failure *ratchet.Error
		if (err == nil) != test.ok || err != nil && (!errors.As(err, &failure) || failure.Reason != ratchet.ReasonConfig) {
			t.Errorf("%+v: got %v", test.config, err)
		}
	}
}

func TestAStrangeNameIsNotAnsweredWhereNoKeyIsNeeded(t *testing.T) {
	t.Parallel()
	known, key := keys(t)
	s := start(t, httpd.Parts{Keys: known}, httpd.Config{Hosts: []string{"ratchet.test"}})
	_, port, _ := net.SplitHostPort(s.addr)
	for host, status := range map[string]int{
		s.addr: 200, "localhost:" + port: 200, "LOCALHOST.": 200, "[::1]:" + port: 200, "127.9.9.9": 200, "ratchet.test:" + port: 200,
		"evil.example:" + port: 403, "evil.example": 403, "127.0.0.1.evil.example": 403, "localhost.evil.example": 403, "192.0.2.1": 403,
	} {
		s.want(status, s.send("GET", "/x", nil, "Host", host))
	}
	s.want(403, s.send("GET", "/x", nil, "Host", "evil.example", "X-API-Key", key))
	closed := start(t, httpd.Parts{Keys: known}, httpd.Config{RequireKeys: true})
	closed.want(200, closed.send("GET", "/x", nil, "Host", "ratchet.example", "X-API-Key", key))
}

func TestPagesOfOtherSitesMayNotChangeAnything(t *testing.T) {
	t.Parallel()
	s := start(t, httpd.Parts{}, httpd.Config{})
	app := "https://app.example.com"
	friendly := start(t, httpd.Parts{}, httpd.Config{CORS: httpd.CORS{Origins: []string{app, "https://*.test"}, MaxAge: time.Minute}})
	s.want(200, s.send("POST", "/x", nil))
	s.want(200, s.send("POST", "/x", nil, "Origin", "http://"+s.addr, "Sec-Fetch-Site", "same-origin"))
	for _, headers := range [][]string{
		{"Origin", app, "Sec-Fetch-Site", "cross-site"}, {"Origin", app}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Origin", "http://evil.test", "Content-Type", "text/plain"},
	} {
		s.want(403, s.send("POST", "/x", strings.NewReader("{}"), headers...))
	}
	if res := s.send("GET", "/x", nil, "Origin", app, "Sec-Fetch-Site", "cross-site"); res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("another site's page may read")
	}
	friendly.want(403, friendly.send("POST", "/x", nil, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"))
	for _, origin := range []string{app, "https://a.test"} {
		res := friendly.send("POST", "/x", nil, "Origin", origin, "Sec-Fetch-Site", "cross-site")
		friendly.want(200, res)
		if got := res.Header.Get("Access-Control-Allow-Origin"); got != origin {
			t.Errorf("got Access-Control-Allow-Origin %q", got)
		}
		if got := res.Header.Get("Access-Control-Expose-Headers"); !strings.Contains(got, "X-Total-Count") {
			t.Errorf("got Access-Control-Expose-Headers %q", got)
		}
	}
	res := friendly.send("OPTIONS", "/x", nil, "Origin", app, "Access-Control-Request-Method", "PATCH", "Access-Control-Request-Headers", "authorization,content-type,if-match")
	if res.StatusCode != http.StatusNoContent || res.Header.Get("Access-Control-Allow-Methods") != "PATCH" || res.Header.Get("Access-Control-Max-Age") != "60" {
		t.Errorf("got %s, %v", res.Status, res.Header)
	}
}
