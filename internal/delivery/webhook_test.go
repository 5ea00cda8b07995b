package delivery_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/webhook"
)

func TestAWebhookIsSignedByAllSecrets(t *testing.T) {
	t.Parallel()
	url, got := receiver(t, nil)
	r := newRig(t)
	older := webhook.NewSecret()
	private, public, err := webhook.NewKeyPair()
	if err != nil {
		t.Fatal(err)
	}
	r.env["NEWER"] = webhook.NewSecret()
	end := r.deliver(t, hook(url+"/{{task_name}}?job={{job_uuid}}", func(d *ratchet.Destination) {
		d.Secrets = []ratchet.Secret{"${NEWER}", ratchet.Secret(older), ratchet.Secret(private)}
		d.Headers = map[string]string{"X-Task": "{{task_name}}", "X-Api-Key": "k-${NEWER}"}
		d.Auth = &ratchet.WebhookAuth{Bearer: "hunter2hunter2"}
	}))
	if end.State != ratchet.DeliveryDelivered || end.Receipt.Status != 200 || end.Receipt.Bytes == 0 || end.Receipt.Attempt != 1 {
		t.Fatalf("got %+v", end)
	}
	q := <-got
	if q.method != "POST" || !strings.HasPrefix(q.path, "/report?job=0") || q.header.Get("Content-Type") != "application/json" ||
		q.header.Get("X-Task") != "report" || q.header.Get("Authorization") != "Bearer hunter2hunter2" || q.header.Get("X-Api-Key") != "k-"+r.env["NEWER"] {
		t.Errorf("got %+v", q)
	}
	m := webhook.Message{ID: q.header.Get(webhook.HeaderID), Timestamp: q.header.Get(webhook.HeaderTimestamp), Signature: q.header.Get(webhook.HeaderSignature), Body: []byte(q.body)}
	for _, key := range []string{older, r.env["NEWER"], public} {
		if err := webhook.Verify(m, time.Now(), key); err != nil {
			t.Error(err)
		}
	}
	if m.ID != end.ID.String() {
		t.Errorf("got webhook-id %s, want the delivery's, %s", m.ID, end.ID)
	}
	var envelope struct {
		Status string
		Output struct{ Sum int }
		ID     string `json:"delivery_id"`
	}
	if err := json.Unmarshal([]byte(q.body), &envelope); err != nil || envelope.Status != "completed" || envelope.Output.Sum != 3 || envelope.ID != m.ID {
		t.Errorf("got %s, %v", q.body, err)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	url, got := receiver(t, nil)
	r := newRig(t)
	r.env["KEY"] = "from-the-environment"
	for _, c := range []struct {
		auth         ratchet.WebhookAuth
		header, want string
	}{
		{ratchet.WebhookAuth{Basic: &ratchet.BasicAuth{Username: "u", Password: "p w"}}, "Authorization", "Basic dTpwIHc="},
		{ratchet.WebhookAuth{APIKey: &ratchet.APIKeyAuth{Key: "${KEY}"}}, "X-Api-Key", "from-the-environment"},
		{ratchet.WebhookAuth{APIKey: &ratchet.APIKeyAuth{Header: "X-Mine", Key: "k"}}, "X-Mine", "k"},
	} {
		if end := r.deliver(t, hook(url, func(d *ratchet.Destination) { d.Auth = &c.auth })); end.State != ratchet.DeliveryDelivered {
			t.Fatalf("got %+v", end)
		}
		if q := <-got; q.header.Get(c.header) != c.want {
			t.Errorf("got %q, want %q", q.header.Get(c.header), c.want)
		}
	}
}

func TestASecretIsNeverToldAgain(t *testing.T) {
	t.Parallel()
	url, _ := receiver(t, func(w http.ResponseWriter, q *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "you sent "+q.Header.Get("Authorization")+" to "+q.URL.Path)
	})
	r := newRig(t)
	r.env["PLACE"] = "T000/B000/secret-part"
	end := r.deliver(t, hook(url+"/${PLACE}", func(d *ratchet.Destination) { d.Auth = &ratchet.WebhookAuth{Bearer: "hunter2hunter2"} }))
	text, err := json.Marshal(end.Receipt)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter2") || strings.Contains(string(text), "secret-part") || !strings.Contains(end.Receipt.Response, "you sent Bearer ***") {
		t.Errorf("got %s", text)
	}
	gone := r.deliver(t, hook("http://127.0.0.1:1/${PLACE}"))
	if text, _ := json.Marshal(gone.Receipt); strings.Contains(string(text), "secret-part") {
		t.Errorf("got %s", text)
	}
	if missing := r.deliver(t, hook(url+"/${NOT_SET}")); missing.State != ratchet.DeliveryFailed || !says(missing.Receipt.Error, "${NOT_SET} has no value") {
		t.Errorf("got %+v", missing)
	}
}

