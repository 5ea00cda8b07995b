package rest_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/rest"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/webhook"
)

// A caller calls a hook without any key.
type caller struct {
	*server
	path string
}

func (c caller) post(body string, header map[string]string) (status int, answer string) {
	c.t.Helper()
	r := httptest.NewRequestWithContext(c.t.Context(), http.MethodPost, c.path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// signed are the headers of a message.
func signed(t *testing.T, id string, at time.Time, body, secret string) map[string]string {
	t.Helper()
	signature, err := webhook.Sign(id, at, []byte(body), secret)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{webhook.HeaderID: id, webhook.HeaderTimestamp: strconv.FormatInt(at.Unix(), 10), webhook.HeaderSignature: signature}
}

// ask is the context of whoever may do everything.
func (s *server) ask() context.Context { return auth.With(s.t.Context(), auth.Local()) }

func (s *server) hook(r ratchet.HookRequest) (*ratchet.CreatedHook, caller) {
	s.t.Helper()
	h, err := s.svc.CreateHook.Call(s.ask(), service.CreateHook{Task: "addition", HookRequest: r})
	if err != nil {
		s.t.Fatal(err)
	}
	return h, caller{s, h.Path}
}

func TestASignedCallOfAHookIsOneJob(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.register()
	h, c := s.hook(ratchet.HookRequest{Priority: ratchet.PriorityHigh})
	const body = `{"num1": 1, "num2": 2}`
	now := time.Now()
	status, first := c.post(body, signed(t, "msg_1", now, body, h.Secret))
	if status != http.StatusAccepted || !strings.Contains(first, `{"data":{"jobId":"job_`) {
		t.Fatalf("got %d %s", status, first)
	}
	if status, again := c.post(body, signed(t, "msg_1", now, body, h.Secret)); status != http.StatusAccepted || again != first {
		t.Errorf("the same message again: got %d %s, want %s", status, again, first)
	}
	if _, err := s.svc.UpdateHook.Call(s.ask(), service.UpdateHook{ID: h.ID, HookPatch: ratchet.HookPatch{Priority: new(ratchet.PriorityLow)}}); err != nil {
		t.Fatal(err)
	}
	const otherwise = `{"num1": 1, "num2": 2, "sent": "again"}`
	if status, again := c.post(otherwise, signed(t, "msg_1", now, otherwise, h.Secret)); status != http.StatusAccepted || again != first {
		t.Errorf("the same message, written otherwise: got %d %s, want %s", status, again, first)
	}
	if status, other := c.post(body, signed(t, "msg_2", now, body, h.Secret)); status != http.StatusAccepted || other == first {
		t.Errorf("another message: got %d %s", status, other)
	}
	var told struct {
		Data struct {
			Job ratchet.JobID `json:"jobId"`
		}
	}
	if err := json.Unmarshal([]byte(first), &told); err != nil {
		t.Fatal(err)
	}
	job, err := s.store.Job(t.Context(), told.Data.Job)
	if err != nil || job.Priority != ratchet.PriorityHigh || string(job.Input) != body || len(job.Tags) != 1 || job.Tags[0] != "hook:default" {
		t.Errorf("got %+v, %v", job, err)
	}
	all, err := s.svc.ListHooks.Call(s.ask(), service.TaskRef{Task: "addition"})
	if err != nil || len(all) != 1 || all[0].Calls < 2 || all[0].UsedAt.IsZero() {
		t.Errorf("the calls are not counted: %+v, %v", all, err)
	}
}

func TestACallOfAHookThatIsNotAsItShouldBeIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *rest.Config) { c.MaxBody = 1000 })
	s.register()
	h, c := s.hook(ratchet.HookRequest{})
	const body = `{"num1": 1, "num2": 2}`
	now := time.Now()
	other := webhook.NewSecret()
	long := `{"num1": 1, "num2": 2, "c": "` + strings.Repeat("x", 1000) + `"}`
	for name, call := range map[string]struct {
		body   string
		header map[string]string
		status int
		says   string
	}{
		"no signature":          {body, nil, 401, "webhook-id, webhook-timestamp and webhook-signature"},
		"another's secret":      {body, signed(t, "m", now, body, other), 401, "no signature in webhook-signature is right"},
		"another body":          {`{"num1": 1, "num2": 3}`, signed(t, "m", now, body, h.Secret), 401, "no signature"},
		"six minutes old":       {body, signed(t, "m", now.Add(-6*time.Minute), body, h.Secret), 401, "five minutes"},
		"six minutes to come":   {body, signed(t, "m", now.Add(6*time.Minute), body, h.Secret), 401, "five minutes"},
		"no JSON":               {`{"a": `, signed(t, "m", now, `{"a": `, h.Secret), 400, "the end of the body"},
		"an input that is none": {`{"num1": 1}`, signed(t, "m", now, `{"num1": 1}`, h.Secret), 422, `num2`},
		"a body too large":      {long, signed(t, "m", now, long, h.Secret), 413, "too large"},
	} {
		if status, answer := c.post(call.body, call.header); status != call.status || !strings.Contains(answer, call.says) {
			t.Errorf("%s: got %d %s, want %d and %q", name, status, answer, call.status, call.says)
		}
	}
	jobs, err := s.store.Jobs(t.Context(), ratchet.Query{})
	if err != nil || len(jobs.Items) > 0 {
		t.Errorf("got the jobs %+v, %v", jobs.Items, err)
	}
	unknown := caller{s, "/hooks/" + strings.Repeat("a", 43)}
	if status, answer := unknown.post(body, nil); status != http.StatusNotFound || strings.Contains(answer, "aaaa") {
		t.Errorf("an unknown token: got %d %s", status, answer)
	}
	refused := 0
	for range 200 {
		if status, _ := unknown.post(body, nil); status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused == 0 {
		t.Error("tokens can be guessed without an end")
	}
	if status, answer := c.post(body, signed(t, "m2", now, body, h.Secret)); status != http.StatusAccepted {
		t.Errorf("guesses of others keep the hook from its caller: got %d %s", status, answer)
	}
	no := false
	if _, err := s.svc.UpdateHook.Call(s.ask(), service.UpdateHook{ID: h.ID, HookPatch: ratchet.HookPatch{Enabled: &no}}); err != nil {
		t.Fatal(err)
	}
	if status, answer := c.post(body, signed(t, "m3", now, body, h.Secret)); status != http.StatusForbidden || !strings.Contains(answer, "disabled") {
		t.Errorf("a disabled hook: got %d %s", status, answer)
	}
}

