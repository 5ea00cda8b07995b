package executor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// Errors of limits say the limit, the use where it is known, and where to raise it.

func limit(reason ratchet.Reason, flag, field, format string, args ...any) *ratchet.Error {
	return ratchet.Errorf(reason, "%s; raise the limit with %s or %q in metadata.json",
		fmt.Sprintf(format, args...), flag, field)
}

// sizes writes a use and its limit so that they differ.
func sizes(use, limit ratchet.Size) (string, string) {
	if use.String() != limit.String() {
		return use.String(), limit.String()
	}
	return fmt.Sprintf("%d bytes", int64(use)), fmt.Sprintf("%d bytes", int64(limit))
}

func overFetches(limited int) *ratchet.Error {
	return limit(ratchet.ReasonFetchLimit, "--max-fetches", "limits.fetches",
		"the task made its request number %d, more than the %d allowed", limited+1, limited)
}

// overFetchBytes is told what all bodies came to, 0 if the last one was not read
// to its end.
func overFetchBytes(use, limited ratchet.Size) *ratchet.Error {
	amount := fmt.Sprintf("more than the %v", limited)
	if use > 0 {
		u, l := sizes(use, limited)
		amount = fmt.Sprintf("%s, more than the %s", u, l)
	}
	return limit(ratchet.ReasonFetchBytesLimit, "--max-fetch-bytes", "limits.fetchBytes",
		"the bodies of the task's requests and responses came to %s allowed", amount)
}

func overLogs(use, limited ratchet.Size) *ratchet.Error {
	u, l := sizes(use, limited)
	return limit(ratchet.ReasonLogLimit, "--max-logs", "limits.logs", "the task logged %s, more than the %s allowed", u, l)
}

func (r *run) overOutput(use ratchet.Size) *ratchet.Error {
	u, l := sizes(use, r.limits.Output)
	return limit(ratchet.ReasonOutputTooLarge, "--max-output", "limits.output",
		"the output is %s, more than the %s allowed", u, l)
}

func (r *run) overMemory() *ratchet.Error {
	if peak := r.record.PeakMemory; peak > 0 {
		return limit(ratchet.ReasonMemoryLimit, "--memory", "memory",
			"the task held %v of memory and needed more than the %v allowed", peak, r.limits.Memory)
	}
	return limit(ratchet.ReasonMemoryLimit, "--memory", "memory", "the task needed more memory than the %v allowed", r.limits.Memory)
}

func (r *run) overCPU(used time.Duration) *ratchet.Error {
	return limit(ratchet.ReasonCPULimit, "--max-cpu", "limits.cpu",
		"the task used %v of processor time, more than the %v allowed", used.Round(time.Microsecond), r.limits.CPU)
}

func (r *run) overWall() *ratchet.Error {
	used := ""
	if cpu := r.record.CPU; cpu > 0 {
		used = fmt.Sprintf(", of which its code ran %v", time.Duration(cpu).Round(10*time.Microsecond))
	}
	return limit(ratchet.ReasonExecutionTimeout, "--timeout", "timeout",
		"the task did not finish within the %v allowed%s", r.limits.Wall, used)
}

// lost explains an execution that did not come to its own end.
func (r *run) lost(err error) *ratchet.Error {
	if errors.Is(err, workerpool.ErrWall) {
		return r.overWall()
	}
	if e, ok := errors.AsType[*workerpool.SandboxError](err); ok {
		return ratchet.Errorf(ratchet.ReasonSandboxUnavailable,
			"workers cannot be isolated on this machine: %w; run ratchet doctor for what is missing, or give up isolation with --insecure-allow-unsandboxed-workers", e)
	}
	if errors.Is(err, workerpool.ErrNoNode) {
		return ratchet.Errorf(ratchet.ReasonEngineUnavailable, "%w; ratchet engine install node puts one there", err)
	}
	if e, ok := errors.AsType[*workerpool.RuntimeError](err); ok {
		return ratchet.Errorf(ratchet.ReasonEngineUnavailable, "%w; ratchet doctor tells of it, and ratchet engine install node puts another one there", e)
	}
	if death, ok := errors.AsType[*workerpool.DeathError](err); ok {
		if errors.Is(death, workerpool.ErrMemory) {
			return r.overMemory()
		}
		if cpu, ok := errors.AsType[*workerpool.CPUError](death); ok {
			r.record.CPU = ratchet.Duration(cpu.Used)
			return r.overCPU(cpu.Used)
		}
		if strings.Contains(death.Stderr, "out of memory") || strings.Contains(death.Stderr, "cannot allocate memory") ||
			strings.Contains(death.Stderr, "std::bad_alloc") {
			return r.overMemory()
		}
		return ratchet.Errorf(ratchet.ReasonWorker, "the worker process was lost: %w", death)
	}
	if e, ok := errors.AsType[*ratchet.Error](err); ok {
		return e
	}
	if r.caller.Err() != nil && errors.Is(err, context.Cause(r.caller)) {
		return ratchet.Errorf(ratchet.ReasonExecutionCancelled, "the execution was cancelled: %w", err)
	}
	return ratchet.AsError(fmt.Errorf("run execution %s: %w", r.record.ID, err))
}

