package ratchet

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A Code is the closed set of what can go wrong, as seen from outside. Every
// surface maps each Code once (HTTP status, exit code, …).
type Code string

// The codes.
const (
	CodeInvalid         Code = "invalid"         // the request cannot be parsed or breaks a rule
	CodeUnauthenticated Code = "unauthenticated" // nobody we know is asking
	CodeForbidden       Code = "forbidden"       // the asker may not do this
	CodeNotFound        Code = "not_found"       // the thing named does not exist
	CodeConflict        Code = "conflict"        // the thing exists or is in another state
	CodeExhausted       Code = "exhausted"       // a rate, a queue or a quota is full
	CodeTimeout         Code = "timeout"         // Ratchet did not answer in time
	CodeUnavailable     Code = "unavailable"     // a part of Ratchet or of its host cannot serve now
	CodeTaskFailed      Code = "task_failed"     // the task threw, hit a limit, or its output broke its schema
	CodeInternal        Code = "internal"        // a fault of Ratchet itself
)

// Codes returns every Code.
func Codes() []Code {
	return []Code{
		CodeInvalid, CodeUnauthenticated, CodeForbidden, CodeNotFound, CodeConflict,
		CodeExhausted, CodeTimeout, CodeUnavailable, CodeTaskFailed, CodeInternal,
	}
}

// An Error is what crosses an edge of Ratchet: to a user, a client or a store.
// Inside, errors are wrapped with fmt.Errorf; errors.As finds the Error again.
type Error struct {
	Code    Code     `json:"code"`
	Reason  Reason   `json:"reason"`
	Message string   `json:"message"`
	Details []Detail `json:"details,omitempty"`
	// Stack is the JavaScript stack, in the user's own files, of a task that threw.
	Stack string `json:"stack,omitempty"`
	// Data holds, as a JSON object, the own properties of an error that a task
	// threw: status, code, retryable and what else it gave.
	Data json.RawMessage `json:"data,omitempty"`
	// Cause is what the error came from; it is not shown at the edges.
	Cause error `json:"-"`
}

// A Detail is one of several things wrong at once.
type Detail struct {
	File     string `json:"file,omitempty"`     // relative to the task's folder
	Line     int    `json:"line,omitempty"`     // from 1
	Column   int    `json:"column,omitempty"`   // from 1, in characters
	Pointer  string `json:"pointer,omitempty"`  // JSON pointer into the document
	Message  string `json:"message"`            // what is wrong
	Expected string `json:"expected,omitempty"` // what would be right
	Got      string `json:"got,omitempty"`      // what was there
	Text     string `json:"text,omitempty"`     // the offending source line
}

// Errorf returns an Error of the reason, whose code is the reason's own. As with
// fmt.Errorf, an error formatted with %w becomes the cause.
func Errorf(reason Reason, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	cause := errors.Unwrap(err)
	if _, several := err.(interface{ Unwrap() []error }); several {
		cause = err
	}
	return &Error{Code: reason.Code(), Reason: reason, Message: err.Error(), Cause: cause}
}

// WithDetails returns e with the details added.
func (e *Error) WithDetails(details ...Detail) *Error {
	e.Details = append(e.Details, details...)
	return e
}

// Error returns the Message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the Cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is reports whether target is an Error of the same reason, so that
// errors.Is(err, &Error{Reason: ReasonTimeout}) holds for any timeout.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Reason == e.Reason
}

// Retryable reports whether the same request may succeed later, unchanged.
func (e *Error) Retryable() bool { return e.Reason.Retryable() }

// RetryDelay is how long to wait before the first retry; 0 if not retryable.
func (e *Error) RetryDelay() time.Duration { return e.Reason.RetryDelay() }

// AsError finds the Error in err's chain. Any other error becomes an internal
// one that hides the text of its cause from the edges.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: CodeInternal, Reason: ReasonInternal, Message: "internal error", Cause: err}
}
