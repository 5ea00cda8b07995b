package recording

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// A Recording is one that was read. Secrets in it are placeholders.
type Recording struct {
	Dir    string
	Meta   Meta
	Input  json.RawMessage
	Output json.RawMessage // of an execution that completed
	Error  *ratchet.Error  // of one that did not
	Logs   []ratchet.LogEntry

	exchanges []*Exchange // by call
}

// Exchanges returns the requests by their numbers, the first one first.
func (r *Recording) Exchanges() []*Exchange { return r.exchanges }

// Read reads the recording in dir. What is wrong with it is a *ratchet.Error
// that names the file.
func Read(dir string) (*Recording, error) {
	r := &Recording{Dir: dir}
	text, err := os.ReadFile(filepath.Join(dir, metaFile))
	if err != nil {
		return nil, r.missing(err)
	}
	if err := r.readMeta(text); err != nil {
		return nil, err
	}
	result := outputFile
	if r.Meta.State != ratchet.ExecutionCompleted {
		result = errorFile
	}
	files := map[string][]byte{}
	for _, name := range []string{inputFile, result, harFile, logFile} {
		if files[name], err = r.file(name); err != nil {
			return nil, err
		}
	}
	r.Input = bytes.TrimSuffix(files[inputFile], []byte("\n"))
	if result == outputFile {
		r.Output = bytes.TrimSuffix(files[outputFile], []byte("\n"))
	} else if err := json.Unmarshal(files[errorFile], &r.Error); err != nil || r.Error == nil {
		return nil, r.damaged(errorFile, "does not hold an error")
	}
	if r.exchanges, err = decodeHAR(files[harFile]); err != nil {
		return nil, r.damaged(harFile, "is not as Ratchet writes it"+place(err))
	}
	if n := len(r.exchanges); n != r.Meta.Requests {
		return nil, r.damaged(metaFile, fmt.Sprintf("counts %d requests, and %s holds %d", r.Meta.Requests, harFile, n))
	}
	for lines := json.NewDecoder(bytes.NewReader(files[logFile])); ; {
		var l ratchet.LogEntry
		if err := lines.Decode(&l); errors.Is(err, io.EOF) {
			return r, nil
		} else if err != nil {
			return nil, r.damaged(logFile, fmt.Sprintf("line %d is no log entry", len(r.Logs)+1))
		}
		r.Logs = append(r.Logs, l)
	}
}

// missing says why meta.json cannot be read.
func (r *Recording) missing(err error) error {
	info, statErr := os.Stat(r.Dir)
	switch {
	case errors.Is(statErr, fs.ErrNotExist):
		return ratchet.Errorf(ratchet.ReasonEntityNotFound, "there is no recording at %s", r.Dir)
	case statErr == nil && !info.IsDir():
		return ratchet.Errorf(ratchet.ReasonSerialization, "%s is not a recording: a recording is a folder, as ratchet run --record writes it", r.Dir)
	case errors.Is(err, fs.ErrNotExist):
		return ratchet.Errorf(ratchet.ReasonSerialization, "%s is not a recording: it has no %s", r.Dir, metaFile)
	}
	return ratchet.Errorf(ratchet.ReasonIO, "cannot read the recording: %s: %w", filepath.Join(r.Dir, metaFile), plain(err))
}

func (r *Recording) damaged(file, what string) error {
	return ratchet.Errorf(ratchet.ReasonSerialization, "the recording is damaged: %s %s", filepath.Join(r.Dir, file), what)
}

// place says which field of a JSON text is not as it should be, if that is known.
func place(err error) string {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && e.Field != "" {
		return ": the field " + e.Field + " has a value of another kind"
	}
	return ""
}

func (r *Recording) readMeta(text []byte) error {
	var version struct {
		Format *int `json:"format"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return r.damaged(metaFile, "is cut off, or no JSON")
	}
	switch {
	case version.Format == nil:
		return ratchet.Errorf(ratchet.ReasonSerialization, "%s is not a recording: its %s has no \"format\"", r.Dir, metaFile)
	case *version.Format != Format:
		return ratchet.Errorf(ratchet.ReasonSerialization, "%s has format %d; this Ratchet reads format %d", r.Dir, *version.Format, Format)
	}
	if err := json.Unmarshal(text, &r.Meta); err != nil {
		return r.damaged(metaFile, "is not as Ratchet writes it"+place(err))
	}
	if !r.Meta.State.Terminal() || r.Meta.Execution.ID.IsZero() || r.Meta.Timeline.Start.IsZero() {
		return r.damaged(metaFile, "lacks the state, the execution or the timeline")
	}
	return nil
}

// file returns a file of the recording, if it is as it was written.
func (r *Recording) file(name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(r.Dir, filepath.FromSlash(name)))
	want := r.Meta.Files[name]
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, r.damaged(name, "is missing")
	case err != nil:
		return nil, ratchet.Errorf(ratchet.ReasonIO, "cannot read the recording: %s: %w", filepath.Join(r.Dir, name), plain(err))
	case want == "":
		return nil, r.damaged(name, "is not listed in "+metaFile)
	case sum(data) != want:
		return nil, r.damaged(name, "is cut off, or was changed after it was recorded")
	}
	return data, nil
}

// Bundle loads the task as it was when it was recorded, from the files that the
// recording holds.
func (r *Recording) Bundle(ctx context.Context) (*bundle.Bundle, error) {
	task := r.Meta.Task
	if task.Stored == "" || !filepath.IsLocal(filepath.FromSlash(task.Stored)) {
		return nil, ratchet.Errorf(ratchet.ReasonTaskNotFound, "%s does not hold the task's files", r.Dir)
	}
	for name := range r.Meta.Files {
		if !strings.HasPrefix(name, taskFolder+"/") {
			continue
		}
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return nil, r.damaged(metaFile, "lists the file "+name)
		}
		if _, err := r.file(name); err != nil {
			return nil, err
		}
	}
	b, err := bundle.Load(ctx, filepath.Join(r.Dir, filepath.FromSlash(task.Stored)), bundle.Options{})
	if err != nil {
		return nil, err
	}
	if b.Digest != task.Digest {
		return nil, r.damaged(task.Stored, fmt.Sprintf("is not the task that was recorded: its digest is %s, not %s", short(b.Digest), short(task.Digest)))
	}
	return b, nil
}

// short is the start of a digest, for people.
func short(digest string) string {
	kind, hex, found := strings.Cut(digest, ":")
	if !found || len(hex) < 12 {
		return digest
	}
	return kind + ":" + hex[:12] + "…"
}
