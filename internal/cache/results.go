package cache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// Results keeps outputs of tasks, for those that ask for it. A result is found
// again by the task, the digest of the version and the input, so that another
// version never finds it; whatever else a result may rest on is for Purge.
type Results struct {
	outputs *Cache[ResultKey, result]
	hits    atomic.Int64
	misses  atomic.Int64

	mu      sync.Mutex
	flights map[ResultKey]chan struct{} // closed when whoever is at it is done
	keeps   map[string]time.Time        // digests of versions with results, and when the last of these is over
	purges  uint64
}

type result struct {
	task   string // its name
	output json.RawMessage
}

// A ResultKey names a result.
type ResultKey [sha256.Size]byte

// KeyOf is the key of what the version of the task makes of the input. Spaces and
// the order of keys in the input do not matter; how numbers are written does.
func KeyOf(task ratchet.TaskID, digest string, input json.RawMessage) (ResultKey, error) {
	dec := json.NewDecoder(bytes.NewReader(input))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return ResultKey{}, fmt.Errorf("read input: %w", err)
	}
	canonical, err := json.Marshal(value)
	if err != nil {
		return ResultKey{}, fmt.Errorf("write input: %w", err)
	}
	return sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s", task, digest, canonical)), nil
}

// NewResults returns a cache of results of at most so many bytes.
func NewResults(most ratchet.Size) (*Results, error) {
	outputs, err := New[ResultKey, result]("results", most)
	if err != nil {
		return nil, err
	}
	return &Results{outputs: outputs, flights: map[ResultKey]chan struct{}{}, keeps: map[string]time.Time{}}, nil
}

// Find returns a result that is kept for the version of the task and the input. Of
// a version that keeps none the input is not looked at.
func (r *Results) Find(task ratchet.TaskID, digest string, input json.RawMessage) (output json.RawMessage, ok bool) {
	r.mu.Lock()
	until := r.keeps[digest]
	r.mu.Unlock()
	if !time.Now().Before(until) {
		return nil, false
	}
	key, err := KeyOf(task, digest, input)
	if err != nil {
		return nil, false // whoever runs it says what is wrong
	}
	found, ok := r.outputs.Get(key)
	if ok {
		r.hits.Add(1)
	}
	return found.output, ok
}

// Mark is a moment between purges; whoever makes a result takes one before looking
// at anything that the result rests on.
func (r *Results) Mark() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.purges
}

// Join returns a result that is kept, waits for one that is being made, or, with
// done, leaves it to the caller to make it: the others wait until done is called,
// and if no result is kept then, the next one makes it. It ends with ctx.
func (r *Results) Join(ctx context.Context, key ResultKey) (output json.RawMessage, done func(), err error) {
	for {
		r.mu.Lock()
		if found, ok := r.outputs.Get(key); ok {
			r.mu.Unlock()
			r.hits.Add(1)
			return found.output, nil, nil
		}
		flight := r.flights[key]
		if flight == nil {
			flight = make(chan struct{})
			r.flights[key] = flight
			r.mu.Unlock()
			r.misses.Add(1)
			return nil, func() { r.land(key, flight) }, nil
		}
		r.mu.Unlock()
		select {
		case <-flight:
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
	}
}

func (r *Results) land(key ResultKey, flight chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.flights, key)
	close(flight)
}

// Keep keeps the output of a version of a task for a time, unless anything was
// purged since the mark: it may rest on what was true before.
func (r *Results) Keep(key ResultKey, task, digest string, output json.RawMessage, ttl time.Duration, mark uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if mark != r.purges {
		return
	}
	now := time.Now()
	if len(r.keeps) >= mostVersions {
		maps.DeleteFunc(r.keeps, func(_ string, until time.Time) bool { return until.Before(now) })
	}
	if until := now.Add(ttl); until.After(r.keeps[digest]) {
		r.keeps[digest] = until
	}
	r.outputs.Put(key, result{task: task, output: output}, len(key)+len(task)+len(output), ttl)
}

// mostVersions is how many versions are remembered before those are forgotten
// whose results are all over.
const mostVersions = 1000

// Purge forgets the results of the task of a name; of all tasks, if it is empty.
func (r *Results) Purge(task string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.purges++
	r.outputs.Drop(func(_ ResultKey, one result) bool { return task == "" || one.task == task })
}

// Describe says what is kept, and how it was used: a miss is a result that had to be
// made.
func (r *Results) Describe() ratchet.Cache {
	c := r.outputs.Describe()
	c.Hits, c.Misses = r.hits.Load(), r.misses.Load()
	return c
}

// Close ends what goes on behind it.
func (r *Results) Close() { r.outputs.Close() }
