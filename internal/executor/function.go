package executor

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// Functions are those that plugins offer to tasks; package pluginhost has them.
type Functions interface {
	// CallFunction calls one and returns its value, JSON. An error is a
	// *ratchet.Error: what the plugin threw, or why it could not be asked.
	CallFunction(ctx context.Context, f Function) (json.RawMessage, error)
}

// A Function is a call of a plugin's function by an execution.
type Function struct {
	Plugin, Name string
	Argument     json.RawMessage
	Task         string
	Job          ratchet.JobID // zero for a run without a job
	Execution    ratchet.ExecutionID
}

// WithFunctions lets tasks call functions of plugins. It is called before x is used.
func (x *Executor) WithFunctions(f Functions) *Executor {
	x.functions = f
	return x
}

// functionScheme is that of the request which a call of a function is at the seam
// of an execution: what records, replays or answers requests does so with calls.
const functionScheme = "plugin"

// request is the call as a request.
func (f *Function) request() egress.Request {
	u := url.URL{Scheme: functionScheme, Host: f.Plugin, Path: "/" + f.Name}
	return egress.Request{
		Method: "POST", URL: u.String(), Header: [][2]string{{"content-type", "application/json"}}, Body: f.Argument,
	}
}

// callFunction makes a call that comes as a request.
func callFunction(ctx context.Context, functions Functions, ask Ask) (*egress.Response, error) {
	if functions == nil {
		return nil, ratchet.Errorf(ratchet.ReasonPluginUnavailable, "plugin %q cannot be called here: only a server has plugins", ask.Function.Plugin)
	}
	value, err := functions.CallFunction(ctx, *ask.Function)
	if err != nil {
		return nil, err
	}
	if most := ask.Request.MaxBody; most > 0 && int64(len(value)) > most {
		return nil, ratchet.Errorf(ratchet.ReasonBodyTooLarge, "the value of %s is larger than the limit of %s", ask.Function, ratchet.Size(most))
	}
	return &egress.Response{Status: 200, StatusText: "OK", URL: ask.Request.URL, Header: [][2]string{{"content-type", "application/json"}}, Body: value}, nil
}

// String is how the task writes the function.
func (f *Function) String() string { return "ratchet.plugins." + f.Plugin + "." + f.Name }

// function calls a plugin's function and enters it in the ledger of requests. It
// returns nil where the execution ends instead of getting an answer.
func (r *run) function(m *workerpool.Request) *workerpool.Reply {
	var head struct {
		Plugin   string          `json:"plugin"`
		Name     string          `json:"name"`
		Argument json.RawMessage `json:"argument"`
	}
	if err := json.Unmarshal(m.Head, &head); err != nil {
		return threw(m, ratchet.Errorf(ratchet.ReasonValidation, "the call of a plugin cannot be read: %w", err))
	}
	f := &Function{
		Plugin: head.Plugin, Name: head.Name, Argument: head.Argument, Task: r.req.Bundle.Name, Job: r.record.Job, Execution: r.record.ID,
	}
	if !r.req.Bundle.Permissions.AllowsPlugin(f.Plugin) {
		return threw(m, ratchet.Errorf(ratchet.ReasonPluginDenied, "%s: the task may not call the plugin %q: add it to \"permissions\": {\"plugins\": […]} in metadata.json", f, f.Plugin))
	}
	r.mu.Lock()
	r.fetchBytes += ratchet.Size(len(f.Argument))
	used, left := r.fetchBytes, r.limits.FetchBytes-r.fetchBytes
	r.mu.Unlock()
	if left < 0 {
		r.cancel(overFetchBytes(used, r.limits.FetchBytes))
		return nil
	}
	request := f.request()
	request.MaxBody, request.Timeout = max(int64(min(r.limits.FetchBody, left)), 1), time.Duration(r.limits.Wall)
	entry := ratchet.Fetch{Method: ratchet.MethodPost, Host: functionScheme + ":" + f.Plugin, Sent: ratchet.Size(len(f.Argument)), StartedAt: time.Now()}
	a, err := r.req.Effects.Fetch(r.ctx, Ask{Call: m.Call, At: time.Duration(m.At), Request: request, Function: f})
	entry.Duration = ratchet.Duration(time.Since(entry.StartedAt))
	if err == nil {
		err = answered(f, a.Response)
	}
	if err != nil {
		entry.Error = ratchet.AsError(err)
		r.enter(entry)
		if r.ctx.Err() != nil {
			return nil
		}
		reply := threw(m, entry.Error)
		reply.At = int64(a.At)
		return reply
	}
	entry.Status, entry.Received = a.Response.Status, ratchet.Size(len(a.Response.Body))
	if all := r.enter(entry); all > r.limits.FetchBytes {
		r.cancel(overFetchBytes(all, r.limits.FetchBytes))
		return nil
	}
	return &workerpool.Reply{Call: m.Call, Head: a.Response.Body, At: int64(a.At)}
}

// answered reports why an answer is not a value. That of a mock may be anything.
func answered(f *Function, res *egress.Response) error {
	switch {
	case res.Status >= 400:
		return ratchet.Errorf(ratchet.ReasonPluginFailed, "%s failed: %s", f, bytes.TrimSpace(res.Body))
	case len(res.Body) == 0:
		res.Body = []byte("null")
	case !json.Valid(res.Body):
		return ratchet.Errorf(ratchet.ReasonPluginFailed, "%s: the answer is not JSON", f)
	}
	return nil
}

// threw is the answer that makes a call of a plugin throw a PluginError.
func threw(m *workerpool.Request, e *ratchet.Error) *workerpool.Reply {
	head, err := json.Marshal(hostError{Name: "PluginError", Message: e.Message, Code: e.Reason, Details: e.Details, Data: e.Data})
	if err != nil {
		head = []byte(`{"name":"PluginError","message":"the plugin failed"}`)
	}
	return &workerpool.Reply{Call: m.Call, Failed: true, Head: head}
}