// TestAnswers has every answer that says something beside yes and no.
func TestAnswers(t *testing.T) {
	t.Parallel()
	quick := ratchet.Retry{InitialDelay: ratchet.Duration(time.Hour), MaxDelay: ratchet.Duration(time.Hour), MaxAttempts: 2}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		change func(*ratchet.Destination)
		state  ratchet.DeliveryState
		says   string
		wait   time.Duration // until the next attempt, about
	}{
		"201":                     {status(201), nil, "delivered", "", 0},
		"204":                     {status(204), nil, "delivered", "", 0},
		"302":                     {redirect("http://127.0.0.1:1/x"), nil, "failed", "a redirect to http://127.0.0.1:1: redirects are not followed", 0},
		"308":                     {redirect("/x"), nil, "failed", "redirects are not followed", 0},
		"400":                     {status(400), nil, "failed", "400 Bad Request", 0},
		"401":                     {status(401), nil, "failed", "auth and secrets", 0},
		"405":                     {status(405), nil, "failed", "it does not take POST", 0},
		"408":                     {status(408), nil, "pending", "408", 5 * time.Second},
		"429":                     {status(429), nil, "pending", "429", 5 * time.Second},
		"500":                     {status(500), nil, "pending", "500", 5 * time.Second},
		"599":                     {status(599), nil, "pending", "599", 5 * time.Second},
		"404 if wanted":           {status(404), func(d *ratchet.Destination) { d.RetryOn = []int{404} }, "pending", "404", 5 * time.Second},
		"500 if unwanted":         {status(500), func(d *ratchet.Destination) { d.RetryOn = []int{404} }, "failed", "500", 0},
		"its own retry":           {status(500), func(d *ratchet.Destination) { d.Retry = quick }, "pending", "500", time.Hour},
		"one attempt":             {status(500), func(d *ratchet.Destination) { d.Retry.MaxAttempts = 1 }, "failed", "500", 0},
		"Retry-After in seconds":  {retryAfter("600"), nil, "pending", "503", 10 * time.Minute},
		"Retry-After as a date":   {retryAfter(time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)), nil, "pending", "503", time.Hour},
		"Retry-After sooner":      {retryAfter("1"), nil, "pending", "503", 5 * time.Second},
		"Retry-After for ever":    {retryAfter("999999999"), nil, "pending", "503", 24 * time.Hour},
		"Retry-After of nonsense": {retryAfter("soon"), nil, "pending", "503", 5 * time.Second},
		"Retry-After of the past": {retryAfter("Mon, 02 Jan 2006 15:04:05 GMT"), nil, "pending", "503", 5 * time.Second},
		"never answers":           {hang, func(d *ratchet.Destination) { d.Timeout = ratchet.Duration(100 * time.Millisecond) }, "pending", "did not answer within 100ms", 5 * time.Second},
		"hangs up":                {hangUp, nil, "pending", "closed the connection", 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, got := receiver(t, c.answer)
			r := newRig(t)
			to := hook(url)
			if c.change != nil {
				c.change(&to)
			}
			began := time.Now()
			end := r.deliver(t, to)
			if end.State != c.state || end.Free || c.says != "" && !says(end.Receipt.Error, c.says) || c.says == "" && end.Receipt.Error != nil {
				t.Errorf("got %s, %+v", end.State, end.Receipt.Error)
			}
			if c.state == "pending" {
				if wait := end.NextAt.Sub(began); wait < c.wait*8/10-time.Second || wait > c.wait*12/10+5*time.Second {
					t.Errorf("got %s until the next attempt, want about %s", wait, c.wait)
				}
			}
			if n := len(got); n != 1 {
				t.Errorf("got %d requests, want 1", n)
			}
		})
	}
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, to, 302) }
}

func retryAfter(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", text)
		w.WriteHeader(503)
	}
}

func hang(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() }

func hangUp(w http.ResponseWriter, _ *http.Request) {
	if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = c.Close()
	}
}

