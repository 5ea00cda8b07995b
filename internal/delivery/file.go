package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"sync"
	"syscall"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/destination"
)

// A folder is where files are delivered: nothing that is done in it leads out,
// whatever links it holds.
type folder struct {
	path  string
	seed  maphash.Seed
	locks [64]sync.Mutex // of paths, by their hash: within this server one writes at a time

	mu   sync.Mutex
	root *os.Root
}

func newFolder(path string) *folder { return &folder{path: path, seed: maphash.MakeSeed()} }

// open is the folder, made if there is none.
func (f *folder) open() (*os.Root, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.root != nil {
		return f.root, nil
	}
	if f.path == "" {
		return nil, ratchet.Errorf(ratchet.ReasonConfig, "this server writes no files: set delivery.root")
	}
	if err := os.MkdirAll(f.path, 0o750); err != nil {
		return nil, fmt.Errorf("make delivery.root: %w", err)
	}
	var err error
	f.root, err = os.OpenRoot(f.path)
	return f.root, err
}

func (f *folder) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.root != nil {
		_ = f.root.Close() // nothing was written through it that is not synced
		f.root = nil
	}
}

// file writes the body to the destination's file.
func (r *Runner) file(ctx context.Context, e *errand, body *destination.Body) verdict {
	name, err := e.event.Path()
	if err != nil {
		return failed(err)
	}
	root, err := r.folder.open()
	if err != nil {
		return wrote(name, err)
	}
	lock := &r.folder.locks[maphash.String(r.folder.seed, name)%uint64(len(r.folder.locks))]
	lock.Lock()
	defer lock.Unlock()
	if ctx.Err() != nil {
		return again(ctx.Err())
	}
	w := writer{root: root, name: name, mode: fileMode(e.spec.Mode), id: e.ID.String()}
	if dir := path.Dir(name); dir != "." {
		err := root.MkdirAll(dir, 0o750)
		if errors.Is(err, fs.ErrExist) { // but it is no folder
			err = syscall.ENOTDIR
		}
		if err != nil {
			return wrote(name, err)
		}
	}
	if err := w.write(e.spec.IfExists, body); err != nil {
		return wrote(name, err)
	}
	return verdict{bytes: int64(len(body.Data))}
}

func fileMode(text string) fs.FileMode {
	if mode, err := strconv.ParseUint(text, 8, 16); err == nil {
		return fs.FileMode(mode) & fs.ModePerm
	}
	return 0o640
}

// wrote is the verdict of a failure to write. Those that will be the same next
// time are for good.
func wrote(name string, err error) verdict {
	if e, ok := errors.AsType[*ratchet.Error](err); ok {
		return failed(e)
	}
	why := cause(err)
	switch {
	case errors.Is(err, fs.ErrExist):
		return verdict{err: ratchet.Errorf(ratchet.ReasonAlreadyExists, `%s is there already, and "ifExists" is "fail": use a variable in the path that makes it unique, or overwrite, backup or append`, name)}
	case why.Error() == "path escapes from parent":
		return verdict{err: ratchet.Errorf(ratchet.ReasonPermission, "%s leads out of delivery.root by a link, and nothing is written there", name)}
	case errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ELOOP):
		return verdict{err: ratchet.Errorf(ratchet.ReasonValidation, "%s cannot be a file: %w", name, why)}
	}
	return again(ratchet.Errorf(ratchet.ReasonIO, "write %s: %w", name, why))
}

// cause is an error without the names of files of ours, which may stand in it more
// than once.
func cause(err error) error {
	for {
		if p, ok := errors.AsType[*fs.PathError](err); ok {
			err = p.Err
		} else if l, ok := errors.AsType[*os.LinkError](err); ok {
			err = l.Err
		} else {
			return err
		}
	}
}

// A writer writes one file.
type writer struct {
	root *os.Root
	name string
	mode fs.FileMode
	id   string
}

