package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// question is what a Node is asked, under the permission model that tasks run
// under: its version, where it is itself, and whether the model holds.
const question = `process.stdout.write(JSON.stringify({version: process.versions.node, path: process.execPath, confined: !!process.permission && !process.permission.has("fs.write")}))`

// maxAnswer bounds what is read of what a Node says.
const maxAnswer = 64 << 10

// answer is what a Node says to the question.
type answer struct {
	Version  string `json:"version"`
	Path     string `json:"path"`
	Confined bool   `json:"confined"`
}

// found is a Node that was asked and can run tasks.
type found struct{ path, version string }

// A tooOldError is that of a Node of an older version than tasks need.
type tooOldError struct{ path, version string }

func (e *tooOldError) Error() string {
	return fmt.Sprintf("%s is Node %s, and tasks need %s", e.path, e.version, oldest)
}

// probe asks the program at path what it is.
func (e *Engines) probe(ctx context.Context, path string) (found, error) {
	switch info, err := os.Stat(path); {
	case errors.Is(err, os.ErrNotExist):
		return found{}, fmt.Errorf("there is no file %s", path)
	case err != nil:
		return found{}, fmt.Errorf("%s cannot be read: %w", path, bare(err))
	case !info.Mode().IsRegular():
		return found{}, fmt.Errorf("%s is no file", path)
	}
	said, stderr, err := e.run(ctx, path, "--permission", "-e", question)
	if err != nil {
		if old := e.version(ctx, path); old != "" && tooOld(old) {
			return found{}, &tooOldError{path, old}
		}
		return found{}, e.broken(path, stderr, err)
	}
	var a answer
	if err := json.Unmarshal(said, &a); err != nil || a.Version == "" {
		return found{}, fmt.Errorf("%s does not answer as Node does: it wrote %s", path, shorten(said))
	}
	switch {
	case tooOld(a.Version):
		return found{}, &tooOldError{path, a.Version}
	case !a.Confined:
		return found{}, fmt.Errorf("%s is Node %s, whose permission model does not hold", path, a.Version)
	case !filepath.IsAbs(a.Path):
		a.Path = path
	}
	return found{path: a.Path, version: a.Version}, nil
}

// version is what the Node says with --version, empty if that is none.
func (e *Engines) version(ctx context.Context, path string) string {
	said, _, err := e.run(ctx, path, "--version")
	v, found := strings.CutPrefix(strings.TrimSpace(string(said)), "v")
	if err != nil || !found {
		return ""
	}
	return v
}

// oldest names the versions from which on tasks run in Node: the first of each
// line that knows --permission.
const oldest = "22.13, 23.5 or newer"

// tooOld reports whether tasks cannot run in the version.
func tooOld(v string) bool {
	major, rest, _ := strings.Cut(v, ".")
	minor, _, _ := strings.Cut(rest, ".")
	x, err := strconv.Atoi(major)
	y, err2 := strconv.Atoi(minor)
	return err == nil && err2 == nil && (x < ratchet.MinNode || x == 22 && y < 13 || x == 23 && y < 5)
}

// errHangs is why a Node was ended that did not answer in time.
var errHangs = errors.New("it did not answer in time")

// busyTries is how often a program is started that somebody is still writing: a
// file that was just closed may for a moment be open in a process that was being
// started meanwhile.
const (
	busyTries = 50
	busyPause = 20 * time.Millisecond
)

func (e *Engines) run(ctx context.Context, path string, args ...string) (stdout, stderr []byte, err error) {
	for try := 0; ; try++ {
		stdout, stderr, err = e.once(ctx, path, args...)
		if !errors.Is(err, syscall.ETXTBSY) || try == busyTries {
			return stdout, stderr, err
		}
		select {
		case <-time.After(busyPause):
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
	}
}

// once returns what the program writes. It gets next to nothing of the
// environment: no NODE_OPTIONS, above all.
func (e *Engines) once(ctx context.Context, path string, args ...string) (stdout, stderr []byte, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, e.config.Answer, errHangs)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = []string{"PATH=" + e.config.Path}
	if e.config.Home != "" {
		cmd.Env = append(cmd.Env, "HOME="+e.config.Home)
	}
	out, errs := &limited{most: maxAnswer}, &limited{most: maxAnswer} // no bytes.Buffer: it would read without bound
	cmd.Stdout, cmd.Stderr = out, errs
	cmd.WaitDelay = time.Second // for children that hold on to the pipes
	apart(cmd)
	err = cmd.Run()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	return out.kept.Bytes(), errs.kept.Bytes(), err
}

// broken says what became of a program that did not answer.
func (e *Engines) broken(path string, stderr []byte, err error) error {
	said := ""
	if line := firstLine(stderr); line != "" {
		said = ": " + line
	}
	if errors.Is(err, errHangs) {
		return fmt.Errorf("%s did not answer within %v%s", path, e.config.Answer, said)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return fmt.Errorf("%s does not start (%s)%s", path, exit.ProcessState, said)
	}
	return fmt.Errorf("%s cannot be started: %w", path, bare(err))
}

// bare is the error without the operation and path that the message has already.
func bare(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}

// firstLine is the first that is not empty.
func firstLine(text []byte) string {
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			return shorten([]byte(line))
		}
	}
	return ""
}

// shorten quotes what is not ours to a length that fits a message.
func shorten(text []byte) string {
	if len(text) == 0 {
		return "nothing"
	}
	const most = 200
	if len(text) > most {
		return strconv.Quote(string(text[:most])) + "…"
	}
	return strconv.Quote(string(text))
}

// limited keeps the beginning of what is written to it.
type limited struct {
	kept bytes.Buffer
	most int
}

func (l *limited) Write(p []byte) (int, error) {
	l.kept.Write(p[:min(len(p), max(l.most-l.kept.Len(), 0))])
	return len(p), nil
}
