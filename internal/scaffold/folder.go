package scaffold

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// A writer writes files below one folder, and can take back what it did.
type writer struct {
	dir     string
	made    []string // folders, the last made last
	root    *os.Root
	before  map[string][]byte // what overwritten files held
	written []File
}

// begin makes the folder, or sees that nothing in it is in the way.
func begin(dir string, files []string, overwrite bool) (*writer, error) {
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return nil, exists("%s is a file; a task is a folder", dir)
	case err == nil:
		if err := vacant(dir, files, overwrite); err != nil {
			return nil, err
		}
	case errors.Is(err, syscall.ENOTDIR):
		return nil, exists("%s would be below a file", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, cannot("create", dir, err)
	}
	if link := dangling(dir); link != "" {
		return nil, exists("%s is a link that leads nowhere; a task is a folder", link)
	}
	w := &writer{dir: dir, before: map[string][]byte{}}
	if err := w.mkdirs(dir); err != nil {
		w.undo()
		return nil, cannot("create", dir, err)
	}
	if w.root, err = os.OpenRoot(dir); err != nil {
		w.undo()
		return nil, cannot("open", dir, err)
	}
	return w, nil
}

// dangling returns the folder or the first one above it that is a link whose
// target is not there, "" if there is none.
func dangling(dir string) string {
	for {
		if _, err := os.Lstat(dir); err == nil {
			if _, err = os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
				return dir
			}
			return ""
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// vacant reports what is in the way of the files.
func vacant(dir string, files []string, overwrite bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return cannot("read", dir, err)
	}
	there := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !strings.HasPrefix(e.Name(), ".") })
	if !there || overwrite {
		return nil
	}
	e := exists("%s is not empty", dir)
	for _, name := range files {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			e.Details = append(e.Details, ratchet.Detail{File: name, Message: "would be overwritten"})
		}
	}
	return e
}

func exists(format string, args ...any) *ratchet.Error {
	return ratchet.Errorf(ratchet.ReasonAlreadyExists, format, args...)
}

// cannot says what of the file system failed.
func cannot(verb, name string, err error) *ratchet.Error {
	reason := ratchet.ReasonIO
	if errors.Is(err, fs.ErrPermission) {
		reason = ratchet.ReasonPermission
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return ratchet.Errorf(reason, "cannot %s %s: %w", verb, name, err)
}

// mkdirs makes the folder and those above it, and notes which were not there.
func (w *writer) mkdirs(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := w.mkdirs(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err
	}
	w.made = append(w.made, dir)
	return nil
}

func (w *writer) write(name string, data []byte) error {
	if parent := path.Dir(name); parent != "." {
		switch err := w.root.Mkdir(parent, 0o777); {
		case err == nil:
			w.made = append(w.made, filepath.Join(w.dir, parent))
		case !errors.Is(err, fs.ErrExist):
			return cannot("create", filepath.Join(w.dir, parent), err)
		}
	}
	before, err := w.root.ReadFile(name)
	overwritten := err == nil
	if overwritten {
		w.before[name] = before
	}
	w.written = append(w.written, File{name, overwritten}) // half written counts
	if err := w.root.WriteFile(name, data, 0o666); err != nil {
		return cannot("write", filepath.Join(w.dir, name), err)
	}
	return nil
}

// undo takes back what was written, after an error that is told already.
func (w *writer) undo() {
	for _, f := range w.written {
		if before, ok := w.before[f.Name]; ok {
			_ = w.root.WriteFile(f.Name, before, 0o666)
		} else {
			_ = w.root.Remove(f.Name)
		}
	}
	for _, dir := range slices.Backward(w.made) {
		_ = os.Remove(dir)
	}
}

func (w *writer) close() { _ = w.root.Close() }
