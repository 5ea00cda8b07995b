package rest

import (
	"strings"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

func (a *api) executionRoutes() []*route {
	s, fields := a.svc, ratchet.ExecutionFields()
	return []*route{
		newRoute(s.ListExecutions, (*request).list, page, with(pages(fields)...), filtered(fields), listing[ratchet.Execution]),
		newRoute(s.GetExecution, executionRef, single, gives[ratchet.Execution], tagged),
		a.logsRoute(),
		a.eventsRoute(),
	}
}

func executionRef(r *request) (in service.ExecutionRef) {
	r.id("id", &in.ID)
	return in
}

// Log lines in a page.
const (
	defaultLines = 1000
	maxLines     = 10_000
)

// logsRoute gives a page of the log, or follows it.
func (a *api) logsRoute() *route {
	s := a.svc
	return newHandler(s.ListLogs.Operation, func(r *request) (in service.ListLogs) {
		r.id("id", &in.ID)
		in.Level = ratchet.LevelTrace
		r.into("level", &in.Level)
		in.Offset = r.number("offset", 0, maxOffset, 0)
		in.Limit = r.number("limit", 1, maxLines, defaultLines)
		return in
	}, func(r *request, in service.ListLogs) (answer, error) {
		if r.wantsStream() {
			return a.followLogs(r, in)
		}
		p, err := s.ListLogs.Call(r.Context(), in)
		if err != nil {
			return answer{}, err
		}
		return logPage(p, in.Limit)
	}, listing[ratchet.LogEntry], func(rt *route) { rt.streams = true },
		with(query("level", "Only lines of this level or above. Without it, all.", wordSchema("trace", "debug", "info", "warn", "error")),
			query("offset", "How many lines to leave out before the page.", numberSchema(0, maxOffset)),
			query("limit", "How many lines there are in a page.", numberSchema(1, maxLines)),
			header("Last-Event-ID", "Of a stream: the ID of the last event that you have.")))
}

func logPage(p *service.LogPage, limit int) (answer, error) {
	if p.Lines == nil {
		p.Lines = []ratchet.LogEntry{}
	}
	data, err := encode(p.Lines)
	return answer{
		data: data, count: len(p.Lines),
		meta: &meta{Total: &p.Total, Limit: limit, Offset: &p.Offset, Running: &p.Running},
	}, err
}

// followLogs streams the log of an execution until it ends. It listens before it
// looks, so that no line falls between.
func (a *api) followLogs(r *request, in service.ListLogs) (answer, error) {
	s := a.svc
	e, err := s.GetExecution.Call(r.Context(), service.ExecutionRef{ID: in.ID})
	if err != nil {
		return answer{}, err
	}
	filter := stream.Filter{
		Job: e.Job, Types: []ratchet.EventType{ratchet.EventJob, ratchet.EventLog}, Level: in.Level,
		After: r.Header.Get("Last-Event-ID"),
	}
	resumed := filter.After != ""
	if !resumed && !e.State.Terminal() && !e.StartedAt.IsZero() {
		filter.After = before(e.StartedAt)
	}
	sub, err := s.WatchEvents.Call(r.Context(), filter)
	if err != nil {
		return answer{}, err
	}
	in.Limit = maxLines
	p, err := s.ListLogs.Call(r.Context(), in)
	if err != nil {
		sub.Close()
		return answer{}, err
	}
	return answer{follow: func(to *sender) error { return to.log(sub, e, p, resumed) }}, nil
}

// eventsRoute is the stream of everything.
func (a *api) eventsRoute() *route {
	return newRoute(a.svc.WatchEvents, func(r *request) stream.Filter { return r.events(false) },
		func(_ *request, sub *stream.Subscription) (answer, error) {
			return answer{follow: func(to *sender) error { return to.all(sub) }}, nil
		}, with(eventParameters(true)...), streamOnly)
}

func streamOnly(rt *route) { gives[ratchet.Event](rt); rt.streams = true }

func eventParameters(any bool) (all []param) {
	if any {
		all = append(all,
			query("job", "Only events of this job.", textSchema("job_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69")),
			query("task", "Only events of this task, by its name.", textSchema("addition")))
	}
	return append(all,
		query("type", "Only events of these types, with commas.", textSchema("job,log,progress,delivery")),
		query("level", "Only log lines of this level or above. Without it, info.", wordSchema("trace", "debug", "info", "warn", "error")),
		query("after", "The ID of the last event that you have. The header Last-Event-ID comes before it.", textSchema()),
		header("Last-Event-ID", "The ID of the last event that you have, as browsers send it by themselves."))
}

// events reads the filter of a stream, of the job in the path or of any.
func (r *request) events(ofJob bool) (f stream.Filter) {
	if ofJob {
		r.id("id", &f.Job)
	} else {
		r.into("job", &f.Job)
		f.Task = r.text("task")
	}
	r.into("level", &f.Level)
	for _, t := range r.texts("type") {
		known := false
		for _, of := range ratchet.EventTypes() {
			known = known || string(of) == t
		}
		if !known {
			r.wrong("type", "type is not known", "job, log, progress or delivery, with commas", t)
		}
		f.Types = append(f.Types, ratchet.EventType(t))
	}
	f.After = r.text("after")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		f.After = last
	}
	if len(f.After) > maxParameter || !plain(f.After) {
		r.wrong("after", "after cannot be read", "the ID of an event", f.After)
	}
	return f
}

// wantsStream reports whether the asker would rather follow than read a page.
func (r *request) wantsStream() bool {
	return strings.Contains(r.Header.Get("Accept"), streamType)
}