func TestTheSecretBeforeIsAcceptedForADay(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.register()
	h, c := s.hook(ratchet.HookRequest{})
	next, err := s.svc.RotateHook.Call(s.ask(), service.HookRef{ID: h.ID})
	if err != nil || next.Secret == h.Secret || next.URL != "" {
		t.Fatalf("got %+v, %v", next, err)
	}
	const body = `{"num1": 1, "num2": 2}`
	for _, secret := range []string{h.Secret, next.Secret} {
		if status, answer := c.post(body, signed(t, "m", time.Now(), body, secret)); status != http.StatusAccepted {
			t.Errorf("got %d %s", status, answer)
		}
	}
	if _, err := s.svc.RotateHook.Call(s.ask(), service.HookRef{ID: h.ID}); err != nil {
		t.Fatal(err)
	}
	if status, _ := c.post(body, signed(t, "m", time.Now(), body, h.Secret)); status != http.StatusUnauthorized {
		t.Errorf("the secret before the one before: got %d", status)
	}
}

func TestAHookTakesWhatGitHubSigns(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.register()
	h, c := s.hook(ratchet.HookRequest{Name: "github", Verify: ratchet.HookGitHub, Secret: "a secret of some length"})
	const body = `{"num1": 1, "num2": 2}`
	mac := hmac.New(sha256.New, []byte(h.Secret))
	mac.Write([]byte(body))
	header := map[string]string{"X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958", "X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil))}
	status, first := c.post(body, header)
	if status != http.StatusAccepted {
		t.Fatalf("got %d %s", status, first)
	}
	if _, again := c.post(body, header); again != first {
		t.Errorf("got %s, want %s", again, first)
	}
	if status, answer := c.post(`{"num1": 1, "num2": 9}`, header); status != http.StatusUnauthorized {
		t.Errorf("another body: got %d %s", status, answer)
	}
	_, open := s.hook(ratchet.HookRequest{Name: "open", Verify: ratchet.HookInsecureNone})
	if status, answer := open.post(body, nil); status != http.StatusAccepted {
		t.Errorf("a hook that verifies nothing: got %d %s", status, answer)
	}
}
