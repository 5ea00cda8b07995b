// Package node is what Ratchet brings to a Node.js that runs tasks: the worker
// program in JavaScript (guest/), the arguments it is started with, and the files
// that it needs to see. It starts nothing: a worker process is confined and
// becomes Node by package sandbox, and is fed by package workerpool.
package node

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// A Runtime is a Node on this machine. The zero Runtime is none.
type Runtime struct {
	Path    string // of the binary, absolute
	Version string // as it says itself, without the v
}

// IsZero reports whether there is no Node.
func (r Runtime) IsZero() bool { return r.Path == "" }

// Descriptors of a Node worker, beside 3, its socket.
const (
	GuestDescriptor  = 4 // what Guest returns
	LaunchDescriptor = 5 // the JSON of a sandbox.Program, for the launcher alone
	MountDescriptor  = 7 // the first of those of the Program's files, for the launcher alone
)

// minOldSpace is the least that V8 itself does well with, megabytes.
const minOldSpace = 16

// Program says how to run the guest, with so many bytes of JavaScript memory.
func (r Runtime) Program(memory int64) (sandbox.Program, error) {
	files, err := r.Files()
	if err != nil {
		return sandbox.Program{}, err
	}
	script, err := boot()
	if err != nil {
		return sandbox.Program{}, fmt.Errorf("node: %w", err)
	}
	heap := max(memory>>20, minOldSpace)
	args := []string{
		// Node's own wall, behind those of the kernel: no files, no children, no
		// threads of the task's, no addons, no inspector.
		"--permission",
		// V8's own flags are few: with most of them it compiles all of Node's
		// modules anew at each start.
		"--no-warnings", "--experimental-vm-modules",
		"--max-old-space-size=" + strconv.FormatInt(heap, 10),
		"--v8-pool-size=2",
		"-e", script, "--", sandbox.ReportArg,
	}
	return sandbox.Program{
		Files: files, Args: args,
		Env:        []string{"TZ=UTC"},
		EnvInside:  []string{"LD_LIBRARY_PATH=" + librariesInside},
		EnvOutside: []string{"LD_LIBRARY_PATH=" + strings.Join(directories(files[1:]), ":")},
		Keep:       []int{3, GuestDescriptor},
	}, nil
}

// directories are where the files lie on the machine.
func directories(files []sandbox.File) (dirs []string) {
	for _, f := range files {
		if dir := filepath.Dir(f.Outside); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
