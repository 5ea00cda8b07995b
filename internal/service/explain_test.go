package service_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func TestEveryStateOfAJobIsExplained(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	node := ratchet.Node{ID: ratchet.NewID[ratchet.Node](), Host: "alpha", BeatAt: now.Add(-time.Minute), Slots: 4, Running: 4} // alone, it beats no more often
	idle := node
	idle.Running = 0
	dead := node
	dead.BeatAt = now.Add(-5 * time.Minute)
	job := func(state ratchet.JobState, change func(*ratchet.Job)) *ratchet.Job {
		j := &ratchet.Job{
			ID: ratchet.NewID[ratchet.Job](), Task: "addition", State: state, RunAt: now.Add(-time.Minute),
			StartedAt: now.Add(-30 * time.Second), FinishedAt: now, Attempts: 1, Retry: ratchet.Retry{MaxAttempts: 3},
		}
		change(j)
		return j
	}
	as := func(*ratchet.Job) {}
	task := &ratchet.Task{Name: "addition"}
	gate := &ratchet.Concurrency{Key: "customer-7", Max: 1}
	thrown := func(data string) *ratchet.Error {
		return &ratchet.Error{Reason: ratchet.ReasonExecutionFailed, Message: "no such customer", Data: json.RawMessage(data)}
	}
	holder := ratchet.Job{ID: ratchet.NewID[ratchet.Job](), Task: "other", StartedAt: now.Add(-time.Hour)}
	running := ratchet.Execution{ID: ratchet.NewID[ratchet.Execution](), Attempt: 1, State: ratchet.ExecutionRunning, Node: node.ID, Worker: "w-3", Progress: ratchet.Progress{Value: 0.4, Message: "half of it"}}
	for _, c := range []struct {
		name  string
		facts service.Facts
		want  []string // parts of what is said, in this order
	}{
		{"scheduled", service.Facts{Job: job(ratchet.JobScheduled, func(j *ratchet.Job) { j.RunAt = now.Add(90 * time.Minute) }), Nodes: []ratchet.Node{idle}}, []string{"2030-01-02T04:34:05Z", "in 1h30m.", "retry"}},
		{"the next", service.Facts{Job: job(ratchet.JobQueued, as), Nodes: []ratchet.Node{idle}}, []string{"about to start", "No due job goes before it"}},
		{"no free place", service.Facts{Job: job(ratchet.JobQueued, as), Nodes: []ratchet.Node{node}}, []string{"next to start once one of the 4 places", "All 4 places"}},
		{"behind others", service.Facts{Job: job(ratchet.JobQueued, as), Ahead: 7, Nodes: []ratchet.Node{node}}, []string{"queued behind others, for 1m.", "7 due jobs go first", "normal", "higher priority"}},
		{"behind very many", service.Facts{Job: job(ratchet.JobQueued, as), Ahead: 1000, Nodes: []ratchet.Node{node}}, []string{"1000 or more due jobs"}},
		{"no node", service.Facts{Job: job(ratchet.JobQueued, as), Nodes: []ratchet.Node{dead}}, []string{"no server runs jobs", "No node is alive", "ratchet serve"}},
		{"queued and paused", service.Facts{Job: job(ratchet.JobQueued, as), Stats: &ratchet.Stats{Paused: true}, Nodes: []ratchet.Node{idle}}, []string{"everything is paused", "resume"}},
		{"queued and its task paused", service.Facts{Job: job(ratchet.JobQueued, as), Task: &ratchet.Task{Name: "addition", Paused: true}, Nodes: []ratchet.Node{idle}}, []string{"its task \"addition\" is paused", "ratchet task resume addition"}},
		{"rate", service.Facts{Job: job(ratchet.JobQueued, as), Rate: &ratchet.Rate{Max: 5, Per: ratchet.Duration(time.Minute)}, Nodes: []ratchet.Node{idle}}, []string{"when the rate limit of its task allows", "at most 5 times in 1m."}},
		{"lost", service.Facts{Job: job(ratchet.JobQueued, func(j *ratchet.Job) { j.Losses = 2 }), Nodes: []ratchet.Node{idle}}, []string{"about to start", "2 runs were lost"}},
		{"completed after a loss", service.Facts{Job: job(ratchet.JobCompleted, func(j *ratchet.Job) { j.Losses = 1 })}, []string{"in attempt 1", "1 run was lost", "keeps its number"}},
		{"cancelled after a loss", service.Facts{Job: job(ratchet.JobCancelled, func(j *ratchet.Job) { j.Losses, j.Attempts = 1, 0 })}, []string{"before its attempt was made again", "1 run was lost"}},
		{"parked by a pause", service.Facts{Job: job(ratchet.JobParked, func(j *ratchet.Job) { j.Parked = "paused: task" }), Task: task}, []string{"its task \"addition\" is paused", "ratchet task resume addition"}},
		{"parked by every pause", service.Facts{Job: job(ratchet.JobParked, func(j *ratchet.Job) { j.Parked = "paused: all" })}, []string{"everything is paused", "resume"}},
		{"parked by a gate", service.Facts{Job: job(ratchet.JobParked, func(j *ratchet.Job) { j.Parked, j.Concurrency = "concurrency: customer-7", gate }), Holders: []ratchet.Job{holder}}, []string{"the one place of the concurrency key \"customer-7\" is taken", holder.ID.String(), "\"other\"", "ratchet job cancel " + holder.ID.String()}},
		{"running", service.Facts{Job: job(ratchet.JobRunning, as), Executions: []ratchet.Execution{running}, Nodes: []ratchet.Node{node}}, []string{"runs since 2030-01-02T03:03:35Z on node alpha", "worker w-3", "attempt 1 of 3", "40 % is done: half of it", "cancel"}},
		{"being stopped", service.Facts{Job: job(ratchet.JobRunning, func(j *ratchet.Job) { j.CancelRequested = true }), Executions: []ratchet.Execution{running}}, []string{"runs since", "being stopped"}},
		{"retrying", service.Facts{Job: job(ratchet.JobRetrying, func(j *ratchet.Job) { j.RunAt, j.Error = now.Add(4*time.Second), thrown("{}") }), Nodes: []ratchet.Node{idle}}, []string{"Attempt 1 of 3 failed", "in 4s.", "EXECUTION_FAILED: no such customer", "starts the next attempt now"}},
		{"its time has come", service.Facts{Job: job(ratchet.JobScheduled, as), Nodes: []ratchet.Node{idle}}, []string{"about to start"}},
		{"the time of its next attempt has come", service.Facts{Job: job(ratchet.JobRetrying, func(j *ratchet.Job) { j.Error = thrown("{}") }), Ahead: 1, Nodes: []ratchet.Node{idle}}, []string{"queued behind others", "1 due job goes first", "Attempt 1 of 3 failed", "no such customer"}},
		{"completed", service.Facts{Job: job(ratchet.JobCompleted, as)}, []string{"completed at 2030-01-02T03:04:05Z, in attempt 1"}},
		{"failed for good", service.Facts{Job: job(ratchet.JobFailed, func(j *ratchet.Job) { j.Attempts, j.Error = 3, thrown("{}") })}, []string{"all its 3 attempts failed", "no such customer", "retry"}},
		{"failed at once", service.Facts{Job: job(ratchet.JobFailed, func(j *ratchet.Job) { j.Error = thrown(`{"retryable":false}`) })}, []string{"attempt 1 of 3", "retryable: false", "no such customer"}},
		{"failed for a reason that stays", service.Facts{Job: job(ratchet.JobFailed, func(j *ratchet.Job) {
			j.Error = ratchet.Errorf(ratchet.ReasonMemoryLimit, "128MB were not enough")
		})}, []string{"MEMORY_LIMIT is not attempted again", "128MB were not enough", "raise"}},
		{"failed with its servers", service.Facts{Job: job(ratchet.JobFailed, func(j *ratchet.Job) { j.Losses = ratchet.MaxLosses })}, []string{"lost 20 times"}},
		{"cancelled before it began", service.Facts{Job: job(ratchet.JobCancelled, func(j *ratchet.Job) { j.StartedAt = time.Time{} })}, []string{"before it began", "retry"}},
		{"cancelled", service.Facts{Job: job(ratchet.JobCancelled, as)}, []string{"cancelled at", "in attempt 1"}},
	} {
		c.facts.Now = now
		e := service.Explain(c.facts)
		said := e.Summary + "\n" + strings.Join(e.Reasons, "\n") + "\n" + e.Remedy
		rest := said
		for _, part := range c.want {
			_, after, found := strings.Cut(rest, part)
			if !found {
				t.Errorf("%s: %q is not said (any more) in:\n%s", c.name, part, said)
				break
			}
			rest = after
		}
		if e.Status != c.facts.Job.State.Status() || e.Reasons == nil || !strings.HasSuffix(e.Summary, ".") {
			t.Errorf("%s: got %+v", c.name, e)
		}
		if len(c.facts.Executions) != len(e.Executions) || len(c.facts.Holders) != len(e.Holders) {
			t.Errorf("%s: got executions %v, holders %v", c.name, e.Executions, e.Holders)
		}
	}
}
