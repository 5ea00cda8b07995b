package service_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func TestAFingerprintTellsRequestsApartAndNotTheWaysToWriteThem(t *testing.T) {
	t.Parallel()
	task := ratchet.NewID[ratchet.Task]()
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	base := ratchet.JobRequest{Task: "addition", Priority: ratchet.PriorityHigh, RunAt: at, MaxAttempts: 3, IdempotencyKey: "a"}
	input := json.RawMessage(`{"a": 1, "b": [1.50, "x"]}`)
	print := func(input json.RawMessage, change func(*ratchet.JobRequest)) []byte {
		r := base
		change(&r)
		sum, err := service.Fingerprint(task, input, &r)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	first := print(input, func(*ratchet.JobRequest) {})
	for what, same := range map[string][]byte{
		"other spaces and order":   print(json.RawMessage("{\"b\":[1.50,\"\\u0078\"],\n \"a\":1}"), func(*ratchet.JobRequest) {}),
		"another key":              print(input, func(r *ratchet.JobRequest) { r.IdempotencyKey = "b" }),
		"the task by its ID":       print(input, func(r *ratchet.JobRequest) { r.Task, r.TaskID = "", task.String() }),
		"the time in another zone": print(input, func(r *ratchet.JobRequest) { r.RunAt = at.In(time.FixedZone("", 3600)) }),
		"attempts under retry":     print(input, func(r *ratchet.JobRequest) { r.MaxAttempts, r.Retry.MaxAttempts = 0, 3 }),
	} {
		if !bytes.Equal(first, same) {
			t.Errorf("%s: another fingerprint", what)
		}
	}
	for what, other := range map[string][]byte{
		"another input":    print(json.RawMessage(`{"a": 2, "b": [1.50, "x"]}`), func(*ratchet.JobRequest) {}),
		"more in a list":   print(json.RawMessage(`{"a": 1, "b": [1.50, "x", "x"]}`), func(*ratchet.JobRequest) {}),
		"a large number":   print(json.RawMessage(`{"a": 9007199254740993, "b": [1.50, "x"]}`), func(*ratchet.JobRequest) {}),
		"another version":  print(input, func(r *ratchet.JobRequest) { r.Version = "1.0.0" }),
		"the latest":       print(input, func(r *ratchet.JobRequest) { r.Latest = true }),
		"another priority": print(input, func(r *ratchet.JobRequest) { r.Priority = ratchet.PriorityLow }),
		"another time":     print(input, func(r *ratchet.JobRequest) { r.RunAt = at.Add(1) }),
		"a delay":          print(input, func(r *ratchet.JobRequest) { r.RunAt, r.Delay = time.Time{}, 1 }),
		"more attempts":    print(input, func(r *ratchet.JobRequest) { r.MaxAttempts = 4 }),
		"another backoff":  print(input, func(r *ratchet.JobRequest) { r.Retry.Factor = 3 }),
		"a timeout":        print(input, func(r *ratchet.JobRequest) { r.Timeout = 1 }),
		"tags":             print(input, func(r *ratchet.JobRequest) { r.Tags = []string{"x"} }),
		"a gate":           print(input, func(r *ratchet.JobRequest) { r.Concurrency = &ratchet.Concurrency{Key: "k", Max: 1} }),
	} {
		if bytes.Equal(first, other) {
			t.Errorf("%s: the same fingerprint", what)
		}
	}
	large := print(json.RawMessage(`9007199254740993`), func(*ratchet.JobRequest) {})
	if bytes.Equal(large, print(json.RawMessage(`9007199254740992`), func(*ratchet.JobRequest) {})) {
		t.Error("two large numbers have one fingerprint")
	}
}
