package pluginhost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

// spawn starts a plugin's file with an argument.
func (h *Host) spawn(ctx context.Context, one file, needs ratchet.PluginNeeds, data, arg string) (child, transport, *lines, error) {
	switch one.kind {
	case ratchet.PluginBuiltIn:
		return h.spawnBuiltIn(ctx, *one.builtIn)
	case ratchet.PluginWASM:
		return h.spawnWASM(ctx, one, needs, arg)
	default:
		return h.spawnProcess(one, needs, data, arg)
	}
}

// dataFolder makes the folder that a plugin may write to.
func (h *Host) dataFolder(ready *prepared) (string, error) {
	if h.config.Data == "" || ready.file.kind != ratchet.PluginExecutable {
		return "", nil
	}
	dir := filepath.Join(h.config.Data, ready.manifest.Name+dataExt)
	return dir, os.MkdirAll(dir, 0o700)
}

// profile is how a plugin's process is confined.
func (h *Host) profile(one file, needs ratchet.PluginNeeds, data string) (sandbox.Profile, error) {
	p := sandbox.Profile{
		Network: needs.Network, Listen: needs.Listen, Insecure: h.config.Insecure,
		Memory: int64(max(needs.Memory, h.config.Memory)),
	}
	own := one.folder
	if own == "" {
		own = one.path
	}
	// What is bound into its root must have its real name there.
	real, err := filepath.EvalSymlinks(own)
	if err != nil {
		return p, err
	}
	p.Read = []string{own}
	if real != own {
		p.Read = append(p.Read, real)
	}
	if data != "" {
		p.Write = []string{data}
	}
	for _, f := range needs.Files {
		if f.Write {
			p.Write = append(p.Write, f.Path)
		} else {
			p.Read = append(p.Read, f.Path)
		}
	}
	return p, nil
}

// osProcess is a plugin's process.
type osProcess struct {
	cmd *exec.Cmd

	mu     sync.Mutex
	reaped bool // its number may be another's
}

// Kill ends the process and all that it started.
func (p *osProcess) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		sandbox.KillProgram(p.cmd)
	}
}

// Wait waits until the process has ended.
func (p *osProcess) Wait() string {
	sandbox.AwaitProgram(p.cmd)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reaped = true
	_ = p.cmd.Wait() // the state says it
	return p.cmd.ProcessState.String()
}

// PID is its number.
func (p *osProcess) PID() int { return p.cmd.Process.Pid }

// duplex is both pipes of a process.
type duplex struct{ r, w *os.File }

// Read reads what the process says.
func (d duplex) Read(b []byte) (int, error) { return d.r.Read(b) }

// Write writes what it reads.
func (d duplex) Write(b []byte) (int, error) { return d.w.Write(b) }

// SetWriteDeadline bounds writing.
func (d duplex) SetWriteDeadline(t time.Time) error { return d.w.SetWriteDeadline(t) }

// Close closes both.
func (d duplex) Close() error { return errors.Join(d.r.Close(), d.w.Close()) }

func (h *Host) spawnProcess(one file, needs ratchet.PluginNeeds, data, arg string) (child, transport, *lines, error) {
	profile, err := h.profile(one, needs, data)
	if err != nil {
		return nil, nil, nil, err
	}
	launcher, err := h.theLauncher()
	if err != nil {
		return nil, nil, nil, err
	}
	pipes, err := newPipes()
	if err != nil {
		return nil, nil, nil, err
	}
	cmd := &exec.Cmd{
		Path: one.path, Args: []string{filepath.Base(one.path), arg}, Env: []string{},
		Stdin: pipes.theirs[0], Stdout: pipes.theirs[1], Stderr: pipes.theirs[2],
	}
	report, err := launcher.Start(cmd, profile)
	pipes.closeTheirs()
	if err != nil {
		pipes.closeOurs()
		return nil, nil, nil, err
	}
	h.log.Debug("a plugin is confined", "plugin", one.name, "sandbox", report.String())
	return &osProcess{cmd: cmd}, duplex{r: pipes.ours[1], w: pipes.ours[0]}, newLines(pipes.ours[2]), nil
}

