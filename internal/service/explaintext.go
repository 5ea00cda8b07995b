package service

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// explain says what the facts mean: a sentence, the reasons in the order of their
// weight, and what to do.
func (f *facts) explain() *ratchet.Explanation {
	j := f.job
	e := &ratchet.Explanation{Job: j.ID, Status: j.State.Status(), State: j.State, Reasons: []string{}}
	for i := range f.executions {
		e.Executions = append(e.Executions, summary(&f.executions[i]))
	}
	switch j.State {
	case ratchet.JobScheduled, ratchet.JobQueued, ratchet.JobRetrying:
		f.waiting(e)
	case ratchet.JobParked:
		f.parked(e)
	case ratchet.JobRunning:
		f.running(e)
	case ratchet.JobCompleted:
		if j.Cache == ratchet.CacheHit {
			e.Summary = fmt.Sprintf("The job completed when it was submitted, at %s: a result for the same version and input was kept, and nothing was run.", at(j.FinishedAt))
			break
		}
		e.Summary = fmt.Sprintf("The job completed at %s, in attempt %d.", at(j.FinishedAt), j.Attempts)
	case ratchet.JobFailed:
		f.failed(e)
	case ratchet.JobCancelled:
		f.cancelled(e)
	}
	if j.Losses > 0 {
		e.Reasons = append(e.Reasons, fmt.Sprintf("%s lost because a server died or stopped; that does not count as an attempt, up to %d times, and the attempt keeps its number when it is made again.", have(j.Losses, "run was", "runs were"), ratchet.MaxLosses))
	}
	f.delivered(e)
	return e
}

func summary(x *ratchet.Execution) ratchet.ExecutionSummary {
	s := ratchet.ExecutionSummary{ID: x.ID, Attempt: x.Attempt, State: x.State, At: x.FinishedAt}
	if x.Error != nil {
		s.Reason, s.Message = x.Error.Reason, x.Error.Message
	} else if x.State == ratchet.ExecutionLost {
		s.Message = "with its server, or handed back by it; it does not count"
	}
	return s
}

