// Package worker is the child's side of a worker process: it confines itself,
// then runs one task's executions, each in a fresh VM, until the server hangs
// up. Spawning, feeding, timing and killing it is the business of workerpool.
package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/ipc"
	"github.com/ratchet-runner/ratchet-go/internal/js"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// Descriptor is the number of the descriptor at which a worker finds the socket
// to its server.
const Descriptor = 3

// gcPercent makes the collector start at a quarter of its usual four megabytes.
const gcPercent = 25

// Main is the life of a worker process. arg is what [sandbox.Options.Arg] gave
// the server.
func Main(arg string) error {
	opts, err := sandbox.ParseArg(arg)
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	if opts.Program {
		return launch(opts)
	}
	socket, err := openSocket()
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	conn, err := ipc.NewConn(socket)
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	engine := js.New(js.Config{})
	if err := engine.Warm(); err != nil {
		return fmt.Errorf("worker: warm the engine: %w", err)
	}
	if err := conn.Send(&ipc.Hello{Version: ipc.Version}); err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	if err := confine(conn, opts); err != nil {
		return err
	}
	// Go's heap holds little here (the VMs live in arenas of their own): collect
	// it early, for a worker's size is what bounds how many stay warm.
	debug.SetGCPercent(gcPercent)
	return newServer(conn, engine).serve()
}

var errNoSocket = errors.New("no socket to a server; workers are started by ratchet itself")

// confine puts the sandbox up and tells the server how that went.
func confine(conn *ipc.Conn, opts sandbox.Options) error {
	report, err := sandbox.Enter(opts)
	ready := &ipc.Ready{Engine: js.Version}
	if err != nil {
		ready.Error = err.Error()
	}
	var jsonErr error
	if ready.Sandbox, jsonErr = json.Marshal(report); jsonErr != nil {
		return fmt.Errorf("worker: report on the sandbox: %w", jsonErr)
	}
	if err := conn.Send(ready); err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	return nil
}

// server answers one connection.
type server struct {
	conn    *ipc.Conn
	engine  *js.Engine
	program *js.Program
	failure *ipc.Failure // why there is no program
	bound   bool

	mu    sync.Mutex
	execs map[uint32]*execution
	idle  []chan *ipc.Run // executors that wait
}

// execution is one that the server has asked for and not been answered.
type execution struct {
	vm        *js.VM // nil until there is one
	cancelled bool
}

func newServer(conn *ipc.Conn, engine *js.Engine) *server {
	return &server{conn: conn, engine: engine, execs: map[uint32]*execution{}}
}

// serve returns nil when the server hangs up. The executors end with the
// process, which has nothing else to do then.
func (s *server) serve() error {
	m, err := s.conn.Receive()
	if err != nil {
		return hungUp(err)
	}
	hello, ok := m.(*ipc.Hello)
	if !ok || hello.Version != ipc.Version {
		return fmt.Errorf("worker: want a hello of protocol version %d, got %+v", ipc.Version, m)
	}
	for {
		m, err := s.conn.Receive()
		if err != nil {
			return hungUp(err)
		}
		if err := s.handle(m); err != nil {
			return fmt.Errorf("worker: %w", err)
		}
	}
}

func hungUp(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("worker: %w", err)
}

func (s *server) handle(m ipc.Message) error {
	switch m := m.(type) {
	case *ipc.Bind:
		return s.bind(m)
	case *ipc.Run:
		if !s.bound {
			return errors.New("run before bind")
		}
		s.run(m)
	case *ipc.Reply:
		s.tell(m.Exec, func(vm *js.VM) {
			vm.Deliver(js.Reply{Call: m.Call, Failed: m.Failed, Head: string(m.Head), Body: m.Body, At: time.Duration(m.At)})
		})
	case *ipc.Cancel:
		s.cancel(m.Exec)
	default:
		return fmt.Errorf("unexpected %T", m)
	}
	return nil
}

// tell calls f with the VM of a running execution, if it still runs. The lock
// is held meanwhile: a VM that has left the map may already serve another.
func (s *server) tell(exec uint32, f func(*js.VM)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.execs[exec]; x != nil && x.vm != nil {
		f(x.vm)
	}
}

// cancel stops an execution, also one that has no VM yet.
func (s *server) cancel(exec uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.execs[exec]; x != nil {
		x.cancelled = true
		if x.vm != nil {
			x.vm.Interrupt()
		}
	}
}

// bind compiles the one program this process will run.
func (s *server) bind(m *ipc.Bind) error {
	if s.bound {
		return errors.New("bound twice")
	}
	s.bound = true
	config := js.Config{Memory: m.Memory, Recursion: int(m.Recursion), Resident: int(m.Resident)}
	if !s.engine.Suits(config) {
		s.engine.Close()
		s.engine = js.New(config)
	}
	if len(m.Bytecode) > 0 {
		s.program = &js.Program{Kind: js.Kind(m.Kind), Code: m.Bytecode}
		return s.conn.Send(&ipc.Bound{})
	}
	program, err := s.engine.Compile(m.File, m.Source, js.Kind(m.Kind))
	if err != nil {
		s.failure = &ipc.Failure{Kind: "syntax", Message: text(err.Error(), maxMessage)}
		if e, ok := errors.AsType[*js.Exception](err); ok {
			s.failure.Name, s.failure.Message, s.failure.Stack = text(e.Name, maxName), text(e.Message, maxMessage), text(e.Stack, maxStack)
		}
		return s.conn.Send(&ipc.Bound{Failure: s.failure})
	}
	s.program = program
	return s.conn.Send(&ipc.Bound{Bytecode: program.Code})
}

