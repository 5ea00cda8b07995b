package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/client"
	"github.com/ratchet-runner/ratchet-go/internal/invariant"
	"github.com/ratchet-runner/ratchet-go/webhook"
)

// A receiver takes webhooks, slowly and with moods, and remembers what came.
type receiver struct {
	t      *testing.T
	secret string
	server *httptest.Server
	slow   *httptest.Server // the same at another place

	mu       sync.Mutex
	random   *rand.Rand
	arrivals []invariant.Arrival
	taken    map[ratchet.DeliveryID]int
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{
		t: t, secret: webhook.NewSecret(), random: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 2)),
		taken: map[ratchet.DeliveryID]int{},
	}
	r.server, r.slow = httptest.NewServer(r), httptest.NewServer(r)
	t.Cleanup(r.server.Close)
	t.Cleanup(r.slow.Close)
	return r
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender was killed while it sent
	}
	message := webhook.Message{
		ID: req.Header.Get(webhook.HeaderID), Timestamp: req.Header.Get(webhook.HeaderTimestamp),
		Signature: req.Header.Get(webhook.HeaderSignature), Body: body,
	}
	if err := webhook.Verify(message, time.Now(), r.secret); err != nil {
		r.t.Errorf("a delivery is not signed as it should be: %v", err)
	}
	var envelope struct {
		Job ratchet.JobID `json:"job_id"`
	}
	id, err := ratchet.ParseID[ratchet.Delivery](message.ID)
	if err == nil {
		err = json.Unmarshal(body, &envelope)
	}
	if err != nil {
		r.t.Errorf("a delivery cannot be read: %v", err)
	}
	mood := r.note(id, envelope.Job)
	if req.URL.Path == "/slow" {
		select {
		case <-time.After(200 * time.Millisecond):
		case <-req.Context().Done():
		}
	}
	switch {
	case mood < 5: // the connection breaks before there is an answer
		panic(http.ErrAbortHandler)
	case mood < 15:
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		r.took(id)
		w.WriteHeader(http.StatusNoContent)
	}
}

// note remembers an attempt, and says in which of 100 moods the receiver is.
func (r *receiver) note(id ratchet.DeliveryID, job ratchet.JobID) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.arrivals = append(r.arrivals, invariant.Arrival{ID: id, Job: job})
	return r.random.IntN(100)
}

func (r *receiver) took(id ratchet.DeliveryID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken[id]++
}

// destinations are those of a job of the load: of its end one way or the other.
func (r *receiver) destinations() []ratchet.Destination {
	to := func(name, url string, on ratchet.DeliverWhen) ratchet.Destination {
		return ratchet.Destination{
			Type: ratchet.DestinationWebhook, Name: name, On: on, URL: url, Secrets: []ratchet.Secret{ratchet.Secret(r.secret)},
			Retry: ratchet.Retry{MaxAttempts: 50, InitialDelay: ratchet.Duration(50 * time.Millisecond), MaxDelay: ratchet.Duration(200 * time.Millisecond)},
		}
	}
	return []ratchet.Destination{to("quick", r.server.URL, ratchet.DeliverAlways), to("slow", r.slow.URL+"/slow", ""), to("alarm", r.server.URL+"/alarm?a=b", ratchet.DeliverFailure)}
}

// delivered is the history with all deliveries, once none is left to be made.
func (m *mortal) delivered(h *invariant.History) {
	m.t.Helper()
	ctx := m.t.Context()
	unfinished := ratchet.Query{Limit: 1, Filters: []ratchet.Filter{{Field: "state", Op: ratchet.OpIn, Values: []string{"pending", "sending"}}}}
	poll(m.t, "everything is delivered", func() bool {
		page, err := m.client.Deliveries(ctx, unfinished)
		if err != nil {
			m.t.Fatal(err)
		}
		return len(page.Items) == 0
	})
	for d, err := range client.Each(ctx, ratchet.Query{Limit: ratchet.MaxLimit}, m.client.Deliveries) {
		if err != nil {
			m.t.Fatal(err)
		}
		whole, err := m.client.Delivery(ctx, d.ID)
		if err != nil {
			m.t.Fatal(err)
		}
		h.Deliveries = append(h.Deliveries, *whole)
	}
}

