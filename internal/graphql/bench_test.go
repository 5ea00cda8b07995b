package graphql_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// The list of 100 jobs by REST, and by GraphQL with the task and the last
// execution of each.
func BenchmarkListOf100Jobs(b *testing.B) {
	s := ratchettest.Start(b)
	s.Register("t", "(i) => i")
	jobs, err := s.Service().SubmitJobs.Call(s.Context(), service.SubmitJobs{Jobs: requests("t", 100)})
	if err != nil {
		b.Fatal(err)
	}
	for _, j := range jobs {
		s.Wait(j.ID)
	}
	ask := func(b *testing.B, method, path, body string) {
		for b.Loop() {
			r, err := http.NewRequestWithContext(b.Context(), method, s.URL+path, bytes.NewReader([]byte(body)))
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				b.Fatal(err)
			}
			n, err := io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if err != nil || n < 5000 || resp.StatusCode != http.StatusOK {
				b.Fatalf("got %d bytes, %s, %v", n, resp.Status, err)
			}
		}
	}
	b.Run("rest", func(b *testing.B) { ask(b, http.MethodGet, "/api/v1/jobs?limit=100", "") })
	b.Run("rest executions", func(b *testing.B) { ask(b, http.MethodGet, "/api/v1/executions?limit=100", "") })
	b.Run("graphql/jobs", func(b *testing.B) {
		ask(b, http.MethodPost, "/graphql", `{"query":"{ jobs(limit: 100) { items { id status state priority input output attempts createdAt finishedAt } meta { total nextCursor } } }"}`)
	})
	b.Run("graphql/with task and last execution", func(b *testing.B) {
		ask(b, http.MethodPost, "/graphql", `{"query":"{ jobs(limit: 100) { items { id status state priority input output attempts createdAt finishedAt task { id name } executions(last: 1) { id state attempt startedAt finishedAt } } meta { total nextCursor } } }"}`)
	})
}

func requests(task string, n int) (all []ratchet.JobRequest) {
	for range n {
		all = append(all, ratchet.JobRequest{Task: task})
	}
	return all
}
