package delivery_test

import (
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/delivery"
	"github.com/ratchet-runner/ratchet-go/internal/destination"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
)

func TestDestinationsAreTried(t *testing.T) {
	t.Parallel()
	url, got := receiver(t, nil)
	r := newRig(t)
	r.env["TOKEN"] = "hunter2hunter2"
	to := destination.Prepare([]ratchet.Destination{
		hook(url+"/{{task_name}}", func(d *ratchet.Destination) { d.Auth = &ratchet.WebhookAuth{Bearer: "${TOKEN}"} }),
		file("{{job_id}}.txt", text("{{output}} hunter2hunter2")),
		{Type: "plugin", Plugin: "none"},
		{Type: "file", Path: "x", Select: ".output.nope | add"},
	})
	for _, send := range []bool{false, true} {
		tests := r.runner.Test(t.Context(), delivery.TestRequest{Destinations: to, Task: r.task.ID, Send: send})
		if len(tests) != 4 {
			t.Fatalf("got %+v", tests)
		}
		web, fil, plug := tests[0], tests[1], tests[2]
		if !web.OK || web.Sent != send || (web.Receipt != nil) != send || web.Name != "webhook-1" || !strings.Contains(web.Body, `"output":{"example":true`) {
			t.Errorf("send %t: got %+v", send, web)
		}
		if !fil.OK || fil.Sent != send || !strings.HasPrefix(fil.Body, `{"example":true`) {
			t.Errorf("send %t: got %+v", send, fil)
		}
		if plug.OK || plug.Sent || !says(plug.Error, `no plugin "none"`) {
			t.Errorf("send %t: got %+v", send, plug)
		}
		if want := map[bool]int{false: 0, true: 1}[send]; len(got) != want {
			t.Errorf("send %t: the receiver got %d, want %d", send, len(got), want)
		}
	}
	if q := <-got; q.header.Get("Authorization") != "Bearer hunter2hunter2" {
		t.Errorf("got %v", q.header)
	}
	if page, err := r.Deliveries(t.Context(), ratchet.Query{Limit: 10}); err != nil || len(page.Items) != 0 {
		t.Errorf("a test was kept: %d, %v", len(page.Items), err)
	}
}

// TestTheServersEnvironmentIsTheOperatorsOnly has a destination without a task,
// whose references must not be taken for the server's.
func TestTheServersEnvironmentIsTheOperatorsOnly(t *testing.T) {
	t.Parallel()
	url, got := receiver(t, nil)
	r := newRig(t)
	r.env["SERVER_KEY"] = "the server's own"
	stranger := []ratchet.Destination{hook(url + "/${KEY}"), hook(url, func(d *ratchet.Destination) { d.Auth = &ratchet.WebhookAuth{Bearer: "${KEY}"} })}
	for _, x := range r.runner.Test(t.Context(), delivery.TestRequest{Destinations: stranger, Send: true}) {
		if x.OK || x.Sent || !says(x.Error, "${KEY} has no value") {
			t.Errorf("got %+v", x)
		}
	}
	for _, name := range []string{"${server:KEY}", "x/${server:KEY}"} {
		d := hook(url, func(d *ratchet.Destination) { d.Auth = &ratchet.WebhookAuth{Bearer: ratchet.Secret(name)} })
		if _, whole := d.Auth.Bearer.Reference(); !whole {
			d = hook(url + "/" + name)
		}
		if len(destination.Check(&d, destination.Where{})) == 0 {
			t.Errorf("%s was taken", name)
		}
	}
	operators := destination.FromOperator([]ratchet.Destination{hook(url+"/${KEY}", func(d *ratchet.Destination) { d.Headers = map[string]string{"X": "${KEY}"} })})
	r.env["SERVER_KEY"] = "own"
	if x := r.runner.Test(t.Context(), delivery.TestRequest{Destinations: operators, Task: r.task.ID, Send: true})[0]; !x.OK {
		t.Errorf("got %+v", x)
	}
	if q := <-got; q.path != "/own" || q.header.Get("X") != "own" {
		t.Errorf("got %+v", q)
	}
}

func TestATestSaysThatAnAddressIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(s *settings) { s.egress = egress.Config{} })
	x := r.runner.Test(t.Context(), delivery.TestRequest{Destinations: []ratchet.Destination{hook("http://127.0.0.1/")}, Task: r.task.ID, Send: true})[0]
	if x.OK || x.Error == nil || x.Error.Reason != ratchet.ReasonEgressRefused {
		t.Errorf("got %+v", x)
	}
}
