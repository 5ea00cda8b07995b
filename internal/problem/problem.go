// Package problem is the form that errors have over HTTP: RFC 9457's problem
// details, with one status for each code. What is an error, and what it says, is
// decided where it happens.
package problem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A Problem is an error as a client sees it. It is itself an error, so that a
// handler may return one whose status is not its code's.
type Problem struct {
	Type   string         `json:"type" doc:"Names the kind of problem: urn:ratchet:error: and the reason in lower case." example:"urn:ratchet:error:validation-error"`
	Title  string         `json:"title" doc:"The kind of problem in a few words." example:"Invalid request"`
	Status int            `json:"status" doc:"The HTTP status." example:"422"`
	Detail string         `json:"detail" doc:"What is wrong and what to do about it." example:"the request has 1 error"`
	Code   ratchet.Code   `json:"code" doc:"The kind of problem, of a closed set." enum:"invalid,unauthenticated,forbidden,not_found,conflict,exhausted,timeout,unavailable,task_failed,internal"`
	Reason ratchet.Reason `json:"reason" doc:"The kind of problem more precisely, for programs. More may be added." example:"VALIDATION_ERROR"`
	Errors []Fault        `json:"errors,omitempty" nullable:"false" doc:"Everything that is wrong with the request."`
	// RequestID is what to ask the operators about.
	RequestID string `json:"requestId,omitempty" doc:"The request's ID, as in the logs and in the header X-Request-ID."`

	Header http.Header   `json:"-"` // to be sent with it
	Retry  time.Duration `json:"-"` // when to come again; 0 says nothing
	cause  error
}

// A Fault is one of the things that are wrong.
type Fault struct {
	Parameter string `json:"parameter,omitempty" doc:"The parameter of the path or the query, or the header."`
	Pointer   string `json:"pointer,omitempty" doc:"A JSON pointer into the body." example:"/priority"`
	Message   string `json:"message" doc:"What is wrong." example:"priority is not known"`
	Expected  string `json:"expected,omitempty" doc:"What would be right." example:"low, normal, high, urgent"`
	Got       string `json:"got,omitempty" doc:"What was there." example:"medium"`
	File      string `json:"file,omitempty" doc:"The file of a task."`
	Line      int    `json:"line,omitempty" doc:"The line, from 1."`
	Column    int    `json:"column,omitempty" doc:"The column, from 1."`
	Text      string `json:"text,omitempty" doc:"The line itself."`
}

// maxGot bounds what is repeated of a bad value.
const maxGot = 200

// FaultOf returns the detail as a fault.
func FaultOf(d ratchet.Detail) Fault {
	return Fault{
		Pointer: d.Pointer, Message: d.Message, Expected: d.Expected, Got: Shorten(d.Got),
		File: d.File, Line: d.Line, Column: d.Column, Text: d.Text,
	}
}

// Shorten returns the text, cut if it is too long to be repeated.
func Shorten(text string) string {
	if len(text) <= maxGot {
		return text
	}
	return strings.ToValidUTF8(text[:maxGot], "") + "…"
}

// Error returns the Detail.
func (p *Problem) Error() string { return p.Detail }

// Unwrap returns what the problem came from.
func (p *Problem) Unwrap() error { return p.cause }

// New returns a problem of the status, which may differ from that of the
// reason's code.
func New(status int, reason ratchet.Reason, format string, args ...any) *Problem {
	p := Of(ratchet.Errorf(reason, format, args...))
	p.Status = status
	return p
}

// Of returns err as a client sees it. What is wrong inside is not shown.
func Of(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	e := ratchet.AsError(err)
	if e.Code == ratchet.CodeInternal {
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			e = ratchet.Errorf(ratchet.ReasonTimeout, "this took too long: try again")
		case errors.Is(err, context.Canceled):
			e = ratchet.Errorf(ratchet.ReasonServiceUnavailable, "the request ended before it was answered: try again")
		default:
			e = ratchet.Errorf(ratchet.ReasonInternal, "something went wrong inside Ratchet: its log says what, under this request's ID")
		}
	}
	p := &Problem{
		Type: "urn:ratchet:error:" + strings.ToLower(strings.ReplaceAll(string(e.Reason), "_", "-")), Title: Title(e.Code), Status: status(e),
		Detail: e.Message, Code: e.Code, Reason: e.Reason, Retry: e.RetryDelay(), cause: err,
	}
	for _, d := range e.Details {
		p.Errors = append(p.Errors, FaultOf(d))
	}
	return p
}

// Invalid returns a problem of all the faults there are.
func Invalid(status int, reason ratchet.Reason, faults []Fault) *Problem {
	p := New(status, reason, "%s", faults[0].Message)
	if len(faults) > 1 {
		p.Detail = fmt.Sprintf("the request has %d errors", len(faults))
	}
	p.Errors = faults
	return p
}

// status is the one of the error's code, but for what cannot even be read.
func status(e *ratchet.Error) int {
	if e.Reason == ratchet.ReasonSerialization {
		return http.StatusBadRequest
	}
	return Status(e.Code)
}

// Status returns the HTTP status of a code.
func Status(c ratchet.Code) int {
	switch c {
	case ratchet.CodeInvalid, ratchet.CodeTaskFailed:
		return http.StatusUnprocessableEntity
	case ratchet.CodeUnauthenticated:
		return http.StatusUnauthorized
	case ratchet.CodeForbidden:
		return http.StatusForbidden
	case ratchet.CodeNotFound:
		return http.StatusNotFound
	case ratchet.CodeConflict:
		return http.StatusConflict
	case ratchet.CodeExhausted:
		return http.StatusTooManyRequests
	case ratchet.CodeTimeout:
		return http.StatusGatewayTimeout
	case ratchet.CodeUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// Title returns a code in a few words.
func Title(c ratchet.Code) string {
	switch c {
	case ratchet.CodeInvalid:
		return "Invalid request"
	case ratchet.CodeUnauthenticated:
		return "Not authenticated"
	case ratchet.CodeForbidden:
		return "Not allowed"
	case ratchet.CodeNotFound:
		return "Not found"
	case ratchet.CodeConflict:
		return "Conflict"
	case ratchet.CodeExhausted:
		return "Too much at once"
	case ratchet.CodeTimeout:
		return "Too late"
	case ratchet.CodeUnavailable:
		return "Not available"
	case ratchet.CodeTaskFailed:
		return "Task failed"
	default:
		return "Internal error"
	}
}

// ContentType is the media type of problems.
const ContentType = "application/problem+json"

// RequestID is the header that carries a request's ID. Whoever serves requests
// sets it on the answer before a handler runs, which reads it from there.
const RequestID = "X-Request-Id"

// Write answers with the problem.
func Write(w http.ResponseWriter, p *Problem) {
	shown := *p
	shown.RequestID = w.Header().Get(RequestID)
	h := w.Header()
	for name, values := range p.Header {
		h[name] = values
	}
	for _, name := range []string{"Content-Length", "Content-Encoding", "Etag", "Cache-Control"} {
		h.Del(name)
	}
	h.Set("Content-Type", ContentType)
	h.Set("Cache-Control", "no-store")
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="ratchet"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(p.Retry.Seconds())))))
	}
	body, err := json.Marshal(&shown)
	if err != nil { // cannot be: it is made of texts and numbers
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // a client that is gone hears nothing
}
