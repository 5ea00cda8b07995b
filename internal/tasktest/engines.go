package tasktest

import (
	"fmt"
	"slices"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// each returns the test once for each engine that it is to be run in.
func (c *Config) each(test *Result) []*Result {
	if len(c.Engines) == 0 || test.State == Invalid {
		return []*Result{test}
	}
	all := make([]*Result, len(c.Engines))
	for i, e := range c.Engines {
		one := *test
		one.Engine = e
		all[i] = &one
	}
	return all
}

// engine is what the test is asked to run in; empty leaves it to the task.
func (c *Config) engine(r *Result) ratchet.Engine { return r.Engine.Or(c.Engine) }

// compare notes what came otherwise in another engine than in the first.
func (t *Task) compare() {
	first := map[string]*Result{}
	for _, r := range t.Tests {
		if r.Engine == "" || !r.over {
			continue
		}
		if with := first[r.File]; with != nil {
			r.Differs = engineDifferences(with, r)
		} else {
			first[r.File] = r
		}
	}
}

// engineDifferences tells in lines what came in b that did not in a.
func engineDifferences(a, b *Result) (lines []string) {
	tell := func(what, inA, inB string) {
		lines = append(lines, fmt.Sprintf("%s: %s in %s, %s in %s", what, inB, b.Engine, inA, a.Engine))
	}
	if a.State != b.State {
		tell("the test", string(a.State), string(b.State))
	}
	switch {
	case a.Error == nil && b.Error == nil:
		for _, d := range Diff(a.Output, b.Output) {
			where := d.Pointer
			if where == "" {
				where = "the output"
			}
			tell(where, d.Want, d.Got)
		}
	case a.Error == nil || b.Error == nil || a.Error.Reason != b.Error.Reason || a.Error.Message != b.Error.Message:
		tell("the error", outcome(a.Error), outcome(b.Error))
	}
	said := func(r *Result) (messages []string) {
		for _, l := range r.Logs {
			messages = append(messages, l.Level.String()+" "+l.Message)
		}
		return messages
	}
	logA, logB := said(a), said(b)
	if !slices.Equal(logA, logB) {
		i := 0
		for i < min(len(logA), len(logB)) && logA[i] == logB[i] {
			i++
		}
		tell(fmt.Sprintf("line %d of the log", i+1), nth(logA, i), nth(logB, i))
	}
	return lines
}

func outcome(e *ratchet.Error) string {
	if e == nil {
		return "none"
	}
	return string(e.Reason) + " " + nth(strings.Split(e.Message, "\n"), 0)
}

// nth is one of several, as a message has it.
func nth(all []string, i int) string {
	if i >= len(all) {
		return "nothing"
	}
	const most = 120
	if len(all[i]) > most {
		return strings.ToValidUTF8(all[i][:most], "") + "…"
	}
	return all[i]
}
