package daemon_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// soon tries a delivery again without a wait worth mentioning.
func soon() ratchet.Retry {
	return ratchet.Retry{MaxAttempts: 20, InitialDelay: ratchet.Duration(50 * time.Millisecond), MaxDelay: ratchet.Duration(200 * time.Millisecond)}
}

// delivered waits until a job's only delivery has ended and returns it.
func delivered(t *testing.T, s *ratchettest.Server, job ratchet.JobID) (d ratchet.Delivery) {
	t.Helper()
	eventually(t, "the delivery has ended", func() bool {
		page, err := s.Service().ListDeliveries.Call(s.Context(), ratchet.Query{})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range page.Items {
			if one.Job == job && (one.State == ratchet.DeliveryDelivered || one.State == ratchet.DeliveryFailed) {
				d = one
				return true
			}
		}
		return false
	})
	return d
}

// deliveries are those that the probe was asked to take or to transform.
func deliveries(t *testing.T, s *ratchettest.Server, what string, fields ...string) (all []string) {
	t.Helper()
	for _, call := range calls(t, s, fields...) {
		if rest, found := strings.CutPrefix(call+" ", what+" "); found {
			all = append(all, strings.TrimSpace(rest))
		}
	}
	return all
}

func TestAPluginTakesTheResultsOfJobs(t *testing.T) {
	t.Parallel()
	s := withProbe(t, request(`{"fail": ["destination"]}`, ratchet.PluginIgnore))
	add := func(d ...ratchet.Destination) ratchet.JobRequest {
		return ratchet.JobRequest{Task: "add", Input: json.RawMessage(`{"a": 1, "b": 2}`), Destinations: d}
	}
	job := s.Submit(add(ratchet.Destination{
		Type: ratchet.DestinationPlugin, Plugin: "probe", Config: json.RawMessage(`{"to": "ops"}`), Template: "the sum is {{output}}", Transform: "probe",
		Retry: ratchet.Retry{MaxAttempts: 50, InitialDelay: ratchet.Duration(20 * time.Millisecond), MaxDelay: ratchet.Duration(20 * time.Millisecond)},
	}))
	eventually(t, "it failed once", func() bool { return len(deliveries(t, s, "destination")) > 0 })
	s.Enable("probe", request(`{}`, ratchet.PluginIgnore))
	if d := delivered(t, s, job.ID); d.State != ratchet.DeliveryDelivered || d.Attempts < 2 {
		t.Errorf("got %+v, %v", d, d.Error)
	}
	took := deliveries(t, s, "destination", "config", "type", "body", "task", "status")
	if want := `{"to":"ops"} "text/plain; charset=utf-8" "THE SUM IS 3" "add" "completed"`; took[0] != want {
		t.Errorf("it took %s, want %s", took[0], want)
	}
	made := deliveries(t, s, "transform", "config", "type", "body", "attempt")
	if want := `null "text/plain; charset=utf-8" "the sum is 3" 1`; made[0] != want {
		t.Errorf("it was given %s to transform, want %s", made[0], want)
	}

	// It takes results while it dies.
	for range 3 {
		if process, err := os.FindProcess(s.Plugin("probe").PID); err == nil {
			_ = process.Kill() // it may be on its way up
		}
		job := s.Submit(add(ratchet.Destination{Type: ratchet.DestinationPlugin, Plugin: "probe", Retry: soon()}))
		if d := delivered(t, s, job.ID); d.State != ratchet.DeliveryDelivered {
			t.Errorf("got %+v, %v", d, d.Error)
		}
	}
}

func TestAPluginTransformsWhatOthersAreTold(t *testing.T) {
	t.Parallel()
	dir := probes(t)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "ratchet-plugin-pure.wasm"), "../pluginhost/testdata/wasm")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	bodies := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err == nil {
			bodies <- q.Header.Get("Content-Type") + " " + string(body)
		}
	}))
	t.Cleanup(receiver.Close)
	s := ratchettest.Start(t, ratchettest.WithPlugins(dir), ratchettest.WithConfig(func(c *config.Config) { c.HTTP.AllowPrivate = []string{"127.0.0.1/8"} }))
	s.Register("say", `(i) => i`)
	for _, name := range []string{"probe", "pure"} {
		to := ratchet.Destination{Type: ratchet.DestinationWebhook, URL: receiver.URL, Select: ".output.word", Transform: name, Retry: soon()}
		r := ratchet.JobRequest{Task: "say", Input: json.RawMessage(`{"word": "quiet"}`), Destinations: []ratchet.Destination{to}}
		_, err := s.Service().SubmitJob.Call(s.Context(), r)
		wantReason(t, err, ratchet.ReasonPluginUnavailable, "/destinations/0/transform", "ratchet plugin enable "+name)

		s.Enable(name, ratchet.PluginRequest{})
		tests, err := s.Service().TestDestinations.Call(s.Context(), ratchet.DestinationTestRequest{Destinations: []ratchet.Destination{to}})
		if err != nil || !tests[0].OK || tests[0].Body != "null" && tests[0].Body != "NULL" {
			t.Errorf("%s: a test shows %+v, %v", name, tests, err)
		}
		job := s.Submit(r)
		if d := delivered(t, s, job.ID); d.State != ratchet.DeliveryDelivered {
			t.Fatalf("%s: got %+v, %v", name, d, d.Error)
		}
		if got, want := <-bodies, `application/json "QUIET"`; got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		if _, err := s.Service().DisablePlugin.Call(s.Context(), service.PluginRef{Plugin: name}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADestinationThatNoPluginCanServeIsRefused(t *testing.T) {
	t.Parallel()
	s := withProbe(t, ratchet.PluginRequest{})
	s.Enable("log-events", ratchet.PluginRequest{})
	for name, c := range map[string]struct {
		to     ratchet.Destination
		reason ratchet.Reason
		parts  []string
	}{
		"no plugin":            {ratchet.Destination{Type: "plugin", Plugin: "prob"}, ratchet.ReasonPluginNotFound, []string{"/destinations/0/plugin", `"prob"`}},
		"no name":              {ratchet.Destination{Type: "plugin", Plugin: "No Name"}, ratchet.ReasonValidation, []string{"/destinations/0/plugin"}},
		"takes nothing":        {ratchet.Destination{Type: "plugin", Plugin: "log-events"}, ratchet.ReasonPluginNotCapable, []string{"/destinations/0/plugin", "destination"}},
		"no transform":         {ratchet.Destination{Type: "stdout", Transform: "nobody"}, ratchet.ReasonPluginNotFound, []string{"/destinations/0/transform"}},
		"no transform's name":  {ratchet.Destination{Type: "stdout", Transform: "a b"}, ratchet.ReasonValidation, []string{"/destinations/0/transform"}},
		"transforms nothing":   {ratchet.Destination{Type: "stdout", Transform: "log-events"}, ratchet.ReasonPluginNotCapable, []string{"/destinations/0/transform", "transform"}},
		"one of two is absent": {ratchet.Destination{Type: "plugin", Plugin: "probe", Transform: "nobody"}, ratchet.ReasonPluginNotFound, []string{"/destinations/0/transform"}},
	} {
		_, err := s.Service().SubmitJob.Call(s.Context(), ratchet.JobRequest{Task: "add", Destinations: []ratchet.Destination{c.to}})
		if e := ratchet.AsError(err); e == nil || e.Reason != c.reason {
			t.Errorf("%s: got %v, want %s", name, err, c.reason)
			continue
		}
		wantReason(t, err, c.reason, c.parts...)
	}
}
