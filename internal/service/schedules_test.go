package service_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func hourly() ratchet.ScheduleRequest {
	return ratchet.ScheduleRequest{Name: "hourly sums", Task: "addition", Cron: "0 * * * *", Input: sum(1, 2), Tags: []string{"x"}, Priority: ratchet.PriorityHigh}
}

func TestAScheduleIsKeptWithItsNextRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	task := f.register(t, adding())
	made := must(f.CreateSchedule.Call(f.ctx, hourly()))(t)
	hour := time.Now().UTC().Truncate(time.Hour).Add(time.Hour)
	if !made.Enabled || made.NextRunAt.Sub(hour).Abs() > time.Hour || made.NextRunAt.Minute() != 0 || made.TaskID != task.ID || made.Task != "addition" {
		t.Errorf("got %+v", made)
	}
	for _, ref := range []string{made.ID.String(), made.ID.UUID(), made.Name} {
		got := must(f.GetSchedule.Call(f.ctx, service.ScheduleRef{Schedule: ref}))(t)
		if diff := cmp.Diff(made, got); diff != "" {
			t.Errorf("%s:\n%s", ref, diff)
		}
	}
	next := must(f.NextRuns.Call(f.ctx, service.NextRuns{Schedule: made.Name, Count: 3}))(t)
	if len(next) != 3 || !next[0].Equal(made.NextRunAt) || next[2].Sub(next[0]) != 2*time.Hour {
		t.Errorf("got %v", next)
	}
	_, err := f.CreateSchedule.Call(f.ctx, hourly())
	if e := ratchet.AsError(err); err == nil || e.Code != ratchet.CodeConflict {
		t.Errorf("the same name again: got %v, want a conflict", err)
	}
	_, err = f.GetSchedule.Call(f.ctx, service.ScheduleRef{Schedule: "hourly sum"})
	refused(t, err, ratchet.ReasonEntityNotFound, `is "hourly sums" meant`)
	_, err = f.GetSchedule.Call(f.ctx, service.ScheduleRef{Schedule: task.ID.String()})
	refused(t, err, ratchet.ReasonValidation, `want "schedule_"`)
	must(f.DeleteSchedule.Call(f.ctx, service.ScheduleRef{Schedule: made.Name}))(t)
	_, err = f.GetSchedule.Call(f.ctx, service.ScheduleRef{Schedule: made.ID.String()})
	refused(t, err, ratchet.ReasonEntityNotFound)
}

func TestEverythingWrongWithAScheduleIsToldAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding())
	_, err := f.CreateSchedule.Call(f.ctx, ratchet.ScheduleRequest{
		Task: "addition", Name: "a/b", Cron: "61 * * * *", Zone: "Europe/Atlantis", Input: json.RawMessage(`{"a": 1}`), Priority: 7,
		Tags: []string{""}, Missed: "sometimes", Overlap: "never", MaxRuns: -1, Start: time.Now(), End: time.Now().Add(-time.Hour),
	})
	refused(t, err, ratchet.ReasonValidation)
	got := pointers(err)
	for _, want := range []string{"/name", "/cron", "/timezone", "/input", "/priority", "/tags/0", "/missed", "/overlap", "/maxRuns", "/end"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not told; got %v", want, got)
		}
	}
	for name, c := range map[string]struct {
		change func(*ratchet.ScheduleRequest)
		parts  []string
	}{
		"no rule":   {func(r *ratchet.ScheduleRequest) { r.Cron = "" }, []string{"/cron"}},
		"two rules": {func(r *ratchet.ScheduleRequest) { r.Every = ratchet.Duration(time.Hour) }, []string{"exclude each other"}},
		"no name":   {func(r *ratchet.ScheduleRequest) { r.Name = "" }, []string{"/name", "missing"}},
		"never":     {func(r *ratchet.ScheduleRequest) { r.Cron = "0 0 30 2 *" }, []string{"/cron"}},
		"in the past": {func(r *ratchet.ScheduleRequest) {
			r.Start, r.End = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
		}, []string{"/end"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := hourly()
			c.change(&r)
			_, err := f.CreateSchedule.Call(f.ctx, r)
			refused(t, err, ratchet.ReasonValidation, c.parts...)
		})
	}
	if page := must(f.ListSchedules.Call(f.ctx, ratchet.Query{}))(t); page.Total != 0 {
		t.Errorf("%d schedules are kept", page.Total)
	}
}

