package tasktest

import (
	"context"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/testfile"
)

// Run runs the tests of the tasks at the paths and returns what came of them, in
// that order. The error is for what says nothing about a task: that ctx ended, or
// that workers cannot run here; what it returns with it is what was finished.
func (c Config) Run(ctx context.Context, paths []string) ([]*Task, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &runner{Config: c, ctx: ctx, cancel: cancel}
	r.changed.L = &r.mu
	for _, p := range paths {
		r.tasks = append(r.tasks, &Task{Path: p, Tests: []*Result{}})
	}
	defer context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.changed.Broadcast()
	})()
	var lanes sync.WaitGroup
	for range min(max(c.Parallel, 1), 1000*len(paths)) {
		lanes.Go(r.lane)
	}
	lanes.Wait()
	if err := context.Cause(ctx); err != nil {
		return finished(r.tasks), err
	}
	return r.tasks, nil
}

// finished returns, of a Run that was ended, the tasks of which something came,
// with those tests that had come to their end.
func finished(tasks []*Task) (some []*Task) {
	for _, t := range tasks {
		t.Tests = slices.DeleteFunc(t.Tests, func(r *Result) bool { return !r.over && r.State != Invalid })
		if len(t.Tests) > 0 || t.Error != nil || t.state == told {
			some = append(some, t)
		}
	}
	return some
}

// A runner is a Run under way. Its lanes each run one test at a time. A lane
// stays with a task, whose worker it has, as long as the task has tests left;
// then it takes the next task, and when all have been taken it helps another
// lane with its.
type runner struct {
	Config
	ctx    context.Context
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	changed  sync.Cond // a task was loaded, or ctx ended
	tasks    []*Task
	progress Progress
	shown    int // tasks told of
}

func (r *runner) lane() {
	var task *Task
	for {
		var next *Result
		if task, next = r.take(task); task == nil {
			return
		}
		if next == nil {
			r.load(task)
			continue
		}
		if err := r.run(r.ctx, task, next); err != nil {
			r.cancel(err)
			return
		}
		r.finished(task, next)
	}
}

// take returns the next test to run, or a task to load. Both are nil at the end.
func (r *runner) take(mine *Task) (*Task, *Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.ctx.Err() == nil {
		if mine != nil && len(mine.todo) > 0 {
			return mine, mine.take()
		}
		if i := slices.IndexFunc(r.tasks, func(t *Task) bool { return t.state == waiting }); i >= 0 {
			r.tasks[i].state = loading
			return r.tasks[i], nil
		}
		most := slices.MaxFunc(r.tasks, func(a, b *Task) int { return len(a.todo) - len(b.todo) })
		if len(most.todo) > 0 {
			return most, most.take()
		}
		if !slices.ContainsFunc(r.tasks, func(t *Task) bool { return t.state == loading }) {
			break
		}
		r.changed.Wait()
	}
	return nil, nil
}

// take returns the next test that has not been taken.
func (t *Task) take() *Result {
	next := t.todo[0]
	t.todo = t.todo[1:]
	next.State = Failed // until it is judged
	return next
}

// finished notes that one more test of the task has run.
func (r *runner) finished(task *Task, test *Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	test.over = true
	task.open--
	r.progress.Tests++
	r.tell()
}

// tell tells of the tasks that are done. The lock is held.
func (r *runner) tell() {
	r.progress.All = len(r.tasks)
	r.progress.Tasks = 0
	for _, t := range r.tasks {
		if t.state >= loaded && t.open == 0 {
			r.progress.Tasks++
		}
	}
	if r.Step != nil {
		r.Step(r.progress)
	}
	for r.shown < len(r.tasks) && r.tasks[r.shown].state == loaded && r.tasks[r.shown].open == 0 {
		r.tasks[r.shown].state = told
		r.tasks[r.shown].compare()
		if r.Done != nil {
			r.Done(r.tasks[r.shown])
		}
		r.shown++
	}
}

// load reads the task and its tests.
func (r *runner) load(task *Task) {
	b, err := r.Load(r.ctx, task.Path)
	var tests []*Result
	if err == nil {
		tests = r.read(task, b)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil && r.ctx.Err() != nil {
		return // says nothing about the task
	}
	if err != nil {
		task.Error = ratchet.AsError(err)
		if task.Error.Code == ratchet.CodeInternal {
			r.cancel(err)
		}
	} else {
		task.Name, task.bundle, task.Tests = b.Name, b, tests
	}
	for _, t := range tests {
		if t.State == "" {
			task.todo = append(task.todo, t)
		}
	}
	task.open, task.state = len(task.todo), loaded
	r.tell()
	r.changed.Broadcast()
}

// read makes the results that the task's tests will fill. Files that are no
// tests are results already.
func (r *runner) read(task *Task, b *bundle.Bundle) []*Result {
	tests := []*Result{}
	known := map[string]bool{}
	for _, file := range b.Tests {
		known[file.Name] = true
		t := read(file)
		if f := r.Filter; f == nil || f.MatchString(t.Name) || f.MatchString(filepath.ToSlash(filepath.Join(task.Path, t.File))) {
			tests = append(tests, r.each(t)...)
		}
	}
	for _, w := range b.Warnings {
		switch {
		case known[w.File]: // read said it
		case strings.HasPrefix(w.File, "tests/") && r.Filter == nil:
			tests = append(tests, &Result{File: w.File, Name: nameOf(w.File), State: Invalid, Message: "the test cannot be read", Problems: []ratchet.Detail{w}})
		case !strings.HasPrefix(w.File, "tests/"):
			task.Warnings = append(task.Warnings, w)
		}
	}
	return tests
}

// nameOf is what a test without a name is called.
func nameOf(file string) string { return strings.TrimSuffix(path.Base(file), path.Ext(file)) }

func read(file bundle.Test) *Result {
	r := &Result{File: file.Name, Name: nameOf(file.Name), data: file.Data}
	var anything *bundle.Schema // says better than encoding/json what is wrong with a text
	if r.Problems = anything.Validate(file.Data); len(r.Problems) == 0 {
		r.test, r.Problems, r.Warnings = testfile.Parse(file.Name, file.Data)
	}
	for i := range r.Problems {
		r.Problems[i].File = file.Name
	}
	if len(r.Problems) > 0 {
		r.State, r.Message = Invalid, "the file is not a test that can be run"
		return r
	}
	if r.test.Name != "" {
		r.Name = r.test.Name
	}
	r.Description = r.test.Description
	return r
}
