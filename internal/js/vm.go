package js

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"

	"modernc.org/libc"
	lib "modernc.org/libquickjs"
)

// preludeFile begins the file name of every prelude frame in a stack trace.
const preludeFile = "ratchet:"

// A Host is what a VM asks of the outside during one execution. Its methods are
// called on the VM's goroutine and must not wait.
type Host interface {
	// Request asks for the effect named op. The answer comes later through
	// [VM.Deliver] with the same call number.
	Request(call uint32, op, head string, body []byte)
	// Log passes on one line; fields is a JSON object or empty.
	Log(level, message, fields string)
	// Progress passes on how far the task says it is.
	Progress(value float64, message string)
}

// A Reply answers a Request.
type Reply struct {
	Call   uint32
	Failed bool   // the request was refused or went wrong; Head says how
	Head   string // JSON
	Body   []byte
	At     time.Duration // of a scripted execution: when it came, since the start
}

// A Task is one execution's work.
type Task struct {
	Input    []byte        // JSON text
	Context  []byte        // JSON object: what the task's second argument holds
	CPU      time.Duration // processor time allowed; 0 is unlimited
	Output   int64         // bytes of JSON text allowed as the result; 0 is unlimited
	Timeline *Timeline     // makes it repeatable; nil takes time and chance as they come
}

// An Outcome is how an execution ended: with an Output or a Failure.
type Outcome struct {
	Output     []byte // JSON text
	Failure    *Failure
	CPU        time.Duration
	PeakMemory int64    // bytes of JavaScript memory in use at once
	Unhandled  []string // promise rejections that nobody handled
	Taken      []Taken  // of a scripted execution: its replies, in order
}

// A FailureKind says in which way an execution failed.
type FailureKind string

// The ways an execution fails.
const (
	Threw          FailureKind = "threw"
	NoFunction     FailureKind = "no_function"
	NeverSettles   FailureKind = "never_settles"
	NotJSON        FailureKind = "not_json"
	OutputTooLarge FailureKind = "output_too_large"
	CPUExceeded    FailureKind = "cpu"
	MemoryExceeded FailureKind = "memory"
	StackExceeded  FailureKind = "recursion"
	Stopped        FailureKind = "stopped" // by Interrupt
)

// A Failure is why an execution failed.
type Failure struct {
	Kind    FailureKind
	Name    string // of the error thrown: "TypeError"
	Message string
	Stack   string // in QuickJS's form, one "    at f (file:line:column)" a line
	Extra   string // JSON object of the error's own properties; may be empty
	Size    int64  // of the output, where that was too large
}

// A VM runs one execution and is closed.
type VM struct {
	engine  *Engine
	arena   *arena
	tls     *libc.TLS
	rt, ctx uintptr
	scratch uintptr // 256 bytes outside the arena for out-parameters

	dispatch value // the prelude's door: dispatch(verb, …)
	template []byte
	resident bool
	edition  int
	used     bool // the arena holds what an execution left behind

	// The closures QuickJS calls; kept here so that the collector keeps them.
	onMalloc    func(*libc.TLS, uintptr, lib.Tsize_t) uintptr
	onFree      func(*libc.TLS, uintptr, uintptr)
	onRealloc   func(*libc.TLS, uintptr, uintptr, lib.Tsize_t) uintptr
	onUsable    func(*libc.TLS, uintptr) lib.Tsize_t
	onInterrupt func(*libc.TLS, uintptr, uintptr) int32
	onHost      func(*libc.TLS, uintptr, value, int32, uintptr, int32) value
	onRejection func(*libc.TLS, uintptr, value, value, int32, uintptr)

	stop atomic.Bool
	wake chan struct{}
	exec execution
}

// execution is the state of the one execution a VM runs.
type execution struct {
	task      Task
	host      Host
	inbox     inbox
	timers    timers
	pending   int // requests without a reply
	nextSync  uint32
	loaded    []string // prelude modules touched
	unhandled map[uintptr]value
	cpu       time.Duration
	turn      time.Duration // thread time at which the current turn began
	overCPU   bool
	done      bool
	output    []byte
	failure   *Failure
	clock     clock
}

// The verbs of the prelude's dispatch function.
const (
	verbStart  = 0 // (fn, probe, input, context)
	verbTimer  = 1 // (id)
	verbReply  = 2 // (call, failed, head, body)
	verbModule = 3 // (name): load a prelude module
	verbAwait  = 4 // (promise, namespace, input, context)
)

