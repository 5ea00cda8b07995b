package destination

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A Site is what templates and envelopes say of this installation.
type Site struct {
	Environment string            // such as "production"
	Hostname    string            // of the server that delivers
	Variables   map[string]string // the operator's own, by their names: "env_region"
}

// An Event is the end of a job on its way to one destination: what bodies and
// templates are made of. All of it is fixed when the job ends, so that an attempt
// that is repeated delivers the same.
type Event struct {
	due      *ratchet.DueDelivery
	site     Site
	at       time.Time
	selected json.RawMessage // what Select made of the envelope, for templates; without one, the output
}

// NewEvent returns the event of a delivery.
func NewEvent(d *ratchet.DueDelivery, site Site) *Event {
	at := d.CreatedAt
	if at.IsZero() {
		at = d.Job.FinishedAt
	}
	return &Event{due: d, site: site, at: at.UTC()}
}

// envelope is the body before Select, Template and Format: that of the earlier
// Ratchet, and type, status, error, delivery_id, attempts and tags beside it.
type envelope struct {
	Type       string            `json:"type"` // "job.completed", "job.failed", "job.cancelled"
	JobID      string            `json:"job_id"`
	TaskID     string            `json:"task_id"`
	Execution  *string           `json:"execution_id"`
	TaskName   string            `json:"task_name"`
	Version    *string           `json:"task_version"`
	Status     string            `json:"status"`
	Completed  string            `json:"completed_at"`
	Duration   int64             `json:"execution_duration_ms"`
	TraceID    string            `json:"trace_id"`
	Output     json.RawMessage   `json:"output"`
	Error      *ratchet.Error    `json:"error"`
	Metadata   map[string]string `json:"metadata"`
	Site       string            `json:"environment"`
	Timestamp  string            `json:"timestamp"`
	DeliveryID string            `json:"delivery_id"`
	Attempts   int               `json:"attempts"`
	Tags       []string          `json:"tags"`
}

// Envelope is the whole body as compact JSON.
func (e *Event) Envelope() ([]byte, error) {
	j := &e.due.Job
	env := envelope{
		Type: "job." + string(j.State), JobID: j.ID.String(), TaskID: j.TaskID.String(), TaskName: j.Task, Status: string(j.State.Status()),
		Completed: stamp(j.FinishedAt), Duration: e.duration().Milliseconds(), TraceID: e.traceID(), Output: e.output(), Error: j.Error,
		Metadata: metadata(j.Tags), Site: e.site.Environment, Timestamp: stamp(e.at), DeliveryID: e.due.ID.String(), Attempts: j.Attempts, Tags: j.Tags,
	}
	if env.Tags == nil {
		env.Tags = []string{}
	}
	if e.due.Execution != nil {
		env.Execution = new(e.due.Execution.ID.String())
	}
	if e.due.Version != "" {
		env.Version = &e.due.Version
	}
	return marshal(env)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// marshal is json.Marshal that leaves <, > and & as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func (e *Event) output() json.RawMessage {
	if len(e.due.Job.Output) == 0 {
		return json.RawMessage("null")
	}
	return e.due.Job.Output
}

func (e *Event) duration() time.Duration {
	if e.due.Execution != nil {
		return e.due.Execution.Elapsed()
	}
	if j := &e.due.Job; !j.StartedAt.IsZero() && j.FinishedAt.After(j.StartedAt) {
		return j.FinishedAt.Sub(j.StartedAt)
	}
	return 0
}

// traceID is the earlier Ratchet's: job, execution and time.
func (e *Event) traceID() string {
	execution := ""
	if e.due.Execution != nil {
		execution = bare(e.due.Execution.ID.String())
	}
	return bare(e.due.Job.ID.String()) + "-" + execution + "-" + strconv.FormatInt(e.at.Unix(), 10)
}

// bare is an ID without its prefix.
func bare(id string) string { return id[strings.LastIndexByte(id, '_')+1:] }

// metadata is what tags of the form "key=value" or "key:value" say, by the key as
// it is in the name of a variable.
func metadata(tags []string) map[string]string {
	m := map[string]string{}
	for _, tag := range tags {
		if cut := strings.IndexAny(tag, "=:"); cut > 0 {
			m[variableName(tag[:cut])] = tag[cut+1:]
		}
	}
	return m
}