func TestADisabledScheduleHasNoNextRunUntilItIsEnabled(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding())
	made := must(f.CreateSchedule.Call(f.ctx, hourly()))(t)
	ref := service.ScheduleRef{Schedule: made.Name}
	off := must(f.DisableSchedule.Call(f.ctx, ref))(t)
	if off.Enabled || !off.NextRunAt.IsZero() {
		t.Errorf("got %+v", off)
	}
	if at := must(f.store.NextDue(t.Context()))(t); !at.IsZero() {
		t.Errorf("a schedule is due at %s", at)
	}
	if next := must(f.NextRuns.Call(f.ctx, service.NextRuns{Schedule: made.Name}))(t); len(next) != 0 {
		t.Errorf("got %v", next)
	}
	// A change of a disabled schedule does not start it.
	cron := "30 * * * *"
	changed := must(f.UpdateSchedule.Call(f.ctx, service.UpdateSchedule{Schedule: made.Name, SchedulePatch: ratchet.SchedulePatch{Cron: &cron}}))(t)
	if changed.Enabled || !changed.NextRunAt.IsZero() {
		t.Errorf("got %+v", changed)
	}
	on := must(f.EnableSchedule.Call(f.ctx, ref))(t)
	if !on.Enabled || on.NextRunAt.Minute() != 30 {
		t.Errorf("got %+v", on)
	}
}

func TestAPatchChangesWhatItNamesAndNothingElse(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding())
	made := must(f.CreateSchedule.Call(f.ctx, hourly()))(t)
	update := func(p ratchet.SchedulePatch) (*ratchet.Schedule, error) {
		return f.UpdateSchedule.Call(f.ctx, service.UpdateSchedule{Schedule: made.ID.String(), SchedulePatch: p})
	}
	text := "what it is for"
	described := must(update(ratchet.SchedulePatch{Description: &text}))(t)
	want := *made
	want.Description, want.UpdatedAt = text, described.UpdatedAt
	if diff := cmp.Diff(&want, described); diff != "" || !described.UpdatedAt.After(made.UpdatedAt) {
		t.Error(diff)
	}
	every := ratchet.Duration(10 * time.Minute)
	other := must(update(ratchet.SchedulePatch{Every: &every}))(t)
	if other.Cron != "" || other.Every != every || !other.NextRunAt.After(time.Now()) || other.NextRunAt.After(time.Now().Add(11*time.Minute)) {
		t.Errorf("got %+v", other)
	}
	bad, zone := "every day", "Europe/Berlin"
	_, err := update(ratchet.SchedulePatch{Cron: &bad, Zone: &zone, Input: json.RawMessage(`{}`)})
	refused(t, err, ratchet.ReasonValidation, "/cron", "/input")
	if now := must(f.GetSchedule.Call(f.ctx, service.ScheduleRef{Schedule: made.Name}))(t); now.Zone != "" || now.Every != every {
		t.Errorf("a part of what was refused is kept: %+v", now)
	}
	_, err = f.UpdateSchedule.Call(f.ctx, service.UpdateSchedule{Schedule: made.Name, IfMatch: made.UpdatedAt, SchedulePatch: ratchet.SchedulePatch{Description: &text}})
	refused(t, err, ratchet.ReasonChanged, "look at it again")
	must(f.UpdateSchedule.Call(f.ctx, service.UpdateSchedule{Schedule: made.Name, IfMatch: other.UpdatedAt, SchedulePatch: ratchet.SchedulePatch{Description: &text}}))(t)
}

func TestAScheduleThatRunsMeanwhileIsChangedAllTheSame(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding())
	made := must(f.CreateSchedule.Call(f.ctx, hourly()))(t)
	sub := must(f.Prepare(t.Context(), made, made.NextRunAt))(t)
	firing := ratchet.Firing{Schedule: made.ID, Expected: made.NextRunAt, Next: made.NextRunAt.Add(time.Hour), Last: made.NextRunAt, Jobs: []ratchet.Submission{sub}}
	if fired := must(f.store.Fire(t.Context(), firing))(t); !fired {
		t.Fatal("it did not fire")
	}
	text := "changed after a run"
	got := must(f.UpdateSchedule.Call(f.ctx, service.UpdateSchedule{Schedule: made.Name, IfMatch: made.UpdatedAt, SchedulePatch: ratchet.SchedulePatch{Description: &text}}))(t)
	if got.Runs != 1 || !got.NextRunAt.Equal(firing.Next) || got.Description != text {
		t.Errorf("got %+v", got)
	}
}

