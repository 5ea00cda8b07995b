package workerpool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/ipc"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// worker is one process. The fields of the first group are guarded by the
// pool's lock, those of the second by the worker's own.
type worker struct {
	domain   *Domain // nil while unbound
	used     int     // executions that hold a slot
	served   int
	retired  bool // gets no more executions
	lastUsed time.Time

	binding sync.Once // the first execution binds; the others wait for that
	bindErr error

	mu     sync.Mutex
	next   uint32
	execs  map[uint32]*Execution
	cause  error // why it is being killed
	meter  *sandbox.Meter
	base   sandbox.Usage // when bound
	reaped bool

	pool   *Pool
	kind   kind
	id     int // slot number
	cmd    *exec.Cmd
	conn   *ipc.Conn
	stderr *tail
	engine string
	report sandbox.Report
	heard  bool          // whether it has said anything since it was ready; receive's own
	gone   chan struct{} // closed once the process is reaped
}

// A DeathError says that a worker process ended while it was needed.
type DeathError struct {
	Cause  error  // why Ratchet killed it; nil if it died by itself
	Status string // how the process ended: "signal: killed", "exit status 2"
	Killed bool   // by SIGKILL: from outside, since nothing in a worker sends one
	Stderr string // the end of what it wrote there
}

func (e *DeathError) Error() string {
	if e.Cause != nil {
		return "worker was killed: " + e.Cause.Error()
	}
	text := "worker died: " + e.Status
	if line, _, _ := strings.Cut(e.Stderr, "\n"); line != "" {
		text += ": " + line
	}
	return text
}

func (e *DeathError) Unwrap() error { return e.Cause }

// ErrNotReady marks a worker that did not reach its ready message.
var ErrNotReady = errors.New("worker did not become ready")

// A SandboxError says that a worker could not confine itself and was not used.
type SandboxError struct {
	Reason string
	Report sandbox.Report
}

func (e *SandboxError) Error() string { return "sandbox: " + e.Reason }

// spawn starts a worker of a kind and waits until it is ready.
func (p *Pool) spawn(k kind) (*worker, error) {
	more, err := p.brings(k)
	if err != nil {
		return nil, fmt.Errorf("spawn worker: %w", err)
	}
	defer func() { more.close() }()
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, fmt.Errorf("spawn worker: %w", err)
	}
	errRead, errWrite, err := os.Pipe()
	if err != nil {
		ours.Close()
		theirs.Close()
		return nil, fmt.Errorf("spawn worker: %w", err)
	}
	conn, err := ipc.NewConn(ours)
	if err != nil { // only a fault in the options of the encoding
		return nil, errors.Join(fmt.Errorf("spawn worker: %w", err), ours.Close(), theirs.Close(), errRead.Close(), errWrite.Close())
	}
	w := &worker{
		pool: p, kind: k, id: p.slot(), conn: conn, stderr: newTail(errRead),
		cmd:   p.command(append([]*os.File{theirs}, more.files...), errWrite),
		execs: map[uint32]*Execution{}, gone: make(chan struct{}), lastUsed: time.Now(),
	}
	opts := p.config.Sandbox
	opts.Program = k.engine == ratchet.EngineNode
	_, err = p.spawner.Start(w.cmd, opts, w.id)
	restoreNonblock(theirs)
	// The worker's ends are now its own alone, so that its end shows in ours.
	theirs.Close()
	errWrite.Close()
	if err != nil {
		conn.Close()
		errRead.Close()
		p.freeSlot(w.id)
		return nil, fmt.Errorf("spawn worker: %w", err)
	}
	p.tasks.Go(w.stderr.drain)
	ready, err := w.handshake()
	if err != nil {
		w.kill(err)
		w.reap()
		if _, ok := errors.AsType[*SandboxError](err); ok {
			return nil, err
		}
		return nil, k.unready(fmt.Errorf("%w: %w", ErrNotReady, w.death(err)))
	}
	p.mu.Lock()
	p.reports[k.engine] = w.report
	p.mu.Unlock()
	w.engine = ready.Engine
	more.inspector = p.introduce(w, more.inspector)
	p.tasks.Go(w.receive)
	return w, nil
}

// handshake exchanges versions and waits for the worker's ready message.
func (w *worker) handshake() (*ipc.Ready, error) {
	limit := w.pool.config.Start
	over := make(chan struct{})
	defer close(over)
	w.pool.tasks.Go(func() {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		select {
		case <-over:
		case <-timer.C:
			w.kill(fmt.Errorf("not ready after %v", limit))
		case <-w.pool.stop:
			w.kill(ErrClosed)
		}
	})
	if err := w.conn.Send(version()); err != nil {
		return nil, err
	}
	m, err := w.conn.Receive()
	if err != nil {
		return nil, err
	}
	if hello, ok := m.(*ipc.Hello); !ok || hello.Version != ipc.Version {
		return nil, fmt.Errorf("want a hello of protocol version %d, got %+v", ipc.Version, m)
	}
	if m, err = w.conn.Receive(); err != nil {
		return nil, err
	}
	ready, ok := m.(*ipc.Ready)
	if !ok {
		return nil, fmt.Errorf("want ready, got %T", m)
	}
	if err := json.Unmarshal(ready.Sandbox, &w.report); err != nil {
		return nil, fmt.Errorf("report on the sandbox: %w", err)
	}
	if ready.Error != "" {
		return nil, &SandboxError{Reason: ready.Error, Report: w.report}
	}
	return ready, nil
}

