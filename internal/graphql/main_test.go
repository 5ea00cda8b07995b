package graphql_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func TestMain(m *testing.M) { ratchettest.Main(m) }

// A server is a whole server, with its GraphQL.
type server struct {
	*ratchettest.Server
	t   *testing.T
	key string

	mu   sync.Mutex
	used []string // operations since they were last looked at
}

func serve(t *testing.T, options ...ratchettest.Option) *server {
	t.Helper()
	s := &server{Server: ratchettest.Start(t, options...), t: t}
	s.Service().OnUse(func(u service.Use) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.used = append(s.used, u.Operation)
	})
	return s
}

// operations are those that were called since this was last asked.
func (s *server) operations() (used []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	used, s.used = s.used, nil
	return used
}

// An answer is what GraphQL answers.
type answer struct {
	Data   json.RawMessage
	Errors []struct {
		Message    string
		Path       []any
		Extensions struct {
			Code, Reason, RequestID string
			Details                 []struct{ Pointer, Expected, Got string }
		}
	}
}

// path is that of the first error.
func (a answer) path() string {
	if len(a.Errors) == 0 {
		return "no error"
	}
	text, _ := json.Marshal(a.Errors[0].Path)
	return string(text)
}

func (a answer) code() string {
	if len(a.Errors) == 0 {
		return "no error"
	}
	return a.Errors[0].Extensions.Code
}

// send sends a body and returns the status and what was answered.
func (s *server) send(kind string, body []byte, headers ...string) (int, http.Header, []byte) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.URL+"/graphql", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	return s.roundTrip(r, headers...)
}

func (s *server) roundTrip(r *http.Request, headers ...string) (int, http.Header, []byte) {
	s.t.Helper()
	if s.key != "" {
		r.Header.Set("Authorization", "Bearer "+s.key)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, text
}

// vars are variables: names and JSON values.
func vars(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(pairs[i])
		b.Write(name)
		b.WriteByte(':')
		b.WriteString(pairs[i+1])
	}
	return "{" + b.String() + "}"
}

// ask does an operation, whatever becomes of it.
func (s *server) ask(query string, variables ...string) (a answer) {
	s.t.Helper()
	text, _ := json.Marshal(query)
	_, _, body := s.send("application/json", []byte(`{"query":`+string(text)+`,"variables":`+vars(variables...)+`}`))
	if err := json.Unmarshal(body, &a); err != nil {
		s.t.Fatalf("%s: got %s", query, body)
	}
	return a
}

// must does an operation that has to go well, and returns its data.
func (s *server) must(query string, variables ...string) string {
	s.t.Helper()
	a := s.ask(query, variables...)
	if len(a.Errors) > 0 {
		s.t.Fatalf("%s: got %+v", query, a.Errors)
	}
	return string(a.Data)
}

// field finds a value in an answer, by the names on the way to it.
func field(t *testing.T, data string, names ...string) string {
	t.Helper()
	raw := json.RawMessage(data)
	for _, name := range names {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(raw, &fields); err != nil {
			t.Fatalf("%s has no %v", data, names)
		}
		raw = fields[name]
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

func quote(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}
