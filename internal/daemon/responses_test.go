package daemon_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func TestResponsesAreKeptForEachVersionOfEachTask(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		_, _ = fmt.Fprint(w, asked.Add(1))
	}))
	t.Cleanup(web.Close)
	s := ratchettest.Start(t)
	code := func(more string) string {
		return `async ({ cache }) => (await fetch("` + web.URL + `", cache ? { cache, mode: "same-origin" } : undefined)).text()` + more
	}
	archive := func(name, version, more string) []byte {
		return ratchettest.Zip(t, name, map[string]string{
			"metadata.json": `{"name": "` + name + `", "version": "` + version + `", "limits": {"fetches": 1}, "permissions": {"env": ["KEY"]}, "retry": {"maxAttempts": 1}}`, "main.js": code(more),
		})
	}
	run := func(task, input string) (*ratchet.Job, ratchet.Fetch) {
		t.Helper()
		j := s.Wait(s.Submit(ratchet.JobRequest{Task: task, Input: json.RawMessage(input)}).ID)
		all, err := s.Service().ListExecutions.Call(s.Context(), ratchet.Query{Filters: []ratchet.Filter{{Field: "jobId", Values: []string{j.ID.String()}}}, Limit: 1})
		if err != nil || len(all.Items) != 1 {
			t.Fatal(all, err)
		}
		x, err := s.Service().GetExecution.Call(s.Context(), service.ExecutionRef{ID: all.Items[0].ID})
		if err != nil || len(x.Fetches) != 1 {
			t.Fatalf("the ledger has %+v, %v", x.Fetches, err)
		}
		return j, x.Fetches[0]
	}
	want := func(task, input, output string, cached bool) {
		t.Helper()
		j, f := run(task, input)
		if string(j.Output) != `"`+output+`"` || f.Cached != cached || f.Received != 1 {
			t.Errorf("%s %s: got %s, cached %t, %d bytes; want %s, %t; %v", task, input, j.Output, f.Cached, f.Received, output, cached, j.Error)
		}
	}
	register(t, s, archive("a", "1.0.0", ""))
	register(t, s, archive("b", "1.0.0", ""))
	want("a", "{}", "1", false)
	want("a", "{}", "1", true)
	want("b", "{}", "2", false)
	want("a", `{"cache": "reload"}`, "3", false)
	want("a", `{"cache": "only-if-cached"}`, "3", true)
	want("a", `{"cache": "no-store"}`, "4", false)
	register(t, s, archive("a", "1.0.1", "/**/"))
	want("a", "{}", "5", false)
	if _, err := s.Service().SetEnv.Call(s.Context(), service.SetEnv{Task: "a", Values: map[string]string{"KEY": "abcdefgh-1"}}); err != nil {
		t.Fatal(err)
	}
	want("a", "{}", "6", false) // what it is told may rest on its key
	want("b", "{}", "2", true)
	if _, err := s.Service().PurgeCache.Call(s.Context(), service.CacheRef{Name: "responses"}); err != nil {
		t.Fatal(err)
	}
	want("b", "{}", "7", false)
	if j, f := run("b", `{"cache": "only-if-cached"}`); j.State != ratchet.JobCompleted || !f.Cached {
		t.Errorf("got %v, %+v", j.Error, f)
	}
	if _, err := s.Service().PurgeTask.Call(s.Context(), service.TaskRef{Task: "b"}); err != nil {
		t.Fatal(err)
	}
	if j, f := run("b", `{"cache": "only-if-cached"}`); j.State != ratchet.JobFailed || !strings.Contains(j.Error.Message, "only-if-cached") || f.Error == nil {
		t.Errorf("got %v, %v, %+v", j.State, j.Error, f)
	}
	if _, body := get(t, s.URL+"/metrics", ""); !strings.Contains(body, `ratchet_cache_hits_total{cache="responses"} 4`) {
		t.Errorf("metrics do not tell of the cache: %s", body)
	}
}

func TestNoResponsesAreKeptWhereNoneMayBe(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		_, _ = fmt.Fprint(w, asked.Add(1))
	}))
	t.Cleanup(web.Close)
	s := ratchettest.Start(t, ratchettest.WithConfig(func(c *config.Config) { c.HTTP.Cache = 0 }))
	s.Register("once", `async () => (await fetch("`+web.URL+`")).text()`)
	for _, want := range []string{`"1"`, `"2"`} {
		if j := s.Wait(s.Submit(ratchet.JobRequest{Task: "once"}).ID); string(j.Output) != want {
			t.Errorf("got %s, want %s: %v", j.Output, want, j.Error)
		}
	}
}