// pipes are standard input, output and error of a process.
type pipes struct{ ours, theirs [3]*os.File }

func newPipes() (*pipes, error) {
	p := &pipes{}
	for i := range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			p.closeOurs()
			p.closeTheirs()
			return nil, fmt.Errorf("make a pipe: %w", err)
		}
		if i == 0 {
			p.theirs[i], p.ours[i] = r, w
		} else {
			p.ours[i], p.theirs[i] = r, w
		}
	}
	return p, nil
}

func (p *pipes) closeOurs()   { closeAll(p.ours[:]) }
func (p *pipes) closeTheirs() { closeAll(p.theirs[:]) }

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close() // a pipe that nobody used
		}
	}
}

// ask runs a file for its manifest, in the narrowest sandbox, and returns what it
// prints.
func (h *Host) ask(ctx context.Context, one file) ([]byte, error) {
	c, rw, stderr, err := h.spawn(ctx, one, ratchet.PluginNeeds{}, "", "manifest")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	var errText bytes.Buffer
	var parts sync.WaitGroup
	over := make(chan error, 3)
	parts.Go(func() {
		_, err := io.Copy(&out, io.LimitReader(rw, maxManifest+1))
		if out.Len() > maxManifest {
			err = fmt.Errorf("it is larger than %s", ratchet.Size(maxManifest))
		}
		over <- err
		_, _ = io.Copy(io.Discard, rw)
	})
	parts.Go(func() {
		_, _ = io.Copy(&errText, io.LimitReader(stderr.from, maxLine))
		_, _ = io.Copy(io.Discard, stderr.from)
	})
	status := make(chan string, 1)
	parts.Go(func() { status <- c.Wait() })
	timer := time.NewTimer(h.config.StartBudget)
	defer timer.Stop()
	select {
	case err = <-over:
		if err == nil {
			break // it is said; wait for the end below
		}
		c.Kill()
	case <-timer.C:
		err = fmt.Errorf("it did not end within %s", ratchet.Duration(h.config.StartBudget))
		c.Kill()
	case <-ctx.Done():
		err = context.Cause(ctx)
		c.Kill()
	}
	ended := ""
	select {
	case ended = <-status:
	case <-timer.C:
		err = cmpErr(err, fmt.Errorf("it did not end within %s", ratchet.Duration(h.config.StartBudget)))
		c.Kill()
		ended = <-status
	}
	_ = rw.Close()          // nobody is at the other end
	_ = stderr.from.Close() // nor here
	parts.Wait()
	if err == nil && ended != "exit status 0" {
		err = fmt.Errorf("it ended with %s", ended)
		if text := bytes.TrimSpace(errText.Bytes()); len(text) > 0 {
			err = fmt.Errorf("%w: %s", err, limit(string(text), 300))
		}
	}
	return out.Bytes(), err
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// builtIn is a plugin that runs within the server.
type builtIn struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error
	far    net.Conn
	killed chan struct{}
	once   sync.Once
}

// Kill ends the conversation. A function that does not heed its context goes on
// alone.
func (b *builtIn) Kill() {
	b.cancel()
	_ = b.far.Close() // a net.Pipe closes
	b.once.Do(func() { close(b.killed) })
}

// Wait waits for its end; once it is killed, no longer than a moment.
func (b *builtIn) Wait() string {
	select {
	case <-b.done:
	case <-b.killed:
		timer := time.NewTimer(time.Second)
		defer timer.Stop()
		select {
		case <-b.done:
		case <-timer.C:
			return "a function of it never returned"
		}
	}
	if b.err != nil {
		return b.err.Error()
	}
	return "it returned"
}

// PID is 0.
func (*builtIn) PID() int { return 0 }

func (h *Host) spawnBuiltIn(ctx context.Context, p plugin.Plugin) (child, transport, *lines, error) {
	ours, theirs := net.Pipe()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	b := &builtIn{cancel: cancel, done: make(chan struct{}), far: theirs, killed: make(chan struct{})}
	go func() { // Wait waits for it
		defer close(b.done)
		defer cancel()
		b.err = plugin.Serve(ctx, theirs, p)
	}()
	return b, ours, newLines(io.NopCloser(&bytes.Reader{})), nil
}