func TestGoneMeansNoMore(t *testing.T) {
	t.Parallel()
	url, got := receiver(t, status(410))
	r := newRig(t)
	end := r.deliver(t, hook(url+"/a"))
	if end.State != ratchet.DeliveryFailed || !end.Gone || end.Receipt.Error.Reason != ratchet.ReasonDestinationGone {
		t.Fatalf("got %+v", end)
	}
	r.finish(t, hook(url+"/a"), hook(url+"/b"))
	if other := r.end(t); other.State != ratchet.DeliveryFailed {
		t.Fatalf("got %+v", other)
	}
	if n := len(got); n != 2 {
		t.Errorf("got %d requests, want 2: what is gone was asked again", n)
	}
	if _, err := r.Redeliver(t.Context(), end.ID); err != nil {
		t.Fatal(err)
	}
	if again := r.end(t); again.ID != end.ID || len(got) != 3 {
		t.Errorf("got %+v after %d requests", again, len(got))
	}
}

// TestAnEndlessAnswerCostsNothing answers with 10 GB, and with a byte now and
// then: the status says that it was taken.
func TestAnEndlessAnswerCostsNothing(t *testing.T) {
	t.Parallel()
	sent := make(chan int64, 1)
	url, _ := receiver(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/slow" {
			_, _ = io.WriteString(w, "a")
			_ = http.NewResponseController(w).Flush()
			<-q.Context().Done()
			return
		}
		w.Header().Set("Content-Length", "10737418240")
		chunk, n := []byte(strings.Repeat("x", 64<<10)), int64(0)
		for n < 10<<30 {
			m, err := w.Write(chunk)
			if n += int64(m); err != nil {
				break
			}
		}
		sent <- n
	})
	r := newRig(t)
	end := r.deliver(t, hook(url+"/big"))
	if end.State != ratchet.DeliveryDelivered || len(end.Receipt.Response) != 1024 || end.Receipt.Duration > 5000 {
		t.Errorf("got %s in %d ms, %d bytes of answer, %v", end.State, end.Receipt.Duration, len(end.Receipt.Response), end.Receipt.Error)
	}
	if n := <-sent; n > 100<<20 {
		t.Errorf("%d MB of the answer were taken", n>>20)
	}
	if end := r.deliver(t, hook(url+"/slow")); end.State != ratchet.DeliveryDelivered || end.Receipt.Response != "a" || end.Receipt.Duration > 10_000 {
		t.Errorf("got %s in %d ms: %q %v", end.State, end.Receipt.Duration, end.Receipt.Response, end.Receipt.Error)
	}
}

func TestInternalAddressesAreRefused(t *testing.T) {
	t.Parallel()
	url, got := receiver(t, nil)
	r := newRig(t, func(s *settings) { s.egress = egress.Config{} })
	for _, target := range []string{url, "http://169.254.169.254/latest/meta-data", "http://[::1]/", "https://10.0.0.1/"} {
		end := r.deliver(t, hook(target, func(d *ratchet.Destination) { d.Timeout = ratchet.Duration(5 * time.Second) }))
		if end.State != ratchet.DeliveryFailed || end.Receipt.Error == nil || end.Receipt.Error.Reason != ratchet.ReasonEgressRefused || !says(end.Receipt.Error, "only the operator") {
			t.Errorf("%s: got %s, %+v", target, end.State, end.Receipt.Error)
		}
	}
	if len(got) != 0 {
		t.Errorf("the receiver got %d requests", len(got))
	}
}

func TestAReceiverThatIsNotThereIsTriedAgain(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	if end := r.deliver(t, hook(url)); end.State != ratchet.DeliveryPending || end.Free || !says(end.Receipt.Error, "connection refused") {
		t.Errorf("got %+v", end)
	}
}

func TestAGetHasNoBody(t *testing.T) {
	t.Parallel()
	url, got := receiver(t, nil)
	r := newRig(t)
	if end := r.deliver(t, hook(url+"/?id={{job_id}}", func(d *ratchet.Destination) { d.Method = "get" })); end.State != ratchet.DeliveryDelivered {
		t.Fatalf("got %+v", end)
	}
	if q := <-got; q.method != "GET" || q.body != "" || !strings.HasPrefix(q.path, "/?id=job_") {
		t.Errorf("got %+v", q)
	}
}

func TestASelectThatFailsIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	url, got := receiver(t, nil)
	r := newRig(t)
	end := r.deliver(t, hook(url, func(d *ratchet.Destination) { d.Select = ".output.rows | map(.a + {}) " }))
	if end.State != ratchet.DeliveryFailed || !says(end.Receipt.Error, "select") || len(got) != 0 {
		t.Errorf("got %+v after %d requests", end, len(got))
	}
}
