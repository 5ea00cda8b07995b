package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ratchet-runner/ratchet-go"
)

// jobColumns are what a ratchet.Job is read from, in the order of jobDest.
func jobColumns() []string {
	return []string{
		"id", "task_id", "task", "version_digest", "latest", "priority", "state", "parked",
		"input", "output", "error", "attempts", "losses", "retry", "limits", "tags",
		"concurrency_key", "concurrency_max", "idempotency_key", "schedule_id", "retry_of", "cancel_requested",
		"created_at", "run_at", "started_at", "finished_at", "cache", "destinations",
	}
}

func jobDest(j *ratchet.Job) []any {
	gate := &scanGate{job: j}
	return []any{
		&j.ID, &j.TaskID, &j.Task, &j.VersionDigest, &j.Latest,
		scanInt[ratchet.Priority]{&j.Priority},
		scanState{j},
		&j.Parked,
		scanRaw{&j.Input},
		scanRaw{&j.Output},
		scanJSON{&j.Error},
		&j.Attempts, &j.Losses,
		scanJSON{&j.Retry},
		scanJSON{&j.Limits},
		scanWords{&j.Tags},
		scanText[string]{&gate.key},
		gate, &j.IdempotencyKey, &j.Schedule, &j.RetryOf, &j.CancelRequested,
		scanTime{&j.CreatedAt},
		scanTime{&j.RunAt},
		scanTime{&j.StartedAt},
		scanTime{&j.FinishedAt},
		scanText[ratchet.CacheUse]{&j.Cache},
		scanJSON{&j.Destinations},
	}
}

// jobs is the list of jobs; their states are changed by transactions with names.
func jobs() table[ratchet.Job] {
	return table[ratchet.Job]{
		name: "jobs", noun: "job", missing: ratchet.ReasonEntityNotFound,
		fields:  ratchet.JobFields,
		columns: jobColumns(),
		dest:    jobDest,
		indexed: []string{"state", "task"},
		special: map[string]column{
			"id":         {parse: idsOf(ratchet.ParseID[ratchet.Job])},
			"taskId":     {parse: idsOf(ratchet.ParseID[ratchet.Task])},
			"scheduleId": {parse: idsOf(ratchet.ParseID[ratchet.Schedule]), null: true},
			"retryOf":    {parse: idsOf(ratchet.ParseID[ratchet.Job]), null: true},
			"status":     {expr: "state", parse: statesOfStatus},
			"priority":   {stored: storedInt, parse: priorityValue},
			"runAt":      {null: true},
			"startedAt":  {null: true},
			"finishedAt": {null: true},
		},
	}
}

// statesOfStatus are the states that clients know as one status.
func statesOfStatus(word string) (states []any, err error) {
	for _, state := range ratchet.JobStates() {
		if strings.EqualFold(string(state.Status()), word) {
			states = append(states, string(state))
		}
	}
	if states == nil {
		return nil, errors.New("one of queued, running, retrying, completed, failed, cancelled")
	}
	return states, nil
}

func priorityValue(word string) ([]any, error) {
	p, err := ratchet.ParsePriority(word)
	if err != nil {
		return nil, errors.New("one of low, normal, high, urgent")
	}
	return []any{int64(p)}, nil
}

// scanState reads a job's state, and with it the status.
type scanState struct{ job *ratchet.Job }

// Scan implements sql.Scanner.
func (s scanState) Scan(src any) error {
	b, err := textOf(src)
	s.job.State = ratchet.JobState(b)
	s.job.Status = s.job.State.Status()
	return err
}

// scanGate reads the places of a gate, whose key has been read before.
type scanGate struct {
	job *ratchet.Job
	key string
}

// Scan implements sql.Scanner.
func (s *scanGate) Scan(src any) error {
	var places int
	err := scanInt[int]{&places}.Scan(src)
	if s.key != "" {
		s.job.Concurrency = &ratchet.Concurrency{Key: s.key, Max: places}
	}
	return err
}

