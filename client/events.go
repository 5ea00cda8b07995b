package client

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
)

// An EventFilter says which events to read. The zero EventFilter is all from now on.
type EventFilter struct {
	Job   ratchet.JobID
	Task  string
	Types []ratchet.EventType
	Level ratchet.LogLevel // of log lines, at least
	After string           // the ID of the last event seen; those since then come first
}

// Events reads the server's stream of events until ctx ends. A stream that
// breaks off, or that the server ends because it stops or because its reader was
// too slow, is taken up again after the last event; if events were lost meanwhile
// there is one of type [ratchet.EventGap] in their place. An error is the last
// there is.
func (c *Client) Events(ctx context.Context, f EventFilter) iter.Seq2[ratchet.Event, error] {
	query := url.Values{"level": {f.Level.String()}}
	if !f.Job.IsZero() {
		query.Set("job", f.Job.String())
	}
	if f.Task != "" {
		query.Set("task", f.Task)
	}
	for _, t := range f.Types {
		query.Add("type", string(t))
	}
	return c.follow(ctx, stream{path: "/events", query: query, after: f.After})
}

// beginning is before the ID of every event.
const beginning = "00000000-0000-7000-8000-000000000000"

// Follow reads the events of one job until it is finished: what is still known of
// what happened to it, then its states, log lines and progress as they come, the
// state that it ends in, and last an event of type [ratchet.EventEnd]. It is taken
// up again as by Events.
func (c *Client) Follow(ctx context.Context, id ratchet.JobID) iter.Seq2[ratchet.Event, error] {
	finished := false
	s := stream{
		path: jobPath(id) + "/events", query: url.Values{"level": {ratchet.LevelTrace.String()}},
		after: beginning,
		over: func(ctx context.Context, yield func(ratchet.Event, error) bool) (bool, error) {
			if finished {
				return true, nil
			}
			job, done, err := c.Job(ctx, id, 0)
			if err != nil || !done {
				return false, err
			}
			return true, passed(yield(ratchet.Event{
				Type: ratchet.EventJob, Time: job.FinishedAt, Job: job.ID, Task: job.Task, Attempt: job.Attempts,
				State: job.State, Status: job.Status, Error: job.Error,
			}, nil))
		},
	}
	return func(yield func(ratchet.Event, error) bool) {
		finished = false
		c.follow(ctx, s)(func(e ratchet.Event, err error) bool {
			if e.Type == ratchet.EventGap && e.ID == beginning {
				return true // it was too long ago, or never
			}
			finished = finished || e.State.Terminal()
			return yield(e, err)
		})
	}
}

// passed is errStopped unless the reader wants more.
func passed(more bool) error {
	if more {
		return nil
	}
	return errStopped
}

// FollowLogs reads the log lines of an execution, of at least the level, from the
// first until it has ended, and last an event of type [ratchet.EventEnd].
func (c *Client) FollowLogs(ctx context.Context, id ratchet.ExecutionID, level ratchet.LogLevel) iter.Seq2[ratchet.Event, error] {
	return c.follow(ctx, stream{
		path: "/executions/" + id.String() + "/logs", query: url.Values{"level": {level.String()}},
		over: func(ctx context.Context, _ func(ratchet.Event, error) bool) (bool, error) {
			e, err := c.Execution(ctx, id)
			return err == nil && e.State.Terminal(), err
		},
	})
}

// A stream is a sequence of events that may need several connections.
type stream struct {
	path  string
	query url.Values
	after string // the ID of the last event
	// over says whether what is followed has ended, once a connection has, and
	// yields what was not seen of that; nil: it never does.
	over func(ctx context.Context, yield func(ratchet.Event, error) bool) (bool, error)
}

// Why a stream ended.
var (
	errEnded   = errors.New("the server ended the stream")
	errStopped = errors.New("the reader wants no more")
)

func (c *Client) follow(ctx context.Context, s stream) iter.Seq2[ratchet.Event, error] {
	return func(yield func(ratchet.Event, error) bool) {
		var kept contact
		for {
			end, more, err := c.connection(ctx, &s, &kept, yield)
			if !more {
				return
			}
			over := false
			if end != nil && s.over != nil {
				over, err = s.over(ctx, yield)
			}
			switch {
			case errors.Is(err, errStopped):
				return
			case over:
				yield(*end, nil)
				return
			case ctx.Err() != nil:
				yield(ratchet.Event{}, context.Cause(ctx))
				return
			case end != nil && err == nil:
				err = errEnded
			}
			if c.options.Retries < 0 || !kept.again(ctx, err) {
				yield(ratchet.Event{}, fmt.Errorf("GET %s: the stream broke off: %w", api+s.path, err))
				return
			}
		}
	}
}

// connection yields the events of one connection. It returns the server's last
// event if there was one, else why the connection ended; more is false if the
// reader wants no more.
func (c *Client) connection(ctx context.Context, s *stream, kept *contact, yield func(ratchet.Event, error) bool) (end *ratchet.Event, more bool, err error) {
	r := read(s.path, s.query)
	r.header = http.Header{"Accept": {"text/event-stream"}}
	if s.after != "" {
		r.header.Set("Last-Event-ID", s.after)
	}
	resp, err := c.send(ctx, r)
	if err != nil {
		return nil, true, err
	}
	defer resp.Body.Close()
	kept.made()
	more = true
	err = readEvents(resp.Body, func(id string, e ratchet.Event) bool {
		kept.made()
		s.after = cmp.Or(id, s.after)
		if e.Type == ratchet.EventEnd {
			end = &e
			return false
		}
		more = yield(e, nil)
		return more
	})
	return end, more, err
}

// maxEvent bounds one line of a stream.
const maxEvent = 4 << 20

// readEvents calls f with each event of a text/event-stream, and the ID to come
// back with, until it returns false or the stream ends, which is an error.
func readEvents(body io.Reader, f func(id string, e ratchet.Event) bool) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 4096), maxEvent)
	var id, data string
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case name == "id":
			id = value
		case name == "data" && data != "":
			data += "\n" + value
		case name == "data":
			data = value
		case lines.Text() == "" && data != "": // the event is complete
			var e ratchet.Event
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				return fmt.Errorf("event: %w", err)
			}
			if !f(id, e) {
				return nil
			}
			id, data = "", ""
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}
