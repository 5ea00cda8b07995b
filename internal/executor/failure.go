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

func overFetches(n int) *ratchet.Error {
	return limit(ratchet.ReasonFetchLimit, "--max-fetches", "limits.fetches",
		"the task made more than %d requests", n)
}

func overFetchBytes(n ratchet.Size) *ratchet.Error {
	return limit(ratchet.ReasonFetchBytesLimit, "--max-fetch-bytes", "limits.fetchBytes",
		"the bodies of the task's requests and responses came to more than %v", n)
}

func overLogs(n ratchet.Size) *ratchet.Error {
	return limit(ratchet.ReasonLogLimit, "--max-logs", "limits.logs", "the task logged more than %v", n)
}

func (r *run) overMemory() *ratchet.Error {
	return limit(ratchet.ReasonMemoryLimit, "--memory", "memory", "the task needed more than its %v of memory", r.limits.Memory)
}

func (r *run) overOutput(n ratchet.Size) *ratchet.Error {
	return limit(ratchet.ReasonOutputTooLarge, "--max-output", "limits.output",
		"the output is %v, more than the %v allowed", n, r.limits.Output)
}

// lost explains an execution that did not come to its own end.
func (r *run) lost(err error) *ratchet.Error {
	if errors.Is(err, workerpool.ErrWall) {
		return limit(ratchet.ReasonExecutionTimeout, "--timeout", "timeout", "the task did not finish within %v", r.limits.Wall)
	}
	if e, ok := errors.AsType[*workerpool.SandboxError](err); ok {
		return ratchet.Errorf(ratchet.ReasonSandboxUnavailable,
			"workers cannot be isolated on this machine: %w; run ratchet doctor for what is missing, or give up isolation with --insecure-allow-unsandboxed-workers", e)
	}
	if death, ok := errors.AsType[*workerpool.DeathError](err); ok {
		if errors.Is(death, workerpool.ErrMemory) {
			return r.overMemory()
		}
		if strings.Contains(death.Stderr, "out of memory") || strings.Contains(death.Stderr, "cannot allocate memory") {
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
			"the task's code gives no function to call: its value is %s; looked for the script's own value, a function named main, execute or handler, module.exports, or an export named default, main, handler or execute", orNothing(f.Message))
	case "never_settles":
		return ratchet.Errorf(ratchet.ReasonNeverSettles,
			"the task waits for a promise that nothing can settle any more: no timer and no request is pending")
	case "not_json":
		return ratchet.Errorf(ratchet.ReasonOutputNotJSON, "%s; a task must return what JSON can hold", f.Message)
	case "output_too_large":
		return r.overOutput(ratchet.Size(f.Size))
	case "cpu":
		return limit(ratchet.ReasonCPULimit, "--max-cpu", "limits.cpu",
			"the task used %v of processor time, more than the %v allowed", time.Duration(done.CPU).Round(time.Millisecond), r.limits.CPU)
	case "memory":
		return r.overMemory()
	case "recursion":
		e := limit(ratchet.ReasonRecursionLimit, "--max-recursion", "limits.recursion",
			"the task nested its calls deeper than %d levels", r.limits.Recursion)
		e.Stack = r.stack(f.Stack)
		return e
	default:
		return ratchet.Errorf(ratchet.ReasonInternal, "the worker gave an unknown failure %q", f.Kind)
	}
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func (r *run) threw(f *workerpool.Failure) *ratchet.Error {
	text := f.Message
	if f.Name != "" && f.Message != "" {
		text = f.Name + ": " + f.Message
	} else if f.Name != "" {
		text = f.Name
	}
	e := ratchet.Errorf(ratchet.ReasonExecutionFailed, "%s", text)
	e.Stack = r.stack(f.Stack)
	if len(f.Extra) > 0 && json.Valid(f.Extra) {
		e.Data = f.Extra
	}
	if file, line, column, ok := topFrame(e.Stack); ok {
		e.Details = append(e.Details, ratchet.Detail{
			File: file, Line: line, Column: column, Message: "thrown here",
			Text: r.req.Bundle.SourceMap.Line(file, line),
		})
	}
	return e
}

// syntax explains code that the bundler took and the engine does not.
func (r *run) syntax(f *workerpool.Failure) *ratchet.Error {
	e := ratchet.Errorf(ratchet.ReasonSyntax, "the engine cannot read the task's code: %s", f.Message)
	if file, line, column, ok := topFrame(r.stack(f.Stack)); ok {
		e.Details = append(e.Details, ratchet.Detail{
			File: file, Line: line, Column: column, Message: f.Message,
			Text: r.req.Bundle.SourceMap.Line(file, line),
		})
	}
	return e
}
