package daemon_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func TestJobsLeaveAHostAloneThatFailsAndSayWhy(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	broken := atomic.Bool{}
	broken.Store(true)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if broken.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(web.Close)
	s := ratchettest.Start(t, ratchettest.WithConfig(func(c *config.Config) { c.HTTP.Breaker.Open = 5 * time.Second }))
	s.Register("hammer", `async ({ url }) => {
		let code = "", after;
		for (let i = 0; i < 7; i++) {
			try { await fetch(url); } catch (e) { code = e.code; after = e.retryAfter; }
		}
		return { code, after };
	}`)
	s.Register("once", `async ({ url }) => (await fetch(url)).status`)
	input := json.RawMessage(`{"url": "` + web.URL + `"}`)

	j := s.Wait(s.Submit(ratchet.JobRequest{Task: "hammer", Input: input}).ID)
	if string(j.Output) != `{"code":"CIRCUIT_OPEN","after":5}` || asked.Load() != 5 {
		t.Fatalf("got %s, %v after %d requests", j.Output, j.Error, asked.Load())
	}
	host := strings.TrimPrefix(web.URL, "http://")
	if status, body := get(t, s.URL+"/api/v1/breakers", ""); status != http.StatusOK || !strings.Contains(body, `"`+host+`"`) || !strings.Contains(body, `"open"`) {
		t.Errorf("got %d, %s", status, body)
	}
	if _, body := get(t, s.URL+"/metrics", ""); !strings.Contains(body, `ratchet_breaker_state{host="`+host+`"} 2`) || !strings.Contains(body, "ratchet_breaker_refused_total 2") {
		t.Errorf("metrics do not tell of the breaker: %s", body)
	}

	failed := s.Wait(s.Submit(ratchet.JobRequest{Task: "once", Input: input, MaxAttempts: 1}).ID)
	e, err := s.Service().ExplainJob.Call(s.Context(), service.JobRef{ID: failed.ID})
	if err != nil {
		t.Fatal(err)
	}
	if text := e.Summary + strings.Join(e.Reasons, " ") + e.Remedy; !strings.Contains(text, "/api/v1/breakers") || !strings.Contains(text, host) {
		t.Errorf("the explanation does not say it: %+v", e)
	}

	// One that may be tried again waits until the host is asked again.
	broken.Store(false)
	waits := s.Submit(ratchet.JobRequest{Task: "once", Input: input, MaxAttempts: 3, Retry: ratchet.Retry{InitialDelay: 1000, Backoff: ratchet.BackoffFixed}})
	if j := s.Wait(waits.ID); j.State != ratchet.JobCompleted || j.Attempts != 2 {
		t.Errorf("got %s after %d attempts: %v", j.State, j.Attempts, j.Error)
	}
}
