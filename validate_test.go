package ratchet_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ratchet-runner/ratchet-go"
)

const digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

// checkWrong compares the pointers of the details with those wanted.
func checkWrong(t *testing.T, name string, got []ratchet.Detail, want ...string) {
	t.Helper()
	var pointers []string
	for _, d := range got {
		pointers = append(pointers, d.Pointer)
		if d.Message == "" {
			t.Errorf("%s: %s has no message", name, d.Pointer)
		}
	}
	if g, w := strings.Join(pointers, " "), strings.Join(want, " "); g != w {
		t.Errorf("%s: got wrong fields %q, want %q", name, g, w)
	}
}

func TestTaskNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"addition", "send-invoice", "A_1", "9", "_x", strings.Repeat("a", 100)} {
		checkWrong(t, name, (&ratchet.Task{Name: name}).Validate())
	}
	for _, name := range []string{"", "-x", "a b", "a/b", "..", "größe", "a\n", strings.Repeat("a", 101)} {
		checkWrong(t, name, (&ratchet.Task{Name: name}).Validate(), "/name")
	}
	wrong := (&ratchet.Task{Name: "Send Invoice"}).Validate()
	if len(wrong) != 1 || !strings.Contains(wrong[0].Expected, `"send-invoice"`) || wrong[0].Got != "Send Invoice" {
		t.Errorf("got %+v, want the slug as a suggestion", wrong)
	}
}

func TestSlug(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Addition Task": "addition-task", "  Send   Invoice (v2)! ": "send-invoice-v2", "snake_case": "snake_case",
		"Größe": "gr-e", "日本": "", "---": "", "_": "", "": "",
		strings.Repeat("a", 99) + " b": strings.Repeat("a", 99),
	} {
		if got := ratchet.Slug(text); got != want {
			t.Errorf("Slug(%q): got %q, want %q", text, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		slug := ratchet.Slug(rapid.String().Draw(t, "text"))
		if slug == "" {
			return
		}
		if wrong := (&ratchet.Task{Name: slug}).Validate(); wrong != nil {
			t.Fatalf("%q is not a task's name: %+v", slug, wrong)
		}
		if again := ratchet.Slug(slug); again != slug {
			t.Fatalf("Slug(%q): got %q, want it unchanged", slug, again)
		}
	})
}

func TestValidSemver(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"0.0.0", "1.2.3", "10.20.30", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-0.3.7", "1.0.0-x-y-z.--", "1.0.0+001", "1.0.0-rc.1+build.5", "1.0.0-01a", "999999999999999999999.0.0"} {
		if !ratchet.ValidSemver(s) {
			t.Errorf("%q is a semantic version", s)
		}
	}
	for _, s := range []string{"", "1", "1.2", "1.2.3.4", "v1.2.3", "01.2.3", "1.2.03", "1.2.3-", "1.2.3-01", "1.2.3-a..b", "1.2.3+", "1.2.3+a+b", "1.2.-3", "1.2.x", "1.2.3-ä", " 1.2.3"} {
		if ratchet.ValidSemver(s) {
			t.Errorf("%q is not a semantic version", s)
		}
	}
}

func TestVersionRules(t *testing.T) {
	t.Parallel()
	good := ratchet.Version{Task: "addition", Digest: digest, Semver: "1.0.0"}
	for name, c := range map[string]struct {
		change func(*ratchet.Version)
		want   []string
	}{
		"good":                {func(*ratchet.Version) {}, nil},
		"all defaults":        {func(v *ratchet.Version) { v.Limits, v.Retry = ratchet.DefaultLimits(), ratchet.DefaultRetry() }, nil},
		"no task, no digest":  {func(v *ratchet.Version) { v.Task, v.Digest = "", "" }, []string{"/task", "/digest"}},
		"a short digest":      {func(v *ratchet.Version) { v.Digest = digest[:70] }, []string{"/digest"}},
		"a digest in capital": {func(v *ratchet.Version) { v.Digest = "sha256:" + strings.ToUpper(digest[7:]) }, []string{"/digest"}},
		"a digest of letters": {func(v *ratchet.Version) { v.Digest = "sha256:" + strings.Repeat("g", 64) }, []string{"/digest"}},
		"no semver":           {func(v *ratchet.Version) { v.Semver = "" }, nil},
		"bad semver":          {func(v *ratchet.Version) { v.Semver = "1.0" }, []string{"/version"}},
		"node":                {func(v *ratchet.Version) { v.Engine = ratchet.EngineNode }, nil},
		"v8":                  {func(v *ratchet.Version) { v.Engine = "v8" }, []string{"/engine"}},
		"options":             {func(v *ratchet.Version) { v.Isolation, v.Fetch = "x", "y" }, []string{"/isolation", "/fetch"}},
		"many slots":          {func(v *ratchet.Version) { v.Slots = ratchet.MaxSlots + 1 }, []string{"/slots"}},
		"lonely slots":        {func(v *ratchet.Version) { v.Slots, v.Isolation = 2, ratchet.IsolationExecution }, []string{"/slots"}},
		"nested": {func(v *ratchet.Version) {
			v.Limits.Memory, v.Retry.Factor, v.Permissions.Net = 1, 0.5, []string{"ok.example", "https://x"}
		}, []string{"/limits/memory", "/permissions/net/1", "/retry/factor"}},
		"schemas": {func(v *ratchet.Version) {
			v.InputSchema, v.OutputSchema = json.RawMessage("{"), json.RawMessage("{}")
		}, []string{"/inputSchema"}},
	} {
		v := good
		c.change(&v)
		checkWrong(t, name, v.Validate(), c.want...)
	}
}

