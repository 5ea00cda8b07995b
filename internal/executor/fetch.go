package executor

import (
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/httpcache"
	"github.com/ratchet-runner/ratchet-go/internal/resilience"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// The documents of the fetch seam, shared with the prelude.
type (
	fetchHead struct {
		Method   string      `json:"method"`
		URL      string      `json:"url"`
		Headers  [][2]string `json:"headers"`
		Redirect string      `json:"redirect"`
		Cache    string      `json:"cache,omitempty"`
	}
	fetchAnswer struct {
		Status     int         `json:"status"`
		StatusText string      `json:"statusText"`
		Headers    [][2]string `json:"headers"`
		URL        string      `json:"url"`
		Redirected bool        `json:"redirected"`
	}
	hostError struct {
		Name    string           `json:"name"`
		Message string           `json:"message"`
		Code    ratchet.Reason   `json:"code"`
		Details []ratchet.Detail `json:"details,omitempty"`
		Data    json.RawMessage  `json:"data,omitempty"` // of what a plugin threw
		// RetryAfter is for how many seconds the request is of no use, where that
		// is known.
		RetryAfter float64 `json:"retryAfter,omitempty"`
	}
)

// fetch makes one request and enters it in the ledger. It returns nil where the
// execution ends instead of getting an answer.
func (r *run) fetch(m *workerpool.Request) *workerpool.Reply {
	var head fetchHead
	if err := json.Unmarshal(m.Head, &head); err != nil {
		return failed(m, ratchet.Errorf(ratchet.ReasonValidation, "fetch: the request cannot be read: %w", err))
	}
	r.mu.Lock()
	r.fetchBytes += ratchet.Size(len(m.Body))
	used := r.fetchBytes
	left := r.limits.FetchBytes - used
	r.mu.Unlock()
	if left < 0 {
		r.cancel(overFetchBytes(used, r.limits.FetchBytes))
		return nil
	}
	entry := ratchet.Fetch{Sent: ratchet.Size(len(m.Body)), StartedAt: time.Now()}
	entry.Method, _ = ratchet.ParseHTTPMethod(head.Method) // GET where it is none we know
	if u, err := url.Parse(head.URL); err == nil {
		entry.Host = u.Host
	}
	limit := r.limits.FetchBody
	whole := left < limit // the rest of all bodies is less than one may have
	if whole {
		limit = left
	}
	a, err := r.req.Effects.Fetch(r.ctx, Ask{Call: m.Call, At: time.Duration(m.At), Request: egress.Request{
		Method: head.Method, URL: head.URL, Header: head.Headers, Body: m.Body,
		Redirect: head.Redirect, Hosts: r.hosts, MaxBody: max(int64(limit), 1),
		Timeout: time.Duration(r.limits.Wall),
		Task:    r.record.Task, Version: r.record.VersionDigest, Cache: httpcache.Mode(head.Cache),
	}})
	entry.Duration = ratchet.Duration(time.Since(entry.StartedAt))
	if err != nil {
		entry.Error = ratchet.AsError(err)
		r.enter(entry)
		if r.ctx.Err() != nil {
			return nil
		}
		if whole && entry.Error.Reason == ratchet.ReasonBodyTooLarge {
			r.cancel(overFetchBytes(0, r.limits.FetchBytes))
			return nil
		}
		reply := failed(m, entry.Error)
		reply.At = int64(a.At)
		return reply
	}
	res := a.Response
	entry.Status, entry.Received, entry.Cached = res.Status, ratchet.Size(len(res.Body)), res.Cached
	if all := r.enter(entry); all > r.limits.FetchBytes {
		r.cancel(overFetchBytes(all, r.limits.FetchBytes))
		return nil
	}
	answer, err := json.Marshal(fetchAnswer{
		Status: res.Status, StatusText: res.StatusText, Headers: append([][2]string{}, res.Header...),
		URL: res.URL, Redirected: res.Redirected,
	})
	if err != nil {
		return failed(m, ratchet.AsError(err))
	}
	return &workerpool.Reply{Call: m.Call, Head: answer, Body: res.Body, At: int64(a.At)}
}

// enter adds to the ledger and returns what all bodies so far came to.
func (r *run) enter(entry ratchet.Fetch) (all ratchet.Size) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record.Fetches = append(r.record.Fetches, entry)
	r.fetchBytes += entry.Received
	return r.fetchBytes
}

// failed is the answer that makes the task's call throw.
func failed(m *workerpool.Request, e *ratchet.Error) *workerpool.Reply {
	name := "TypeError"
	if e.Reason == ratchet.ReasonTimeout {
		name = "TimeoutError"
	}
	told := hostError{Name: name, Message: e.Message, Code: e.Reason, Details: e.Details}
	if open, ok := errors.AsType[*resilience.OpenError](e); ok {
		told.RetryAfter = math.Ceil(open.After.Seconds())
	}
	head, err := json.Marshal(told)
	if err != nil {
		head = []byte(`{"name":"TypeError","message":"fetch failed"}`)
	}
	return &workerpool.Reply{Call: m.Call, Failed: true, Head: head}
}
