package service_test

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// tries notes what it is asked to deliver.
type tries struct{ asked []service.Trial }

func (d *tries) Variables() []string { return []string{"env_region"} }

func (d *tries) Try(_ context.Context, t service.Trial) (all []ratchet.DestinationTest) {
	d.asked = append(d.asked, t)
	for _, goal := range t.Destinations {
		all = append(all, ratchet.DestinationTest{Name: goal.Name, Type: goal.Type, OK: true, Sent: t.Send})
	}
	return all
}

func hookTo(secret ratchet.Secret) []ratchet.Destination {
	return []ratchet.Destination{{Type: ratchet.DestinationWebhook, URL: "https://example.com/{{job_id}}", Auth: &ratchet.WebhookAuth{Bearer: secret}}}
}

func TestTheSecretOfADestinationIsSealedAndNeverShown(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding())
	given := hookTo("open-sesame")
	job := must(f.SubmitJob.Call(f.ctx, ratchet.JobRequest{Task: "addition", Input: json.RawMessage(`{"a":1,"b":2}`), Destinations: given}))(t)
	if got := job.Destinations[0]; got.Auth.Bearer != "***" || got.Name != "webhook-1" || got.On != ratchet.DeliverSuccess {
		t.Errorf("got %+v", got)
	}
	if given[0].Auth.Bearer != "open-sesame" {
		t.Error("what the caller gave was changed")
	}
	kept := must(f.store.Job(t.Context(), job.ID))(t).Destinations[0].Auth.Bearer
	if !kept.Sealed() || strings.Contains(string(kept), "sesame") {
		t.Errorf("the store has the secret as %q", kept)
	}
	again := must(f.SubmitJob.Call(f.ctx, ratchet.JobRequest{Task: "addition", Input: json.RawMessage(`{"a":1,"b":2}`), Destinations: []ratchet.Destination{}}))(t)
	if len(again.Destinations) != 0 {
		t.Errorf("an empty list is %+v", again.Destinations)
	}
}

func TestOnlyAnAdminSendsOutAVariableOfATasksEnvironment(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding())
	runner := auth.With(t.Context(), auth.Principal{Name: "ci", Scopes: []ratchet.Scope{ratchet.ScopeRun}})
	request := func(goals ...ratchet.Destination) ratchet.JobRequest {
		return ratchet.JobRequest{Task: "addition", Input: json.RawMessage(`{"a":1,"b":2}`), Destinations: goals}
	}
	inURL := ratchet.Destination{Type: ratchet.DestinationWebhook, URL: "https://example.com/?t=${TOKEN}"}
	for pointer, goal := range map[string]ratchet.Destination{"/destinations/0/auth/bearer": hookTo("${TOKEN}")[0], "/destinations/0/url": inURL} {
		if _, err := f.SubmitJob.Call(f.ctx, request(goal)); err != nil {
			t.Errorf("%s by an admin: %v", pointer, err)
		}
		_, err := f.SubmitJob.Call(runner, request(goal))
		if e := ratchet.AsError(err); err == nil || e.Code != ratchet.CodeForbidden || !slices.Equal(pointers(err), []string{pointer}) {
			t.Errorf("%s by who may only run: got %v", pointer, err)
		}
		_, err = f.TestDestinations.Call(runner, ratchet.DestinationTestRequest{Task: "addition", Destinations: []ratchet.Destination{goal}, Send: true})
		if err != nil || len(f.tries.asked) > 0 {
			t.Errorf("%s tried by who may only run: got %v, told %v", pointer, err, f.tries.asked)
		}
	}
	_, err := f.SubmitJob.Call(f.ctx, request(hookTo("${NOBODY}")...))
	if e := ratchet.AsError(err); err == nil || !strings.Contains(e.Message, "does not declare this variable") {
		t.Errorf("an undeclared variable: got %v", err)
	}
	for _, secret := range []ratchet.Secret{"***", "sealed:AAAA"} {
		if _, err := f.SubmitJob.Call(f.ctx, request(hookTo(secret)...)); !slices.Equal(pointers(err), []string{"/destinations/0/auth/bearer"}) {
			t.Errorf("%s: got %v", secret, err)
		}
	}
}

