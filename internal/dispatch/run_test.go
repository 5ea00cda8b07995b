package dispatch_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/dispatch"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

func TestAJobRunsAndItsLifeIsOnRecordAndInTheStream(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var mu sync.Mutex
	var told []ratchet.ExecutionState
	d, _ := s.start(nil, dispatch.Config{OnFinished: func(j *ratchet.Job, e *ratchet.Execution) {
		mu.Lock()
		defer mu.Unlock()
		if j.State == ratchet.JobCompleted {
			told = append(told, e.State)
		}
	}})
	task := s.register("sum", `(input, { jobId, attempt, executionId }) => {
		console.warn("adding", { a: input.a });
		ratchet.progress(0.5, "half");
		return { sum: input.a + input.b, jobId, attempt, executionId };
	}`, "")
	all := s.hub.Subscribe(stream.Filter{})
	defer all.Close()
	id := s.submit(task, `{"a": 1, "b": 2}`, nil)
	job := s.reach(id, ratchet.JobCompleted)
	list := s.executions(id)
	if len(list) != 1 {
		t.Fatalf("got %d executions, want one", len(list))
	}
	x := list[0]
	var out struct {
		Sum         int
		JobID       ratchet.JobID
		Attempt     int
		ExecutionID ratchet.ExecutionID
	}
	if err := json.Unmarshal(job.Output, &out); err != nil || out.Sum != 3 || out.JobID != id || out.Attempt != 1 || out.ExecutionID != x.ID {
		t.Errorf("got output %s of execution %s", job.Output, x.ID)
	}
	if job.Attempts != 1 || job.Error != nil || job.StartedAt.IsZero() || job.FinishedAt.IsZero() {
		t.Errorf("got %+v", job)
	}
	if x.State != ratchet.ExecutionCompleted || string(x.Output) != string(job.Output) || x.Worker == "" || x.Node != s.node ||
		len(x.Logs) != 1 || x.Logs[0].Message == "" || x.Progress.Value != 0.5 ||
		x.QueuedAt.IsZero() || x.StartedAt.Before(x.QueuedAt) || x.FinishedAt.Before(x.StartedAt) {
		t.Errorf("got %+v", x)
	}
	if wrong := x.Validate(); len(wrong) > 0 {
		t.Errorf("the record is not valid: %+v", wrong)
	}
	if w := s.pool.Workers(); len(w) != 1 || w[0].ID != x.Worker || w[0].PID == 0 || !strings.Contains(w[0].Key, x.VersionDigest) || w[0].Engine == "" || w[0].LastUsed.IsZero() {
		t.Errorf("got the workers %+v, want the one that ran %+v", w, x)
	}
	var seen []string
	for len(seen) == 0 || seen[len(seen)-1] != "completed" {
		e := next(t, all)
		if e.Job != id || e.Task != "sum" {
			t.Errorf("got an event of job %s of %s", e.Job, e.Task)
		}
		if e.Type != ratchet.EventJob && (e.Execution != x.ID || e.Attempt != 1) {
			t.Errorf("got an event of execution %s, attempt %d", e.Execution, e.Attempt)
		}
		if e.Type == ratchet.EventJob {
			seen = append(seen, string(e.State))
		} else {
			seen = append(seen, string(e.Type))
		}
	}
	if want := []string{"queued", "running", "log", "progress", "completed"}; !slices.Equal(seen, want) {
		t.Errorf("got the events %v, want %v", seen, want)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := d.Stats(); got.Claimed != 1 || got.Completed != 1 || got.Failed+got.Retried+got.Stale+got.HandedBack != 0 {
		t.Errorf("got %+v", got)
	}
	if !slices.Equal(told, []ratchet.ExecutionState{ratchet.ExecutionCompleted}) {
		t.Errorf("OnFinished was told %v", told)
	}
}

// quickly is a retry policy that tests need not wait for.
func quickly(attempts int) ratchet.Retry {
	return ratchet.Retry{MaxAttempts: attempts, InitialDelay: ratchet.Duration(10 * time.Millisecond), MaxDelay: ratchet.Duration(time.Second)}
}

func TestAFailedAttemptIsRetriedUntilOneCompletesOrNoneIsLeft(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	d, _ := s.start(nil, dispatch.Config{})
	task := s.register("flaky", `(good, { attempt }) => {
		if (attempt < good) throw Object.assign(new Error("not yet"), good < 0 ? { retryable: false } : {});
		if (good < 0) throw Object.assign(new Error("never"), { retryable: false });
		return attempt;
	}`, "")
	retried := s.submit(task, `3`, func(j *ratchet.Job) { j.Retry = quickly(5) })
	exhausted := s.submit(task, `9`, func(j *ratchet.Job) { j.Retry = quickly(2) })
	hopeless := s.submit(task, `-1`, func(j *ratchet.Job) { j.Retry = quickly(5) })
	if job := s.reach(retried, ratchet.JobCompleted); string(job.Output) != "3" || job.Attempts != 3 || job.Error != nil {
		t.Errorf("got output %s after %d attempts, error %v", job.Output, job.Attempts, job.Error)
	}
	states := []ratchet.ExecutionState{}
	for i, x := range s.executions(retried) {
		states = append(states, x.State)
		if x.Attempt != i+1 {
			t.Errorf("execution %d is attempt %d", i+1, x.Attempt)
		}
	}
	if want := []ratchet.ExecutionState{ratchet.ExecutionFailed, ratchet.ExecutionFailed, ratchet.ExecutionCompleted}; !slices.Equal(states, want) {
		t.Errorf("got %v, want %v", states, want)
	}
	if job := s.reach(exhausted, ratchet.JobFailed); job.Attempts != 2 || job.Error == nil || job.Error.Reason != ratchet.ReasonExecutionFailed || !strings.Contains(job.Error.Stack, "main.js:") {
		t.Errorf("got %d attempts, error %+v", job.Attempts, job.Error)
	}
	if job := s.reach(hopeless, ratchet.JobFailed); job.Attempts != 1 {
		t.Errorf("an error that says it is not retryable was tried %d times", job.Attempts)
	}
	if got := d.Stats(); got.Retried != 3 || got.Failed != 2 || got.Completed != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestATaskMayPutOffItsNextAttempt(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.start(nil, dispatch.Config{})
	task := s.register("busy", `(_, { attempt }) => { if (attempt < 2) throw Object.assign(new Error("busy"), { retryAfter: 0.7 }); return attempt; }`, "")
	id := s.submit(task, `null`, func(j *ratchet.Job) { j.Retry = quickly(3) })
	s.reach(id, ratchet.JobCompleted)
	list := s.executions(id)
	if pause := list[1].StartedAt.Sub(list[0].FinishedAt); pause < 690*time.Millisecond {
		t.Errorf("told to come back in 0.7 s, it came back after %v", pause)
	}
}

func TestAJobThatTakesTooLongTimesOut(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.start(nil, dispatch.Config{})
	task := s.register("slow", `async () => { await new Promise((r) => setTimeout(r, 60000)); }`, `, "timeout": "20s"`)
	id := s.submit(task, `null`, func(j *ratchet.Job) {
		j.Limits.Wall, j.Retry = ratchet.Duration(150*time.Millisecond), quickly(2)
	})
	job := s.reach(id, ratchet.JobFailed)
	if job.Error == nil || job.Error.Reason != ratchet.ReasonExecutionTimeout || job.Attempts != 2 {
		t.Errorf("got %+v after %d attempts, want a timeout, tried again", job.Error, job.Attempts)
	}
	if list := s.executions(id); list[0].State != ratchet.ExecutionTimedOut {
		t.Errorf("got an execution %s", list[0].State)
	}
}

func TestACancelledJobsJavaScriptIsStopped(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	d, _ := s.start(nil, dispatch.Config{})
	task := s.register("endless", `() => { console.log("on my way"); for (;;); }`, `, "timeout": "1h", "limits": {"cpu": "1h"}`)
	id := s.submit(task, `null`, nil)
	sub := s.hub.Subscribe(stream.Filter{Job: id, Types: []ratchet.EventType{ratchet.EventLog}})
	defer sub.Close()
	next(t, sub)
	if _, err := s.store.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	job := s.reach(id, ratchet.JobCancelled)
	if list := s.executions(id); len(list) != 1 || list[0].State != ratchet.ExecutionCancelled || list[0].Error.Reason != ratchet.ReasonExecutionCancelled {
		t.Errorf("got %+v", list)
	}
	if job.FinishedAt.IsZero() {
		t.Errorf("got %+v", job)
	}
	eventually(t, "no worker runs it any more", func() bool {
		for _, w := range s.pool.Workers() {
			if w.Running > 0 {
				return false
			}
		}
		return true
	})
	eventually(t, "it is counted", func() bool { return d.Stats().Cancelled == 1 && d.Stats().Running == 0 })
}

func TestAWorkersDeathBurnsAnAttempt(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.start(nil, dispatch.Config{})
	task := s.register("victim", `async (_, { attempt }) => { console.log("here"); if (attempt < 2) await new Promise((r) => setTimeout(r, 60000)); return attempt; }`, `, "timeout": "5m"`)
	sub := s.hub.Subscribe(stream.Filter{Types: []ratchet.EventType{ratchet.EventLog}})
	defer sub.Close()
	id := s.submit(task, `null`, func(j *ratchet.Job) { j.Retry = quickly(3) })
	next(t, sub)
	for _, pid := range s.pool.PIDs() {
		if p, err := os.FindProcess(pid); err != nil || p.Kill() != nil {
			t.Errorf("process %d cannot be killed: %v", pid, err)
		}
	}
	if job := s.reach(id, ratchet.JobCompleted); job.Attempts != 2 || job.Losses != 0 {
		t.Errorf("got %d attempts, %d losses; want 2, 0", job.Attempts, job.Losses)
	}
	if list := s.executions(id); list[0].State != ratchet.ExecutionFailed || list[0].Error.Reason != ratchet.ReasonWorker {
		t.Errorf("got %s: %+v", list[0].State, list[0].Error)
	}
}

func TestANeighbourOfAKilledExecutionKeepsItsAttempt(t *testing.T) {
	t.Parallel()
	s, g := newServer(t), newGate(t)
	d, _ := s.start(nil, dispatch.Config{})
	// Nothing but the end of the process ends a loop within the engine.
	task := s.register("shared", `async ({ gate }) => gate ? (await fetch(gate)).text() : Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)`, `, "slots": 2, "timeout": "5m"`)
	bystander := s.submit(task, g.visit(), nil)
	g.await()
	culprit := s.submit(task, `{}`, func(j *ratchet.Job) {
		j.Limits.Wall, j.Retry = ratchet.Duration(200*time.Millisecond), quickly(1)
	})
	if job := s.reach(culprit, ratchet.JobFailed); job.Error.Reason != ratchet.ReasonExecutionTimeout {
		t.Errorf("got %+v", job.Error)
	}
	if job := s.reach(bystander, ratchet.JobCompleted); job.Attempts != 1 || job.Losses != 1 || string(job.Output) != `"visitor 2"` {
		t.Errorf("got %s after %d attempts, %d losses; want 1, 1", job.Output, job.Attempts, job.Losses)
	}
	for _, x := range s.executions(bystander) {
		if other := s.executions(culprit)[0].Worker; x.State == ratchet.ExecutionLost && x.Worker != other {
			t.Errorf("they ran in workers %s and %s: this test shows nothing", x.Worker, other)
		}
	}
	if got := d.Stats().HandedBack; got != 1 {
		t.Errorf("got %d handed back", got)
	}
}

func TestLogsOfARunningJobAreKeptWhileItRuns(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.start(nil, dispatch.Config{})
	task := s.register("talker", `async () => { console.log("begun"); ratchet.progress(0.25); await new Promise((r) => setTimeout(r, 60000)); }`, `, "timeout": "5m"`)
	id := s.submit(task, `null`, nil)
	s.reach(id, ratchet.JobRunning)
	eventually(t, "its log can be read", func() bool {
		list := s.executions(id)
		return len(list) == 1 && list[0].State == ratchet.ExecutionRunning && len(list[0].Logs) == 1 && list[0].Progress.Value == 0.25
	})
	if _, err := s.store.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	s.reach(id, ratchet.JobCancelled)
	if list := s.executions(id); len(list[0].Logs) != 1 {
		t.Errorf("got the log %+v", list[0].Logs)
	}
}
