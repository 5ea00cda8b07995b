package schema

import (
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// A PageMeta says which part of a list it is.
type PageMeta struct {
	Total, Offset, Page, TotalPages *int
	Limit                           int
	HasNext, HasPrevious            bool
	NextCursor                      string
}

// A List is a part of a list.
type List[T any] struct {
	Items []T
	Meta  PageMeta
}

// The lists.
type (
	TaskList      struct{ List[Task] }
	JobList       struct{ List[Job] }
	ExecutionList struct{ List[Execution] }
	ScheduleList  struct{ List[Schedule] }
	KeyList       struct{ List[Key] }
	DeliveryList  struct{ List[Delivery] }
)

// MetaOf is what there is to say of a page that was asked for by q.
func MetaOf[T any](q ratchet.Query, p ratchet.Page[T]) PageMeta {
	m := PageMeta{Limit: q.Limit, NextCursor: p.Next, HasNext: p.Next != "", HasPrevious: q.After != "" || p.Offset > 0}
	if m.Limit == 0 {
		m.Limit = ratchet.DefaultLimit
	}
	if p.Total >= 0 {
		pages := (p.Total + m.Limit - 1) / m.Limit
		m.Total, m.TotalPages = &p.Total, &pages
	}
	if q.After == "" {
		m.Offset = &p.Offset
		if p.Offset%m.Limit == 0 {
			page := p.Offset/m.Limit + 1
			m.Page = &page
		}
	}
	return m
}

// A RegisteredTask says what became of a registerTask.
type RegisteredTask struct {
	Task     Task
	Created  bool
	Warnings []ratchet.Detail
}

// A CreatedKey is a key with its text.
type CreatedKey struct {
	APIKey Key
	Key    string
}

// A TaskExecutionResult is how a run ended.
type TaskExecutionResult struct{ *service.Result }

// Success reports whether there is an output.
func (r TaskExecutionResult) Success() bool { return r.Result.Job.State == ratchet.JobCompleted }

// Job is the job that ran.
func (r TaskExecutionResult) Job() Job { return Job{&r.Result.Job} }

// Output is the result.
func (r TaskExecutionResult) Output() Raw { return r.Result.Job.Output }

// Error is why there is none.
func (r TaskExecutionResult) Error() *ratchet.Error { return r.Result.Job.Error }

// DurationMs is the time from the first start to the end; nil unless both are known.
func (r TaskExecutionResult) DurationMs() *float64 {
	j := r.Result.Job
	if j.StartedAt.IsZero() || j.FinishedAt.IsZero() {
		return nil
	}
	ms := float64(j.FinishedAt.Sub(j.StartedAt).Microseconds()) / 1000
	return &ms
}

// Stats are the numbers of a Ratchet.
type Stats struct{ *ratchet.Stats }

// StaleWrites are writes that were refused.
func (s Stats) StaleWrites() int { return int(s.Stale) }

// OldestDueAt is since when the oldest due job waits.
func (s Stats) OldestDueAt() time.Time { return s.OldestDue }

// Jobs are the numbers of jobs.
func (s Stats) Jobs() JobStats { return JobStats(s) }

// JobStats are the numbers of jobs.
type JobStats struct{ *ratchet.Stats }

// TotalJobs is how many there are.
func (s JobStats) TotalJobs() (n int) {
	for _, of := range s.Jobs {
		n += of
	}
	return n
}

// Queued counts jobs of this status, as do the others.
func (s JobStats) Queued() int { return s.Jobs[ratchet.StatusQueued] }

// Running counts jobs that run.
func (s JobStats) Running() int { return s.Jobs[ratchet.StatusRunning] }

// Retrying counts jobs that are tried again.
func (s JobStats) Retrying() int { return s.Jobs[ratchet.StatusRetrying] }

// Completed counts jobs with a result.
func (s JobStats) Completed() int { return s.Jobs[ratchet.StatusCompleted] }

// Failed counts dead letters.
func (s JobStats) Failed() int { return s.Jobs[ratchet.StatusFailed] }

// Cancelled counts jobs that were stopped.
func (s JobStats) Cancelled() int { return s.Jobs[ratchet.StatusCancelled] }

// States counts jobs by their precise states.
func (s JobStats) States() (all []JobStateCount) {
	for _, state := range ratchet.JobStates() {
		all = append(all, JobStateCount{state, s.Stats.States[state]})
	}
	return all
}

// A JobStateCount is how many jobs are in a state.
type JobStateCount struct {
	State ratchet.JobState
	Count int
}

// TaskStats are the numbers of tasks.
type TaskStats struct {
	TotalTasks                  int
	EnabledTasks, DisabledTasks *int
}

// A HealthStatus says how the server is.
type HealthStatus struct {
	Status  string // "healthy", "degraded" or "unhealthy"
	Version string
	Checks  []HealthCheck
}

// A HealthCheck says how one part is.
type HealthCheck struct{ Name, Status, Message string }

// Database reports whether the database answers.
func (h HealthStatus) Database() bool {
	for _, c := range h.Checks {
		if c.Name == "database" {
			return c.Status == "healthy"
		}
	}
	return false
}

// Message sums up what is wrong.
func (h HealthStatus) Message() string {
	message := ""
	for _, c := range h.Checks {
		if c.Status != "healthy" {
			message += c.Name + ": " + c.Message + "; "
		}
	}
	return message + "the server is " + h.Status
}
