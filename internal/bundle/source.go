package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// What a task may weigh. Beyond it is most likely not a task.
const (
	maxInputs     = 20 << 20 // bytes of all files that are bundled
	maxInputFiles = 5000
	maxCode       = 10 << 20 // bytes of the bundle
	maxJSONFile   = 5 << 20
	maxSchema     = 1 << 20 // compiling takes the square of it
	maxTests      = 1000
	maxTestsSize  = 20 << 20
)

const (
	metadataFile     = "metadata.json"
	inputSchemaFile  = "input.schema.json"
	outputSchemaFile = "output.schema.json"
)

// A source is a task's own files: a folder, the folder that an archive was
// unpacked into, or the folder of a single file. Nothing outside root is read,
// whatever a link says.
type source struct {
	root    string // real path
	files   *os.Root
	single  string // the file's name if the task is that file alone
	archive bool
	name    string // from the path; the last choice for the task's name
	cleanup func()
}

func (s *source) close() {
	_ = s.files.Close()
	if s.cleanup != nil {
		s.cleanup()
	}
}

// open finds the task at path.
func open(path string, o Options) (*source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, notFound(path, err)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonIO, "cannot open %s: %w", path, err)
	}
	base := filepath.Base(abs)
	switch {
	case info.IsDir():
		return openFolder(abs, base)
	case !info.Mode().IsRegular():
		return nil, ratchet.Errorf(ratchet.ReasonTaskInvalidSource, "%s is neither a folder nor a file", path)
	case strings.EqualFold(filepath.Ext(base), ".zip"):
		return openArchive(abs, o)
	case loaders()[filepath.Ext(base)].entry:
		s, err := openFolder(filepath.Dir(abs), strings.TrimSuffix(base, filepath.Ext(base)))
		if err == nil {
			s.single = base
		}
		return s, err
	default:
		return nil, ratchet.Errorf(ratchet.ReasonTaskInvalidSource,
			"%s is not a task: expected a folder, a .zip, or a single .js, .mjs, .cjs, .ts, .mts or .cts file", path)
	}
}

func notFound(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return ratchet.Errorf(ratchet.ReasonPermission, "%s cannot be read: the user that Ratchet runs as has no permission", path)
	case !errors.Is(err, fs.ErrNotExist):
		return ratchet.Errorf(ratchet.ReasonTaskNotFound, "%s cannot be read: %w", path, plainError(path, err))
	}
	e := ratchet.Errorf(ratchet.ReasonTaskNotFound, "there is no task at %s", path)
	entries, readErr := os.ReadDir(filepath.Dir(path))
	if readErr != nil {
		return e
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if near := nearest(filepath.Base(path), names); near != "" {
		e.Message += "; did you mean " + filepath.Join(filepath.Dir(path), near) + "?"
	}
	return e
}

func openFolder(path, base string) (*source, error) {
	root, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, notFound(path, err)
	}
	files, err := os.OpenRoot(root)
	if err != nil {
		return nil, notFound(path, err)
	}
	name := ratchet.Slug(base)
	if name == "" {
		name = "task"
	}
	return &source{root: root, files: files, name: name}, nil
}

// openArchive opens the zip at path.
func openArchive(path string, o Options) (*source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, notFound(path, err)
	}
	base := filepath.Base(path)
	if info.Size() > maxArchive {
		return nil, tooLarge(base, info.Size())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, notFound(path, err)
	}
	_, files, err := readArchive(base, data)
	if err != nil {
		return nil, err
	}
	return unpackArchive(base, strings.TrimSuffix(base, filepath.Ext(base)), files, o)
}

// openZip opens a zip in memory. What it is called comes from its folder, if it
// has one.
func openZip(archive string, data []byte, o Options) (*source, error) {
	if len(data) > maxArchive {
		return nil, tooLarge(archive, int64(len(data)))
	}
	folder, files, err := readArchive(archive, data)
	if err != nil {
		return nil, err
	}
	return unpackArchive(archive, folder, files, o)
}