func TestLimitsRules(t *testing.T) {
	t.Parallel()
	checkWrong(t, "none", ratchet.Limits{}.Validate())
	checkWrong(t, "the defaults", ratchet.DefaultLimits().Validate())
	checkWrong(t, "too small", ratchet.Limits{
		Wall: -1, CPU: -1, Memory: 1, Output: -1, Logs: -1, Fetches: -1, FetchBytes: -1, FetchBody: -1, Recursion: 1,
	}.Validate(), "/timeout", "/cpu", "/memory", "/output", "/logs", "/fetches", "/fetchBytes", "/fetchBody", "/recursion")
	checkWrong(t, "too large", ratchet.Limits{
		Wall: ratchet.MaxWall + 1, CPU: ratchet.MaxWall + 1, Memory: ratchet.MaxMemory + 1, Output: ratchet.MaxOutput + 1,
		Logs: ratchet.GB + 1, FetchBody: ratchet.MaxOutput + 1, Recursion: ratchet.MaxRecursion + 1,
	}.Validate(), "/timeout", "/cpu", "/memory", "/output", "/logs", "/fetchBody", "/recursion")
	got := ratchet.Limits{Memory: ratchet.GB}.Or(ratchet.DefaultLimits())
	want := ratchet.DefaultLimits()
	want.Memory = ratchet.GB
	if got != want {
		t.Errorf("Or: got %+v, want %+v", got, want)
	}
}

func TestRetryRules(t *testing.T) {
	t.Parallel()
	second := ratchet.Duration(time.Second)
	for name, c := range map[string]struct {
		retry ratchet.Retry
		want  []string
	}{
		"none":                    {ratchet.Retry{}, nil},
		"the defaults":            {ratchet.DefaultRetry(), nil},
		"never again":             {ratchet.Retry{MaxAttempts: 1}, nil},
		"too small":               {ratchet.Retry{MaxAttempts: -1, InitialDelay: -1, Factor: 0.9, Jitter: -0.1}, []string{"/maxAttempts", "/initialDelay", "/factor", "/jitter"}},
		"too large":               {ratchet.Retry{MaxAttempts: 101, MaxDelay: ratchet.MaxRetryDelay + 1, Factor: 11, Jitter: 1.1}, []string{"/maxAttempts", "/maxDelay", "/factor", "/jitter"}},
		"longest below first":     {ratchet.Retry{InitialDelay: 5 * second, MaxDelay: second}, []string{"/maxDelay"}},
		"first above the default": {ratchet.Retry{InitialDelay: 60 * second}, []string{"/maxDelay"}},
	} {
		checkWrong(t, name, c.retry.Validate(), c.want...)
	}
	want := ratchet.DefaultRetry()
	want.Factor = 3
	if got := (ratchet.Retry{Factor: 3}).Or(ratchet.DefaultRetry()); got != want {
		t.Errorf("Or: got %+v, want %+v", got, want)
	}
}

func TestJobRules(t *testing.T) {
	t.Parallel()
	good := ratchet.Job{Task: "addition", VersionDigest: digest, State: ratchet.JobQueued, Input: json.RawMessage("null")}
	for name, c := range map[string]struct {
		change func(*ratchet.Job)
		want   []string
	}{
		"good":         {func(*ratchet.Job) {}, nil},
		"empty":        {func(j *ratchet.Job) { *j = ratchet.Job{} }, []string{"/task", "/versionDigest", "/state", "/input"}},
		"bad JSON":     {func(j *ratchet.Job) { j.Input, j.Output = json.RawMessage("{"), json.RawMessage("}") }, []string{"/input", "/output"}},
		"parked":       {func(j *ratchet.Job) { j.State, j.Parked = ratchet.JobParked, "paused by A" }, nil},
		"parked, why?": {func(j *ratchet.Job) { j.State = ratchet.JobParked }, []string{"/parked"}},
		"not parked":   {func(j *ratchet.Job) { j.Parked = "paused by A" }, []string{"/parked"}},
	} {
		j := good
		c.change(&j)
		checkWrong(t, name, j.Validate(), c.want...)
	}
}

func TestExecutionRules(t *testing.T) {
	t.Parallel()
	good := ratchet.Execution{Task: "addition", Attempt: 1, State: ratchet.ExecutionCompleted, Input: json.RawMessage("1"), Output: json.RawMessage("null")}
	for name, c := range map[string]struct {
		change func(*ratchet.Execution)
		want   []string
	}{
		"good":      {func(*ratchet.Execution) {}, nil},
		"empty":     {func(e *ratchet.Execution) { *e = ratchet.Execution{} }, []string{"/task", "/attempt", "/state"}},
		"no output": {func(e *ratchet.Execution) { e.Output = nil }, []string{"/output"}},
		"an error":  {func(e *ratchet.Execution) { e.Error = ratchet.Errorf(ratchet.ReasonInternal, "no") }, []string{"/error"}},
		"failed":    {func(e *ratchet.Execution) { e.State, e.Output = ratchet.ExecutionFailed, nil }, nil},
		"bad JSON":  {func(e *ratchet.Execution) { e.Output = json.RawMessage("{") }, []string{"/output"}},
	} {
		e := good
		c.change(&e)
		checkWrong(t, name, e.Validate(), c.want...)
	}
	start := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	if got := (&ratchet.Execution{StartedAt: start, FinishedAt: start.Add(time.Second)}).Elapsed(); got != time.Second {
		t.Errorf("Elapsed: got %s, want 1s", got)
	}
	if got := (&ratchet.Execution{StartedAt: start}).Elapsed(); got != 0 {
		t.Errorf("Elapsed of a running execution: got %s, want 0", got)
	}
}