// write puts the body where it belongs. A file that holds exactly the body is
// left as it is under every rule but append: it is what an attempt wrote whose
// end was lost.
func (w *writer) write(rule ratchet.FileRule, body *destination.Body) error {
	if rule == ratchet.FileAppend {
		return w.append(body)
	}
	part := path.Join(path.Dir(w.name), ".ratchet-"+w.id+".part")
	same, err := w.holds(body.Data)
	if same {
		_ = w.root.Remove(part) // of an attempt that died before it did
	}
	if err != nil || same {
		return err
	}
	if err := w.create(part, body.Data); err != nil {
		return err
	}
	defer func() { _ = w.root.Remove(part) }() // it is gone unless something failed
	switch rule {
	case ratchet.FileOverwrite:
		err = w.root.Rename(part, w.name)
	case ratchet.FileBackup:
		if err = w.root.Rename(w.name, w.name+".backup"); err == nil || errors.Is(err, fs.ErrNotExist) {
			err = w.root.Rename(part, w.name)
		}
	default:
		err = w.putNew(part)
	}
	if err != nil {
		return err
	}
	return w.syncDir()
}

// putNew gives the file its name, unless that is taken: by a link which, unlike a
// rename, replaces nothing. On a file system without links nobody but this server
// is kept from writing the same file meanwhile.
func (w *writer) putNew(part string) error {
	err := w.root.Link(part, w.name)
	if !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EPERM) {
		return err
	}
	if _, there := w.root.Lstat(w.name); !errors.Is(there, fs.ErrNotExist) {
		return &fs.PathError{Op: "link", Path: w.name, Err: fs.ErrExist}
	}
	return w.root.Rename(part, w.name)
}

// holds reports whether the file is there and holds exactly the data.
func (w *writer) holds(data []byte) (bool, error) {
	info, err := w.root.Stat(w.name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || !info.Mode().IsRegular() || info.Size() != int64(len(data)) {
		return false, err
	}
	there, err := w.root.ReadFile(w.name)
	return err == nil && bytes.Equal(there, data), err
}

// create writes a new file down to the disk.
func (w *writer) create(name string, data []byte) error {
	if err := w.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) { // of an attempt that died
		return err
	}
	f, err := w.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, w.mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(w.mode)) // whatever the umask
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		_ = w.root.Remove(name)
	}
	return err
}

func (w *writer) syncDir() error {
	dir, err := w.root.Open(path.Dir(w.name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// tail is how much of a file's end is searched for what an earlier attempt wrote.
const tail = 1 << 20

// append adds the body to the file, as a line of its own. A body that tells its
// delivery is not added twice.
func (w *writer) append(body *destination.Body) error {
	if info, err := w.root.Stat(w.name); err == nil && !info.Mode().IsRegular() {
		return &fs.PathError{Op: "open", Path: w.name, Err: syscall.EISDIR}
	}
	f, err := w.root.OpenFile(w.name, os.O_RDWR|os.O_CREATE|os.O_APPEND, w.mode)
	if err != nil {
		return err
	}
	err = w.appendTo(f, body)
	return errors.Join(err, f.Sync(), f.Close())
}

func (w *writer) appendTo(f *os.File, body *destination.Body) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	end := make([]byte, min(size, tail+int64(len(body.Data))))
	if _, err := f.ReadAt(end, size-int64(len(end))); err != nil {
		return err
	}
	data := body.Data
	if size > 0 {
		data = data[body.Head:]
	}
	if bytes.Contains(data, []byte(w.id)) && bytes.Contains(end, data) {
		return nil
	}
	var text []byte
	if size > 0 && end[len(end)-1] != '\n' { // of an attempt that died half-way, or of somebody else
		text = append(text, '\n')
	}
	text = append(text, data...)
	if len(data) > 0 && data[len(data)-1] != '\n' {
		text = append(text, '\n')
	}
	_, err = f.Write(text)
	return err
}
