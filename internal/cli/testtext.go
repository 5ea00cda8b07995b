package cli

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/tasktest"
)

// A testReport is what test --json prints.
type testReport struct {
	Passed     int              `json:"passed"`
	Failed     int              `json:"failed"`
	Invalid    int              `json:"invalid"`    // files that are no tests
	Updated    int              `json:"updated"`    // tests that were written anew
	Unloadable int              `json:"unloadable"` // tasks that could not be loaded
	Elapsed    ratchet.Duration `json:"elapsed"`
	Tasks      []*tasktest.Task `json:"tasks"`
}

func newTestReport(tasks []*tasktest.Task, elapsed time.Duration) *testReport {
	r := &testReport{Tasks: tasks, Elapsed: ratchet.Duration(elapsed)}
	for _, task := range tasks {
		if task.Error != nil {
			r.Unloadable++
		}
		for _, t := range task.Tests {
			switch t.State {
			case tasktest.Passed:
				r.Passed++
			case tasktest.Updated:
				r.Updated++
			case tasktest.Invalid:
				r.Invalid++
			default:
				r.Failed++
			}
		}
	}
	return r
}

// tests is how many tests there are, broken ones included.
func (r *testReport) tests() int { return r.Passed + r.Failed + r.Updated + r.Invalid }

// failure is what the command ends with: 1 as of every program that runs tests,
// or, if no test could be run, the code of the first error.
func (r *testReport) failure() error {
	switch {
	case r.Failed+r.Invalid+r.Unloadable == 0:
		return nil
	case r.Passed+r.Failed+r.Updated > 0:
		return &silent{ratchet.CodeInternal}
	}
	for _, task := range r.Tasks {
		if task.Error != nil {
			return &silent{task.Error.Code}
		}
	}
	return &silent{ratchet.CodeInvalid}
}

// summary is the last line.
func (t *tester) summary(r *testReport) string {
	var parts []string
	add := func(n int, always bool, colour func(string) string, format string, args ...any) {
		switch text := fmt.Sprintf(format, args...); {
		case n > 0:
			parts = append(parts, colour(text))
		case always:
			parts = append(parts, text)
		}
	}
	add(r.Passed, true, t.out.green, "%d passed", r.Passed)
	add(r.Failed, true, t.out.red, "%d failed", r.Failed)
	add(r.Invalid, false, t.out.red, "%d broken", r.Invalid)
	add(r.Updated, false, t.out.yellow, "%d updated", r.Updated)
	add(r.Unloadable, false, t.out.red, "%s cannot be loaded", count(r.Unloadable, "task"))
	return fmt.Sprintf("%s (%s) in %.1fs\n", strings.Join(parts, ", "), count(len(r.Tasks), "task"), time.Duration(r.Elapsed).Seconds())
}

// taskText shows a task and its tests.
func (t *tester) taskText(task *tasktest.Task) string {
	if len(task.Tests) == 0 && task.Error == nil && t.config.Filter != nil {
		return ""
	}
	var b strings.Builder
	b.WriteString(t.out.bold(task.Path))
	if len(task.Tests) == 0 && task.Error == nil {
		b.WriteString(" " + t.out.yellow("has no tests"))
	}
	b.WriteByte('\n')
	if e := task.Error; e != nil {
		fmt.Fprintf(&b, "  %s the task cannot be loaded\n", t.out.red("✗"))
		place := placer(task.Path)
		if len(e.Details) == 0 {
			b.WriteString("    " + harmless(e.Message) + "\n")
		}
		for _, d := range e.Details {
			t.detail(&b, d, place)
		}
	}
	for _, r := range task.Tests {
		t.testText(&b, task, r)
	}
	return b.String()
}

// testText shows one test.
func (t *tester) testText(b *strings.Builder, task *tasktest.Task, r *tasktest.Result) {
	mark := t.out.red("✗")
	switch r.State {
	case tasktest.Passed:
		mark = t.out.green("✓")
	case tasktest.Updated:
		mark = t.out.yellow("↻")
	}
	fmt.Fprintf(b, "  %s %s", mark, harmless(r.Name))
	if r.Engine != "" {
		b.WriteString(" " + t.out.cyan("in "+string(r.Engine)))
	}
	place := placer(task.Path)
	switch r.State {
	case tasktest.Invalid:
		b.WriteString(" is not a test that can be run\n")
		for _, d := range r.Problems {
			t.detail(b, d, place)
		}
	case tasktest.Passed:
		b.WriteString(t.out.dim(milliseconds(r.Elapsed)) + "\n")
	default:
		what := r.Message
		if r.State == tasktest.Updated {
			what = "the test now expects what came"
		}
		fmt.Fprintf(b, "%s\n    %s: %s\n", t.out.dim(milliseconds(r.Elapsed)), place(r.File), harmless(what))
		for _, line := range r.Explain(place) {
			b.WriteString("    " + t.coloured(harmless(line)) + "\n")
		}
	}
	for _, d := range r.Warnings {
		d.File = place(r.File)
		fmt.Fprintf(b, "    %s %s\n", t.out.yellow("warning:"), harmless(describe(d)))
	}
	for _, line := range r.Differs {
		fmt.Fprintf(b, "    %s %s\n", t.out.yellow("differs:"), harmless(line))
	}
	if r.State == tasktest.Failed || t.flags.verbose {
		t.heard(b, r)
	}
}

func milliseconds(d ratchet.Duration) string {
	if n := time.Duration(d).Round(time.Millisecond).Milliseconds(); n > 0 {
		return fmt.Sprintf(" (%d ms)", n)
	}
	return " (<1 ms)"
}

// heard shows what the task fetched and logged.
func (t *tester) heard(b *strings.Builder, r *tasktest.Result) {
	for _, f := range r.Fetches {
		if !t.flags.verbose {
			break
		}
		came := fmt.Sprint(f.Status)
		if f.Error != nil {
			came = string(f.Error.Reason)
		}
		fmt.Fprintf(b, "    %s\n", t.out.dim(fmt.Sprintf("fetched %s %s: %s", f.Method, filepath.ToSlash(f.Host), came)))
	}
	for _, l := range r.Logs {
		text := fmt.Sprintf("[%s] %s", l.Level, l.Message)
		if len(l.Fields) > 0 && string(l.Fields) != "{}" {
			text += " " + string(l.Fields)
		}
		b.WriteString("    " + t.out.dim(strings.ReplaceAll(harmless(text), "\n", "\n      ")) + "\n")
	}
}

// coloured paints a line of a comparison.
func (t *tester) coloured(line string) string {
	switch {
	case strings.HasPrefix(line, "  -"):
		return t.out.red(line)
	case strings.HasPrefix(line, "  +"):
		return t.out.green(line)
	}
	return line
}

// detail shows what is wrong in a file, and the line.
func (t *tester) detail(b *strings.Builder, d ratchet.Detail, place func(string) string) {
	if d.File != "" {
		d.File = place(d.File)
	}
	b.WriteString("    " + harmless(describe(d)) + "\n")
	if d.Text != "" && d.Line > 0 {
		b.WriteString(t.out.snippet(d.Text, d.Line, d.Column, t.columns(t.StdoutTerminal)))
	}
}
