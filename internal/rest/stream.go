package rest

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

// The rhythm of streams.
const (
	heartbeat = 15 * time.Second
	// settle is how long the end of a job that has already ended is waited for
	// among the events that a reader is caught up with.
	settle = 250 * time.Millisecond
)

// A sender writes a stream of events to one reader, as browsers read them.
type sender struct {
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController
	within  time.Duration // an event must be taken
}

// stream answers with a stream of events. What goes wrong then can only end it.
func (a *api) stream(r *request, follow func(*sender) error) {
	h := r.w.Header()
	h.Set("Content-Type", streamType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // of proxies
	to := &sender{w: r.w, r: r.Request, control: http.NewResponseController(r.w), within: a.config.ReadWithin}
	r.w.WriteHeader(http.StatusOK)
	err := to.write("retry: 2000\n\n")
	if err == nil {
		err = follow(to)
	}
	if err != nil && r.Context().Err() == nil {
		a.log.InfoContext(r.Context(), "a reader of events was dropped", "path", r.URL.Path, "error", err.Error())
	}
}

// write passes text on to the reader at once.
func (to *sender) write(text string) error {
	if err := to.control.SetWriteDeadline(time.Now().Add(to.within)); err != nil {
		return fmt.Errorf("bound the time of an event: %w", err)
	}
	if _, err := to.w.Write([]byte(text)); err != nil {
		return fmt.Errorf("send an event: %w", err)
	}
	if err := to.control.Flush(); err != nil {
		return fmt.Errorf("send an event: %w", err)
	}
	return nil
}

// event sends one event. What did not come from the stream has no ID: a reader
// that comes back asks for what came after one that did.
func (to *sender) event(e ratchet.Event) error {
	data, err := encode(e)
	if err != nil {
		return err
	}
	id := ""
	if e.ID != "" && e.Type != ratchet.EventEnd {
		id = "id: " + e.ID + "\n"
	}
	return to.write(id + "event: " + string(e.Type) + "\ndata: " + string(data) + "\n\n")
}

// end sends the last event.
func (to *sender) end(reason string) error {
	return to.event(ratchet.Event{Type: ratchet.EventEnd, Time: time.Now().UTC(), Reason: reason})
}

// all sends every event until the subscription or the request ends.
func (to *sender) all(sub *stream.Subscription) error {
	return to.until(sub, 0, func(e ratchet.Event) (bool, error) { return false, to.event(e) })
}

// until gives each event to each, until that is done, the subscription or the
// request ends, or nothing came for so long as idle, if that is not 0.
func (to *sender) until(sub *stream.Subscription, idle time.Duration, each func(ratchet.Event) (done bool, err error)) error {
	defer sub.Close()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var quiet <-chan time.Time
		if idle > 0 {
			quiet = time.After(idle)
		}
		select {
		case e, open := <-sub.Events():
			if !open {
				return nil
			}
			if done, err := each(e); done || err != nil {
				return err
			}
			if e.Type == ratchet.EventEnd {
				return nil
			}
		case <-quiet:
			return nil
		case <-beat.C:
			if err := to.write(": still here\n\n"); err != nil {
				return err
			}
		case <-to.r.Context().Done():
			return nil
		}
	}
}

// job sends a job's state, what happens to it, and its end.
func (to *sender) job(sub *stream.Subscription, job *ratchet.Job, resumed bool) error {
	var idle time.Duration
	ended := job.State.Terminal()
	if ended {
		idle = settle
	}
	if !resumed {
		now := ratchet.Event{
			Type: ratchet.EventJob, Time: time.Now().UTC(), Job: job.ID, Task: job.Task, Attempt: job.Attempts,
			State: job.State, Status: job.Status, Error: job.Error,
		}
		if err := to.event(now); err != nil || ended {
			sub.Close()
			return orEnd(to, err, job.State)
		}
	}
	stopped := false
	err := to.until(sub, idle, func(e ratchet.Event) (bool, error) {
		stopped = stopped || e.Type == ratchet.EventEnd
		err := to.event(e)
		if e.Type == ratchet.EventJob && e.State.Terminal() {
			ended, job.State = true, e.State
			return true, err
		}
		return false, err
	})
	if err != nil || stopped || !ended {
		return err
	}
	return to.end("the job is " + string(job.State))
}

func orEnd(to *sender, err error, state ratchet.JobState) error {
	if err != nil {
		return err
	}
	return to.end("the job is " + string(state))
}

// log sends the lines that an execution has logged so far, those that it logs,
// and its end. A reader that comes back has had the first.
func (to *sender) log(sub *stream.Subscription, e *ratchet.Execution, sofar *service.LogPage, resumed bool) error {
	if resumed {
		sofar = &service.LogPage{}
	}
	for _, line := range sofar.Lines {
		shown := ratchet.Event{Type: ratchet.EventLog, Time: line.Time, Job: e.Job, Task: e.Task, Execution: e.ID, Attempt: e.Attempt, Log: &line}
		if err := to.event(shown); err != nil {
			sub.Close()
			return err
		}
	}
	ended, stopped := e.State.Terminal(), false
	if ended && !resumed {
		sub.Close()
		return to.end("the execution is " + string(e.State))
	}
	var idle time.Duration
	if ended {
		idle = settle
	}
	err := to.until(sub, idle, func(ev ratchet.Event) (bool, error) {
		switch {
		case ev.Type == ratchet.EventEnd:
			stopped = true
		case ev.Type == ratchet.EventGap && !resumed:
			return false, nil // we asked for what came after the start, which has no event
		case ev.Type == ratchet.EventJob:
			ended = ended || ev.State != ratchet.JobRunning && ev.Attempt >= e.Attempt
			return ev.State != ratchet.JobRunning && ev.Attempt >= e.Attempt, nil
		case ev.Execution != e.ID || ev.Log == nil || in(sofar.Lines, ev.Log):
			return false, nil
		}
		return false, to.event(ev)
	})
	if err != nil || stopped || !ended {
		return err
	}
	return to.end("the execution has ended")
}

// in reports whether the line is among those that were sent.
func in(lines []ratchet.LogEntry, line *ratchet.LogEntry) bool {
	return slices.ContainsFunc(lines, func(l ratchet.LogEntry) bool {
		return l.Time.Equal(line.Time) && l.Level == line.Level && l.Message == line.Message
	})
}

// before is an event's ID of just before the time: IDs of events are UUIDs of
// version 7, which begin with the time in milliseconds.
func before(t time.Time) string {
	ms := t.Add(-time.Second).UnixMilli()
	return fmt.Sprintf("%08x-%04x-7000-8000-000000000000", ms>>16, ms&0xffff)
}