// submitted are the values of a job that is accepted; the columns are in the
// same order.
func submitted(j *ratchet.Job) (values, error) {
	row := values{
		{"id", j.ID},
		{"task_id", j.TaskID},
		{"task", j.Task},
		{"version_digest", j.VersionDigest},
		{"latest", j.Latest},
		{"priority", int64(j.Priority)},
		{"state", string(j.State)},
		{"input", string(j.Input)},
		{"retry", jsonUnlessZero(j.Retry)},
		{"limits", jsonUnlessZero(j.Limits)},
		{"tags", wordsValue(j.Tags)},
		{"concurrency_key", ""},
		{"concurrency_max", int64(0)},
		{"idempotency_key", j.IdempotencyKey},
		{"schedule_id", j.Schedule},
		{"retry_of", j.RetryOf},
		{"created_at", stamp(j.CreatedAt)},
		{"run_at", stamp(j.RunAt)},
		{"output", storable(j.Output)},
		{"finished_at", stamp(j.FinishedAt)},
		{"cache", string(j.Cache)},
		{"destinations", destinationsValue(j.Destinations)},
	}
	if j.Concurrency != nil {
		row[11].is, row[12].is = j.Concurrency.Key, int64(j.Concurrency.Max)
	}
	for _, tag := range j.Tags {
		if expected := notStorable(tag); expected != "" {
			return nil, ratchet.Errorf(ratchet.ReasonValidation, "a tag cannot be kept: want %s", expected)
		}
	}
	return row, row.check()
}

// jsonUnlessZero is how a structure is kept that most jobs leave empty.
func jsonUnlessZero[T comparable](v T) any {
	var zero T
	if v == zero {
		return ""
	}
	return jsonValue{v}
}

// Job returns a job.
func (s *Store) Job(ctx context.Context, id ratchet.JobID) (*ratchet.Job, error) {
	return jobs().get(ctx, s.reader(), id.String(), "id = ?", id)
}

// Jobs returns a part of the list of jobs.
func (s *Store) Jobs(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Job], error) {
	return jobs().list(ctx, s.reader(), q)
}

// Holders returns the running jobs that hold places of the gate with the key.
func (s *Store) Holders(ctx context.Context, key string) ([]ratchet.Job, error) {
	held, err := jobs().all(ctx, s.reader(), "WHERE concurrency_key = ? AND state = 'running' AND concurrency_key <> '' ORDER BY id", key)
	return held, wrap("list the holders of a gate", err)
}

// jobEvent says that a job has a new state.
func jobEvent(j *ratchet.Job, execution ratchet.ExecutionID, err *ratchet.Error) ratchet.Event {
	e := ratchet.Event{Type: ratchet.EventJob, Time: now(), Job: j.ID, Task: j.Task, Execution: execution, State: j.State, Status: j.State.Status(), Error: err}
	if !execution.IsZero() {
		e.Attempt = j.Attempts
	}
	return e
}

// errorColumns are the values of error, error_reason and error_message.
func errorColumns(err *ratchet.Error) ([]any, error) {
	if err == nil {
		return []any{nil, "", ""}, nil
	}
	full, failed := asJSON(err)
	return []any{full, string(err.Reason), plainText(err.Message)}, failed
}

// plainText is s without what PostgreSQL does not take.
func plainText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// storable is the JSON text as a database takes it; nil for none.
func storable(raw json.RawMessage) any {
	switch {
	case raw == nil:
		return nil
	case utf8.Valid(raw):
		return string(raw)
	default:
		return strings.ToValidUTF8(string(raw), "\uFFFD")
	}
}

// waitingStates are those of jobs that have a ticket, in SQL.
const waitingStates = "('queued', 'scheduled', 'retrying')"

// nowStamp is the time as it is kept.
func nowStamp() int64 { return time.Now().UnixMicro() }
