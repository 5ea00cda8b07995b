package tasktest

import (
	"encoding/xml"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// The elements of a JUnit report, as the CIs of Jenkins, GitLab and others read
// it (https://github.com/testmoapp/junitxml).
type (
	junitReport struct {
		XMLName xml.Name `xml:"testsuites"`
		Name    string   `xml:"name,attr"`
		junitSum
		Suites []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name string `xml:"name,attr"`
		junitSum
		File  string      `xml:"file,attr"`
		Cases []junitCase `xml:"testcase"`
	}
	junitSum struct {
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Time     string `xml:"time,attr"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		Classname string        `xml:"classname,attr"`
		File      string        `xml:"file,attr"`
		Time      string        `xml:"time,attr"`
		Failure   *junitFailure `xml:"failure"`
		Error     *junitFailure `xml:"error"`
		SystemOut string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

func (s *junitSum) count(c junitCase) {
	s.Tests++
	if c.Failure != nil {
		s.Failures++
	}
	if c.Error != nil {
		s.Errors++
	}
}

// JUnit writes the results as JUnit XML. A task that could not be loaded is a
// test case with an error.
func JUnit(w io.Writer, tasks []*Task, elapsed time.Duration) error {
	report := junitReport{Name: "ratchet test"}
	report.Time = seconds(elapsed)
	for _, t := range tasks {
		s := junitSuite{Name: t.label(), File: filepath.ToSlash(t.Path)}
		var sum time.Duration
		if t.Error != nil {
			s.add(&report, junitCase{
				Name: "the task", Classname: t.label(), File: s.File, Time: seconds(0),
				Error: &junitFailure{t.Error.Message, string(t.Error.Reason), t.details(t.Error.Details)},
			})
		}
		for _, r := range t.Tests {
			s.add(&report, t.junit(r))
			sum += time.Duration(r.Elapsed)
		}
		s.Time = seconds(sum)
		report.Suites = append(report.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(report); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) add(report *junitReport, c junitCase) {
	s.Cases = append(s.Cases, c)
	s.count(c)
	report.count(c)
}

// label is what the task is called, its path if it has no name.
func (t *Task) label() string {
	if t.Name != "" {
		return t.Name
	}
	return filepath.ToSlash(t.Path)
}

func (t *Task) junit(r *Result) junitCase {
	name := r.Name
	if r.Engine != "" {
		name += " in " + string(r.Engine)
	}
	c := junitCase{Name: name, Classname: t.label(), File: t.place(r.File), Time: seconds(time.Duration(r.Elapsed))}
	switch r.State {
	case Failed:
		kind := "difference"
		switch {
		case len(r.Unanswered) > 0:
			kind = "request without a mock"
		case r.Error != nil:
			kind = string(r.Error.Reason)
		}
		c.Failure = &junitFailure{r.Message, kind, strings.Join(r.Explain(t.place), "\n")}
	case Invalid:
		c.Error = &junitFailure{r.Message, "invalid test", strings.Join(r.Explain(t.place), "\n")}
	}
	var logs strings.Builder
	for _, l := range r.Logs {
		fmt.Fprintf(&logs, "[%s] %s", l.Level, l.Message)
		if len(l.Fields) > 0 && string(l.Fields) != "{}" {
			fmt.Fprintf(&logs, " %s", l.Fields)
		}
		logs.WriteByte('\n')
	}
	c.SystemOut = logs.String()
	return c
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// place writes the name of a file of the task from where the command runs.
func (t *Task) place(file string) string { return filepath.ToSlash(filepath.Join(t.Path, file)) }

func (t *Task) details(list []ratchet.Detail) string {
	var lines []string
	for _, d := range list {
		lines = append(lines, line(d, t.place))
	}
	return strings.Join(lines, "\n")
}