func TestDestinationsComeFromTheRequestElseTheScheduleElseTheTask(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding("metadata.json", `{"name": "addition", "version": "1.0.0", "permissions": {"env": ["TOKEN"]}, "destinations": [{"name": "tasks", "type": "webhook", "url": "https://example.com/{{env_region}}", "secrets": ["${TOKEN}"]}]}`))
	input := json.RawMessage(`{"a":1,"b":2}`)
	names := func(j *ratchet.Job) string {
		var all []string
		for _, d := range j.Destinations {
			all = append(all, d.Name)
		}
		return strings.Join(all, " ")
	}
	if got := names(must(f.SubmitJob.Call(f.ctx, ratchet.JobRequest{Task: "addition", Input: input}))(t)); got != "tasks" {
		t.Errorf("got %q, want the task's", got)
	}
	own := hookTo("x")
	own[0].Name = "own"
	if got := names(must(f.SubmitJob.Call(f.ctx, ratchet.JobRequest{Task: "addition", Input: input, Destinations: own}))(t)); got != "own" {
		t.Errorf("got %q, want the request's", got)
	}
	for want, goals := range map[string][]ratchet.Destination{"tasks": nil, "": {}, "own": own} {
		s := must(f.CreateSchedule.Call(f.ctx, ratchet.ScheduleRequest{Name: "s-" + want, Task: "addition", Every: 3600e9, Input: input, Destinations: goals}))(t)
		if want == "own" && s.Destinations[0].Auth.Bearer != "***" {
			t.Errorf("the schedule shows %+v", s.Destinations)
		}
		if got := names(must(f.TriggerSchedule.Call(f.ctx, service.ScheduleRef{Schedule: s.Name}))(t)); got != want {
			t.Errorf("schedule with %v: got %q, want %q", goals, got, want)
		}
		// What is not named by a patch stays, its secrets too.
		text := "another"
		must(f.UpdateSchedule.Call(f.ctx, service.UpdateSchedule{Schedule: s.Name, SchedulePatch: ratchet.SchedulePatch{Description: &text}}))(t)
		job := must(f.TriggerSchedule.Call(f.ctx, service.ScheduleRef{Schedule: s.Name}))(t)
		kept := must(f.store.Job(t.Context(), job.ID))(t)
		if got := names(kept); got != want || want == "own" && !kept.Destinations[0].Auth.Bearer.Sealed() {
			t.Errorf("after a patch: got %+v, want %q", kept.Destinations, want)
		}
	}
}

func TestTheSameRequestWithOtherDestinationsIsAnother(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding())
	r := ratchet.JobRequest{Task: "addition", Input: json.RawMessage(`{"a":1,"b":2}`), IdempotencyKey: "k", Destinations: hookTo("x")}
	first := must(f.SubmitJob.Call(f.ctx, r))(t)
	if again := must(f.SubmitJob.Call(f.ctx, r))(t); again.ID != first.ID {
		t.Errorf("got %s, want %s", again.ID, first.ID)
	}
	r.Destinations = hookTo("y")
	if _, err := f.SubmitJob.Call(f.ctx, r); ratchet.AsError(err).Code != ratchet.CodeConflict {
		t.Errorf("got %v, want a conflict", err)
	}
}

func TestWhatIsWrongWithADestinationIsItsOwnResultOfATest(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	got := must(f.TestDestinations.Call(f.ctx, ratchet.DestinationTestRequest{Send: true, Destinations: []ratchet.Destination{
		{Type: ratchet.DestinationStdout}, {Type: ratchet.DestinationFile, Path: "{{nobody}}"}, hookTo("open-sesame")[0],
	}}))(t)
	if len(got) != 3 || !got[0].OK || got[1].OK || !got[2].OK || !slices.Equal(pointers(got[1].Error), []string{"/destinations/1/path"}) ||
		!strings.HasPrefix(got[1].Error.Message, "/destinations/1/path: ") {
		t.Errorf("got %+v", got)
	}
	if len(f.tries.asked) != 1 || len(f.tries.asked[0].Destinations) != 2 || !f.tries.asked[0].Destinations[1].Auth.Bearer.Sealed() {
		t.Errorf("told %+v", f.tries.asked)
	}
	_, err := f.TestDestinations.Call(f.ctx, ratchet.DestinationTestRequest{})
	if !slices.Equal(pointers(err), []string{"/destinations"}) {
		t.Errorf("got %v", err)
	}
}

// Whatever an operation returns, destinations in it are shown without their secrets.
func TestNoOperationReturnsTheSecretsOfDestinations(t *testing.T) {
	t.Parallel()
	v, seen := reflect.ValueOf(service.New(service.Deps{}, service.Config{}).Catalogue), 0
	for i := range v.NumField() {
		out := v.Field(i).MethodByName("Call").Type().Out(0)
		full, found := filled(out, 0)
		if !found {
			continue
		}
		seen++
		text, err := json.Marshal(service.Shown(full.Interface()))
		if err != nil || strings.Contains(string(text), "open-sesame") || !strings.Contains(string(text), "***") {
			t.Errorf("%s returns a %v, whose destinations are shown as %s (%v)", v.Type().Field(i).Name, out, text, err)
		}
	}
	if seen < 15 {
		t.Errorf("only %d operations return destinations: this test does not look at what they return", seen)
	}
}

// filled makes a value of the type with a destination wherever there may be some.
func filled(of reflect.Type, depth int) (v reflect.Value, found bool) {
	v = reflect.New(of).Elem()
	if depth > 5 {
		return v, false
	}
	switch {
	case of == reflect.TypeFor[[]ratchet.Destination]():
		v.Set(reflect.ValueOf(hookTo("open-sesame")))
		return v, true
	case of == reflect.TypeFor[ratchet.DestinationTest]():
		return v, false
	case of.Kind() == reflect.Pointer:
		inner, found := filled(of.Elem(), depth+1)
		if found {
			v.Set(reflect.New(of.Elem()))
			v.Elem().Set(inner)
		}
		return v, found
	case of.Kind() == reflect.Slice:
		inner, found := filled(of.Elem(), depth+1)
		if found {
			v.Set(reflect.Append(v, inner))
		}
		return v, found
	case of.Kind() == reflect.Struct:
		for i := range of.NumField() {
			if !of.Field(i).IsExported() {
				continue
			}
			if inner, has := filled(of.Field(i).Type, depth+1); has {
				v.Field(i).Set(inner)
				found = true
			}
		}
	}
	return v, found
}
