package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// Vacant reports why no recording can be written to dir: it must not exist, or
// be an empty folder.
func Vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return reachable(filepath.Dir(dir))
	case errors.Is(err, syscall.ENOTDIR) && !isFile(dir):
		return reachable(filepath.Dir(dir))
	case err != nil && isFile(dir):
		return ratchet.Errorf(ratchet.ReasonValidation, "%s is a file; a recording is a folder of its own", dir)
	case err != nil:
		return nil // writing will say more
	case slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == metaFile }):
		return ratchet.Errorf(ratchet.ReasonValidation, "%s holds a recording already", dir)
	case len(entries) > 0:
		return ratchet.Errorf(ratchet.ReasonValidation, "%s is not empty; a recording is a folder of its own", dir)
	}
	return nil
}

// reachable reports why no folder can be made below dir.
func reachable(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return ratchet.Errorf(ratchet.ReasonValidation, "%s is a file; no recording can be written below it", dir)
	case err == nil || dir == filepath.Dir(dir):
		return nil
	}
	return reachable(filepath.Dir(dir))
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && !info.IsDir()
}

// Write stores the recording of e, what came of the recorded request, in dir. It
// is all there or not at all: it is written beside dir and then given its name.
func (r *Recorder) Write(dir string, e *ratchet.Execution) error {
	if err := Vacant(dir); err != nil {
		return err
	}
	c := r.content(e)
	files, err := c.files()
	if err != nil {
		return fmt.Errorf("encode the recording: %w", err)
	}
	var stored map[string][]byte
	if c.meta.Task.Stored, stored = taskFiles(r.request.Bundle); stored != nil {
		maps.Copy(files, stored)
	}
	c.meta.Files = map[string]string{}
	for name, data := range files {
		c.meta.Files[name] = sum(data)
	}
	if files[metaFile], err = indented(c.meta); err != nil {
		return fmt.Errorf("encode the recording: %w", err)
	}
	return writeFolder(dir, files)
}

func (c *content) files() (map[string][]byte, error) {
	files := map[string][]byte{inputFile: append(c.input, '\n')}
	var err error
	if c.err != nil {
		files[errorFile], err = indented(c.err)
	} else {
		files[outputFile] = append(c.output, '\n')
	}
	if err != nil {
		return nil, err
	}
	if files[harFile], err = encodeHAR(c.meta.Ratchet, c.exchanges, c.hide); err != nil {
		return nil, err
	}
	var logs bytes.Buffer
	lines := json.NewEncoder(&logs)
	lines.SetEscapeHTML(false)
	for _, l := range c.logs {
		if err := lines.Encode(l); err != nil {
			return nil, err
		}
	}
	files[logFile] = logs.Bytes()
	return files, nil
}

// writeFolder writes the files to a new folder beside dir, which it then gives
// the name dir.
func writeFolder(dir string, files map[string][]byte) (err error) {
	dir = filepath.Clean(dir)
	failed := func(name string, err error) error {
		return ratchet.Errorf(ratchet.ReasonIO, "cannot write the recording: %s: %w", name, plain(err))
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return failed(parent, err)
	}
	temp, err := os.MkdirTemp(parent, "."+filepath.Base(dir)+"-*")
	if err != nil {
		return failed(dir, err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(temp)
		}
	}()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file := filepath.Join(temp, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return failed(filepath.Join(dir, name), err)
		}
		if err := os.WriteFile(file, files[name], 0o600); err != nil {
			return failed(filepath.Join(dir, name), err)
		}
	}
	if err := os.Chmod(temp, 0o755); err != nil {
		return failed(dir, err)
	}
	_ = os.Remove(dir) // if it is there, it is empty
	if err := os.Rename(temp, dir); err != nil {
		return failed(dir, err)
	}
	return nil
}

// plain is the error of an operation on a file without the operation and the
// name, which the message around it has.
func plain(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}

// taskFiles returns the files that the bundle was made of, by their names in a
// recording, and which of them to load it from. It returns none if they are no
// longer there: the recording is whole without them.
func taskFiles(b *bundle.Bundle) (stored string, files map[string][]byte) {
	files = map[string][]byte{}
	folder := taskFolder
	switch hasMetadata := slices.ContainsFunc(b.Inputs, func(in bundle.Input) bool { return in.Name == "metadata.json" }); {
	case isFile(b.Root): // an archive
		data, err := os.ReadFile(b.Root)
		if err != nil {
			return "", nil
		}
		stored = path.Join(taskFolder, b.Name+".zip")
		files[stored] = data
		return stored, files
	case hasMetadata:
		folder = path.Join(taskFolder, b.Name) // a task without a name is called by its folder
		stored = folder
	default:
		stored = path.Join(taskFolder, b.Entry)
	}
	for _, in := range b.Inputs {
		data, ok := readInput(b.Root, in.Name)
		if !ok || !filepath.IsLocal(filepath.FromSlash(in.Name)) {
			return "", nil
		}
		files[path.Join(folder, in.Name)] = data
	}
	return stored, files
}

// readInput reads a file of a task. Packages may lie in folders above its own.
func readInput(root, name string) ([]byte, bool) {
	for dir := root; ; dir = filepath.Dir(dir) {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err == nil {
			return data, true
		}
		if dir == filepath.Dir(dir) || !strings.HasPrefix(name, "node_modules/") {
			return nil, false
		}
	}
}
