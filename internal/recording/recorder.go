package recording

import (
	"cmp"
	"context"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/redact"
)

// Origin says what recorded an execution, and of what.
type Origin struct {
	Ratchet string // its version
	Engine  string // of JavaScript
	// TaskPath is where the task came from, for people. The recording holds the
	// task's files and does not need it.
	TaskPath string
}

// A Recorder records one execution: it stands before its Effects, and writes
// down at the end what passed. Secrets are hidden as it writes, not before; until
// then all of it is in memory, which the execution's own limits bound.
type Recorder struct {
	origin  Origin
	request executor.Request
	next    executor.Effects

	mu    sync.Mutex
	asked map[uint32]*Exchange
	taken bool // the worker told when answers were taken
}

// Record returns a Recorder, and the request with which to run the execution
// that it records: req with the Recorder before its Effects, next if it names
// none, and a Timeline from now on if it has none.
func Record(req executor.Request, next executor.Effects, origin Origin) (*Recorder, executor.Request) {
	r := &Recorder{origin: origin, next: req.Effects, asked: map[uint32]*Exchange{}}
	if r.next == nil {
		r.next = next
	}
	if req.Timeline == nil {
		req.Timeline = &executor.Timeline{Seed: rand.Uint64(), Start: time.Now()}
	}
	req.Effects = r
	r.request = req
	return r, req
}

// Fetch notes a request on its way out, and the answer on its way back.
func (r *Recorder) Fetch(ctx context.Context, ask executor.Ask) (executor.Answer, error) {
	q := ask.Request
	x := &Exchange{
		Call: ask.Call, Asked: ask.At, started: time.Now(),
		Request: requestOf(q),
	}
	r.mu.Lock()
	r.asked[ask.Call] = x
	r.mu.Unlock()
	a, err := r.next.Fetch(ctx, ask)
	a.At = max(a.At, ask.At)
	r.mu.Lock()
	defer r.mu.Unlock()
	x.spent = time.Since(x.started)
	x.At = a.At
	switch {
	case err != nil && ctx.Err() != nil: // the end of the execution, not an answer
	case err != nil:
		x.Error = ratchet.AsError(err)
	default:
		x.answered(a.Response)
	}
	return a, err
}

// requestOf is the request as the task asked for it, its method as it is sent.
func requestOf(q egress.Request) Request {
	method := strings.ToUpper(cmp.Or(q.Method, "GET"))
	if _, err := ratchet.ParseHTTPMethod(method); err != nil {
		method = q.Method
	}
	return Request{
		Method: method, URL: q.URL, Header: q.Header, Body: q.Body,
		Redirect: cmp.Or(q.Redirect, egress.RedirectFollow),
	}
}

func (x *Exchange) answered(res *egress.Response) {
	x.Response = &Response{
		Status: res.Status, StatusText: res.StatusText, Header: res.Header, Body: res.Body,
		URL: res.URL, Redirected: res.Redirected,
	}
	x.network = network{proto: res.Proto, received: res.Received, timings: res.Timings, hops: res.Redirects}
	if res.Address != (netip.AddrPort{}) {
		x.network.address = res.Address.Addr().String()
	}
}

// Taken notes when the task took an answer.
func (r *Recorder) Taken(call uint32, at time.Duration) {
	r.mu.Lock()
	if x := r.asked[call]; x != nil {
		x.At, x.Taken = at, true
		r.taken = true
	}
	r.mu.Unlock()
	r.next.Taken(call, at)
}

// exchanges returns what passed, by call.
func (r *Recorder) exchanges(failed bool) []*Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := slices.SortedFunc(maps.Values(r.asked), func(a, b *Exchange) int { return cmp.Compare(a.Call, b.Call) })
	for _, x := range list {
		if !r.taken && failed { // the worker was lost and did not tell
			x.Taken = x.Response != nil || x.Error != nil
		}
	}
	return list
}

// A content is what a recording holds, redacted.
type content struct {
	meta      Meta
	input     []byte
	output    []byte // nil if the execution failed
	err       *ratchet.Error
	exchanges []*Exchange
	logs      []ratchet.LogEntry
	hide      func(string) string
}

// content takes all of it together, and hides the secrets.
func (r *Recorder) content(e *ratchet.Execution) *content {
	b, req := r.request.Bundle, r.request
	env := redact.Placeholders(req.Env)
	c := &content{
		meta: Meta{
			Format: Format, Ratchet: r.origin.Ratchet, Engine: r.origin.Engine, Recorded: time.Now().UTC().Truncate(time.Second),
			Task:      Task{Name: b.Name, Version: b.Version, Digest: b.Digest, Path: r.origin.TaskPath},
			Execution: ExecutionMeta{ID: e.ID, Job: e.Job, Attempt: e.Attempt},
			Timeline:  Timeline{Seed: req.Timeline.Seed, Start: req.Timeline.Start.UTC()},
			Limits:    req.Limits.Or(b.Limits).Or(ratchet.DefaultLimits()),
			Fetch:     b.Fetch, Env: env, State: e.State, Logs: len(e.Logs),
		},
		exchanges: r.exchanges(e.Error != nil),
	}
	c.meta.Requests = len(c.exchanges)
	s := redact.New()
	s.AddEnv(req.Env, env)
	for _, x := range c.exchanges {
		learnFrom(s, x)
	}
	for _, x := range c.exchanges {
		hideIn(s, x)
	}
	c.hide = s.Text
	c.input = s.JSON(req.Input)
	if e.Error != nil {
		c.meta.Reason = e.Error.Reason
		c.err = s.Error(e.Error)
	} else {
		c.output = s.JSON(e.Output)
	}
	for _, l := range e.Logs {
		c.logs = append(c.logs, s.Log(l))
	}
	return c
}

// learnFrom registers the secrets in the headers of an exchange.
func learnFrom(s *redact.Secrets, x *Exchange) {
	from := func(list [][2]string, sent bool) {
		for _, h := range list {
			s.Header(h[0], h[1], func(kind, part string) string {
				p := s.Number(kind)
				s.Learn(part, p, sent)
				return p
			})
		}
	}
	from(x.Request.Header, true)
	if x.Response != nil {
		from(x.Response.Header, false)
	}
}

// hideIn replaces the secrets in an exchange.
func hideIn(s *redact.Secrets, x *Exchange) {
	x.Request = hiddenRequest(s, x.Request)
	if p := x.Response; p != nil {
		x.Response = hiddenResponse(s, p)
	}
	if x.Error != nil {
		x.Error = s.Error(x.Error)
	}
}

func hiddenRequest(s *redact.Secrets, q Request) Request {
	kind := header(q.Header, "content-type")
	q.URL, q.Header, q.Body = s.URL(q.URL), hiddenHeaders(s, q.Header), s.Body(kind, q.Body)
	return q
}

func hiddenResponse(s *redact.Secrets, p *Response) *Response {
	hidden := *p
	kind := header(p.Header, "content-type")
	hidden.URL, hidden.Header, hidden.Body = s.URL(p.URL), hiddenHeaders(s, p.Header), s.Body(kind, p.Body)
	return &hidden
}

// hiddenHeaders replaces what is known; parts that are not stay.
func hiddenHeaders(s *redact.Secrets, list [][2]string) [][2]string {
	hidden := make([][2]string, len(list))
	for i, h := range list {
		hidden[i] = [2]string{h[0], s.Header(h[0], h[1], func(_, part string) string { return part })}
	}
	return hidden
}
