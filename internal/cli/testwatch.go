package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/fsnotify/fsnotify"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// maxWatchedTasks bounds the tasks that are kept loaded.
const maxWatchedTasks = 1000

// watchedTasks are the tasks below some paths, as they were read last.
type watchedTasks struct {
	*tester
	args    []string
	watcher *fsnotify.Watcher
	cache   *bundle.Cache
	tasks   map[string]*watched
	states  map[string]fileState
}

// watch runs the tests of all tasks, and again those of each task one of whose
// files has other content, until ctx ends. Tests that a change overtakes are
// cancelled, and run again with the others.
func (t *tester) watch(ctx context.Context, args []string) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return ratchet.Errorf(ratchet.ReasonIO, "cannot watch files: %w", err)
	}
	defer watcher.Close()
	w := &watchedTasks{
		tester: t, args: args, watcher: watcher, cache: bundle.NewCache(maxWatchedTasks),
		tasks: map[string]*watched{}, states: map[string]fileState{},
	}
	changes := make(chan struct{}, 1)
	go debounce(watcher, changes)
	for pending := w.read(ctx); ; {
		run, cancel := context.WithCancel(ctx)
		over := make(chan bool, 1) // whether the tests came to their end
		states := w.snapshot(pending)
		go func() { over <- w.show(run, pending, states) }()
		var changed []string
		for len(changed) == 0 && ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-changes:
				changed = w.read(ctx)
			}
		}
		cancel()
		ended := <-over
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if ended {
			pending = nil
		}
		pending = append(pending, changed...)
		slices.Sort(pending)
		pending = slices.Compact(pending)
	}
}

// read looks which tasks there are and returns the paths of those that are not
// as they were.
func (w *watchedTasks) read(ctx context.Context) (changed []string) {
	for _, arg := range w.args {
		w.of(arg).add(w.of(arg).folders()) // where a task may come to be
	}
	for _, path := range allTasks(w.args) {
		state := w.of(path).read(ctx)
		if before, known := w.states[path]; !known || !state.equal(before) {
			w.states[path] = state
			changed = append(changed, path)
		}
	}
	return changed
}

// of returns the task at the path.
func (w *watchedTasks) of(path string) *watched {
	if w.tasks[path] == nil {
		w.tasks[path] = &watched{runner: &runner{app: w.app, flags: &w.flags.run, path: path}, watcher: w.watcher, cache: w.cache}
	}
	return w.tasks[path]
}

func (w *watchedTasks) snapshot(paths []string) map[string]fileState {
	states := map[string]fileState{}
	for _, path := range paths {
		states[path] = w.states[path]
	}
	return states
}

// show runs the tests of the tasks as they were read, and reports whether they
// came to their end.
func (w *watchedTasks) show(ctx context.Context, paths []string, states map[string]fileState) bool {
	w.config.Load = func(_ context.Context, path string) (*bundle.Bundle, error) {
		return states[path].bundle, states[path].err
	}
	err := w.run(ctx, paths)
	if ctx.Err() != nil {
		return false // overtaken by a change, or by the end
	}
	if _, said := err.(*silent); err != nil && !said {
		w.app.show(asFailure(err))
	}
	fmt.Fprintln(w.Stderr, w.err.dim("watching "+count(len(w.states), "task")+" for changes; Ctrl-C ends"))
	return true
}
