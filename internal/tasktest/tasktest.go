// Package tasktest runs the tests of tasks: each test is one execution whose
// requests are answered by the test's mocks and whose clock costs no time, and
// whose result is held against what the test expects. What a test says is
// package testfile's; how results are shown, the caller's.
package tasktest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/testfile"
)

// A Config says which tests are run, and how.
type Config struct {
	Executor *executor.Executor
	// Load reads a task.
	Load func(ctx context.Context, path string) (*bundle.Bundle, error)
	// Parallel is how many tests run at once. Default 1.
	Parallel int
	// Filter chooses the tests whose name, or path and file, it matches.
	// Default: all.
	Filter *regexp.Regexp
	// Limits come before those of the tasks.
	Limits ratchet.Limits
	// Env holds values for what tasks declare; those of a test come before them.
	Env map[string]string
	// Engine comes before those of the tasks. Default: each task's own.
	Engine ratchet.Engine
	// Engines, if there are any, each run every test; what comes in one and not
	// in the first is told in Result.Differs.
	Engines []ratchet.Engine
	// Hosts are admitted beside a task's permissions.net.
	Hosts egress.HostList
	// Begin, if set, is called when a worker has read a test's task and is to run
	// it; Ran with what came of it.
	Begin func(ctx context.Context)
	Ran   func(ctx context.Context, b *bundle.Bundle, x *ratchet.Execution)
	// Done, if set, is told of each task once its tests have run, in the order of
	// the paths; Step of each test at once. Neither is called by two at a time.
	Done func(*Task)
	Step func(Progress)
}

// Progress is how far a run is.
type Progress struct {
	Tests      int // that have run
	Tasks, All int // whose tests have run, and that there are
}

// A Task is a task whose tests were run.
type Task struct {
	Path     string           `json:"path"`
	Name     string           `json:"name,omitempty"`
	Tests    []*Result        `json:"tests"`
	Warnings []ratchet.Detail `json:"warnings,omitempty"`
	Error    *ratchet.Error   `json:"error,omitempty"` // why it could not be loaded

	bundle *bundle.Bundle
	todo   []*Result // tests that were not taken yet
	open   int       // tests that have not run yet
	state  state
}

type state uint8

const (
	waiting state = iota
	loading
	loaded
	told
)

// A State is how a test ended.
type State string

// The states.
const (
	Passed  State = "passed"
	Failed  State = "failed"
	Invalid State = "invalid" // the file is not a test
	Updated State = "updated" // failed, and its expectation was written anew
)

// A Result is what came of one test.
type Result struct {
	File        string           `json:"file"` // relative to the task's folder
	Name        string           `json:"name"`
	Description string           `json:"description,omitempty"`
	Engine      ratchet.Engine   `json:"engine,omitempty"` // of several
	State       State            `json:"state"`
	Elapsed     ratchet.Duration `json:"elapsed"`
	// Message says in a line why the test failed; what follows, the details.
	Message     string           `json:"message,omitempty"`
	Differences []Difference     `json:"differences,omitempty"`
	Unanswered  []Unanswered     `json:"unanswered,omitempty"`
	Error       *ratchet.Error   `json:"error,omitempty"` // of the execution
	Expected    json.RawMessage  `json:"expected,omitempty"`
	Output      json.RawMessage  `json:"output,omitempty"`
	Problems    []ratchet.Detail `json:"problems,omitempty"` // of an invalid file
	Warnings    []ratchet.Detail `json:"warnings,omitempty"`
	Differs     []string         `json:"differs,omitempty"` // from the same test in the first engine

	Logs    []ratchet.LogEntry `json:"logs,omitempty"`
	Fetches []ratchet.Fetch    `json:"fetches,omitempty"`

	test *testfile.Test
	data []byte // of the file
	over bool   // it has run
}

// Start is what a test's clock shows at first if the test does not say.
func Start() time.Time { return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC) }

// theExecution is the id of every execution whose test has no network, so that a
// result that has it stays the same.
const theExecution = "execution_00000000-0000-7000-8000-000000000001"

// run executes one test.
func (c *Config) run(ctx context.Context, task *Task, r *Result) *ratchet.Error {
	t := r.test
	answers := newAnswers(t)
	req := executor.Request{
		Bundle: task.bundle, Input: t.Input, Limits: c.Limits, Hosts: c.Hosts, Engine: c.engine(r), Begin: c.Begin,
		Env: map[string]string{}, Effects: answers,
	}
	for name, value := range c.Env {
		if task.bundle.Permissions.AllowsEnv(name) {
			req.Env[name] = value
		}
	}
	for name, value := range t.Env {
		req.Env[name] = value
	}
	if t.Network {
		answers.outside = c.Executor.Outside()
	} else {
		answers.wall = time.Duration(c.Limits.Or(task.bundle.Limits).Or(ratchet.DefaultLimits()).Wall)
	}
	if !t.Network || !t.Now.IsZero() || t.Seed != 0 {
		req.Timeline = &executor.Timeline{Seed: t.Seed, Start: t.Now, Replay: !t.Network}
		if t.Now.IsZero() {
			req.Timeline.Start = Start()
		}
		var err error
		if req.ID, err = ratchet.ParseID[ratchet.Execution](theExecution); err != nil {
			return ratchet.AsError(err)
		}
	}
	if undeclared := r.undeclared(task.bundle); len(undeclared) > 0 {
		r.State, r.Message, r.Problems = Invalid, "the file is not a test that can be run", undeclared
		return nil
	}
	x := c.Executor.Execute(ctx, req)
	if c.Ran != nil {
		c.Ran(ctx, task.bundle, x)
	}
	if e := x.Error; e != nil && (ctx.Err() != nil || e.Code == ratchet.CodeInternal || e.Reason == ratchet.ReasonSandboxUnavailable || e.Reason == ratchet.ReasonEngineUnavailable) {
		return e // says nothing about the task
	}
	answers.overdue(x)
	r.judge(x, answers)
	return nil
}

// overdue ends an execution that took an answer when its time was over. Its
// clock costs no time, so that nobody else did.
func (a *answers) overdue(x *ratchet.Execution) {
	if a.wall == 0 || a.last < a.wall {
		return
	}
	x.Output = nil
	x.Error = ratchet.Errorf(ratchet.ReasonExecutionTimeout, "the task did not finish within the %v allowed: on the test's clock it took its last answer after %v; raise the limit with --timeout or \"timeout\" in metadata.json",
		ratchet.Duration(a.wall), ratchet.Duration(a.last))
}

// undeclared reports the variables of the test that the task does not declare.
func (r *Result) undeclared(b *bundle.Bundle) (problems []ratchet.Detail) {
	for _, name := range slices.Sorted(maps.Keys(r.test.Env)) {
		if !b.Permissions.AllowsEnv(name) {
			d := testfile.At(r.File, r.data, "env", name)
			d.Message = fmt.Sprintf("the task does not declare the environment variable %s; add it to permissions.env in metadata.json", name)
			problems = append(problems, d)
		}
	}
	return problems
}
