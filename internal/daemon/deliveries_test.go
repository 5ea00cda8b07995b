package daemon_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
	"github.com/ratchet-runner/ratchet-go/webhook"
)

// A receiver takes webhooks, and answers as told.
type receiver struct {
	*httptest.Server
	got chan received
}

type received struct {
	header http.Header
	path   string
	body   []byte
}

func receive(t *testing.T, answer func(http.ResponseWriter, *http.Request)) *receiver {
	t.Helper()
	r := &receiver{got: make(chan received, 1000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		r.got <- received{q.Header.Clone(), q.URL.Path, body}
		if answer != nil {
			answer(w, q)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) next(t *testing.T) received {
	t.Helper()
	select {
	case m := <-r.got:
		return m
	case <-time.After(time.Minute):
		t.Fatal("nothing was delivered")
		return received{}
	}
}

// ended waits until a delivery of the job is told to have come to its end.
func ended(t *testing.T, sub *stream.Subscription, job ratchet.JobID) *ratchet.Delivery {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case e := <-sub.Events():
			if e.Type == ratchet.EventDelivery && e.Job == job {
				return e.Delivery
			}
		case <-limit:
			t.Fatal("no event tells the end of the delivery")
		}
	}
}

func watch(t *testing.T, s *ratchettest.Server) *stream.Subscription {
	t.Helper()
	sub, err := s.Service().WatchEvents.Call(s.Context(), stream.Filter{Types: []ratchet.EventType{ratchet.EventDelivery}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sub.Close)
	return sub
}

func TestTheResultOfAJobIsDeliveredSigned(t *testing.T) {
	t.Parallel()
	s, to := ratchettest.Start(t), receive(t, nil)
	s.Register("double", "(i) => ({twice: 2 * i.n})")
	sub := watch(t, s)
	secret := webhook.NewSecret()
	job := s.Submit(ratchet.JobRequest{Task: "double", Input: json.RawMessage(`{"n": 21}`), Destinations: []ratchet.Destination{
		{Type: ratchet.DestinationWebhook, URL: to.URL + "/results/{{task_name}}", Secrets: []ratchet.Secret{ratchet.Secret(secret)}, Auth: &ratchet.WebhookAuth{Bearer: "open-sesame"}},
		{Type: ratchet.DestinationWebhook, URL: to.URL + "/failures", On: ratchet.DeliverFailure},
	}})
	if text, err := json.Marshal(job); err != nil || strings.Contains(string(text), secret) || strings.Contains(string(text), "sesame") || !strings.Contains(string(text), `"***"`) {
		t.Errorf("the job shows its secrets, or not that there are any: %s", text)
	}
	m := to.next(t)
	if m.path != "/results/double" || m.header.Get("Authorization") != "Bearer open-sesame" {
		t.Errorf("got %s with %v", m.path, m.header)
	}
	if err := webhook.Verify(webhook.Message{
		ID: m.header.Get(webhook.HeaderID), Timestamp: m.header.Get(webhook.HeaderTimestamp), Signature: m.header.Get(webhook.HeaderSignature), Body: m.body,
	}, time.Now(), secret); err != nil {
		t.Errorf("the signature is wrong: %v", err)
	}
	var envelope struct {
		Job    ratchet.JobID   `json:"job_id"`
		Status string          `json:"status"`
		Output json.RawMessage `json:"output"`
	}
	if err := json.Unmarshal(m.body, &envelope); err != nil || envelope.Job != job.ID || envelope.Status != "completed" || string(envelope.Output) != `{"twice":42}` {
		t.Errorf("got %s (%v)", m.body, err)
	}
	d := ended(t, sub, job.ID)
	if d.State != ratchet.DeliveryDelivered || d.ID.String() != m.header.Get(webhook.HeaderID) || d.Status != http.StatusOK {
		t.Errorf("got %+v", d)
	}
	x, err := s.Service().ExplainJob.Call(s.Context(), service.JobRef{ID: job.ID})
	if err != nil || len(x.Deliveries) != 1 || !strings.Contains(strings.Join(x.Reasons, "\n"), "was taken at") {
		t.Errorf("the explanation tells nothing of the delivery: %+v, %v", x, err)
	}
	status, text := get(t, s.URL+"/metrics", "")
	if want := `ratchet_deliveries_total{type="webhook",result="delivered"} 1`; status != http.StatusOK || !strings.Contains(text, want) {
		t.Errorf("the metrics do not say %s", want)
	}
	if want := `ratchet_delivery_lanes{state="resting"} 0`; !strings.Contains(text, want) {
		t.Errorf("the metrics do not say %s", want)
	}
}

func TestTheURLOfAHookBeginsAsTheOperatorSays(t *testing.T) {
	t.Parallel()
	s := ratchettest.Start(t, ratchettest.WithConfig(func(c *config.Config) { c.Server.PublicURL = "https://example.com/ratchet" }))
	s.Register("double", "(i) => ({twice: 2 * i.n})")
	h, err := s.Service().CreateHook.Call(s.Context(), service.CreateHook{Task: "double"})
	if err != nil || h.URL != "https://example.com/ratchet"+h.Path || !strings.HasPrefix(h.Path, "/hooks/") {
		t.Errorf("got %+v, %v", h, err)
	}
}

func TestAFailureIsToldToTheOperatorsDestination(t *testing.T) {
	to := receive(t, nil)
	t.Setenv("ALERTS_TOKEN", "token-of-the-operator")
	s := ratchettest.Start(t, ratchettest.WithConfig(func(c *config.Config) {
		c.Delivery.Destinations = []config.GlobalDestination{{
			Destination: ratchet.Destination{
				Type: ratchet.DestinationWebhook, URL: to.URL + "/alerts", On: ratchet.DeliverFailure,
				Auth: &ratchet.WebhookAuth{Bearer: "${ALERTS_TOKEN}"}, Select: ".error.message",
			},
			Tasks: []string{"bad-*"},
		}}
	}))
	s.Register("bad-one", `() => { throw new Error("it broke") }`)
	s.Register("other", `() => { throw new Error("not told") }`)
	sub := watch(t, s)
	s.Wait(s.Submit(ratchet.JobRequest{Task: "other", MaxAttempts: 1}).ID)
	job := s.Submit(ratchet.JobRequest{Task: "bad-one", MaxAttempts: 1})
	m := to.next(t)
	if m.path != "/alerts" || m.header.Get("Authorization") != "Bearer token-of-the-operator" || !strings.Contains(string(m.body), "it broke") {
		t.Errorf("got %s %v %s", m.path, m.header, m.body)
	}
	if d := ended(t, sub, job.ID); d.State != ratchet.DeliveryDelivered {
		t.Errorf("got %+v", d)
	}
	if len(to.got) > 0 {
		t.Errorf("another task's failure was told too: %s", (<-to.got).body)
	}
}

func TestAServerWithoutDeliveriesTakesNoDestinations(t *testing.T) {
	t.Parallel()
	s := ratchettest.Start(t, ratchettest.WithConfig(func(c *config.Config) { c.Delivery.Enabled = false }))
	s.Register("double", "(i) => 1")
	_, err := s.Service().SubmitJob.Call(s.Context(), ratchet.JobRequest{Task: "double", Destinations: []ratchet.Destination{{Type: ratchet.DestinationStdout}}})
	if e := ratchet.AsError(err); err == nil || len(e.Details) != 1 || e.Details[0].Pointer != "/destinations" || !strings.Contains(e.Message, "delivery.enabled") {
		t.Errorf("got %v, want a refusal that says why", err)
	}
}

func TestAVariableWithoutAValueKeepsTheServerFromStarting(t *testing.T) {
	t.Parallel()
	_, err := ratchettest.TryStart(t, ratchettest.WithConfig(func(c *config.Config) {
		c.Delivery.Destinations = []config.GlobalDestination{{Destination: ratchet.Destination{
			Type: ratchet.DestinationWebhook, URL: "https://example.com/", Auth: &ratchet.WebhookAuth{Bearer: "${NOBODY_SETS_THIS}"},
		}}}
	}))
	if e := ratchet.AsError(err); err == nil || e.Reason != ratchet.ReasonConfig || !strings.Contains(e.Message, "NOBODY_SETS_THIS") {
		t.Errorf("got %v, want what variable is missing", err)
	}
}