// failure explains what the worker said.
func (r *run) failure(done *workerpool.Done) *ratchet.Error {
	f := done.Failure
	switch f.Kind {
	case "threw":
		return r.threw(f)
	case "syntax":
		return r.syntax(f)
	case "no_function":
		return ratchet.Errorf(ratchet.ReasonNoFunction,
			"%s gives no function to call: %s; looked for the script's own value, a function named main, execute or handler, module.exports, or an export named default, main, handler or execute",
			r.req.Bundle.Entry, f.Message)
	case "never_settles":
		return ratchet.Errorf(ratchet.ReasonNeverSettles,
			"the task waits for a promise that nothing can settle any more: no timer and no request is pending")
	case "not_json":
		return ratchet.Errorf(ratchet.ReasonOutputNotJSON, "%s; a task must return what JSON can hold", f.Message)
	case "output_too_large":
		return r.overOutput(ratchet.Size(f.Size))
	case "cpu":
		return r.overCPU(time.Duration(done.CPU))
	case "memory":
		return r.overMemory()
	case "recursion":
		if r.engine == ratchet.EngineNode { // which counts bytes, not calls
			e := ratchet.Errorf(ratchet.ReasonRecursionLimit, "the task nested its calls deeper than the stack of V8 holds")
			e.Stack = r.stack(f.Stack)
			return e
		}
		e := limit(ratchet.ReasonRecursionLimit, "--max-recursion", "limits.recursion",
			"the task nested its calls deeper than %d levels", r.limits.Recursion)
		e.Stack = r.stack(f.Stack)
		return e
	default:
		return ratchet.Errorf(ratchet.ReasonInternal, "the worker gave an unknown failure %q", f.Kind)
	}
}

// thrown is what the prelude tells of an error besides its own text: its own
// properties, what it was caused by, and what it gathers.
type thrown struct {
	Name    string          `json:"name"`
	Message string          `json:"message"`
	Stack   string          `json:"stack"`
	Own     json.RawMessage `json:"own"`
	Cause   *thrown         `json:"cause"`
	Errors  []thrown        `json:"errors"`
}

// title is an error's first line.
func (t *thrown) title() string {
	switch {
	case t.Name == "":
		return t.Message
	case t.Message == "":
		return t.Name
	}
	return t.Name + ": " + t.Message
}

func (r *run) threw(f *workerpool.Failure) *ratchet.Error {
	t := thrown{}
	if len(f.Extra) > 0 && json.Unmarshal(f.Extra, &t) != nil {
		t = thrown{}
	}
	t.Name, t.Message, t.Stack = f.Name, f.Message, f.Stack
	e := ratchet.Errorf(ratchet.ReasonExecutionFailed, "%s", t.title())
	e.Stack = r.stack(f.Stack)
	e.Data = ownData(t.Own)
	if file, line, column, ok := topFrame(e.Stack); ok {
		e.Details = append(e.Details, ratchet.Detail{
			File: file, Line: line, Column: column, Message: "thrown here",
			Text: r.req.Bundle.SourceMap.Line(file, line),
		})
	}
	for _, one := range t.Errors {
		e.Stack += "\ngathers: " + r.text(&one)
	}
	for cause := t.Cause; cause != nil; cause = cause.Cause {
		if cause.Message != t.Message { // else the host's own error, wrapped for the task
			e.Stack += "\ncaused by: " + r.text(cause)
		}
	}
	e.Stack = strings.TrimPrefix(e.Stack, "\n")
	return e
}

func (r *run) text(t *thrown) string {
	return strings.TrimRight(t.title()+"\n"+r.stack(t.Stack), "\n")
}

// ownData leaves out of an error's own properties what its message says already:
// the details of a refused request.
func ownData(own json.RawMessage) json.RawMessage {
	var data map[string]json.RawMessage
	if json.Unmarshal(own, &data) != nil || len(data) == 0 {
		return nil
	}
	var code ratchet.Reason
	if json.Unmarshal(data["code"], &code) != nil {
		return own
	}
	switch code {
	case ratchet.ReasonEgressRefused, ratchet.ReasonNetwork, ratchet.ReasonTimeout,
		ratchet.ReasonTooManyRedirect, ratchet.ReasonBodyTooLarge, ratchet.ReasonCircuitOpen, ratchet.ReasonValidation:
		delete(data, "details")
		if b, err := json.Marshal(data); err == nil {
			return b
		}
	}
	return own
}

// syntax explains code that the bundler took and the engine does not.
func (r *run) syntax(f *workerpool.Failure) *ratchet.Error {
	e := ratchet.Errorf(ratchet.ReasonSyntax, "the engine cannot read the task's code")
	if file, line, column, ok := topFrame(r.stack(f.Stack)); ok {
		e.Details = append(e.Details, ratchet.Detail{
			File: file, Line: line, Column: column, Message: f.Message,
			Text: r.req.Bundle.SourceMap.Line(file, line),
		})
	}
	return e
}