// death is what to tell of a worker that is gone. err is what was noticed first.
func (w *worker) death(err error) error {
	w.mu.Lock()
	cause := w.cause
	w.mu.Unlock()
	if cause == nil {
		cause = err
	}
	if cause != nil && isHangup(cause) {
		cause = nil
	}
	status := w.cmd.ProcessState
	return &DeathError{Cause: cause, Status: status.String(), Killed: killed(status), Stderr: w.stderr.String()}
}

// killed reports whether a process ended by SIGKILL.
func killed(status *os.ProcessState) bool {
	if status == nil {
		return false
	}
	wait, ok := status.Sys().(interface{ Signal() syscall.Signal })
	return ok && wait.Signal() == syscall.SIGKILL
}

// kill ends the process at once. The first cause given is the one told.
func (w *worker) kill(cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cause == nil {
		w.cause = cause
	}
	if !w.reaped && w.cmd.Process != nil {
		_ = w.cmd.Process.Kill() // it may have ended by itself, which is as good
	}
}

// reap waits for the process and frees what belonged to it.
func (w *worker) reap() {
	w.conn.Close()
	_ = w.cmd.Wait() // how it ended is in ProcessState
	<-w.stderr.done
	w.mu.Lock()
	w.reaped = true
	if w.meter != nil {
		w.meter.Close()
		w.meter = nil
	}
	w.mu.Unlock()
	w.pool.freeSlot(w.id)
	close(w.gone)
}

// receive reads the worker's messages until it hangs up, which is how its death
// is noticed.
func (w *worker) receive() {
	var err error
	for err == nil {
		var m ipc.Message
		if m, err = w.conn.Receive(); err == nil {
			err = w.handle(m)
		}
	}
	if isHangup(err) {
		w.kill(nil)
	} else {
		w.kill(fmt.Errorf("protocol violation: %w", err))
	}
	// Out of the set first: who waits for it to be gone must not lease it again.
	w.pool.mu.Lock()
	w.retired = true
	w.pool.remove(w)
	w.pool.mu.Unlock()
	w.reap()
	death := w.death(nil)
	w.mu.Lock()
	execs := w.execs
	w.execs = nil
	w.mu.Unlock()
	for _, x := range execs {
		x.end(nil, death)
	}
	if len(execs) > 0 {
		w.pool.config.Log.Debug("worker gone", slog.Any("error", death))
	}
}

// handle passes a message to the execution it is about. An error is a breach of
// the protocol.
func (w *worker) handle(m ipc.Message) error {
	first := !w.heard
	w.heard = true
	switch m := m.(type) {
	case *ipc.Bound:
		if !first {
			// A worker compiles before it runs anything. Afterwards it may have
			// been taken over, and its bytecode goes to other workers.
			return errors.New("bytecode came late")
		}
		w.pool.mu.Lock()
		d := w.domain
		w.pool.mu.Unlock()
		if d == nil {
			return errors.New("bound without a bind")
		}
		if m.Failure == nil {
			d.Program.Cache.set(m.Bytecode)
		}
		return nil
	case *ipc.Request:
		return w.with(m.Exec, func(x *Execution) { x.handler.Request(x, m) })
	case *ipc.Log:
		return w.with(m.Exec, func(x *Execution) { x.handler.Log(x, m) })
	case *ipc.Progress:
		return w.with(m.Exec, func(x *Execution) { x.handler.Progress(x, m) })
	case *ipc.Done:
		x := w.remove(m.Exec)
		if x == nil {
			return fmt.Errorf("done with execution %d, which does not run", m.Exec)
		}
		x.end(m, nil)
		return nil
	default:
		return fmt.Errorf("unexpected %T", m)
	}
}

func (w *worker) with(exec uint32, f func(*Execution)) error {
	w.mu.Lock()
	x := w.execs[exec]
	w.mu.Unlock()
	if x == nil {
		return fmt.Errorf("message about execution %d, which does not run", exec)
	}
	x.heard = true
	f(x)
	return nil
}

func (w *worker) remove(exec uint32) *Execution {
	w.mu.Lock()
	defer w.mu.Unlock()
	x := w.execs[exec]
	delete(w.execs, exec)
	return x
}

// tail keeps the last bytes a worker writes to its standard error.
type tail struct {
	pipe *os.File
	done chan struct{}
	mu   sync.Mutex
	buf  []byte
}

const tailSize = 64 << 10

func newTail(pipe *os.File) *tail { return &tail{pipe: pipe, done: make(chan struct{})} }

func (t *tail) drain() {
	defer close(t.done)
	defer t.pipe.Close()
	b := make([]byte, 4096)
	for {
		n, err := t.pipe.Read(b)
		t.mu.Lock()
		if t.buf = append(t.buf, b[:n]...); len(t.buf) > tailSize {
			t.buf = bytes.Clone(t.buf[len(t.buf)-tailSize/2:])
		}
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.buf))
}
