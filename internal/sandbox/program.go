package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"time"
)

// A Profile says what a program that is not ours may touch. The zero Profile is
// the narrowest: the system's programs and libraries to read, and nothing else.
type Profile struct {
	Network  bool     `json:"network,omitzero"` // connections to others
	Listen   bool     `json:"listen,omitzero"`  // connections from others
	Read     []string `json:"read,omitempty"`   // files and folders, absolute
	Write    []string `json:"write,omitempty"`  // files and folders, absolute
	Memory   int64    `json:"memory,omitzero"`  // bytes; 0 is no bound
	Insecure bool     `json:"insecure,omitzero"`

	// Set by the Launcher: what the kernel gave at clone time.
	Namespaces string `json:"namespaces,omitempty"` // empty if it did, else why not
}

// ErrUnconfined is why a program is not started: what holds it in is missing.
var ErrUnconfined = errors.New("it cannot be confined on this system")

// A Launcher starts programs that are not ours, each confined by a Profile, from
// one thread as a [Spawner] does. It starts a command of ours first, which calls
// Launch: that puts up the walls, and then becomes the program.
type Launcher struct {
	command []string
	jobs    chan func()
	closing chan struct{}
	closed  chan struct{}
	once    sync.Once
}

// NewLauncher starts a Launcher's thread. The caller owns it and closes it. The
// command must call Launch with its one more argument.
func NewLauncher(command []string) *Launcher {
	l := &Launcher{command: command, jobs: make(chan func()), closing: make(chan struct{}), closed: make(chan struct{})}
	onOwnThread(func() {
		defer close(l.closed)
		for {
			select {
			case job := <-l.jobs:
				job()
			case <-l.closing:
				return
			}
		}
	})
	return l
}

// Close ends the Launcher's thread, and with it what it started and still lives.
func (l *Launcher) Close() {
	l.once.Do(func() { close(l.closing) })
	<-l.closed
}

// onThread calls f on the Launcher's thread.
func (l *Launcher) onThread(f func() error) error {
	result := make(chan error, 1)
	select {
	case l.jobs <- func() { result <- f() }:
		return <-result
	case <-l.closing:
		return errClosed
	}
}

// A launched is what the command says before it becomes the program, and once more
// if it does not.
type launched struct {
	Report Report `json:"report"`
	Error  string `json:"error,omitempty"`
}

// launchTime is how long the command may take to become the program.
const launchTime = 10 * time.Second

// Start starts cmd confined by the Profile, and returns which walls are up once it
// is the program. cmd.Path must be absolute, and its standard files must be files.
func (l *Launcher) Start(cmd *exec.Cmd, p Profile) (Report, error) {
	if !Supported() {
		return startBare(cmd, p)
	}
	program := append([]string{cmd.Path}, cmd.Args...)
	unstarted := *cmd
	all := programAttrs(p)
	for i, attr := range all {
		said, theirs, err := os.Pipe()
		if err != nil {
			return Report{}, fmt.Errorf("sandbox: make a pipe: %w", err)
		}
		arg, err := json.Marshal(p)
		if err != nil {
			return Report{}, errors.Join(err, said.Close(), theirs.Close())
		}
		*cmd = unstarted
		cmd.Path = l.command[0]
		cmd.Args = append(append(slices.Clone(l.command), string(arg)), program...)
		cmd.ExtraFiles = []*os.File{theirs}
		cmd.SysProcAttr = attr
		err = l.onThread(cmd.Start)
		_ = theirs.Close() // the command has it
		if err == nil {
			return heard(cmd, said)
		}
		_ = said.Close() // nobody will say anything
		if _, refused := refusal(err); !refused || i == len(all)-1 {
			return Report{}, fmt.Errorf("sandbox: start %s: %w", program[0], err)
		}
		p.Namespaces = err.Error()
	}
	return Report{}, fmt.Errorf("sandbox: start %s: no way to start it", program[0]) // there always is one
}

// startBare starts a program where there is no sandbox at all.
func startBare(cmd *exec.Cmd, p Profile) (report Report, err error) {
	for _, layer := range Layers() {
		report.record(layer, fmt.Errorf("not on %s: development only", runtime.GOOS))
	}
	report.settle()
	if !p.Insecure {
		return report, fmt.Errorf("sandbox: %w", ErrUnconfined)
	}
	return report, cmd.Start()
}

// heard waits until the command has become the program.
func heard(cmd *exec.Cmd, said *os.File) (Report, error) {
	defer said.Close()
	_ = said.SetReadDeadline(time.Now().Add(launchTime)) // a pipe takes one
	dec := json.NewDecoder(io.LimitReader(said, 64<<10))
	var report Report
	spoke := false
	for {
		var m launched
		err := dec.Decode(&m)
		if err == io.EOF && spoke {
			return report, nil
		}
		if err == nil && m.Error == "" {
			report, spoke = m.Report, true
			continue
		}
		KillProgram(cmd)
		_ = cmd.Wait() // killed
		if err != nil {
			return report, fmt.Errorf("sandbox: the launcher ended before it became the program: %s", cmd.ProcessState)
		}
		return report, fmt.Errorf("sandbox: %s", m.Error)
	}
}