func at(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// span shows a time to wait, no finer than anybody needs it.
func span(d time.Duration) string {
	if d < time.Second {
		return "less than a second"
	}
	return ratchet.Duration(d.Round(time.Second)).String()
}

func have(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// waiting tells a job that waits for its time from one that waits for its turn.
func (f *facts) waiting(e *ratchet.Explanation) {
	j := f.job
	switch wait := j.RunAt.Sub(f.now); {
	case f.due():
		f.queued(e)
	case j.State == ratchet.JobRetrying:
		e.NextAttempt = j.RunAt
		e.Summary = fmt.Sprintf("Attempt %d of %d failed; the next one starts at %s, which is in %s.", j.Attempts, f.attempts(), at(j.RunAt), span(wait))
		e.Remedy = fmt.Sprintf("ratchet job retry %s starts the next attempt now", j.ID)
		f.fault(e)
		f.hindrances(e)
	default:
		e.NextAttempt = j.RunAt
		e.Summary = fmt.Sprintf("The job waits for its time to run, %s, which is in %s.", at(j.RunAt), span(wait))
		e.Remedy = fmt.Sprintf("ratchet job retry %s lets it start now", j.ID)
		f.hindrances(e)
	}
}

// queued weighs what may keep a job in the queue, the surest first.
func (f *facts) queued(e *ratchet.Explanation) {
	j := f.job
	e.Ahead = f.ahead
	f.hindrances(e)
	switch {
	case f.ahead > 0:
		first := have(f.ahead, "due job goes", "due jobs go")
		if f.ahead >= maxAhead {
			first = fmt.Sprintf("%d or more due jobs go", maxAhead)
		}
		e.Reasons = append(e.Reasons, fmt.Sprintf("%s first, of a greater priority than %s, or of the same and waiting for longer.", first, j.Priority))
	case len(e.Reasons) == 0:
		e.Reasons = append(e.Reasons, "No due job goes before it.")
	}
	if f.rate != nil {
		e.Reasons = append(e.Reasons, fmt.Sprintf("The task starts at most %d times in %s.", f.rate.Max, f.rate.Per))
	}
	if j.State == ratchet.JobRetrying {
		e.Reasons = append(e.Reasons, fmt.Sprintf("Attempt %d of %d failed.", j.Attempts, f.attempts()))
		f.fault(e)
	}
	switch running, slots := f.slots(); {
	case e.Summary != "": // a hindrance that is reason enough
	case f.ahead > 0:
		e.Summary = fmt.Sprintf("The job is queued behind others, for %s.", span(f.now.Sub(j.RunAt)))
	case f.rate != nil:
		e.Summary = "The job is queued, and starts when the rate limit of its task allows."
	case running >= slots:
		e.Summary = fmt.Sprintf("The job is the next to start once one of the %d places for executions is free.", slots)
	default:
		e.Summary = "The job is about to start."
	}
	if e.Remedy == "" && f.ahead > 0 {
		e.Remedy = "submit with a higher priority, or add a node or places for executions"
	}
}

func (f *facts) slots() (running, slots int) {
	for _, n := range f.live() {
		running += n.Running
		slots += n.Slots
	}
	return running, slots
}

// hindrances adds what keeps every job, or every job of the task, from starting.
// The first one is the summary of a queued job.
func (f *facts) hindrances(e *ratchet.Explanation) {
	add := func(summary, reason, remedy string) {
		e.Reasons = append(e.Reasons, reason)
		if e.Summary == "" {
			e.Summary, e.Remedy = summary, remedy
		}
	}
	if f.stats != nil && f.stats.Paused {
		add("The job is queued, and everything is paused.", "Everything is paused: no job starts.", "ratchet server resume lets jobs start again")
	}
	if f.task != nil && f.task.Paused {
		add(fmt.Sprintf("The job is queued, and its task %q is paused.", f.task.Name), fmt.Sprintf("The task %q is paused: none of its jobs starts.", f.task.Name), "ratchet task resume "+f.task.Name)
	}
	running, slots := f.slots()
	if slots == 0 {
		add("The job is queued, and no server runs jobs.", "No node is alive and takes work.", "start a server: ratchet serve")
	} else if running >= slots {
		e.Reasons = append(e.Reasons, fmt.Sprintf("All %d places for executions are taken.", slots))
	}
}

func (f *facts) parked(e *ratchet.Explanation) {
	j := f.job
	kind, what, _ := strings.Cut(j.Parked, ": ")
	switch {
	case kind == "paused" && what == "task":
		e.Summary = fmt.Sprintf("The job is parked because its task %q is paused.", j.Task)
		e.Remedy = "ratchet task resume " + j.Task
	case kind == "paused":
		e.Summary = "The job is parked because everything is paused."
		e.Remedy = "ratchet server resume lets jobs start again"
	case j.Concurrency != nil:
		f.gated(e)
	default:
		e.Summary = fmt.Sprintf("The job is parked: %s.", j.Parked)
	}
}

func (f *facts) gated(e *ratchet.Explanation) {
	gate := f.job.Concurrency
	e.Gate = gate
	places := fmt.Sprintf("All %d places of the concurrency key %q are", gate.Max, gate.Key)
	if gate.Max == 1 {
		places = fmt.Sprintf("The one place of the concurrency key %q is", gate.Key)
	}
	e.Summary = "The job is parked: " + lowerFirst(places) + " taken."
	for i := range f.holders {
		h := &f.holders[i]
		e.Holders = append(e.Holders, h.ID)
		e.Reasons = append(e.Reasons, fmt.Sprintf("Job %s of task %q holds a place, since %s.", h.ID, h.Task, at(h.StartedAt)))
	}
	if len(f.holders) == 0 {
		e.Reasons = append(e.Reasons, "No running job holds a place just now: one has ended and is handing it on.")
		return
	}
	e.Remedy = fmt.Sprintf("wait for one of the jobs that hold it, or cancel one: ratchet job cancel %s", f.holders[0].ID)
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

func (f *facts) running(e *ratchet.Explanation) {
	j, where := f.job, ""
	if x := f.last(); x != nil && !x.State.Terminal() {
		if !x.Node.IsZero() {
			where = " on " + f.host(x.Node)
		}
		if x.Worker != "" {
			where += ", worker " + x.Worker
		}
		if x.Progress.Value > 0 || x.Progress.Message != "" {
			e.Reasons = append(e.Reasons, strings.TrimSuffix(fmt.Sprintf("It says that %.0f %% is done: %s", 100*x.Progress.Value, x.Progress.Message), ": "))
		}
	}
	e.Summary = fmt.Sprintf("The job runs since %s%s: attempt %d of %d.", at(j.StartedAt), where, j.Attempts, f.attempts())
	e.Remedy = fmt.Sprintf("ratchet job cancel %s stops it", j.ID)
	if j.CancelRequested {
		e.Reasons = append(e.Reasons, "Somebody asked to cancel it: it is being stopped.")
		e.Remedy = ""
	}
}

// fault adds what went wrong in the last attempt.
func (f *facts) fault(e *ratchet.Explanation) {
	if err := f.job.Error; err != nil {
		e.Reasons = append(e.Reasons, fmt.Sprintf("%s: %s", err.Reason, err.Message))
		if circuitOpen(err) {
			e.Reasons = append(e.Reasons, "A host that the task asks failed so often that nothing is asked of it for a while, by any task; GET /api/v1/breakers shows the hosts of a node.")
		}
	}
}

// circuitOpen reports whether the task failed because the breaker of a host was
// open.
func circuitOpen(err *ratchet.Error) bool {
	var data struct{ Code ratchet.Reason }
	return json.Unmarshal(err.Data, &data) == nil && data.Code == ratchet.ReasonCircuitOpen
}

func (f *facts) failed(e *ratchet.Explanation) {
	j := f.job
	e.Summary = fmt.Sprintf("The job failed at %s: %s", at(j.FinishedAt), f.whyNoMore())
	f.fault(e)
	e.Remedy = fmt.Sprintf("%s; ratchet job retry %s then repeats it", f.cure(), j.ID)
}

// whyNoMore says why there is no further attempt.
func (f *facts) whyNoMore() string {
	j := f.job
	switch most := f.attempts(); {
	case j.Losses >= ratchet.MaxLosses:
		return fmt.Sprintf("it was lost %d times because a server died, and may be what kills them.", j.Losses)
	case j.Attempts >= most:
		return fmt.Sprintf("%s.", used(most))
	case j.Error != nil && neverAgain(j.Error):
		return fmt.Sprintf("the task said in attempt %d of %d that another one would not help (retryable: false).", j.Attempts, most)
	case j.Error != nil:
		return fmt.Sprintf("%s is not attempted again, because it would end the same way (attempt %d of %d).", j.Error.Reason, j.Attempts, most)
	default:
		return fmt.Sprintf("no attempt is left after %d of %d.", j.Attempts, most)
	}
}

func used(most int) string {
	if most == 1 {
		return "its only attempt failed"
	}
	return fmt.Sprintf("all its %d attempts failed", most)
}

// neverAgain reports whether the task threw an error with retryable: false.
func neverAgain(err *ratchet.Error) bool {
	var data struct{ Retryable *bool }
	return json.Unmarshal(err.Data, &data) == nil && data.Retryable != nil && !*data.Retryable
}

// cure says what may keep the task from failing so again.
func (f *facts) cure() string {
	if f.job.Error == nil {
		return "look at its executions"
	}
	if circuitOpen(f.job.Error) {
		return "look at why the host fails"
	}
	switch f.job.Error.Reason {
	case ratchet.ReasonExecutionTimeout, ratchet.ReasonCPULimit:
		return "give it more time (\"timeout\"), or make the task faster"
	case ratchet.ReasonMemoryLimit:
		return "raise \"limits\": {\"memory\"} in the task's metadata.json, or let it hold less at once"
	case ratchet.ReasonOutputTooLarge, ratchet.ReasonLogLimit, ratchet.ReasonFetchLimit, ratchet.ReasonFetchBytesLimit, ratchet.ReasonRecursionLimit:
		return "raise that limit in the task's metadata.json, or let the task need less"
	case ratchet.ReasonOutputInvalid, ratchet.ReasonOutputNotJSON:
		return "correct what the task returns, or its output schema"
	case ratchet.ReasonEgressRefused:
		return "allow the host in \"permissions\": {\"net\"} of the task's metadata.json"
	case ratchet.ReasonPluginRejected:
		return "ask who runs the server why the plugin refuses it; \"ratchet plugin list\" shows the plugins"
	case ratchet.ReasonPluginFailed, ratchet.ReasonPluginTimeout, ratchet.ReasonPluginUnavailable:
		return "look at what ails the plugin with \"ratchet plugin inspect\", or enable it with --on-error ignore"
	case ratchet.ReasonWorker:
		return "look at the server's log for what happened to its worker"
	default:
		return "correct the task or what it depends on"
	}
}

func (f *facts) cancelled(e *ratchet.Explanation) {
	j := f.job
	e.Summary = fmt.Sprintf("The job was cancelled at %s, before it began.", at(j.FinishedAt))
	switch {
	case j.Attempts > 0 && !j.StartedAt.IsZero():
		e.Summary = fmt.Sprintf("The job was cancelled at %s, in attempt %d.", at(j.FinishedAt), j.Attempts)
	case j.Losses > 0: // and not attempted again
		e.Summary = fmt.Sprintf("The job was cancelled at %s, before its attempt was made again.", at(j.FinishedAt))
	}
	f.fault(e)
	e.Remedy = fmt.Sprintf("ratchet job retry %s submits it again", j.ID)
}