// variableName is a text as it is in the name of a variable: in lower case, with
// "_" for what is no letter or digit of ASCII.
func variableName(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(text))
}

// value is a variable as JSON: numbers and what is JSON already as such, the
// others as strings.
func (e *Event) value(name string) (json.RawMessage, error) {
	if raw, found, err := e.jsonValue(name); found {
		return raw, err
	}
	text, found := e.text(name)
	if !found {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "the template's variable %q has no value for this job", name)
	}
	return marshal(text)
}

// jsonValue is a variable that is not a text.
func (e *Event) jsonValue(name string) (raw json.RawMessage, found bool, err error) {
	j := &e.due.Job
	number := func(n int64) (json.RawMessage, bool, error) { return strconv.AppendInt(nil, n, 10), true, nil }
	switch name {
	case "output", "output_data":
		return e.output(), true, nil
	case "input":
		if len(j.Input) == 0 {
			return json.RawMessage("null"), true, nil
		}
		return j.Input, true, nil
	case "error":
		raw, err = marshal(j.Error)
		return raw, true, err
	case "envelope":
		raw, err = e.Envelope()
		return raw, true, err
	case "selected":
		return e.selected, true, nil
	case "unix_timestamp":
		return number(e.at.Unix())
	case "duration_ms":
		return number(e.duration().Milliseconds())
	case "duration_secs":
		return number(int64(e.duration().Seconds()))
	case "attempts":
		return number(int64(j.Attempts))
	case "output_size":
		return number(int64(len(j.Output)))
	}
	return nil, false, nil
}

// text is a variable that is a text.
func (e *Event) text(name string) (string, bool) {
	if layout := layouts(name); layout != "" {
		return e.at.Format(layout), true
	}
	j := &e.due.Job
	switch name {
	case "job_id":
		return j.ID.String(), true
	case "job_uuid":
		return bare(j.ID.String()), true
	case "task_id":
		return j.TaskID.String(), true
	case "task_name":
		return j.Task, true
	case "task_version":
		return e.due.Version, true
	case "execution_id":
		return e.executionID(), true
	case "schedule_id":
		if j.Schedule.IsZero() {
			return "", true
		}
		return j.Schedule.String(), true
	case "delivery_id":
		return e.due.ID.String(), true
	case "destination":
		return e.due.Destination, true
	case "trace_id":
		return e.traceID(), true
	case "status":
		return string(j.State.Status()), true
	case "priority":
		return fmt.Sprint(j.Priority), true
	case "tags":
		return strings.Join(j.Tags, ","), true
	case "env", "environment":
		return e.site.Environment, true
	case "hostname":
		return e.site.Hostname, true
	case "error_reason", "error_message":
		return e.failure(name), true
	}
	if key, meta := strings.CutPrefix(name, "meta_"); meta {
		v, found := metadata(j.Tags)[key]
		return v, found
	}
	v, found := e.site.Variables[name]
	return v, found
}

func (e *Event) executionID() string {
	if e.due.Execution == nil {
		return ""
	}
	return e.due.Execution.ID.String()
}

func (e *Event) failure(name string) string {
	switch err := e.due.Job.Error; {
	case err == nil:
		return ""
	case name == "error_reason":
		return string(err.Reason)
	default:
		return err.Message
	}
}

// layouts is how a variable writes the time at which the job ended, in UTC.
func layouts(name string) string {
	switch name {
	case "timestamp":
		return "20060102_150405"
	case "iso_timestamp":
		return time.RFC3339
	case "date":
		return time.DateOnly
	case "time":
		return "15-04-05"
	case "year":
		return "2006"
	case "month":
		return "01"
	case "day":
		return "02"
	case "hour":
		return "15"
	case "minute":
		return "04"
	case "second":
		return "05"
	}
	return ""
}

// plainValue is a variable for a place that takes any text.
func (e *Event) plainValue(name string) (string, error) {
	raw, err := e.value(name)
	if err != nil {
		return "", err
	}
	return plain(raw), nil
}
