package httpd_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/httpd"
)

// A server is one that runs until the test ends.
type server struct {
	t    *testing.T
	addr string
	log  *log
	stop func() error // ends it and returns what Run did
}

// A log keeps what was written.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func start(t *testing.T, parts httpd.Parts, c httpd.Config) *server {
	t.Helper()
	s := &server{t: t, log: &log{}}
	c.Address, c.Log = "127.0.0.1:0", slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if parts.API == nil {
		parts.API = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			who, _ := auth.From(r.Context())
			fmt.Fprintf(w, "hello %s", who.Name)
		})
	}
	h, err := httpd.New(parts, c)
	if err != nil {
		t.Fatal(err)
	}
	addr, err := h.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.addr = addr.String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	s.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *server) send(method, path string, body io.Reader, headers ...string) *http.Response {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.addr+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { res.Body.Close() })
	return res
}

func (s *server) want(status int, res *http.Response) string {
	s.t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if res.StatusCode != status {
		s.t.Fatalf("got %s, want %d: %s", res.Status, status, body)
	}
	if status >= 400 && !strings.HasPrefix(res.Header.Get("Content-Type"), "application/") {
		s.t.Errorf("got %d with Content-Type %q", status, res.Header.Get("Content-Type"))
	}
	return string(body)
}

// keys are those of a real store, with one good key of the name "ci".
func TestARequestHasAnIDAndALineInTheLog(t *testing.T) {
	t.Parallel()
	s := start(t, httpd.Parts{}, httpd.Config{})
	for given, kept := range map[string]bool{"": false, "abc-123": true, "two words": false, strings.Repeat("x", 200): false, "a\"b": false} {
		res := s.send("GET", "/x?secret=1", nil, "X-Request-ID", given)
		id := res.Header.Get("X-Request-ID")
		if (id == given) != kept || id == "" {
			t.Errorf("for %q got the ID %q", given, id)
		}
		s.want(200, res)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if text := s.log.String(); !strings.Contains(text, `"request_id":"abc-123"`) || !strings.Contains(text, `"principal":"local"`) || strings.Contains(text, "secret") {
		t.Errorf("got the log %s", text)
	}
}

func TestAHandlerThatPanicsIsAProblemWithAnID(t *testing.T) {
	t.Parallel()
	s := start(t, httpd.Parts{API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/half" {
			io.WriteString(w, "half")
			http.NewResponseController(w).Flush()
		}
		panic("the reason")
	})}, httpd.Config{})
	res := s.send("GET", "/", nil)
	s.want(200, res)
	res = s.send("GET", "/whole", nil)
	var p struct{ RequestID, Reason, Detail string }
	if err := json.Unmarshal([]byte(s.want(500, res)), &p); err != nil || p.RequestID != res.Header.Get("X-Request-ID") || p.Reason != "INTERNAL_ERROR" || strings.Contains(p.Detail, "the reason") {
		t.Errorf("got %+v, %v", p, err)
	}
	if _, err := io.ReadAll(s.send("GET", "/half", nil).Body); err == nil {
		t.Error("half an answer looks whole")
	}
	if text := s.log.String(); !strings.Contains(text, "the reason") || !strings.Contains(text, p.RequestID) || !strings.Contains(text, "httpd_test.go") {
		t.Errorf("got the log %s", text)
	}
}

// A page whose name was made to lead to this machine asks with that name.
func TestStoppingLetsRequestsEndAndTellsStreams(t *testing.T) {
	t.Parallel()
	in, told := make(chan struct{}, 2), make(chan struct{})
	s := start(t, httpd.Parts{
		Stopping: func() { close(told) },
		API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			in <- struct{}{}
			select {
			case <-told:
				io.WriteString(w, "to the end")
			case <-r.Context().Done():
				t.Error("the request was cut off")
			}
		}),
	}, httpd.Config{Drain: 100 * time.Millisecond})
	done := make(chan *http.Response)
	go func() { done <- s.send("GET", "/x", nil) }()
	<-in
	s.want(200, s.send("GET", "/ready", nil))
	stopped := make(chan error)
	go func() { stopped <- s.stop() }()
	for { // the server goes on for a while, but says that it is not ready
		res, err := http.Get("http://" + s.addr + "/ready")
		if err != nil {
			t.Fatal("the server was gone before it said that it is not ready")
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode == http.StatusServiceUnavailable {
			if !strings.Contains(string(body), "stopping") {
				t.Errorf("got %s", body)
			}
			break
		}
	}
	if got := s.want(200, <-done); got != "to the end" {
		t.Errorf("got %q", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", s.addr); err == nil {
		t.Error("the server still listens")
	}
}

func TestARequestThatDoesNotEndIsCutOffInTheEnd(t *testing.T) {
	t.Parallel()
	in := make(chan struct{})
	s := start(t, httpd.Parts{API: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(in)
		<-r.Context().Done()
	})}, httpd.Config{StopTimeout: 50 * time.Millisecond})
	go http.Get("http://" + s.addr + "/x")
	<-in
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}
