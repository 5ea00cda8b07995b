package bundle_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

func loadMetadata(t testing.TB, text string) *bundle.Bundle {
	t.Helper()
	return load(t, files{"metadata.json": text, "main.js": "(i) => 1"}.write(t))
}

func TestEveryMetadataField(t *testing.T) {
	t.Parallel()
	b := loadMetadata(t, `{
		"$schema": "x", "x-mine": 1,
		"uuid": "bd6c6f98-4896-44cc-8c82-30328c3aefda", "name": "addition", "version": "1.0.0-rc.1+b", "label": "Addition Task",
		"description": "Adds two numbers", "tags": ["math"], "category": "math", "author": {"name": "A", "email": "a@example.com"},
		"license": "MIT", "ratchet_version": ">=0.6.0", "created_at": "2025-06-25T00:00:00Z", "updated_at": "2025-06-25T00:00:00Z",
		"documentation": "doc", "deprecated": true, "deprecation_message": "use add",
		"timeout": "1m30s", "memory": "64MB",
		"limits": {"cpu": 5, "output": 2048, "logs": "10KB", "fetches": 3, "fetchBytes": "1MB", "fetchBody": "512KB", "recursion": 900},
		"permissions": {"net": ["api.example.com", "*.example.com:8443"], "env": ["API_TOKEN"]},
		"retry": {"maxAttempts": 5, "backoff": "fibonacci", "initialDelay": "2s", "maxDelay": "1m", "factor": 1.5, "jitter": 0.1},
		"fetch": "sync", "engine": "quickjs", "isolation": "task", "slots": 20,
		"concurrency": {"key": "crm", "max": 2}, "rate": {"max": 100, "per": "1m"}, "cache": {"ttl": "10m"}
	}`)
	want := bundle.Metadata{
		UUID: "bd6c6f98-4896-44cc-8c82-30328c3aefda", Name: "addition", Version: "1.0.0-rc.1+b", Label: "Addition Task",
		Description: "Adds two numbers", Tags: []string{"math"}, Category: "math", Author: "A",
		License: "MIT", RatchetVersion: ">=0.6.0", CreatedAt: "2025-06-25T00:00:00Z", UpdatedAt: "2025-06-25T00:00:00Z",
		Documentation: "doc", Deprecated: true, DeprecationMessage: "use add",
		Limits: ratchet.Limits{
			Wall: ratchet.Duration(90 * time.Second), Memory: 64 * ratchet.MB, CPU: ratchet.Duration(5 * time.Second), Output: 2048,
			Logs: 10 * ratchet.KB, Fetches: 3, FetchBytes: ratchet.MB, FetchBody: 512 * ratchet.KB, Recursion: 900,
		},
		Permissions: ratchet.Permissions{Net: []string{"api.example.com", "*.example.com:8443"}, Env: []string{"API_TOKEN"}},
		Retry: ratchet.Retry{
			MaxAttempts: 5, Backoff: ratchet.BackoffFibonacci, InitialDelay: ratchet.Duration(2 * time.Second), MaxDelay: ratchet.Duration(time.Minute), Factor: 1.5, Jitter: 0.1,
		},
		Fetch: ratchet.FetchSync, Engine: ratchet.EngineQuickJS, Isolation: ratchet.IsolationTask, Slots: 20,
		Concurrency: &ratchet.Concurrency{Key: "crm", Max: 2}, Rate: &ratchet.Rate{Max: 100, Per: ratchet.Duration(time.Minute)},
		CacheTTL: ratchet.Duration(10 * time.Minute),
	}
	if !reflect.DeepEqual(b.Metadata, want) {
		t.Errorf("got  %+v\nwant %+v", b.Metadata, want)
	}
	if len(b.Warnings) > 0 {
		t.Errorf("got warnings %s", lines(b.Warnings))
	}
}

func TestMetadataForms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ name, label, version string }{
		`{"name": "add", "version": "1.0.0"}`:                                     {"add", "", "1.0.0"},
		`{"label": "Addition Task", "version": "1.0.0"}`:                          {"addition-task", "Addition Task", "1.0.0"},
		`{"name": "add", "label": "Addition Task", "version": "1.0.0"}`:           {"add", "Addition Task", "1.0.0"},
		`{"core": {"version": "2.0.0", "uuid": "u", "description": "d"}}`:         {"task", "", "2.0.0"},
		`{"core": {"version": "2.0.0", "label": "L"}, "version": "1.0.0"}`:        {"l", "L", "1.0.0"},
		`{"label": "加法", "version": "1.0.0"}`:                                     {"task", "加法", "1.0.0"},
		"\xef\xbb\xbf" + `{"name": "bom", "version": "1.0.0"}`:                    {"bom", "", "1.0.0"},
		`{"name": "a", "version": "1.0.0", "timeout": null, "permissions": null}`: {"a", "", "1.0.0"},
	} {
		b := loadMetadata(t, text)
		if b.Name != want.name || b.Label != want.label || b.Version != want.version {
			t.Errorf("%s: got %q %q %q, want %q", text, b.Name, b.Label, b.Version, want)
		}
		if len(b.Warnings) > 0 {
			t.Errorf("%s: got warnings %s", text, lines(b.Warnings))
		}
	}
}