// build runs the prelude and, in a resident VM, takes the snapshot.
func (vm *VM) build(touched []string) error {
	if vm.dispatch.Ftag == lib.EJS_TAG_OBJECT {
		if err := vm.open(); err != nil {
			return err
		}
	}
	code, err := vm.engine.module("core")
	if err != nil {
		return err
	}
	core, err := vm.load(code)
	if err != nil {
		return fmt.Errorf("prelude: %w", err)
	}
	host := lib.XJS_NewObject(vm.tls, vm.ctx)
	vm.install(host)
	vm.exec = execution{}
	if vm.dispatch, err = vm.call(core, host); err != nil {
		return fmt.Errorf("prelude: %w", err)
	}
	for _, name := range touched {
		if _, err := vm.call(vm.dispatch, intValue(verbModule), vm.newString(name)); err != nil {
			return fmt.Errorf("prelude module %s: %w", name, err)
		}
	}
	if vm.resident {
		lib.XJS_RunGC(vm.tls, vm.rt)
		vm.template = vm.arena.snapshot()
	}
	vm.reseed()
	return nil
}

// reseed gives Math.random a state of its own.
func (vm *VM) reseed() { at[lib.TJSContext](vm.ctx).Frandom_state = rand.Uint64() | 1 }

// Close ends the VM's use. What memory the execution took beyond the snapshot
// goes back at once; the rest is put back when the VM is wanted again, since
// copying the snapshot then leaves in the processor's caches just what the
// execution will touch.
func (vm *VM) Close() {
	vm.engine.note(vm.exec.loaded)
	clean := vm.exec.failure == nil || vm.exec.failure.Kind == Threw
	vm.exec = execution{}
	if !vm.resident || !clean {
		vm.engine.drop(vm)
		return
	}
	vm.stop.Store(false)
	vm.arena.trim(uintptr(len(vm.template)))
	vm.used = true
	vm.engine.put(vm)
}

// Interrupt stops the execution as soon as its code next checks, which a loop
// inside one built-in function may not do. It may be called from any goroutine.
func (vm *VM) Interrupt() {
	vm.stop.Store(true)
	select {
	case vm.wake <- struct{}{}:
	default:
	}
}

// Deliver hands over the answer to a request, from any goroutine.
func (vm *VM) Deliver(r Reply) {
	vm.exec.inbox.put(r)
	select {
	case vm.wake <- struct{}{}:
	default:
	}
}

// refresh takes the VM's memory back to what it was before its last execution.
func (vm *VM) refresh() {
	if !vm.used {
		return
	}
	vm.used = false
	vm.arena.restore(vm.template)
	vm.reseed()
}

// load evaluates compiled bytecode and returns its completion value, or the
// module's promise.
func (vm *VM) load(code []byte) (v value, err error) {
	pinned(code, func(p uintptr) {
		v = lib.XJS_ReadObject(vm.tls, vm.ctx, p, lib.Tsize_t(len(code)), lib.MJS_READ_OBJ_BYTECODE)
	})
	if isException(v) {
		return v, vm.thrown()
	}
	v = lib.XJS_EvalFunction(vm.tls, vm.ctx, v)
	if isException(v) {
		return v, vm.thrown()
	}
	return v, nil
}

// call calls f with up to six arguments and owns none of them afterwards.
func (vm *VM) call(f value, args ...value) (value, error) {
	argv := vm.scratch + 64
	for i, a := range args {
		*at[value](argv + uintptr(i)*16) = a
	}
	v := lib.XJS_Call(vm.tls, vm.ctx, f, undefined(), int32(len(args)), argv)
	for _, a := range args {
		vm.free(a)
	}
	if isException(v) {
		return v, vm.thrown()
	}
	return v, nil
}

// begin and end bracket every stretch in which the VM runs, so that its
// processor time can be told from that of its neighbours.
func (vm *VM) begin() {
	runtime.LockOSThread()
	vm.exec.turn = threadCPU()
}

func (vm *VM) end() {
	vm.exec.cpu += threadCPU() - vm.exec.turn
	runtime.UnlockOSThread()
}

// interrupted is QuickJS asking, every ten thousand steps, whether to go on.
func (vm *VM) interrupted(*libc.TLS, uintptr, uintptr) int32 {
	if vm.stop.Load() || vm.arena.head().refused != 0 {
		return 1
	}
	x := &vm.exec
	turn := threadCPU() - x.turn
	if turn > longTurn {
		wakeMonitor()
	}
	if x.task.CPU > 0 && x.cpu+turn > x.task.CPU {
		x.overCPU = true
		return 1
	}
	return 0
}

// longTurn is how long a turn lasts before other goroutines get their share of
// it, the one that reads of a cancellation above all.
const longTurn = time.Millisecond

// rejection keeps the books of rejected promises that have no handler yet.
func (vm *VM) rejection(_ *libc.TLS, _ uintptr, promise, reason value, handled int32, _ uintptr) {
	x := &vm.exec
	if handled != 0 {
		delete(x.unhandled, pointer(promise))
		return
	}
	if x.unhandled == nil {
		x.unhandled = map[uintptr]value{}
	}
	if len(x.unhandled) < 100 {
		x.unhandled[pointer(promise)] = lib.XDupValue(vm.tls, vm.ctx, reason)
	}
}
