package service

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A fingerprinted is the one form of a request that every way to write it has:
// the task by its ID, the input with its keys in order. The idempotency key is
// not in it. What a default stands for is not either, so that the same request
// is the same when the default has changed.
type fingerprinted struct {
	Task        ratchet.TaskID
	Version     string
	Latest      bool
	Input       json.RawMessage
	Priority    int8
	RunAt       time.Time
	Delay       time.Duration
	MaxAttempts int
	Retry       ratchet.Retry
	Timeout     time.Duration
	Tags        []string
	Concurrency *ratchet.Concurrency
	// As they were given; none is not the same as not to say.
	Destinations []ratchet.Destination `json:",omitzero"`
}

// fingerprint returns the SHA-256 of the request without its key.
func fingerprint(task ratchet.TaskID, input json.RawMessage, r *ratchet.JobRequest) ([]byte, error) {
	canonical, err := canonicalJSON(input)
	if err != nil {
		return nil, fmt.Errorf("fingerprint input: %w", err)
	}
	attempts := r.MaxAttempts
	if attempts == 0 {
		attempts = r.Retry.MaxAttempts
	}
	retry := r.Retry
	retry.MaxAttempts = 0
	text, err := json.Marshal(fingerprinted{
		Task: task, Version: r.Version, Latest: r.Latest, Input: canonical, Priority: int8(r.Priority),
		RunAt: r.RunAt.UTC(), Delay: time.Duration(r.Delay), MaxAttempts: attempts, Retry: retry,
		Timeout: time.Duration(r.Timeout), Tags: r.Tags, Concurrency: r.Concurrency, Destinations: r.Destinations,
	})
	if err != nil {
		return nil, fmt.Errorf("fingerprint request: %w", err)
	}
	sum := sha256.Sum256(text)
	return sum[:], nil
}

// canonicalJSON writes a JSON text without spaces and with the keys of objects in
// order. Numbers stay as they were written.
func canonicalJSON(text json.RawMessage) (json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return nil, err
	}
	return json.Marshal(value)
}
