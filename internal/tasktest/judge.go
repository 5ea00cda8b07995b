package tasktest

import (
	"fmt"
	"slices"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/testfile"
)

// judge holds what came of the execution against what the test expects.
func (r *Result) judge(x *ratchet.Execution, a *answers) {
	t := r.test
	r.State = Failed
	r.Elapsed, r.Error, r.Output = ratchet.Duration(x.Elapsed()), x.Error, x.Output
	r.Logs, r.Fetches = x.Logs, x.Fetches
	r.Unanswered = a.unanswered
	r.Expected = t.Expected
	for _, w := range a.unused() {
		w.File = r.File
		r.Warnings = append(r.Warnings, w)
	}
	switch e := x.Error; {
	case len(r.Unanswered) > 0:
		r.Message = fmt.Sprintf("the test has no mock for %s %s", r.Unanswered[0].Method, r.Unanswered[0].URL)
	case e == nil && t.Fails != nil:
		r.Message = "the task should have failed, and did not"
	case e == nil:
		if r.Differences = Diff(t.Expected, x.Output); len(r.Differences) == 0 {
			r.State = Passed
			return
		}
		r.Message = "the output is not what the test expects"
	case t.Fails == nil:
		r.Message = "the task failed, and the test expects an output"
	case e.Reason == ratchet.ReasonValidation || e.Reason == ratchet.ReasonWorker:
		r.Message = "the task could not be run" // nobody expects that
	default:
		if missing := unmet(t.Fails, e); missing != "" {
			r.Message = "the task failed with another error than the test expects: " + missing
			return
		}
		r.State = Passed
	}
}

// unmet says what the error lacks of what the test wants of it.
func unmet(f *testfile.Fails, e *ratchet.Error) string {
	if f.Reason != "" && f.Reason != e.Reason {
		return fmt.Sprintf("want the reason %s, got %s", f.Reason, e.Reason)
	}
	if i := slices.IndexFunc(f.Texts, func(s string) bool { return !mentions(e, s) }); i >= 0 {
		return fmt.Sprintf("its message does not have %q", f.Texts[i])
	}
	if i := slices.IndexFunc(f.Either, func(s string) bool { return s != string(e.Reason) && !mentions(e, s) }); i >= 0 {
		return fmt.Sprintf("%q is neither its reason nor in its message", f.Either[i])
	}
	return ""
}

// mentions reports whether the error's message, or that of a detail, has the text.
func mentions(e *ratchet.Error, text string) bool {
	return strings.Contains(e.Message, text) || slices.ContainsFunc(e.Details, func(d ratchet.Detail) bool {
		return strings.Contains(d.Pointer+": "+d.Message, text)
	})
}
