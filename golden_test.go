package ratchet_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go"
)

var update = flag.Bool("update", false, "write the golden files under testdata instead of comparing")

// checkGolden compares got with the file under testdata.
func checkGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got; if it should, run go test . -update):\n%s", path, diff)
	}
}

// uuid returns the bytes of a fixed UUID that ends in last.
func uuid(t *testing.T, last string) [16]byte {
	t.Helper()
	id, err := ratchet.ParseID[ratchet.Job](uuidText[:34] + last)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// Every domain type has one JSON form, pinned here with all its fields set.
func TestJSONFormOfEachDomainType(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 8, 1, 12, 30, 0, 250e6, time.UTC)
	digest := "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	failure := &ratchet.Error{
		Code: ratchet.CodeTaskFailed, Reason: ratchet.ReasonOutputInvalid, Message: "the output breaks output.schema.json",
		Details: []ratchet.Detail{{
			File: "main.js", Line: 3, Column: 9, Pointer: "/sum", Message: "sum has the wrong type",
			Expected: "number", Got: "string", Text: "  return {sum: `${a}${b}`}",
		}},
		Stack: "at main (main.js:3:9)",
		Data:  json.RawMessage(`{"status":422}`),
	}
	goals := []ratchet.Destination{{
		Type: ratchet.DestinationWebhook, Name: "webhook-1", On: ratchet.DeliverAlways, Select: ".output", Template: "{{job_id}}", Format: ratchet.FormatJSON,
		Timeout: ratchet.Duration(30 * time.Second), Retry: ratchet.Retry{MaxAttempts: 5}, RetryOn: []int{500}, URL: "https://example.com/{{job_id}}", Method: "PUT",
		Headers: map[string]string{"X-Task": "{{task_name}}"}, ContentType: "text/plain", Secrets: []ratchet.Secret{"${HOOK_SECRET}"},
		Auth: &ratchet.WebhookAuth{Bearer: "${TOKEN}", Basic: &ratchet.BasicAuth{Username: "u", Password: "${PASSWORD}"}, APIKey: &ratchet.APIKeyAuth{Header: "X-API-Key", Key: "${KEY}"}},
		Path: "{{job_id}}.json", Mode: "0640", IfExists: ratchet.FileBackup, Prefix: "> ", Plugin: "mail", Transform: "translate", Config: json.RawMessage(`{"to":"a@example.com"}`),
	}}
	delivery := &ratchet.Delivery{
		ID: uuid(t, "14"), Job: uuid(t, "03"), TaskID: uuid(t, "01"), Task: "addition", Destination: "webhook-1", Type: ratchet.DestinationWebhook, Target: "https://example.com/hook",
		State: ratchet.DeliveryPending, Attempts: 1, Status: 503, Error: failure, NextAttemptAt: at.Add(time.Minute), CreatedAt: at, FinishedAt: at.Add(time.Hour),
		Receipts: []ratchet.Receipt{{Attempt: 1, At: at, Duration: 31, Status: 503, Bytes: 120, Error: failure, Response: "busy"}},
	}
	hook := ratchet.Hook{
		ID: uuid(t, "15"), Name: "shop", TaskID: uuid(t, "01"), Task: "addition", Verify: ratchet.HookStandard, Enabled: true, Priority: ratchet.PriorityHigh, Calls: 7,
		CreatedAt: at, UsedAt: at.Add(time.Minute),
	}
	task := &ratchet.Task{
		ID: uuid(t, "01"), Name: "addition", Label: "Addition", Description: "Adds two numbers",
		Tags: []string{"math"}, Category: "math", Author: "A. Author", License: "MIT",
		Aliases: []string{"bd6c6f98-4896-44cc-8c82-30328c3aefda"}, Deprecated: true, DeprecationMessage: "Use sum.",
		Version: "1.2.0", VersionDigest: digest, Enabled: true, Paused: true,
		CreatedAt: at, UpdatedAt: at.Add(time.Hour),
	}
	version := &ratchet.Version{
		ID: uuid(t, "02"), Task: "addition", Digest: digest, Semver: "1.2.0",
		Engine: ratchet.EngineQuickJS, Isolation: ratchet.IsolationTask, Slots: 8, Fetch: ratchet.FetchSync,
		Limits:      ratchet.DefaultLimits(),
		Permissions: ratchet.Permissions{Net: []string{"*.example.com"}, Env: []string{"TOKEN"}},
		Retry:       ratchet.DefaultRetry(),
		Concurrency: &ratchet.Concurrency{Key: "crm", Max: 2}, Rate: &ratchet.Rate{Max: 100, Per: ratchet.Duration(time.Minute)}, Destinations: goals,
		InputSchema: json.RawMessage(`{"type":"object"}`), OutputSchema: json.RawMessage(`true`), CreatedAt: at,
	}
	job := &ratchet.Job{
		ID: uuid(t, "03"), TaskID: uuid(t, "01"), Task: "addition", VersionDigest: digest, Latest: true,
		Priority: ratchet.PriorityHigh, Status: ratchet.StatusQueued, State: ratchet.JobParked, Parked: "concurrency: customer-7",
		Input: json.RawMessage(`{"a":1}`), Output: json.RawMessage(`null`), Error: failure, Cache: ratchet.CacheBypass, Attempts: 2, Losses: 1,
		Retry: ratchet.Retry{MaxAttempts: 5}, Limits: ratchet.Limits{Wall: ratchet.Duration(5 * time.Second)}, Tags: []string{"nightly"},
		Concurrency: &ratchet.Concurrency{Key: "customer-7", Max: 1}, IdempotencyKey: "order-42",
		Schedule: uuid(t, "05"), RetryOf: uuid(t, "13"), Destinations: goals, CancelRequested: true,
		CreatedAt: at, RunAt: at.Add(time.Second), StartedAt: at.Add(2 * time.Second), FinishedAt: at.Add(3 * time.Second),
	}
	execution := &ratchet.Execution{
		ID: uuid(t, "04"), Job: uuid(t, "03"), Task: "addition", VersionDigest: digest,
		Attempt: 2, State: ratchet.ExecutionFailed,
		Input: json.RawMessage(`{"a":1}`), Output: json.RawMessage(`{"sum":"1"}`), Error: failure,
		Progress: ratchet.Progress{Value: 0.5, Message: "half"},
		Logs:     []ratchet.LogEntry{{Time: at, Level: ratchet.LevelWarn, Message: "odd", Fields: json.RawMessage(`{"n":1}`)}},
		Fetches: []ratchet.Fetch{{
			Method: ratchet.MethodPost, Host: "example.com:8443", Status: 200, Sent: 12, Received: 2048, Cached: true,
			StartedAt: at, Duration: ratchet.Duration(31 * time.Millisecond),
			Error: ratchet.Errorf(ratchet.ReasonNetwork, "connection reset"),
		}},
		QueuedAt: at, StartedAt: at.Add(time.Millisecond), FinishedAt: at.Add(time.Second),
		CPU: ratchet.Duration(12 * time.Millisecond), PeakMemory: 3 * ratchet.MB, Worker: "worker 1", Node: uuid(t, "06"), Hint: "be quicker",
	}
	plan := &ratchet.Schedule{
		ID: uuid(t, "05"), Name: "nightly", Description: "Adds every night", TaskID: uuid(t, "01"), Task: "addition",
		Cron: "30 2 * * *", Every: ratchet.Duration(time.Hour), Zone: "Europe/Berlin",
		Input: json.RawMessage(`{"a":1}`), Priority: ratchet.PriorityLow, Tags: []string{"nightly"},
		Missed: ratchet.MissedAll, MissedMax: 5, Overlap: ratchet.OverlapQueue, MaxRuns: 10, Start: at, End: at.Add(time.Hour), Enabled: true, Destinations: goals,
		Runs: 3, Skipped: 1, LastRunAt: at, LastJob: uuid(t, "03"), NextRunAt: at.Add(time.Minute), CreatedAt: at, UpdatedAt: at.Add(time.Second),
	}
	node := &ratchet.Node{
		ID: uuid(t, "06"), Host: "host", PID: 7, Version: "0.1.0", Address: "127.0.0.1:8080", Sandbox: "full",
		StartedAt: at, BeatAt: at.Add(time.Second), Slots: 4, Running: 2, Stopping: true,
	}
	worker := &ratchet.Worker{
		ID: "worker 1", Node: uuid(t, "06"), PID: 8, Engine: "quickjs", Task: "addition", Digest: digest, Running: 1, Served: 9,
		StartedAt: at, LastUsed: at.Add(time.Second),
	}
	key := &ratchet.Key{
		ID: uuid(t, "07"), Name: "ci", Scopes: ratchet.Scopes(), CreatedAt: at, ExpiresAt: at.Add(time.Hour), LastUsedAt: at.Add(time.Minute), RevokedAt: at.Add(2 * time.Hour),
	}
	event := &ratchet.Event{
		ID: "42", Type: ratchet.EventJob, Time: at, Job: uuid(t, "03"), Task: "addition", Execution: uuid(t, "04"), Attempt: 2,
		State: ratchet.JobParked, Status: ratchet.StatusQueued, Error: failure,
		Log:      &ratchet.LogEntry{Time: at, Level: ratchet.LevelInfo, Message: "hello"},
		Progress: &ratchet.Progress{Value: 0.5, Message: "half"}, Delivery: delivery, Reason: "the reader is too slow",
	}
	stats := &ratchet.Stats{
		Jobs: map[ratchet.JobStatus]int{}, States: map[ratchet.JobState]int{}, Waiting: 3, OldestDue: at, Tasks: 2, Schedules: 1, Executions: 9, Stale: 4, Paused: true,
	}
	for i, status := range ratchet.JobStatuses() {
		stats.Jobs[status] = i
	}
	for i, state := range ratchet.JobStates() {
		stats.States[state] = i
	}
	explanation := &ratchet.Explanation{
		Job: uuid(t, "03"), Status: ratchet.StatusQueued, State: ratchet.JobParked, Summary: "It waits for another job.", Reasons: []string{"the gate is full"},
		Remedy: "raise max", Ahead: 3, NextAttempt: at, Gate: &ratchet.Concurrency{Key: "customer-7", Max: 1}, Holders: []ratchet.JobID{uuid(t, "13")},
		Executions: []ratchet.ExecutionSummary{{
			ID: uuid(t, "04"), Attempt: 1, State: ratchet.ExecutionFailed, Reason: ratchet.ReasonExecutionFailed, Message: "no", At: at,
		}}, Deliveries: []ratchet.Delivery{*delivery},
	}
	request := &ratchet.JobRequest{
		Task: "addition", TaskID: task.ID.String(), Version: "1.2.0", Latest: true, Input: json.RawMessage(`{"a":1}`),
		Priority: ratchet.PriorityUrgent, RunAt: at, Delay: ratchet.Duration(time.Minute), MaxAttempts: 5, Retry: ratchet.Retry{Jitter: 0.5},
		Timeout: ratchet.Duration(30 * time.Second), Tags: []string{"nightly"}, IdempotencyKey: "order-42", Concurrency: &ratchet.Concurrency{Key: "customer-7", Max: 1}, Destinations: goals,
	}
	no, yes := false, true
	request.Cache = &no
	scheduleRequest := &ratchet.ScheduleRequest{
		Name: plan.Name, Description: plan.Description, Task: plan.Task, TaskID: plan.TaskID.String(), Cron: plan.Cron, Every: plan.Every, Zone: plan.Zone,
		Input: plan.Input, Priority: plan.Priority, Tags: plan.Tags, Missed: plan.Missed, MissedMax: plan.MissedMax, Overlap: plan.Overlap,
		MaxRuns: plan.MaxRuns, Start: plan.Start, End: plan.End, Enabled: &no, Destinations: goals,
	}
	patch := &ratchet.SchedulePatch{
		Name: &plan.Name, Description: &plan.Description, Cron: &plan.Cron, Every: &plan.Every, Zone: &plan.Zone,
		Input: plan.Input, Priority: &plan.Priority, Tags: &plan.Tags, Missed: &plan.Missed, MissedMax: &plan.MissedMax, Overlap: &plan.Overlap,
		MaxRuns: &plan.MaxRuns, Start: &plan.Start, End: &plan.End, Enabled: &yes, Destinations: &goals,
	}
	first := ratchet.HookFirst
	plugin := &ratchet.Plugin{
		Name: "notify", Kind: ratchet.PluginExecutable, Version: "1.2.0", Description: "Tells of failures", Author: "Ada", Homepage: "https://example.com", License: "MIT",
		Path: "/var/lib/ratchet/plugins/ratchet-plugin-notify", Checksum: "ab12", Status: ratchet.PluginFailed, Problem: "it was exchanged",
		Capabilities: []ratchet.PluginCapability{ratchet.PluginHooks, ratchet.PluginFunctions}, Hooks: []ratchet.PluginHook{{Point: ratchet.HookOnFailure, Priority: ratchet.HookDefault, Brief: true}},
		Functions: []ratchet.PluginFunction{{Name: "send", Description: "Sends", Input: json.RawMessage(`{"type":"string"}`), Output: json.RawMessage(`{}`)}},
		Events:    []string{"job"}, Requires: []ratchet.PluginRequirement{{Name: "audit", Version: "^1.2", Optional: true}},
		Needs:        ratchet.PluginNeeds{Network: true, Listen: true, Files: []ratchet.PluginFile{{Path: "/var/log", Write: true}}, Memory: ratchet.GB},
		ConfigSchema: json.RawMessage(`{"type":"object"}`),
		PluginSettings: ratchet.PluginSettings{
			Enabled: true, Config: json.RawMessage(`{"a":1}`), Pin: "cd34", Allowed: ratchet.PluginNeeds{Network: true}, OnError: ratchet.PluginIgnore,
			Budget: ratchet.Duration(time.Second), Priority: &first, UpdatedAt: at,
		},
		PID: 7, StartedAt: at, Restarts: 2, Dropped: 3, Metrics: map[string]float64{"sent": 4},
		Calls: []ratchet.PluginCalls{{Operation: "onFailure", Calls: 9, Failed: 2, Rejected: 1, P50: ratchet.Duration(time.Millisecond), P99: ratchet.Duration(time.Second), LastError: "no"}},
	}
	for name, v := range map[string]any{
		"task.json": task, "version.json": version, "job.json": job, "execution.json": execution, "error.json": failure,
		"schedule.json": plan, "node.json": node, "worker.json": worker, "key.json": key, "event.json": event, "stats.json": stats,
		"envvar.json":                   &ratchet.EnvVar{Name: "TOKEN", Declared: true, UpdatedAt: at},
		"breaker.json":                  &ratchet.Breaker{Kind: ratchet.BreakerHost, Host: "api.example.com:443", State: ratchet.BreakerOpen, OpenedAt: at, RetryAt: at.Add(time.Minute), Opened: 2, Refused: 17},
		"cache.json":                    &ratchet.Cache{Name: "results", Entries: 3, Size: 12 * ratchet.KB, MaxSize: 64 * ratchet.MB, Hits: 17, Misses: 4, Evicted: 1, Errors: 3, Away: true},
		"engine-info.json":              &ratchet.EngineInfo{Name: ratchet.EngineNode, Version: "24.4.1", Path: "/usr/bin/node", Source: "PATH", Default: true, Chosen: true, Usable: true, Problem: "it crashes", Level: "node"},
		"registered.json":               &ratchet.Registered{Task: *task, Created: true, Warnings: failure.Details},
		"task-detail.json":              &ratchet.TaskDetail{Task: *task, Latest: version},
		"job-request.json":              request,
		"bulk-result.json":              &ratchet.BulkResult{Matched: 5, Changed: 3, Skipped: 2, More: true, Errors: failure.Details},
		"explanation.json":              explanation,
		"schedule-request.json":         scheduleRequest,
		"schedule-patch.json":           patch,
		"rule-request.json":             &ratchet.RuleRequest{Cron: "@daily", Every: plan.Every, Zone: "UTC", Start: at, End: at.Add(time.Hour), After: at, Count: 3},
		"key-request.json":              &ratchet.KeyRequest{Name: "ci", Scopes: []ratchet.Scope{ratchet.ScopeRun}, ExpiresIn: ratchet.Duration(time.Hour)},
		"created-key.json":              &ratchet.CreatedKey{Key: *key, Text: "rk_…"},
		"destination.json":              &goals[0],
		"delivery.json":                 delivery,
		"destination-test.json":         &ratchet.DestinationTest{Name: "webhook-1", Type: ratchet.DestinationWebhook, Target: "https://example.com/hook", OK: true, Sent: true, Body: "{}", Receipt: &delivery.Receipts[0], Error: failure},
		"destination-test-request.json": &ratchet.DestinationTestRequest{Task: "addition", Destinations: goals, Job: uuid(t, "03"), Send: true},
		"hook.json":                     &hook,
		"hook-request.json":             &ratchet.HookRequest{Name: "shop", Verify: ratchet.HookGitHub, Priority: ratchet.PriorityHigh, Secret: "…"},
		"hook-patch.json":               &ratchet.HookPatch{Enabled: &yes, Priority: &plan.Priority},
		"created-hook.json":             &ratchet.CreatedHook{Hook: hook, URL: "https://example.com/hooks/…", Path: "/hooks/…", Secret: "whsec_…"},
		"plugin.json":                   plugin,
		"plugin-request.json":           &ratchet.PluginRequest{Config: json.RawMessage(`{"a":1}`), Checksum: "ab12", Allow: &plugin.Needs, AllowAll: true, OnError: ratchet.PluginFail, Budget: ratchet.Duration(time.Second), Priority: plugin.Priority},
	} {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(v).Elem()) {
			if reflect.ValueOf(v).Elem().FieldByIndex(f.Index).IsZero() && f.Name != "Cause" {
				t.Errorf("%s: the field %s is not set, so nothing pins its name", name, f.Name)
			}
		}
		var got bytes.Buffer
		enc := json.NewEncoder(&got)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
		checkGolden(t, name, got.Bytes())

		back := reflect.New(reflect.TypeOf(v).Elem()).Interface()
		if err := json.Unmarshal(got.Bytes(), back); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		raw := cmp.Transformer("json", func(m json.RawMessage) (v any) {
			if m != nil {
				if err := json.Unmarshal(m, &v); err != nil {
					return err
				}
			}
			return v
		})
		if diff := cmp.Diff(v, back, raw); diff != "" {
			t.Errorf("%s does not survive its JSON form (-before +after):\n%s", name, diff)
		}
	}
}