func tooLarge(archive string, size int64) error {
	return unsafeArchive(archive, "", "it is too large", fmt.Sprintf("at most %s", ratchet.Size(maxArchive)), ratchet.Size(size).String())
}

// unpackArchive writes the files into a folder of its own that close removes:
// esbuild resolves imports on the real file system, and a resolver of our own
// would be one more thing to get wrong.
func unpackArchive(archive, name string, files []archiveFile, o Options) (*source, error) {
	m, files, err := readManifest(archive, files)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(o.TempDir, "ratchet-task-")
	if err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonIO, "cannot unpack %s: %w", archive, plainError("the folder for temporary files", err))
	}
	remove := func() { _ = os.RemoveAll(dir) }
	// package.json ends the search of esbuild for one further up.
	task := filepath.Join(dir, "task")
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "package.json"), []byte("{}"), 0o600),
		os.Mkdir(task, 0o700),
		unpack(task, files, m.Links),
	); err != nil {
		remove()
		return nil, ratchet.Errorf(ratchet.ReasonIO, "cannot unpack %s: %w", archive, err)
	}
	if m.Name != "" {
		name = m.Name
	}
	s, err := openFolder(task, name)
	if err != nil {
		remove()
		return nil, err
	}
	s.archive, s.cleanup, s.single = true, remove, m.Single
	return s, nil
}

func unpack(dir string, files []archiveFile, links map[string]string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range files {
		if err := root.MkdirAll(filepath.Dir(f.name), 0o700); err != nil {
			return err
		}
		if err := root.WriteFile(f.name, f.data, 0o600); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(links)) {
		if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		to, err := filepath.Rel(filepath.Dir(name), links[name])
		if err == nil {
			err = root.Symlink(to, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unreadable is the reason of a file of the task that cannot be read.
func unreadable(err error) ratchet.Reason {
	if errors.Is(err, fs.ErrPermission) {
		return ratchet.ReasonPermission
	}
	return ratchet.ReasonTaskInvalidSource
}

// plainError words the failure to read a file without what Go did to read it.
func plainError(name string, err error) error {
	if err == nil {
		return nil
	}
	_, large := errors.AsType[errTooLarge](err)
	op, isPath := errors.AsType[*fs.PathError](err)
	switch {
	case large:
		return fmt.Errorf("%s is %w", name, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is not there", name)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the user that Ratchet runs as has no permission to read %s", name)
	case isPath && op.Err.Error() == "path escapes from parent": // os.Root has no name for it
		return fmt.Errorf("%s is a symbolic link that leads out of the task", name)
	case isPath:
		return fmt.Errorf("%s: %w", name, op.Err)
	}
	return err
}

// errTooLarge says that a file is larger than it may be.
type errTooLarge struct{ most ratchet.Size }

func (e errTooLarge) Error() string { return "larger than " + e.most.String() }

// read returns a regular file of the task, of at most so many bytes.
func (s *source) read(name string, most int64) ([]byte, error) {
	return readIn(s.files, name, most)
}

func readIn(root *os.Root, name string, most int64) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	if info.Size() > most {
		return nil, errTooLarge{ratchet.Size(most)}
	}
	var b bytes.Buffer
	b.Grow(int(info.Size()) + bytes.MinRead)
	n, err := b.ReadFrom(io.LimitReader(f, most+1))
	if err == nil && n > most {
		err = errTooLarge{ratchet.Size(most)}
	}
	return b.Bytes(), err
}

// list returns the names in a folder of the task, sorted; nil if there is none.
func (s *source) list(dir string) []fs.DirEntry {
	f, err := s.files.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	entries, _ := f.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries
}

// entries lists the files that a task's code can begin in, first choice first.
func entryNames() []string {
	var names []string
	for _, base := range []string{"main", "index"} {
		for _, ext := range []string{".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"} {
			names = append(names, base+ext)
		}
	}
	return names
}