func TestNoPermissionIsNotTheSameAsNone(t *testing.T) {
	t.Parallel()
	if b := loadMetadata(t, `{"name": "a", "version": "1.0.0", "permissions": {"net": []}}`); b.Permissions.Net == nil {
		t.Error("got any host for an empty list, want none")
	}
	if b := loadMetadata(t, metadata); b.Permissions.Net != nil {
		t.Error("got no host without a list, want any")
	}
}

func TestBadMetadata(t *testing.T) {
	t.Parallel()
	with := func(field string) string { return "{\"name\": \"a\", \"version\": \"1.0.0\",\n  " + field + "}" }
	for text, want := range map[string]string{
		` `:                                   "metadata.json:1:2: unexpected end of file, expected a JSON value",
		`[]`:                                  "metadata.json:1:1: the metadata of a task, expected an object",
		"{\n\"name\": \"a\"\n\"v\"":           "metadata.json:3:1: unexpected '\"', expected ',' or '}'",
		"{\n  // no\n}":                       "metadata.json:2:3: unexpected '/', expected a key in double quotes",
		`{"a": 'b'}`:                          "metadata.json:1:7: a single quote: JSON wants double quotes, expected \"…\"",
		`{"a": "b`:                            "metadata.json:1:7: a string without its closing quote",
		"{\"é\": \"\x80\"}":                   "metadata.json:1:8: the byte 0x80 is not UTF-8",
		`{"name": "a", "version": "1.0.0"} x`: "metadata.json:1:35: unexpected 'x' after the end",
		with(`"name": "b"`):                   "metadata.json:2:3: /name: the key \"name\" is there twice",
		with(`"version": 1`):                  "metadata.json:2:3: /version: the key",
		`{"name": "a", "version": "1.0"}`:     "metadata.json:1:26: /version: version is not a semantic version, expected \"1.0.0\", got the string \"1.0\"",
		`{"name": "a", "version": "v2.1.0"}`:  "expected \"2.1.0\"",
		`{"name": "a", "version": 2}`:         "metadata.json:1:26: /version: version has the wrong type, expected a string, got 2",
		`{"name": "a"}`:                       "metadata.json:1:1: version is missing",
		`{"core": {"version": "x"}}`:          "metadata.json:1:22: /core/version: version is not a semantic version",
		with(`"tags": "math"`):                "metadata.json:2:11: /tags: tags has the wrong type, expected an array of strings",
		with(`"tags": ["a", 1]`):              "metadata.json:2:17: /tags/1: an item of tags has the wrong type, expected a string, got 1",
		with(`"timeout": "soon"`):             "metadata.json:2:14: /timeout: timeout cannot be read, expected a span such as \"30s\"",
		with(`"timeout": 0`):                  "/timeout: timeout cannot be read, expected a span such as \"30s\" or a number of seconds, more than 0, got 0",
		with(`"timeout": "25h"`):              "metadata.json:2:14: /timeout: timeout is out of bounds, expected more than 0 and at most 24h, got 25h",
		with(`"memory": "1KB"`):               "metadata.json:2:13: /memory: memory is out of bounds, expected 8MB to 4GB",
		with(`"limits": {"memory": "1KB"}`):   "metadata.json:2:24: /limits/memory: memory is out of bounds",
		with(`"limits": {"fetches": 0}`):      "metadata.json:2:25: /limits/fetches: fetches is out of bounds, expected a whole number from 1",
		with(`"limits": {"recursion": 1e9}`):  "/limits/recursion: recursion is out of bounds",
		with(`"limits": []`):                  "metadata.json:2:13: /limits: limits has the wrong type, expected an object, got an array",
		with(`"permissions": {"net": ["https://x.org/a"]}`): "metadata.json:2:27: /permissions/net/0: this is not a host",
		with(`"permissions": {"env": ["A=b"]}`):             "metadata.json:2:27: /permissions/env/0: this is not the name of an environment variable",
		with(`"retry": {"maxAttempts": 1000}`):              "/retry/maxAttempts: maxAttempts is out of bounds",
		with(`"retry": {"backoff": "quadratic"}`):           "/retry/backoff: backoff is not known, expected \"exponential\" or \"linear\"",
		with(`"cache": {"ttl": "31d"}`):                     "/cache/ttl: ttl is out of bounds, expected more than 0 and at most",
		with(`"cache": {"ttl": 0}`):                         "/cache/ttl: ttl cannot be read",
		with(`"cache": {}`):                                 "/cache: cache has no ttl",
		with(`"cache": true`):                               "/cache: cache has the wrong type",
		with(`"fetch": "later"`):                            "metadata.json:2:12: /fetch: fetch is not known, expected \"async\" or \"sync\", got the string \"later\"",
		with(`"engine": true`):                              "/engine: engine is not known, expected \"quickjs\" or \"node\"",
		with(`"engine": "v8"`):                              "/engine: engine is not known, expected \"quickjs\" or \"node\"",
		with(`"isolation": 1`):                              "/isolation: isolation is not known, expected \"task\" or \"execution\"",
		with(`"slots": 1001`):                               "/slots: slots is out of bounds, expected a whole number from 1 to 1000, got 1001",
		with(`"slots": 1.5`):                                "/slots: slots is out of bounds",
		with(`"slots": 2, "isolation": "execution"`):        "/slots: slots and isolation do not agree",
		with(`"concurrency": 1`):                            "metadata.json:2:18: /concurrency: concurrency has the wrong type, expected an object, got 1",
		with(`"concurrency": {}`):                           "metadata.json:2:18: /concurrency: concurrency has no max, expected concurrency such as {\"max\": 1}",
		with(`"concurrency": {"max": 0}`):                   "metadata.json:2:26: /concurrency/max: max is out of bounds, expected a whole number from 1 to 10000, got 0",
		with(`"concurrency": {"key": "a\u0000", "max": 1}`): "metadata.json:2:26: /concurrency/key: key has characters that cannot be shown",
		with(`"rate": {"max": 1}`):                          "metadata.json:2:11: /rate: rate has no per, expected rate such as {\"max\": 100, \"per\": \"1m\"}",
		with(`"rate": {"max": 1, "per": "forever"}`):        "/rate/per: per cannot be read, expected a span",
		with(`"rate": {"max": 1, "per": "1000h"}`):          "metadata.json:2:29: /rate/per: per is out of bounds, expected more than 0 and at most 168h",
		with(`"limits": {"cpu": 1e400}`):                    "metadata.json:2:21: /limits/cpu: a number too large for JavaScript",
	} {
		reason, got := refused(t, files{"metadata.json": text, "main.js": "(i) => 1"}.write(t), bundle.Options{})
		if reason != ratchet.ReasonTaskValidation {
			t.Errorf("%s: got reason %s", text, reason)
		}
		wants(t, got, want)
	}
}

