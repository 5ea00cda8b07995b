// Package client is the Go client of Ratchet's REST API. It speaks the types of
// package ratchet; what it does not do is keep anything: each call is a request.
//
//	c, err := client.New("http://127.0.0.1:8080", client.Options{})
//	job, err := c.SubmitJob(ctx, ratchet.JobRequest{Task: "addition", Input: input})
//	job, done, err := c.Job(ctx, job.ID, 30*time.Second)
//
// An error that the server gave is an [*Error], in which errors.As finds the
// [ratchet.Error] with its code, reason and details. Reading requests, and those
// that carry an idempotency key, are tried again where the server says that it
// will soon be able to answer; [Client.Wait], [Client.Events] and [Client.Follow]
// outlast a restart of the server.
package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// Options say how a Client asks. The zero Options work with a server that asks
// for no key.
type Options struct {
	Key        string       // of the API
	HTTPClient *http.Client // default http.DefaultClient; a Timeout in it would cut waits and streams
	UserAgent  string       // default "ratchet-client"
	// Retries is how often a request that may be repeated is, after an answer of
	// 429 or 503 or a broken connection. Default 3; negative: never, and waits and
	// streams then end with the connection.
	Retries int
}

// A Client asks one server. It is safe for concurrent use.
type Client struct {
	base    *url.URL
	options Options
}

// New returns a Client of the server at base, such as "http://127.0.0.1:8080".
func New(base string, o Options) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "the server's address %q is no URL: want one such as http://127.0.0.1:8080", base)
	}
	if o.HTTPClient == nil {
		o.HTTPClient = http.DefaultClient
	}
	if o.UserAgent == "" {
		o.UserAgent = "ratchet-client"
	}
	if o.Retries == 0 {
		o.Retries = 3
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return &Client{base: u, options: o}, nil
}

// An Error is what the server answered instead of a result.
type Error struct {
	Err        *ratchet.Error
	Status     int           // of HTTP
	RequestID  string        // by which the server's log has it
	RetryAfter time.Duration // as the server said; 0 if it did not
}

// Error returns the server's message.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the ratchet.Error.
func (e *Error) Unwrap() error { return e.Err }

// A request is one exchange with the server.
type request struct {
	method, path string
	query        url.Values
	header       http.Header
	body         []byte
	repeat       bool // may be made again if it is not known to have been done
}

// do makes the request and decodes the "data" of the answer into out, unless out
// is nil. It returns the answer's head.
func (c *Client) do(ctx context.Context, r request, out any) (*answer, error) {
	resp, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	a := &answer{status: resp.StatusCode, header: resp.Header}
	if resp.StatusCode == http.StatusNoContent || out == nil {
		return a, nil
	}
	body := struct {
		Data any   `json:"data"`
		Meta *meta `json:"meta"`
	}{Data: out, Meta: &a.meta}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		return nil, fmt.Errorf("%s %s: read the answer: %w", r.method, r.path, err)
	}
	return a, nil
}

// An answer is what an answer says beside its data.
type answer struct {
	status int
	header http.Header
	meta   meta
}

// meta is the "meta" of a list.
type meta struct {
	Total  *int   `json:"total"`
	Offset int    `json:"offset"`
	Next   string `json:"next"`
}

// send makes the request, again if it may be, and returns a response that is no
// error.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	for try := 0; ; try++ {
		resp, err := c.once(ctx, r)
		if err == nil {
			return resp, nil
		}
		wait, again := pause(err, try)
		if !again || !r.repeat || try >= c.options.Retries || !sleep(ctx, wait) {
			return nil, fmt.Errorf("%s %s: %w", r.method, r.path, err)
		}
	}
}

// once makes the request and returns a response that is no error.
func (c *Client) once(ctx context.Context, r request) (*http.Response, error) {
	resp, err := c.exchange(ctx, r)
	if err != nil || resp.StatusCode < http.StatusBadRequest {
		return resp, err
	}
	defer resp.Body.Close()
	return nil, readError(resp)
}

// exchange makes the request and returns whatever is answered.
func (c *Client) exchange(ctx context.Context, r request) (*http.Response, error) {
	u := *c.base
	u.Path += r.path
	u.RawQuery = r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", c.options.UserAgent)
	if c.options.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.options.Key)
	}
	return c.options.HTTPClient.Do(req)
}

// maxProblem bounds what is read of an error's body.
const maxProblem = 1 << 20

// readError makes an Error of an answer of status 400 and more.
func readError(resp *http.Response) error {
	e := &Error{Status: resp.StatusCode, RequestID: resp.Header.Get("X-Request-Id")}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	if err != nil {
		return fmt.Errorf("read the error: %w", err)
	}
	var problem struct {
		Detail string         `json:"detail"`
		Title  string         `json:"title"`
		Code   ratchet.Code   `json:"code"`
		Reason ratchet.Reason `json:"reason"`
		Errors []fault        `json:"errors"`
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind != "application/problem+json" || json.Unmarshal(body, &problem) != nil || problem.Code == "" {
		e.Err = ratchet.Errorf(ratchet.ReasonServiceUnavailable, "the server answered %s without a reason: is it Ratchet?", resp.Status)
		return e
	}
	e.Err = &ratchet.Error{Code: problem.Code, Reason: problem.Reason, Message: cmp.Or(problem.Detail, problem.Title)}
	for _, f := range problem.Errors {
		e.Err.Details = append(e.Err.Details, f.detail())
	}
	return e
}

// A fault is one of the things that are wrong with a request.
type fault struct {
	ratchet.Detail
	Parameter string `json:"parameter"` // of the query or the path
}

// detail is the fault as a Detail, whose message names the parameter.
func (f fault) detail() ratchet.Detail {
	if f.Parameter != "" && !strings.Contains(f.Message, f.Parameter) {
		f.Message = f.Parameter + ": " + f.Message
	}
	return f.Detail
}

// jsonBody is the request with v as its body.
func (r request) jsonBody(v any) (request, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return r, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	r.body = body
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header.Set("Content-Type", "application/json")
	return r, nil
}

// api is the path of the API's version that this client speaks.
const api = "/api/v1"

// read is a request that changes nothing.
func read(path string, query url.Values) request {
	return request{method: http.MethodGet, path: api + path, query: query, repeat: true}
}

// write is a request that changes something.
func write(method, path string) request { return request{method: method, path: api + path} }

// get reads one thing.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (*T, error) {
	return answered[T](ctx, c, read(path, query))
}

// act makes a request without a body that answers with one thing.
func act[T any](ctx context.Context, c *Client, method, path string) (*T, error) {
	return answered[T](ctx, c, write(method, path))
}

// send makes a request with a JSON body that answers with one thing.
func send[T any](ctx context.Context, c *Client, r request, body any) (*T, error) {
	r, err := r.jsonBody(body)
	if err != nil {
		return nil, err
	}
	return answered[T](ctx, c, r)
}

// answered makes a request that answers with one thing.
func answered[T any](ctx context.Context, c *Client, r request) (*T, error) {
	out := new(T)
	if _, err := c.do(ctx, r, out); err != nil {
		return nil, err
	}
	return out, nil
}
