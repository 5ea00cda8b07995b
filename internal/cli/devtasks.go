//go:build !noserver

package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/fsnotify/fsnotify"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/client"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// A workshop is a folder of tasks that are being worked on, and the server that
// has them.
type workshop struct {
	app     *app
	client  *client.Client
	url     string
	dir     string
	watcher *fsnotify.Watcher
	changes chan struct{}
	cache   *bundle.Cache
	tasks   map[string]*devTask // by their paths

	mu sync.Mutex // of what is written
}

// A devTask is what the server has of a task, and what is wrong with what is there.
type devTask struct {
	path   string
	name   string
	digest string   // that the server has; empty: none
	others []string // folders outside its own that have a part in it
	err    error    // why the server has not what is there
}

// maxTasks bounds how many tasks are kept in memory.
const maxTasks = 1000

func newWorkshop(a *app, c *client.Client, url, dir string) (*workshop, error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonIO, "cannot watch files: %w", err)
	}
	w := &workshop{
		app: a, client: c, url: url, dir: dir, watcher: watcher, changes: make(chan struct{}, 1),
		cache: bundle.NewCache(maxTasks), tasks: map[string]*devTask{},
	}
	go debounce(watcher, w.changes) // until the watcher is closed
	return w, nil
}

func (w *workshop) close() { _ = w.watcher.Close() } // nothing was written

// run loads the tasks, and again what has changed, until ctx ends.
func (w *workshop) run(ctx context.Context) error {
	w.look(ctx)
	if len(w.tasks) == 0 {
		w.say("%s\n", w.app.err.yellow("there is no task below "+w.dir+" yet; ratchet new "+filepath.Join(w.dir, "hello")+" makes one"))
	}
	w.say("%s\n", w.app.err.dim("watching "+w.dir+" for changes; Ctrl-C ends"))
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.changes:
			w.look(ctx)
		}
	}
}

// looks bounds how often all is read at once.
const looks = 3

// maxFolders bounds how many folders are watched.
const maxFolders = 5000

// look loads what is there. Folders are watched before they are read, so that no
// change goes unnoticed.
func (w *workshop) look(ctx context.Context) {
	w.watch()
	for again := range looks { // for what is watched since was read before
		if again > 0 && !w.watch() || ctx.Err() != nil {
			return
		}
		for path, task := range w.tasks {
			if !isTask(path) {
				delete(w.tasks, path)
				w.say("%s is gone; the server keeps what it has of it\n", orDefault(task.name, path))
			}
		}
		for _, path := range tasksAt(w.dir) {
			if isTask(path) {
				w.load(ctx, path)
			}
		}
	}
}

// watch watches the folders that are not watched yet; false if there are none.
func (w *workshop) watch() (more bool) {
	have := w.watcher.WatchList()
	for _, dir := range w.folders() {
		if slices.Contains(have, dir) {
			continue
		}
		err := w.watcher.Add(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && w.app.debug {
			w.say("cannot watch %s: %v\n", dir, err)
		}
		more = more || err == nil
	}
	return more
}

// folders lists all below the workshop's own, and those that tasks take packages
// from.
func (w *workshop) folders() (dirs []string) {
	add := func(dir string) {
		if absolute, err := filepath.Abs(dir); err == nil {
			dir = absolute // one name for each: the watcher knows the last it was given
		}
		if !slices.Contains(dirs, dir) && len(dirs) < maxFolders {
			dirs = append(dirs, dir)
		}
	}
	_ = filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || !d.IsDir(): // what cannot be read says so when it is loaded
		case path != w.dir && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		default:
			add(path)
		}
		return nil
	})
	for _, task := range w.tasks {
		for _, dir := range task.others {
			add(dir)
		}
	}
	return dirs
}

// load brings the server what is at path, if it has something else.
func (w *workshop) load(ctx context.Context, path string) {
	task := w.tasks[path]
	if task == nil {
		task = &devTask{path: path}
		w.tasks[path] = task
	}
	b, err := w.cache.Load(ctx, path, bundle.Options{ParentModules: true})
	if err == nil {
		task.noteInputs(b)
		err = w.register(ctx, task, b)
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		err = w.app.unloadable(path, err)
	}
	if err != nil && !sameError(task.err, err) {
		w.wrong(task, err)
	}
	task.err = err
}

// noteInputs remembers where the parts of the task lie that are not below it.
func (t *devTask) noteInputs(b *bundle.Bundle) {
	t.others = nil
	for _, in := range b.Inputs {
		if file, ok := findInput(b.Root, in.Name); ok {
			t.others = append(t.others, filepath.Dir(file))
		}
	}
}

// register brings the server the task.
func (w *workshop) register(ctx context.Context, task *devTask, b *bundle.Bundle) error {
	for _, other := range w.tasks {
		if other != task && other.name == b.Name {
			return ratchet.Errorf(ratchet.ReasonTaskValidation, "%s and %s are both called %q: call one of them otherwise in its metadata.json", other.path, task.path, b.Name)
		}
	}
	if b.Digest == task.digest {
		if task.err != nil {
			w.say("%s %s\n", w.app.err.green("as before"), b.Name)
		}
		return nil
	}
	archive, err := b.Archive()
	if err != nil {
		return fmt.Errorf("archive of %s: %w", task.path, err)
	}
	got, err := w.client.RegisterTask(ctx, archive, true)
	if err != nil {
		return err
	}
	first := task.digest == "" || task.name != got.Name
	task.name, task.digest = got.Name, b.Digest
	w.loaded(task, b, first)
	return nil
}
