// Package storetest is what every database under a sqlstore.Store must do, as
// tests that are run on each of them. What lies above the store is left to the
// tests of others.
package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

// Run runs the tests on databases whose URLs fresh gives, a new one each time.
func Run(t *testing.T, fresh func(t testing.TB) string) {
	t.Helper()
	runNouns(t, fresh)
	for name, test := range map[string]func(*testing.T, func(testing.TB) string){
		"a job's life":                      testLife,
		"retries":                           testRetries,
		"a stale lease writes nothing":      testStaleLease,
		"one claim of a ticket wins":        testOneClaimWins,
		"running executions are saved":      testSave,
		"too many losses fail a job":        testMaxLosses,
		"a batch is accepted whole or not":  testBatch,
		"idempotency":                       testIdempotency,
		"priority and time order the queue": testOrder,
		"work stops":                        testWorkStops,
		"gate":                              testGate,
		"gate under load":                   testGateUnderLoad,
		"rate":                              testRate,
		"pause":                             testPause,
		"pause under load":                  testPauseUnderLoad,
		"many parked jobs":                  testManyParked,
		"waiting jobs are cancelled":        testCancelWaiting,
		"running jobs are asked to stop":    testCancelRunning,
		"hasten":                            testHasten,
		"a dead process":                    testDeadProcess,
		"a dead node":                       testDeadNode,
		"jobs adrift":                       testAdrift,
		"a claim that fails":                testClaimFails,
		"reconcile":                         testReconcile,
		"a job whose task is gone":          testDeletedTask,
		"nodes tell each other":             testBroadcast,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh)
		})
	}
}

// SQLite returns the name of a database that is not there yet.
func SQLite(t testing.TB) string {
	t.Helper()
	return t.TempDir() + "/ratchet.db"
}

// Open opens a store that is closed when the test ends. Unless cfg or a benchmark
// wants it, nothing is flushed to the disk: nobody pulls the plug of a test.
func Open(t testing.TB, cfg sqlstore.Config) *sqlstore.Store {
	t.Helper()
	if _, test := t.(*testing.T); test && cfg.Synchronous == "" {
		cfg.Synchronous = "OFF"
	}
	s, err := sqlstore.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("open %s: %v", cfg.URL, err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close %s: %v", cfg.URL, err)
		}
	})
	return s
}

// Task keeps a task with a version, which may be changed first.
func Task(t testing.TB, s *sqlstore.Store, name string, change ...func(*ratchet.Version)) *ratchet.Task {
	t.Helper()
	v := &ratchet.Version{Task: name, Digest: Digest(name), Semver: "1.0.0"}
	for _, c := range change {
		c(v)
	}
	task, _, err := s.PutVersion(t.Context(), ratchet.NewVersion{Task: &ratchet.Task{Name: name}, Version: v, Archive: []byte("zip")})
	if err != nil {
		t.Fatalf("keep task %s: %v", name, err)
	}
	return task
}

// Digest makes a digest of a name.
func Digest(name string) string { return fmt.Sprintf("sha256:%064x", name) }

// NewJob returns a job of a task that has not been submitted.
func NewJob(task *ratchet.Task, change ...func(*ratchet.Job)) *ratchet.Job {
	j := &ratchet.Job{
		ID: ratchet.NewID[ratchet.Job](), TaskID: task.ID, Task: task.Name, VersionDigest: task.VersionDigest,
		Input: json.RawMessage(`{"n": 1}`), State: ratchet.JobQueued,
	}
	for _, c := range change {
		c(j)
	}
	return j
}

// Submit submits a job.
func Submit(t testing.TB, s *sqlstore.Store, j *ratchet.Job) ratchet.Job {
	t.Helper()
	accepted, err := s.Submit(t.Context(), []ratchet.Submission{{Job: j}})
	if err != nil {
		t.Fatalf("submit: %v", err)
	}
	return accepted[0]
}

// Claim claims a job by its ticket with a number.
func Claim(t testing.TB, s *sqlstore.Store, id ratchet.JobID, number int) *ratchet.Claim {
	t.Helper()
	c, err := s.Claim(t.Context(), ratchet.Ticket{Job: id, Number: number})
	if err != nil {
		t.Fatalf("claim: %v", err)
	}
	return c
}

// Ended returns the outcome of a claim: it gave an output, or failed if cause is
// not nil.
func Ended(c *ratchet.Claim, output string, cause *ratchet.Error) ratchet.Outcome {
	x := &ratchet.Execution{
		ID: c.Lease.Execution, Job: c.Job.ID, Task: c.Job.Task, Attempt: c.Lease.Attempt, State: ratchet.EndState(cause), Error: cause,
		StartedAt: time.Now().Add(-time.Millisecond), FinishedAt: time.Now(), Worker: "w1",
	}
	if cause == nil {
		x.Output = json.RawMessage(output)
	}
	return ratchet.Outcome{Execution: x}
}

// work runs the tickets of a store until the test ends.
func work(t testing.TB, s *sqlstore.Store, slots int, handle func(context.Context, ratchet.Ticket)) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Work(ctx, slots, handle) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("work: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}
