// Package invariant says what must hold of a server's jobs whatever was killed
// meanwhile. It judges what was seen from outside; killing is its callers' part.
package invariant

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A History is what was seen of a server, once nothing is left to do.
type History struct {
	// Accepted are the jobs that the server said it had.
	Accepted []ratchet.JobID
	// Jobs and Executions are all there are.
	Jobs       []ratchet.Job
	Executions []ratchet.Execution
	// Events are those of the stream, in their order, as far as they were seen: a
	// reader that was cut off by a death may lack some.
	Events []ratchet.Event
	// Retry is the policy of jobs that name none of their own.
	Retry ratchet.Retry
	// Output, if set, says what a completed job's output must be.
	Output func(ratchet.Job) []byte

	// Deliveries are all there are, with their receipts.
	Deliveries []ratchet.Delivery
	// Operator, if set, are the destinations that the operator has for a task.
	Operator func(task string) []ratchet.Destination
	// Arrivals, if not nil, are what the receivers of webhooks got, each attempt.
	Arrivals []Arrival
}

// Violations are the rules that the history breaks, each as a sentence.
func (h *History) Violations() []string {
	c := &check{history: h, executions: map[ratchet.JobID][]ratchet.Execution{}}
	for _, x := range h.Executions {
		c.executions[x.Job] = append(c.executions[x.Job], x)
	}
	c.accepted()
	c.keys()
	for i := range h.Jobs {
		c.job(&h.Jobs[i])
	}
	c.orphans()
	c.events()
	c.deliveries()
	return c.found
}

// check is one judgement.
type check struct {
	history    *History
	executions map[ratchet.JobID][]ratchet.Execution
	found      []string
}

func (c *check) violated(format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf(format, args...))
}

// accepted asks that what was accepted is there, once.
func (c *check) accepted() {
	seen := map[ratchet.JobID]int{}
	for _, j := range c.history.Jobs {
		seen[j.ID]++
	}
	for _, id := range c.history.Accepted {
		if seen[id] == 0 {
			c.violated("%s was accepted and is lost", id)
		}
	}
	for id, n := range seen {
		if n > 1 {
			c.violated("%s is there %d times", id, n)
		}
	}
}

// keys asks that no two jobs have one idempotency key.
func (c *check) keys() {
	seen := map[string]ratchet.JobID{}
	for _, j := range c.history.Jobs {
		if j.IdempotencyKey == "" {
			continue
		}
		if other, twice := seen[j.Task+"\x00"+j.IdempotencyKey]; twice {
			c.violated("%s and %s have the idempotency key %q", other, j.ID, j.IdempotencyKey)
		}
		seen[j.Task+"\x00"+j.IdempotencyKey] = j.ID
	}
}

// job asks that a job is finished, and that its executions bear it out.
func (c *check) job(j *ratchet.Job) {
	if !j.State.Terminal() {
		c.violated("%s is %s for ever", j.ID, j.State)
		return
	}
	all := slices.Clone(c.executions[j.ID])
	slices.SortFunc(all, func(a, b ratchet.Execution) int { return a.StartedAt.Compare(b.StartedAt) })
	completed, lost, counted := 0, 0, 0
	var last ratchet.Execution
	for _, x := range all {
		switch {
		case !x.State.Terminal():
			c.violated("%s of %s is %s for ever", x.ID, j.ID, x.State)
		case x.State == ratchet.ExecutionLost:
			lost++
			continue
		}
		counted++
		last = x
		if x.State == ratchet.ExecutionCompleted {
			completed++
		}
		if x.FinishedAt.Before(x.StartedAt) {
			c.violated("%s of %s ended before it began", x.ID, j.ID)
		}
		if x.StartedAt.Before(j.CreatedAt.Add(-time.Millisecond)) {
			c.violated("%s of %s began before the job was made", x.ID, j.ID)
		}
	}
	c.attempts(j, counted, lost)
	c.end(j, completed, last)
}

// attempts asks that attempts are counted rightly, and are no more than allowed.
func (c *check) attempts(j *ratchet.Job, counted, lost int) {
	if j.Attempts != counted {
		c.violated("%s says %d attempts and has %d", j.ID, j.Attempts, counted)
	}
	if j.Losses != lost {
		c.violated("%s says %d losses and has %d", j.ID, j.Losses, lost)
	}
	most := j.Retry.Or(c.history.Retry).Or(ratchet.DefaultRetry()).MaxAttempts
	if counted > most {
		c.violated("%s was attempted %d times, %d were allowed", j.ID, counted, most)
	}
	if lost > ratchet.MaxLosses {
		c.violated("%s was lost %d times, %d are allowed", j.ID, lost, ratchet.MaxLosses)
	}
}

// end asks that a job's terminal state is that of its last attempt.
func (c *check) end(j *ratchet.Job, completed int, last ratchet.Execution) {
	switch {
	case j.Cache == ratchet.CacheHit && j.State == ratchet.JobCompleted && completed == 0: // nothing was run
	case j.State == ratchet.JobCompleted && completed != 1:
		c.violated("%s is completed with %d completed executions", j.ID, completed)
	case j.State != ratchet.JobCompleted && completed > 0:
		c.violated("%s is %s with %d completed executions", j.ID, j.State, completed)
	case j.State == ratchet.JobCompleted && last.State != ratchet.ExecutionCompleted:
		c.violated("%s was attempted again after it was completed", j.ID)
	case j.State == ratchet.JobCompleted && !bytes.Equal(j.Output, last.Output):
		c.violated("%s has another output than its execution", j.ID)
	case j.State == ratchet.JobFailed && j.Error == nil:
		c.violated("%s failed without an error", j.ID)
	}
	if c.history.Output != nil && j.State == ratchet.JobCompleted {
		if want := c.history.Output(*j); !bytes.Equal(j.Output, want) {
			c.violated("%s gave %s, want %s", j.ID, j.Output, want)
		}
	}
}

// orphans asks that each execution has its job.
func (c *check) orphans() {
	for id, all := range c.executions {
		if !slices.ContainsFunc(c.history.Jobs, func(j ratchet.Job) bool { return j.ID == id }) {
			c.violated("%s belongs to %s, which is not there", all[0].ID, id)
		}
	}
}

// events asks that what the stream told of a job was legal, and is how it ended.
func (c *check) events() {
	last := map[ratchet.JobID]ratchet.JobState{}
	for _, e := range c.history.Events {
		if e.Type != ratchet.EventJob {
			continue
		}
		before, known := last[e.Job]
		last[e.Job] = e.State
		if known && before.Terminal() && before != e.State {
			c.violated("%s became %s after it was %s", e.Job, e.State, before)
		}
	}
	for _, j := range c.history.Jobs {
		if told := last[j.ID]; told.Terminal() && told != j.State {
			c.violated("%s was told to be %s and is %s", j.ID, told, j.State)
		}
	}
}
