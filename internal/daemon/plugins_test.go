package daemon_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

// probes is a folder with the plugin "probe".
func probes(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	ratchettest.BuildPlugin(t, dir, "probe", "./testdata/probe")
	return dir
}

// withProbe starts a server that uses the probe.
func withProbe(t *testing.T, r ratchet.PluginRequest, options ...ratchettest.Option) *ratchettest.Server {
	t.Helper()
	s := ratchettest.Start(t, append(options, ratchettest.WithPlugins(probes(t)))...)
	s.Enable("probe", r)
	s.Register("add", `(i) => i.a + i.b`)
	return s
}

func request(config string, onError ratchet.PluginOnError) ratchet.PluginRequest {
	return ratchet.PluginRequest{Config: json.RawMessage(config), OnError: onError}
}

// calls are how the probe was called, in order: the hook, and what is asked for.
func calls(t *testing.T, s *ratchettest.Server, fields ...string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.Dir, "plugins", "probe.data", "calls"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var call map[string]json.RawMessage
		if err := json.Unmarshal(line, &call); err != nil {
			t.Fatal(err)
		}
		told := strings.Trim(string(call["hook"]), `"`)
		for _, f := range fields {
			told += " " + string(call[f])
		}
		all = append(all, told)
	}
	return all
}

func awaitCalls(t *testing.T, s *ratchettest.Server, want ...string) {
	t.Helper()
	var got []string
	eventually(t, "the probe was called", func() bool {
		got = calls(t, s)
		return len(got) >= len(want)
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestPluginsAreCalledOnTheWayOfAJob(t *testing.T) {
	t.Parallel()
	s := withProbe(t, ratchet.PluginRequest{})
	j := s.Wait(s.Submit(ratchet.JobRequest{Task: "add", Input: json.RawMessage(`{"a": 1, "b": 2}`)}).ID)
	if string(j.Output) != "3" {
		t.Errorf("got %s", j.Output)
	}
	way := []string{"beforeValidation", "submit", "afterValidation", "beforeExecution", "afterExecution", "onSuccess"}
	awaitCalls(t, s, way...)
	want := []string{
		`beforeValidation "add" false {"a":1,"b":2} null "" 0 "local"`, `submit "add" false {"a":1,"b":2} null "" 0 "local"`, `afterValidation "add" false {"a":1,"b":2} null "" 0 "local"`,
		`beforeExecution "add" true {"a":1,"b":2} null "" 1 ""`, `afterExecution "add" true {"a":1,"b":2} 3 "completed" 1 ""`, `onSuccess "add" true {"a":1,"b":2} 3 "completed" 1 ""`,
	}
	if diff := cmp.Diff(want, calls(t, s, "task", "job", "input", "output", "state", "attempt", "by")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}

	// A job is tried again: it has failed only after the last attempt. Its repetition
	// keeps the input that it has.
	s.Register("fail", `() => { throw new Error("never") }`)
	failed := s.Wait(s.Submit(ratchet.JobRequest{Task: "fail", MaxAttempts: 2, Retry: ratchet.Retry{InitialDelay: ratchet.Duration(time.Millisecond)}}).ID)
	again := []string{"beforeValidation", "submit", "afterValidation", "beforeExecution", "afterExecution", "beforeExecution", "afterExecution", "onFailure"}
	awaitCalls(t, s, append(way, again...)...)
	if _, err := s.Service().RetryJob.Call(s.Context(), service.JobRef{ID: failed.ID}); err != nil {
		t.Fatal(err)
	}
	awaitCalls(t, s, append(append(way, again...), "beforeValidation", "afterValidation", "beforeExecution", "afterExecution", "beforeExecution", "afterExecution", "onFailure")...)
}

func TestAPluginRejectsAndRewritesWhatIsSubmitted(t *testing.T) {
	t.Parallel()
	s := withProbe(t, request(`{"rewrite": {"a": 40, "b": 2}}`, ratchet.PluginIgnore))
	submit := func(r ratchet.JobRequest) (*ratchet.Job, error) { return s.Service().SubmitJob.Call(s.Context(), r) }
	keyed := ratchet.JobRequest{Task: "add", Input: json.RawMessage(`{"a": 1, "b": 1}`), IdempotencyKey: "once"}
	first := s.Submit(keyed)
	if j := s.Wait(first.ID); string(j.Output) != "42" || string(j.Input) != `{"a": 40, "b": 2}` && string(j.Input) != `{"a":40,"b":2}` {
		t.Errorf("got %s of %s", j.Output, j.Input)
	}
	if j, err := submit(keyed); err != nil || j.ID != first.ID {
		t.Errorf("the same request again: got %v, %v", j, err)
	}

	// What a plugin makes of an input is checked as any other.
	schema := map[string]string{"main.js": `(i) => i`, "input.schema.json": `{"type": "object", "properties": {"a": {"type": "integer", "maximum": 10}}}`}
	if _, err := s.Service().RegisterTask.Call(s.Context(), service.RegisterTask{Archive: ratchettest.Zip(t, "small", schema)}); err != nil {
		t.Fatal(err)
	}
	_, err := submit(ratchet.JobRequest{Task: "small", Input: json.RawMessage(`{"a": 1}`)})
	wantReason(t, err, ratchet.ReasonInputInvalid, "/input/a")

	s.Enable("probe", request(`{"reject": ["submit"]}`, ratchet.PluginIgnore))
	_, err = submit(ratchet.JobRequest{Task: "add", Input: json.RawMessage(`{"a": 1, "b": 1}`)})
	wantReason(t, err, ratchet.ReasonPluginRejected, `"probe"`, "it is told to")
	if ratchet.AsError(err).Code != ratchet.CodeInvalid {
		t.Errorf("got %s", ratchet.AsError(err).Code)
	}
	_, err = s.Service().SubmitJobs.Call(s.Context(), service.SubmitJobs{Jobs: []ratchet.JobRequest{{Task: "add"}, {Task: "add"}}})
	wantReason(t, err, ratchet.ReasonPluginRejected, "/jobs/0")
	if j, err := submit(keyed); err != nil || j.ID != first.ID {
		t.Errorf("a request that was accepted before: got %v, %v", j, err)
	}

	// A schedule that fires is a submit too.
	sch, err := s.Service().CreateSchedule.Call(s.Context(), ratchet.ScheduleRequest{Name: "hourly", Task: "add", Cron: "@hourly"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Service().TriggerSchedule.Call(s.Context(), service.ScheduleRef{Schedule: sch.Name})
	wantReason(t, err, ratchet.ReasonPluginRejected, `"probe"`)

	s.Enable("probe", request(`{"reject": ["beforeExecution"]}`, ratchet.PluginIgnore))
	j := s.Wait(s.Submit(ratchet.JobRequest{Task: "add"}).ID)
	if j.State != ratchet.JobFailed || j.Error.Reason != ratchet.ReasonPluginRejected || j.Attempts != 1 {
		t.Errorf("got %s after %d attempts, %+v", j.State, j.Attempts, j.Error)
	}
}

func wantReason(t *testing.T, err error, reason ratchet.Reason, parts ...string) {
	t.Helper()
	e := ratchet.AsError(err)
	if e == nil || e.Reason != reason {
		t.Fatalf("got %v, want %s", err, reason)
	}
	text := e.Message
	for _, d := range e.Details {
		text += " " + d.Pointer + " " + d.Message
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("got %q, want %q in it", text, part)
		}
	}
}

func TestWhatAFailingHookDoesIsTheOperatorsChoice(t *testing.T) {
	t.Parallel()
	points := []string{"beforeValidation", "submit", "afterValidation", "beforeExecution", "afterExecution", "onSuccess"}
	failing(t, "fail", ratchet.ReasonPluginFailed, points)
	failing(t, "hang", ratchet.ReasonPluginTimeout, []string{"submit", "afterExecution"}) // a few, before it is left alone
}

// failing has hooks go wrong at points, one after the other.
func failing(t *testing.T, how string, want ratchet.Reason, points []string) {
	t.Helper()
	s := withProbe(t, ratchet.PluginRequest{})
	once := ratchet.JobRequest{Task: "add", Input: json.RawMessage(`{"a": 1, "b": 1}`), MaxAttempts: 1}
	for _, point := range points {
		config := json.RawMessage(`{"` + how + `": ["` + point + `"]}`)
		s.Enable("probe", ratchet.PluginRequest{Config: config, OnError: ratchet.PluginIgnore, Budget: ratchet.Duration(100 * time.Millisecond)})
		if j := s.Wait(s.Submit(once).ID); j.State != ratchet.JobCompleted {
			t.Errorf("%s %ss and is ignored: got %s, %+v", point, how, j.State, j.Error)
		}
		s.Enable("probe", ratchet.PluginRequest{OnError: ratchet.PluginFail})
		j, err := s.Service().SubmitJob.Call(s.Context(), once)
		switch point {
		case "beforeValidation", "submit", "afterValidation":
			if !errors.Is(err, &ratchet.Error{Reason: want}) {
				t.Errorf("%s %ss and may not: got %v, want %s", point, how, err, want)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		switch j = s.Wait(j.ID); point {
		case "onSuccess": // which is over
			if j.State != ratchet.JobCompleted {
				t.Errorf("%s %ss: got %s", point, how, j.State)
			}
		default:
			if j.State != ratchet.JobFailed || j.Error.Reason != want || j.Output != nil {
				t.Errorf("%s %ss and may not: got %s, %+v", point, how, j.State, j.Error)
			}
		}
	}
	eventually(t, "every failure is counted", func() bool {
		var failed int64
		for _, c := range s.Plugin("probe").Calls {
			failed += c.Failed
		}
		return failed == int64(2*len(points))
	})
}

func TestAPluginThatHangsIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := withProbe(t, ratchet.PluginRequest{Config: json.RawMessage(`{"hang": ["submit"]}`), Budget: ratchet.Duration(50 * time.Millisecond)})
	for range 12 {
		s.Submit(ratchet.JobRequest{Task: "add"})
	}
	all, err := s.Service().ListBreakers.Call(s.Context(), service.None{})
	if err != nil || len(all) != 1 || all[0].Kind != ratchet.BreakerPlugin || all[0].Host != "probe" || all[0].State != ratchet.BreakerOpen {
		t.Fatalf("got %+v, %v", all, err)
	}
	asked := len(calls(t, s))
	for range 20 {
		s.Submit(ratchet.JobRequest{Task: "add"})
	}
	if more := len(calls(t, s)) - asked; more > 0 {
		t.Errorf("it was asked %d more times, and waited for", more)
	}
}

func TestSettingsOfPluginsOutliveTheServer(t *testing.T) {
	t.Parallel()
	dir, plugins := t.TempDir(), probes(t)
	s := ratchettest.Start(t, ratchettest.InDir(dir), ratchettest.WithPlugins(plugins))
	priority := 7
	s.Enable("probe", ratchet.PluginRequest{Config: json.RawMessage(`{"secret": "hunter2", "fail": ["submit"]}`), OnError: ratchet.PluginFail, Budget: ratchet.Duration(2 * time.Second), Priority: &priority})
	before := s.Plugin("probe")
	if string(before.Config) != `{"fail":["submit"],"secret":"[hidden]"}` {
		t.Errorf("got the configuration %s", before.Config)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"ratchet.db", "ratchet.db-wal"} {
		if text, _ := os.ReadFile(filepath.Join(dir, file)); bytes.Contains(text, []byte("hunter2")) {
			t.Errorf("the secret is in %s", file)
		}
	}

	s = ratchettest.Start(t, ratchettest.InDir(dir), ratchettest.WithPlugins(plugins))
	after := s.Plugin("probe")
	if diff := cmp.Diff(before.PluginSettings, after.PluginSettings); diff != "" || after.Status != ratchet.PluginActive || after.PID == before.PID {
		t.Errorf("got %s, process %d\n%s", after.Status, after.PID, diff)
	}
	s.Register("add", `() => 1`)
	_, err := s.Service().SubmitJob.Call(s.Context(), ratchet.JobRequest{Task: "add"})
	wantReason(t, err, ratchet.ReasonPluginFailed)
	if _, err := s.Service().DisablePlugin.Call(s.Context(), service.PluginRef{Plugin: "probe"}); err != nil {
		t.Fatal(err)
	}
	s.Submit(ratchet.JobRequest{Task: "add"})
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}

	// A file that was exchanged is not run, and the rest of the server goes on.
	if err := os.WriteFile(filepath.Join(plugins, "ratchet-plugin-probe"), []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s = ratchettest.Start(t, ratchettest.InDir(dir), ratchettest.WithPlugins(plugins))
	s.Submit(ratchet.JobRequest{Task: "add"})
	_, err = s.Service().EnablePlugin.Call(s.Context(), service.EnablePlugin{Plugin: "probe", PluginRequest: ratchet.PluginRequest{Checksum: before.Pin}})
	wantReason(t, err, ratchet.ReasonPluginChecksum, "probe")
}

func TestAPluginThatIsSetOnOneServerIsUsedByTheOthers(t *testing.T) {
	t.Parallel()
	url, plugins := storetest.Postgres(t), probes(t)
	key := func(c *config.Config) { c.Secrets.Key = strings.Repeat("0a", 32) }
	a := ratchettest.Start(t, ratchettest.WithDatabase(url), ratchettest.WithPlugins(plugins), ratchettest.WithConfig(key))
	b := ratchettest.Start(t, ratchettest.WithDatabase(url), ratchettest.WithPlugins(plugins), ratchettest.WithConfig(key))
	a.Register("add", `() => 1`)
	a.Enable("probe", request(`{"reject": ["submit"]}`, ratchet.PluginIgnore))
	eventually(t, "the other server uses it", func() bool {
		_, err := b.Service().SubmitJob.Call(b.Context(), ratchet.JobRequest{Task: "add"})
		return errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonPluginRejected})
	})
	if _, err := b.Service().DisablePlugin.Call(b.Context(), service.PluginRef{Plugin: "probe"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first one does not any more", func() bool {
		_, err := a.Service().SubmitJob.Call(a.Context(), ratchet.JobRequest{Task: "add"})
		return err == nil
	})
}

func TestTasksOfAPluginAreRegistered(t *testing.T) {
	t.Parallel()
	s := withProbe(t, request(`{"task": "() => 'from a plugin'"}`, ratchet.PluginIgnore), ratchettest.WithConfig(func(c *config.Config) { c.Plugins.Sync = time.Second }))
	eventually(t, "the task is there", func() bool {
		_, err := s.Service().GetTask.Call(s.Context(), service.TaskRef{Task: "brought"})
		return err == nil
	})
	if j := s.Wait(s.Submit(ratchet.JobRequest{Task: "brought"}).ID); string(j.Output) != `"from a plugin"` {
		t.Errorf("got %s", j.Output)
	}
}

// A plugin is killed and loaded anew while jobs run: none of them is lost, and none
// passes a plugin whose failures count without being seen by it.
func TestNoJobIsLostWhileAPluginDiesAndIsReloaded(t *testing.T) {
	t.Parallel()
	s := withProbe(t, ratchet.PluginRequest{OnError: ratchet.PluginIgnore})
	const jobs = 150
	stop := make(chan struct{})
	var trouble sync.WaitGroup
	trouble.Go(func() {
		for turn := 0; ; turn++ {
			select {
			case <-stop:
				return
			case <-time.After(30 * time.Millisecond):
			}
			if p := s.Plugin("probe"); turn%3 == 0 && p.PID > 1 {
				if process, err := os.FindProcess(p.PID); err == nil {
					_ = process.Kill() // it may have died
				}
			} else if _, err := s.Service().ReloadPlugin.Call(s.Context(), service.PluginRef{Plugin: "probe"}); err != nil {
				t.Logf("reload: %v", err)
			}
		}
	})
	var ids []ratchet.JobID
	for range jobs {
		ids = append(ids, s.Submit(ratchet.JobRequest{Task: "add", Input: json.RawMessage(`{"a": 1, "b": 1}`)}).ID)
	}
	for _, id := range ids {
		if j := s.Wait(id); j.State != ratchet.JobCompleted {
			t.Errorf("got %s, %+v", j.State, j.Error)
		}
	}
	close(stop)
	trouble.Wait()
	if p := s.Plugin("probe"); p.Restarts == 0 {
		t.Errorf("it was never started again: %+v", p)
	}
}

func TestBadRequestsAboutPluginsSayWhatWouldBeRight(t *testing.T) {
	t.Parallel()
	s := withProbe(t, ratchet.PluginRequest{})
	before := s.Plugin("probe").PluginSettings
	high := 1001
	for name, c := range map[string]struct {
		plugin string
		r      ratchet.PluginRequest
		reason ratchet.Reason
		part   string
	}{
		"no plugin":        {"prob", ratchet.PluginRequest{}, ratchet.ReasonPluginNotFound, `is "probe" meant?`},
		"no name":          {"../probe", ratchet.PluginRequest{}, ratchet.ReasonValidation, "lower-case"},
		"schema":           {"probe", request(`{"fail": "all"}`, ""), ratchet.ReasonValidation, "/config/fail"},
		"unknown key":      {"probe", request(`{"fall": []}`, ""), ratchet.ReasonValidation, "fall"},
		"no object":        {"probe", request(`[]`, ""), ratchet.ReasonValidation, "not an object"},
		"on error":         {"probe", request(`{}`, "explode"), ratchet.ReasonValidation, "/onError"},
		"budget":           {"probe", ratchet.PluginRequest{Budget: ratchet.Duration(time.Hour)}, ratchet.ReasonValidation, "/budget"},
		"priority":         {"probe", ratchet.PluginRequest{Priority: &high}, ratchet.ReasonValidation, "/priority"},
		"checksum":         {"probe", ratchet.PluginRequest{Checksum: "abc"}, ratchet.ReasonValidation, "/checksum"},
		"another checksum": {"probe", ratchet.PluginRequest{Checksum: strings.Repeat("0", 64)}, ratchet.ReasonPluginChecksum, "another file than"},
		"allowed and all":  {"probe", ratchet.PluginRequest{Allow: &ratchet.PluginNeeds{}, AllowAll: true}, ratchet.ReasonValidation, "/allow"},
	} {
		_, err := s.Service().EnablePlugin.Call(s.Context(), service.EnablePlugin{Plugin: c.plugin, PluginRequest: c.r})
		if e := ratchet.AsError(err); e == nil || e.Reason != c.reason {
			t.Errorf("%s: got %v (%s), want %s", name, err, e.Reason, c.reason)
			continue
		}
		wantReason(t, err, c.reason, c.part)
	}
	if diff := cmp.Diff(before, s.Plugin("probe").PluginSettings); diff != "" {
		t.Errorf("what was refused changed something\n%s", diff)
	}
}

func TestWhatKeepsAPluginFromStartingIsTold(t *testing.T) {
	t.Parallel()
	s := ratchettest.Start(t, ratchettest.WithPlugins(probes(t)))
	for range 5 { // whoever is quicker: who enables it, or who hears of that
		_, err := s.Service().EnablePlugin.Call(s.Context(), service.EnablePlugin{Plugin: "probe", PluginRequest: request(`{"broken": true}`, "")})
		wantReason(t, err, ratchet.ReasonPluginLoad, "it is told not to start", "ratchet plugin disable probe")
	}
	if p := s.Plugin("probe"); p.Status != ratchet.PluginFailed || !strings.Contains(p.Problem, "it is told not to start") {
		t.Errorf("got %s: %s", p.Status, p.Problem)
	}
	s.Register("add", `() => 1`)
	if j := s.Wait(s.Submit(ratchet.JobRequest{Task: "add"}).ID); j.State != ratchet.JobCompleted {
		t.Errorf("got %s", j.State)
	}
	s.Enable("probe", request(`{}`, ""))
	if p := s.Plugin("probe"); p.Status != ratchet.PluginActive || p.Problem != "" {
		t.Errorf("got %s: %s", p.Status, p.Problem)
	}
}

func TestAServerWithoutPluginsSaysSo(t *testing.T) {
	t.Parallel()
	s := ratchettest.Start(t, ratchettest.WithConfig(func(c *config.Config) { c.Plugins.Enabled = false }))
	all, err := s.Service().ListPlugins.Call(s.Context(), service.None{})
	if err != nil || len(all) != 0 {
		t.Errorf("got %+v, %v", all, err)
	}
	_, err = s.Service().GetPlugin.Call(s.Context(), service.PluginRef{Plugin: "log-events"})
	wantReason(t, err, ratchet.ReasonPluginUnavailable, "plugins.enabled")
}
