package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// settle is how long files must be left alone before they are read: an editor
// writes in several steps, a checkout many files.
const settle = 50 * time.Millisecond

// maxWatched bounds the folders that are watched.
const maxWatched = 500

// watch runs the task, and again whenever one of its files or the file of the
// input has other content, until ctx ends. An execution that a change overtakes
// is cancelled.
func (r *runner) watch(ctx context.Context) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return ratchet.Errorf(ratchet.ReasonIO, "cannot watch files: %w", err)
	}
	defer watcher.Close()
	w := &watched{runner: r, watcher: watcher, cache: bundle.NewCache(1)}
	changes := make(chan struct{}, 1)
	go debounce(watcher, changes)
	for state := w.read(ctx); ; {
		run, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.show(run, state)
		}()
		next := state
		for next.equal(state) && ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-changes:
				next = w.read(ctx)
			}
		}
		cancel()
		<-done
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		state = next
	}
}

// debounce tells changes that something changed, once all is quiet.
func debounce(watcher *fsnotify.Watcher, changes chan<- struct{}) {
	quiet := time.NewTimer(0)
	<-quiet.C
	for {
		select {
		case _, ok := <-watcher.Events:
			if !ok {
				return
			}
			quiet.Reset(settle)
		case _, ok := <-watcher.Errors: // such as too many events: look what changed
			if !ok {
				return
			}
			quiet.Reset(settle)
		case <-quiet.C:
			select {
			case changes <- struct{}{}:
			default: // has not been taken notice of yet
			}
		}
	}
}

// A watched task.
type watched struct {
	*runner
	watcher *fsnotify.Watcher
	cache   *bundle.Cache
	last    *bundle.Bundle // that could be loaded
}

// A fileState is what the files came to when they were read.
type fileState struct {
	bundle *bundle.Bundle // nil if there is an error
	input  input
	err    error
}

func (s fileState) equal(other fileState) bool {
	return s.bundle == other.bundle && string(s.input.text) == string(other.input.text) && sameError(s.err, other.err)
}

func sameError(a, b error) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.Error() == b.Error() && slices.Equal(asFailure(a).err.Details, asFailure(b).err.Details)
}

// read loads the task, and watches all that had a part in it from before it is
// read, so that no change goes unnoticed.
func (w *watched) read(ctx context.Context) fileState {
	w.add(w.folders())
	for {
		s := w.load(ctx)
		if s.bundle == nil || s.bundle == w.last {
			return s
		}
		w.last = s.bundle
		w.add(w.folders()) // and look again: it may have changed before it was watched
	}
}

func (w *watched) load(ctx context.Context) fileState {
	s := fileState{input: w.input}
	if w.input.file != "" {
		if s.input.text, s.err = readFile(w.input.file); s.err != nil {
			return s
		}
	}
	if s.bundle, s.err = w.cache.Load(ctx, w.path, bundle.Options{ParentModules: true, Engine: ratchet.Engine(w.flags.engine)}); s.err != nil {
		s.err = w.unloadable(w.path, s.err)
	}
	return s
}

// show runs the task, or says why it cannot.
func (w *watched) show(ctx context.Context, s fileState) {
	err := s.err
	if err == nil {
		w.input = s.input
		err = w.once(ctx, s.bundle)
	}
	if ctx.Err() != nil {
		return // overtaken by a change, or by the end
	}
	if err != nil {
		w.app.show(asFailure(err))
	}
	if !w.flags.quiet {
		fmt.Fprintln(w.Stderr, w.err.dim("watching "+w.path+" for changes; Ctrl-C ends"))
	}
}

// folders lists where the task's files lie, and the folder above, in which the
// task itself may be replaced.
func (w *watched) folders() []string {
	var dirs []string
	add := func(dir string) {
		if !slices.Contains(dirs, dir) && len(dirs) < maxWatched {
			dirs = append(dirs, dir)
		}
	}
	add(filepath.Dir(filepath.Clean(w.path)))
	if w.input.file != "" {
		add(filepath.Dir(w.input.file))
	}
	if info, err := os.Stat(w.path); err == nil && info.IsDir() {
		_ = filepath.WalkDir(w.path, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil || !d.IsDir():
			case path != w.path && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".")):
				return fs.SkipDir
			default:
				add(path)
			}
			return nil
		})
	}
	if w.last != nil {
		for _, in := range w.last.Inputs {
			if path, ok := findInput(w.last.Root, in.Name); ok {
				add(filepath.Dir(path))
			}
		}
	}
	return dirs
}

// findInput returns the path of a file that a bundle was made of: packages may
// lie in folders above the task's.
func findInput(root, name string) (string, bool) {
	for dir := root; ; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if _, err := os.Stat(path); err == nil {
			return path, true
		}
		if dir == filepath.Dir(dir) || !strings.HasPrefix(name, "node_modules/") {
			return "", false
		}
	}
}

func (w *watched) add(dirs []string) {
	for _, dir := range dirs {
		if err := w.watcher.Add(dir); err != nil && !errors.Is(err, fs.ErrNotExist) && w.debug {
			fmt.Fprintf(w.Stderr, "cannot watch %s: %v\n", dir, err)
		}
	}
}
