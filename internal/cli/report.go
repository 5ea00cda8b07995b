package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// issuesURL is where faults of Ratchet are reported.
const issuesURL = "https://github.com/ratchet-runner/ratchet-go/issues"

// A failure is an error with what its reader needs beside it.
type failure struct {
	err      *ratchet.Error
	headline string                   // instead of the Message
	place    func(file string) string // how to write the file of a Detail
	hint     string                   // what to do next
	id       string                   // of the execution
}

func (f *failure) Error() string { return f.err.Message }

func (f *failure) Unwrap() error { return f.err }

// usage returns an error about the command line.
func usage(hint, format string, args ...any) error {
	return &failure{err: ratchet.Errorf(ratchet.ReasonUsage, format, args...), hint: hint}
}

func asFailure(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if e, ok := errors.AsType[*ratchet.Error](err); ok {
		return &failure{err: e}
	}
	if errors.Is(err, context.Canceled) {
		return &failure{err: ratchet.Errorf(ratchet.ReasonExecutionCancelled, "cancelled")}
	}
	return &failure{err: ratchet.AsError(err)}
}

// report writes the error to Stderr and returns the exit code.
func (a *app) report(err error) int {
	if s, ok := errors.AsType[*silent](err); ok {
		return exitCode(s.code)
	}
	f := asFailure(err)
	a.show(f)
	return exitCode(f.err.Code)
}

// show writes what happened, where, and what to do next.
func (a *app) show(f *failure) {
	var b strings.Builder
	headline := f.headline
	if headline == "" {
		headline = f.err.Message
	}
	if f.err.Reason == ratchet.ReasonInternal {
		if f.id == "" {
			f.id = ratchet.NewID[ratchet.Execution]().String()
		}
		headline += " (id " + f.id + ")"
		f.hint = "this is a fault of Ratchet, not of your task; --debug shows what is behind it. Please report it with the id at " + issuesURL
	}
	b.WriteString(a.err.red("error:") + " " + a.err.bold(harmless(headline)) + "\n")
	a.details(&b, f, headline)
	if f.err.Stack != "" {
		b.WriteString(a.err.dim(harmless(f.err.Stack)) + "\n")
	}
	if len(f.err.Data) > 0 {
		b.WriteString("data: " + harmless(string(f.err.Data)) + "\n")
	}
	if f.hint != "" {
		b.WriteString(a.err.cyan("hint:") + " " + harmless(f.hint) + "\n")
	}
	if a.debug {
		for cause := f.err.Cause; cause != nil; cause = errors.Unwrap(cause) {
			b.WriteString("cause: " + harmless(cause.Error()) + "\n")
		}
	}
	fmt.Fprint(a.Stderr, b.String())
}

// details writes what is wrong one by one, and the lines of the files.
func (a *app) details(b *strings.Builder, f *failure, headline string) {
	for _, d := range f.err.Details {
		if d.File != "" && f.place != nil {
			d.File = f.place(d.File)
		}
		if f.err.Code == ratchet.CodeTaskFailed && d.File != "" {
			d.Message = "" // the headline has it; the place is new
		}
		if d.Line == 0 && d.Pointer == "" && d.File == "" {
			d.Pointer = "(root)" // of the input or the output
		}
		if line := strings.TrimSuffix(describe(d), ": "); line != headline && (d.File != "" || !strings.Contains(headline, d.Message)) {
			fmt.Fprintf(b, "  %s\n", harmless(line))
		}
		if d.Text != "" && d.Line > 0 {
			b.WriteString(a.err.snippet(d.Text, d.Line, d.Column, a.columns(a.StderrTerminal)))
		}
	}
}

// describe writes a detail as one line, once: what its message says already is
// not said again.
func describe(d ratchet.Detail) string {
	if d.Expected != "" && strings.Contains(d.Message, d.Expected) {
		d.Expected, d.Got = "", ""
	}
	return bundle.Line(d)
}

// columns is how wide to write.
func (a *app) columns(terminal bool) int {
	if terminal && a.Width > 0 {
		return min(a.Width, 120)
	}
	return 100
}

// unloadable explains that the task at path could not be loaded.
func (a *app) unloadable(path string, err error) error {
	e, ok := errors.AsType[*ratchet.Error](err)
	if !ok {
		return err
	}
	f := &failure{err: e, place: placer(path)}
	switch len(e.Details) {
	case 0:
	case 1:
		d := e.Details[0]
		if d.File != "" {
			d.File = f.place(d.File)
		}
		f.headline = describe(d)
	default:
		f.headline = fmt.Sprintf("%s has %d problems", path, len(e.Details))
	}
	return f
}

// placer returns how to write the files of the task at path, so that they are
// found from where the command runs.
func placer(path string) func(file string) string {
	if singleFile(path) {
		path = filepath.Dir(path)
	}
	return func(file string) string { return filepath.Join(path, filepath.FromSlash(file)) }
}

// singleFile reports whether the path is of a task that is one file of code.
func singleFile(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return len(ext) >= 3 && (strings.HasSuffix(ext, "js") || strings.HasSuffix(ext, "ts"))
}

// warnings writes what is odd about the task and does not keep it from running.
func (a *app) warnings(path string, list []ratchet.Detail) {
	place := placer(path)
	for _, d := range list {
		if d.File != "" {
			d.File = place(d.File)
		}
		fmt.Fprintf(a.Stderr, "%s %s\n", a.err.yellow("warning:"), harmless(describe(d)))
	}
}