// Every result reaches every destination that wants it, though the server is
// killed again and again while it delivers; what is sent twice says so.
func TestNoDeliveryIsLostWhenTheServerIsKilled(t *testing.T) {
	t.Parallel()
	notUnderRace(t)
	r := newReceiver(t)
	m := newMortal(t, "", "--allow-private", "127.0.0.1")
	write(t, m.dir, "ratchet.yaml", `http: {breaker: {enabled: false}} # the receiver fails at random
delivery:
  destinations: [{type: file, name: operator, on: always, path: "all/{{job_id}}.json"}]
`)
	m.args = append(m.args, "--config", filepath.Join(m.dir, "ratchet.yaml"))
	m.start()
	m.register()
	l := newLoad(t)
	l.destinations = r.destinations()
	for range longForm(20, 100) {
		l.round(t.Context(), m.client, 10+l.random.IntN(30), m.kill)
		m.start()
	}
	restarted := time.Now()
	h := m.history(l)
	m.delivered(h)
	settled := time.Since(restarted)
	h.Operator = func(string) []ratchet.Destination {
		return []ratchet.Destination{{Type: ratchet.DestinationFile, Name: "operator", On: ratchet.DeliverAlways}}
	}
	h.Arrivals = r.arrivals
	if found := h.Violations(); len(found) > 0 {
		t.Errorf("%d rules broken:\n%s", len(found), strings.Join(found[:min(len(found), 20)], "\n"))
	}
	receipts, twice := 0, 0
	for _, d := range h.Deliveries {
		receipts += len(d.Receipts)
		if d.State != ratchet.DeliveryDelivered {
			t.Errorf("%s to %s is %s after %d attempts: %v", d.ID, d.Destination, d.State, d.Attempts, d.Error)
		}
		if d.Type == ratchet.DestinationWebhook && r.taken[d.ID] == 0 {
			t.Errorf("%s is delivered, but nobody took it", d.ID)
		}
		if r.taken[d.ID] > 1 {
			twice++
		}
	}
	t.Logf("%d jobs, %d deliveries with %d receipts; %d webhooks arrived, %d were taken twice; all delivered %v after the last start",
		len(h.Jobs), len(h.Deliveries), receipts, len(r.arrivals), twice, settled.Round(time.Millisecond))
	if twice == 0 {
		t.Error("no kill struck a delivery: the receiver is too quick")
	}
	m.stop()
	m.files(h)
	out, err := exec.CommandContext(t.Context(), "ratchet", "db", "check", "--database", filepath.Join(m.dir, "ratchet.db")).CombinedOutput()
	if err != nil {
		t.Errorf("the database is not sound: %v\n%s", err, out)
	}
}

// files asks that the operator's destination has one whole file of each job.
func (m *mortal) files(h *invariant.History) {
	m.t.Helper()
	folder := filepath.Join(m.dir, "deliveries", "all")
	all, err := os.ReadDir(folder)
	if err != nil {
		m.t.Fatal(err)
	}
	if len(all) != len(h.Jobs) {
		m.t.Errorf("got %d files of %d jobs", len(all), len(h.Jobs))
	}
	for i := range h.Jobs {
		j := &h.Jobs[i]
		text, err := os.ReadFile(filepath.Join(folder, fmt.Sprint(j.ID)+".json"))
		if err != nil || !json.Valid(text) || !bytes.Contains(text, []byte(j.ID.String())) {
			m.t.Errorf("the file of %s is not whole: %v\n%.200s", j.ID, err, text)
		}
	}
}
