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
	task := &ratchet.Task{
		ID: uuid(t, "01"), Name: "addition", Label: "Addition", Description: "Adds two numbers",
		Tags: []string{"math"}, Category: "math", Author: "A. Author", License: "MIT",
		Aliases: []string{"bd6c6f98-4896-44cc-8c82-30328c3aefda"}, Deprecated: true, DeprecationMessage: "Use sum.",
		CreatedAt: at, UpdatedAt: at.Add(time.Hour),
	}
	version := &ratchet.Version{
		ID: uuid(t, "02"), Task: "addition", Digest: digest, Semver: "1.2.0",
		Engine: ratchet.EngineQuickJS, Isolation: ratchet.IsolationTask, Slots: 8, Fetch: ratchet.FetchSync,
		Limits:      ratchet.DefaultLimits(),
		Permissions: ratchet.Permissions{Net: []string{"*.example.com"}, Env: []string{"TOKEN"}},
		Retry:       ratchet.DefaultRetry(),
		InputSchema: json.RawMessage(`{"type":"object"}`), OutputSchema: json.RawMessage(`true`), CreatedAt: at,
	}
	job := &ratchet.Job{
		ID: uuid(t, "03"), Task: "addition", VersionDigest: digest,
		Priority: ratchet.PriorityHigh, State: ratchet.JobParked, Parked: "gate customer-7",
		Input: json.RawMessage(`{"a":1}`), Output: json.RawMessage(`null`), Error: failure, Attempts: 2, Losses: 1,
		CreatedAt: at, RunAt: at.Add(time.Second), StartedAt: at.Add(2 * time.Second), FinishedAt: at.Add(3 * time.Second),
	}
	execution := &ratchet.Execution{
		ID: uuid(t, "04"), Job: uuid(t, "03"), Task: "addition", VersionDigest: digest,
		Attempt: 2, State: ratchet.ExecutionFailed,
		Input: json.RawMessage(`{"a":1}`), Output: json.RawMessage(`{"sum":"1"}`), Error: failure,
		Progress: ratchet.Progress{Value: 0.5, Message: "half"},
		Logs:     []ratchet.LogEntry{{Time: at, Level: ratchet.LevelWarn, Message: "odd", Fields: json.RawMessage(`{"n":1}`)}},
		Fetches: []ratchet.Fetch{{
			Method: ratchet.MethodPost, Host: "example.com:8443", Status: 200, Sent: 12, Received: 2048,
			StartedAt: at, Duration: ratchet.Duration(31 * time.Millisecond),
			Error: ratchet.Errorf(ratchet.ReasonNetwork, "connection reset"),
		}},
		QueuedAt: at, StartedAt: at.Add(time.Millisecond), FinishedAt: at.Add(time.Second),
		CPU: ratchet.Duration(12 * time.Millisecond), PeakMemory: 3 * ratchet.MB, Worker: "worker 1",
	}
	for name, v := range map[string]any{
		"task.json": task, "version.json": version, "job.json": job, "execution.json": execution, "error.json": failure,
	} {
		for i, f := range reflect.VisibleFields(reflect.TypeOf(v).Elem()) {
			if reflect.ValueOf(v).Elem().Field(i).IsZero() && f.Name != "Cause" {
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
		`{"name":"a"}`:              ratchet.Task{Name: "a"},
		`{"task":"a","digest":"d"}`: ratchet.Version{Task: "a", Digest: "d"},
		`{"task":"a","versionDigest":"d","priority":"normal","state":"queued","input":1,"attempts":0}`: ratchet.Job{
			Task: "a", VersionDigest: "d", State: ratchet.JobQueued, Input: json.RawMessage("1"),
		},
		`{"task":"a","versionDigest":"d","attempt":1,"state":"pending","input":1}`: ratchet.Execution{
			Task: "a", VersionDigest: "d", State: ratchet.ExecutionPending, Attempt: 1, Input: json.RawMessage("1"),
		},
	} {
		if b, err := json.Marshal(v); err != nil || string(b) != want {
			t.Errorf("got %s, %v, want %s", b, err, want)
		}
	}
}