func TestAGateIsCalledAfterItsTask(t *testing.T) {
	t.Parallel()
	b := loadMetadata(t, `{"label": "Sync CRM", "version": "1.0.0", "concurrency": {"max": 1}}`)
	if want := (ratchet.Concurrency{Key: "sync-crm", Max: 1}); b.Concurrency == nil || *b.Concurrency != want {
		t.Errorf("got %+v, want %+v", b.Concurrency, want)
	}
}

func TestUnknownKeysWarn(t *testing.T) {
	t.Parallel()
	b := loadMetadata(t, `{"name": "Very Nice!", "version": "1.0.0", "permisions": {}, "limits": {"fetchbytes": 1}, "zzz": 1}`)
	wants(t, lines(b.Warnings), `did you mean "permissions"?`, `/limits/fetchbytes: the key "fetchbytes" is not known and has no effect; did you mean "fetchBytes"?`,
		`/zzz: the key "zzz" is not known and has no effect`, `the task is called "very-nice"`)
	if b.Name != "very-nice" || b.Label != "Very Nice!" {
		t.Errorf("got name %q and label %q", b.Name, b.Label)
	}
}

func FuzzMetadata(f *testing.F) {
	for _, seed := range []string{
		metadata, `{"core": {}}`, `{"name": null, "version": "1.0.0", "limits": {"cpu": 1}}`, `[`, `{"a": "\ud800"}`, `{"timeout": 1e-999999999}`,
		`{"version": "1.0.0", "retry": {"factor": 1e308}, "slots": 9999999999999999999}`, `{"deprecated": "x", "author": {"name": 1}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, problems := bundle.ParseMetadata(data)
		if len(problems) > 0 {
			return
		}
		if !json.Valid(data) && string(data[:min(3, len(data))]) != "\xef\xbb\xbf" {
			t.Errorf("accepted %q, which is not JSON", data)
		}
		if m.Name == "" || !ratchet.ValidSemver(m.Version) || len(m.Limits.Validate()) > 0 {
			t.Errorf("accepted %q as %+v", data, m)
		}
	})
}