// run hands the execution to an executor. Executors stay: a new goroutine would
// have to grow its stack anew each time.
func (s *server) run(m *ipc.Run) {
	s.mu.Lock()
	s.execs[m.Exec] = &execution{}
	var runs chan *ipc.Run
	if n := len(s.idle); n > 0 {
		runs, s.idle = s.idle[n-1], s.idle[:n-1]
	}
	s.mu.Unlock()
	if runs == nil {
		runs = make(chan *ipc.Run, 1)
		go s.execute(runs)
	}
	runs <- m
}

func (s *server) execute(runs chan *ipc.Run) {
	for m := range runs {
		if err := s.executeOne(m); err != nil {
			return // the server has gone; serve is told so by its own read
		}
		s.mu.Lock()
		s.idle = append(s.idle, runs)
		s.mu.Unlock()
	}
}

func (s *server) executeOne(m *ipc.Run) error {
	if s.program == nil {
		s.forget(m.Exec)
		return s.conn.Send(&ipc.Done{Exec: m.Exec, Failure: s.failure})
	}
	vm, err := s.engine.NewVM()
	if err != nil {
		s.forget(m.Exec)
		return s.conn.Send(&ipc.Done{Exec: m.Exec, Failure: &ipc.Failure{Kind: string(js.MemoryExceeded), Message: err.Error()}})
	}
	defer vm.Close()
	s.mu.Lock()
	x := s.execs[m.Exec]
	x.vm = vm
	if x.cancelled {
		vm.Interrupt()
	}
	s.mu.Unlock()
	out := vm.Run(s.program, js.Task{
		Input: m.Input, Context: m.Context, CPU: time.Duration(m.CPU), Output: m.Output, Timeline: timeline(m.Timeline),
	}, &host{conn: s.conn, exec: m.Exec, vm: vm})
	s.forget(m.Exec)
	done := &ipc.Done{
		Exec: m.Exec, Output: out.Output, CPU: int64(out.CPU),
		PeakMemory: out.PeakMemory,
	}
	for _, taken := range out.Taken {
		done.Taken = append(done.Taken, ipc.Taken{Call: taken.Call, At: int64(taken.At)})
	}
	for _, reason := range out.Unhandled {
		done.Unhandled = append(done.Unhandled, text(reason, maxUnhandled))
	}
	if f := out.Failure; f != nil {
		done.Failure = &ipc.Failure{
			Kind: string(f.Kind), Name: text(f.Name, maxName), Message: text(f.Message, maxMessage),
			Stack: text(f.Stack, maxStack), Extra: []byte(f.Extra), Size: f.Size,
		}
	}
	return s.conn.Send(done)
}

func timeline(t *ipc.Timeline) *js.Timeline {
	if t == nil {
		return nil
	}
	return &js.Timeline{Seed: t.Seed, Start: time.Unix(0, t.Start), Replay: t.Replay}
}

// forget takes an execution that has ended off the books: nothing that comes for
// it reaches its VM, which may soon serve another.
func (s *server) forget(exec uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.execs, exec)
}

// What messages may carry: the text is the task's to choose, the rest of the
// output is cut off.
const (
	maxName      = 256
	maxMessage   = 16 << 10
	maxStack     = 32 << 10
	maxUnhandled = 1 << 10
	maxLog       = 32 << 20
)

// text is s as a message may carry it: of n bytes at most, and UTF-8, which a
// JavaScript string with half a surrogate pair is not.
func text(s string, n int) string {
	if len(s) > n {
		s = s[:n] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// host passes on what a VM asks for. A failed send needs no answer: the server
// is gone then, and with it this process.
type host struct {
	conn *ipc.Conn
	exec uint32
	vm   *js.VM
}

func (h *host) Request(call uint32, op, head string, body []byte) {
	m := &ipc.Request{Exec: h.exec, Call: call, Op: text(op, maxName), Head: []byte(head), Body: body, At: int64(h.vm.Elapsed())}
	if err := h.conn.Send(m); errors.Is(err, ipc.ErrTooLarge) {
		h.vm.Deliver(js.Reply{Call: call, Failed: true, Head: `{"name":"TypeError","message":"the request is larger than Ratchet passes on"}`})
	}
}

func (h *host) Log(level, message, fields string) {
	if len(fields) > maxLog {
		fields = ""
	}
	_ = h.conn.Send(&ipc.Log{
		Exec: h.exec, At: h.vm.Now().UnixNano(), Level: text(level, maxName),
		Message: text(message, maxLog), Fields: []byte(fields),
	})
}

func (h *host) Progress(value float64, message string) {
	_ = h.conn.Send(&ipc.Progress{Exec: h.exec, Value: value, Message: text(message, maxMessage)})
}
