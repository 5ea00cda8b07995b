//go:build !noserver

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/client"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// say writes to Stderr, one at a time.
func (w *workshop) say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(w.app.Stderr, format, args...)
}

// wrong says what is wrong with a task.
func (w *workshop) wrong(task *devTask, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.app.show(asFailure(err))
	if task.digest != "" {
		fmt.Fprintln(w.app.Stderr, w.app.err.dim("the server keeps "+task.name+" as it was"))
	}
}

// loaded says that the server has the task, and at first how to run it.
func (w *workshop) loaded(task *devTask, b *bundle.Bundle, first bool) {
	p := w.app.err
	if !first {
		w.say("%s %s %s\n", p.green("reloaded"), task.name, b.Version)
		return
	}
	input := quoted(sampleInput(b))
	server := ""
	if w.url != defaultServer {
		server = " --server " + w.url
	}
	w.say("%s %s %s\n  %s\n  %s\n", p.green("loaded"), p.bold(task.name), b.Version,
		"curl --json "+input+" "+w.url+"/api/v1/tasks/"+task.name+"/run",
		"ratchet job submit "+task.name+server+" --input "+input+" --wait")
}

// sampleInput is the input of the task's first test that should succeed, else {}.
func sampleInput(b *bundle.Bundle) string {
	for _, test := range b.Tests {
		var t struct {
			Input      json.RawMessage `json:"input"`
			ShouldFail any             `json:"should_fail"`
		}
		if json.Unmarshal(test.Data, &t) == nil && t.ShouldFail == nil && len(t.Input) > 0 && len(t.Input) < 200 {
			if text, err := encode(t.Input); err == nil {
				return string(text)
			}
		}
	}
	return "{}"
}

// quoted is the text as one word of a shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// fromTheStart is before the ID of every event.
const fromTheStart = "00000000-0000-7000-8000-000000000000"

// events shows what happens until ctx ends.
func (w *workshop) events(ctx context.Context) {
	for e, err := range w.client.Events(ctx, client.EventFilter{Level: ratchet.LevelTrace, After: fromTheStart}) {
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.say("%s executions are shown no more: %v\n", w.app.err.yellow("warning:"), err)
			return
		}
		if text := w.eventText(ctx, e); text != "" {
			w.say("%s %s %s\n", w.app.err.dim(e.Time.Local().Format("15:04:05")), w.app.err.bold(e.Task), strings.ReplaceAll(text, "\n", "\n    "))
		}
	}
}

// eventText says what happened; empty if that is of no interest.
func (w *workshop) eventText(ctx context.Context, e ratchet.Event) string {
	p := w.app.err
	switch {
	case e.Log != nil:
		text := "[" + e.Log.Level.String() + "] " + harmless(e.Log.Message)
		if len(e.Log.Fields) > 0 && string(e.Log.Fields) != "{}" {
			text += " " + p.dim(harmless(string(e.Log.Fields)))
		}
		return text
	case e.Progress != nil:
		return strings.TrimSpace(fmt.Sprintf("%.0f%% %s", e.Progress.Value*100, harmless(e.Progress.Message)))
	case e.State == ratchet.JobRunning:
		return p.dim(fmt.Sprintf("%s runs, attempt %d", e.Job, e.Attempt))
	case e.State == ratchet.JobCompleted:
		return p.green("completed") + " " + w.output(ctx, e.Job)
	case e.Error != nil && (e.State == ratchet.JobFailed || e.State == ratchet.JobRetrying):
		text := p.red(string(e.State)) + " " + harmless(e.Error.Message)
		if e.Error.Stack != "" {
			text += "\n" + p.dim(harmless(e.Error.Stack))
		}
		return text
	case e.State.Terminal():
		return p.yellow(string(e.State)) + " " + e.Job.String()
	}
	return ""
}

// output is what a job gave, as far as that is short.
func (w *workshop) output(ctx context.Context, id ratchet.JobID) string {
	job, _, err := w.client.Job(ctx, id, 0)
	if err != nil {
		return id.String()
	}
	return short(harmless(string(job.Output)), 200)
}
