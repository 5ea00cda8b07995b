package redact

import (
	"slices"

	"github.com/ratchet-runner/ratchet-go"
)

// A Redactor hides values of an environment in what a task says, in whatever
// encoding they come. The nil Redactor hides nothing. It is safe for concurrent
// use.
type Redactor struct{ s *Secrets }

// NewRedactor returns a Redactor of the values of env, each with a placeholder
// that has its name.
func NewRedactor(env map[string]string) *Redactor {
	if len(env) == 0 {
		return nil
	}
	s := New()
	s.AddEnv(env, Placeholders(env))
	return &Redactor{s}
}

// Log returns the entry without the values.
func (r *Redactor) Log(entry ratchet.LogEntry) ratchet.LogEntry {
	if r == nil {
		return entry
	}
	return r.s.Log(entry)
}

// Progress returns p without the values.
func (r *Redactor) Progress(p ratchet.Progress) ratchet.Progress {
	if r != nil {
		p.Message = r.s.Text(p.Message)
	}
	return p
}

// Error returns a copy of e without the values, and without its cause, whose text
// may have them; nil for nil.
func (r *Redactor) Error(e *ratchet.Error) *ratchet.Error {
	if r == nil || e == nil {
		return e
	}
	hidden := r.s.Error(e)
	hidden.Cause = nil
	for i := range hidden.Details {
		hidden.Details[i].File = r.s.Text(hidden.Details[i].File)
	}
	return hidden
}

// Outcome hides the values in what came of e: its output, error, log, progress and
// requests. Its input is the caller's own and stays.
func (r *Redactor) Outcome(e *ratchet.Execution) {
	if r == nil {
		return
	}
	if len(e.Output) > 0 {
		e.Output = r.s.JSON(e.Output)
	}
	e.Error, e.Progress = r.Error(e.Error), r.Progress(e.Progress)
	e.Logs, e.Fetches = slices.Clone(e.Logs), slices.Clone(e.Fetches)
	for i, entry := range e.Logs {
		e.Logs[i] = r.Log(entry)
	}
	for i := range e.Fetches {
		f := &e.Fetches[i]
		f.Host, f.Error = r.s.Text(f.Host), r.Error(f.Error)
	}
}