func TestTheJobOfAScheduleIsMadeFromIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	task := f.register(t, adding())
	r := hourly()
	r.Overlap = ratchet.OverlapQueue
	made := must(f.CreateSchedule.Call(f.ctx, r))(t)
	at := time.Now().Add(-time.Hour).UTC().Truncate(time.Microsecond)
	sub := must(f.Prepare(t.Context(), made, at))(t) // nobody asks: it is the server itself
	j := sub.Job
	if j.Schedule != made.ID || j.Task != "addition" || j.VersionDigest != task.VersionDigest || string(j.Input) != string(r.Input) || j.Priority != r.Priority ||
		!slices.Equal(j.Tags, r.Tags) || !j.RunAt.Equal(at) || j.State != ratchet.JobQueued ||
		j.Concurrency == nil || j.Concurrency.Max != 1 || !strings.Contains(j.Concurrency.Key, made.ID.String()) {
		t.Errorf("got %+v", j)
	}
	if wrong := j.Validate(); len(wrong) > 0 {
		t.Errorf("got %+v", wrong)
	}
	must(f.DisableSchedule.Call(f.ctx, service.ScheduleRef{Schedule: made.Name}))(t)
	triggered := must(f.TriggerSchedule.Call(f.ctx, service.ScheduleRef{Schedule: made.Name}))(t)
	if triggered.Schedule != made.ID || triggered.State != ratchet.JobQueued {
		t.Errorf("got %+v", triggered)
	}
	must(f.DisableTask.Call(f.ctx, service.TaskRef{Task: "addition"}))(t)
	_, err := f.Prepare(t.Context(), made, at)
	refused(t, err, ratchet.ReasonTaskDisabled)
	must(f.EnableTask.Call(f.ctx, service.TaskRef{Task: "addition"}))(t)
	f.register(t, adding("metadata.json", `{"name": "addition", "version": "2.0.0"}`, "input.schema.json", `{"required": ["c"]}`))
	_, err = f.TriggerSchedule.Call(f.ctx, service.ScheduleRef{Schedule: made.Name})
	refused(t, err, ratchet.ReasonInputInvalid, "/input")
}

func TestARuleIsPreviewedWithoutASchedule(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	after := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
	got := must(f.PreviewSchedule.Call(f.ctx, ratchet.RuleRequest{Cron: "0 9 * * *", Zone: "Europe/Berlin", After: after, Count: 2}))(t)
	want := []time.Time{time.Date(2026, 3, 29, 7, 0, 0, 0, time.UTC), time.Date(2026, 3, 30, 7, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := must(f.PreviewSchedule.Call(f.ctx, ratchet.RuleRequest{Every: ratchet.Duration(time.Hour)}))(t); len(got) != 10 {
		t.Errorf("got %v", got)
	}
	_, err := f.PreviewSchedule.Call(f.ctx, ratchet.RuleRequest{Cron: "* *", Zone: "Nowhere", Count: 101})
	refused(t, err, ratchet.ReasonValidation)
	if got := pointers(err); !slices.Contains(got, "/cron") || !slices.Contains(got, "/timezone") || !slices.Contains(got, "/count") {
		t.Errorf("got %v", got)
	}
}

func TestAKeyIsShownOnceAndCanBeRevoked(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	made := must(f.CreateKey.Call(f.ctx, ratchet.KeyRequest{Name: "ci", Scopes: []ratchet.Scope{ratchet.ScopeRun, ratchet.ScopeRead, ratchet.ScopeRun}, ExpiresIn: ratchet.Duration(time.Hour)}))(t)
	if !strings.HasPrefix(made.Text, "rk_") || !slices.Equal(made.Scopes, []ratchet.Scope{ratchet.ScopeRead, ratchet.ScopeRun}) || made.ExpiresAt.Sub(made.CreatedAt) != time.Hour {
		t.Errorf("got %+v", made)
	}
	list, _ := json.Marshal(must(f.ListKeys.Call(f.ctx, ratchet.Query{}))(t))
	if !strings.Contains(string(list), `"ci"`) || strings.Contains(string(list), made.Text[len(made.Text)-20:]) {
		t.Errorf("got %s", list)
	}
	if k := must(f.RevokeKey.Call(f.ctx, service.KeyRef{ID: made.ID}))(t); k.RevokedAt.IsZero() {
		t.Errorf("got %+v", k)
	}
	_, err := f.CreateKey.Call(f.ctx, ratchet.KeyRequest{Name: "a\nb", Scopes: []ratchet.Scope{"root"}, ExpiresIn: -1})
	refused(t, err, ratchet.ReasonValidation, "/name", "/scopes/0", "/expiresIn")
	_, err = f.CreateKey.Call(f.ctx, ratchet.KeyRequest{})
	refused(t, err, ratchet.ReasonValidation, "/name", "/scopes")
}