// What nobody set does not show.
func TestJSONFormOfEmptyDomainTypes(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]any{
		`{"name":"a","enabled":false,"paused":false}`: ratchet.Task{Name: "a"},
		`{"task":"a","digest":"d"}`:                   ratchet.Version{Task: "a", Digest: "d"},
		`{"task":"a","versionDigest":"d","priority":"normal","state":"queued","input":1,"output":null,"error":null,"attempts":0}`: ratchet.Job{
			Task: "a", VersionDigest: "d", State: ratchet.JobQueued, Input: json.RawMessage("1"),
		},
		`{"task":"a","versionDigest":"d","attempt":1,"state":"pending","input":1}`: ratchet.Execution{
			Task: "a", VersionDigest: "d", State: ratchet.ExecutionPending, Attempt: 1, Input: json.RawMessage("1"),
		},
		`{}`: ratchet.SchedulePatch{},
		`{"name":"n","task":"a","input":1,"priority":"normal","enabled":false,"runs":0}`: ratchet.Schedule{Name: "n", Task: "a", Input: json.RawMessage("1")},
		`{"task":"a"}`:               ratchet.JobRequest{Task: "a"},
		`{"name":"n","scopes":null}`: ratchet.Key{Name: "n"},
	} {
		if b, err := json.Marshal(v); err != nil || string(b) != want {
			t.Errorf("got %s, %v, want %s", b, err, want)
		}
	}
}
