package tasktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// Explain returns the lines that, after the Message, say why a test failed. What
// place makes of them are the names of the task's files.
func (r *Result) Explain(place func(file string) string) (lines []string) {
	for _, d := range r.Problems {
		lines = append(lines, line(d, place))
	}
	for _, u := range r.Unanswered {
		lines = append(lines, fmt.Sprintf("no mock: %s %s", u.Method, u.URL))
		if u.Closest != "" {
			lines = append(lines, "the closest: "+u.Closest)
		}
	}
	if e := r.Error; e != nil && r.State == Failed {
		lines = append(lines, strings.Split(fmt.Sprintf("got %s: %s", e.Reason, e.Message), "\n")...)
		for _, d := range e.Details {
			if e.Code == ratchet.CodeTaskFailed && d.File != "" {
				d.Message = "" // the line above has it; the place is new
			}
			if text := strings.TrimSuffix(line(d, place), ": "); text != e.Message && text != "" {
				lines = append(lines, text)
			}
		}
		if e.Stack != "" {
			lines = append(lines, strings.Split(e.Stack, "\n")...)
		}
		if len(r.Expected) > 0 {
			lines = append(lines, "want "+brief(r.Expected))
		}
	}
	for _, d := range r.Differences {
		lines = append(lines, d.String())
		for _, l := range d.Lines {
			lines = append(lines, "  "+l)
		}
	}
	if r.State == Failed && r.Error == nil && len(r.Expected) == 0 && len(r.Output) > 0 {
		lines = append(lines, "got "+brief(r.Output))
	}
	return lines
}

// brief writes JSON on one line, cut short.
func brief(text []byte) string {
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		return clip(string(text))
	}
	return clip(b.String())
}

func line(d ratchet.Detail, place func(file string) string) string {
	if d.File != "" {
		d.File = place(d.File)
	}
	if d.Expected != "" && strings.Contains(d.Message, d.Expected) {
		d.Expected, d.Got = "", ""
	}
	return bundle.Line(d)
}
