package js

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	lib "modernc.org/libquickjs"
)

// Run evaluates the program, calls its function with the task's input and waits
// until the result is there, answering timers and replies meanwhile. It is
// called once in a VM's life.
func (vm *VM) Run(program *Program, task Task, host Host) Outcome {
	x := &vm.exec
	x.task, x.host = task, host
	vm.arena.head().peak = uintptr(at[lib.TJSRuntime](vm.rt).Fmalloc_ctx.Fmalloc_state.Fmalloc_size)
	if err := vm.turn(func() error {
		if err := vm.startClock(task.Timeline); err != nil {
			return err
		}
		return vm.start(program)
	}); err != nil {
		vm.fail(err)
	}
	for !x.done {
		if err := vm.step(); err != nil {
			vm.fail(err)
		}
	}
	out := Outcome{
		Output: x.output, Failure: x.failure, CPU: x.cpu, Taken: x.clock.taken,
		PeakMemory: int64(vm.arena.head().peak),
	}
	if x.failure == nil || x.failure.Kind == Threw || x.failure.Kind == NeverSettles {
		out.Unhandled = vm.unhandledReasons()
	}
	return out
}

// turn lets the VM run: f, then every promise job that follows.
func (vm *VM) turn(f func() error) error {
	vm.begin()
	defer vm.end()
	if err := f(); err != nil {
		return err
	}
	for !vm.exec.done {
		switch n := lib.XJS_ExecutePendingJob(vm.tls, vm.rt, vm.scratch); {
		case n < 0:
			return vm.thrown()
		case n == 0:
			return nil
		}
		// A chain of promise jobs alone need never reach QuickJS's own check.
		if vm.interrupted(nil, 0, 0) != 0 {
			return errInterrupted
		}
	}
	return nil
}

var errInterrupted = errors.New("interrupted")

func (vm *VM) start(program *Program) error {
	x := &vm.exec
	input, context := vm.newString(string(x.task.Input)), vm.newString(string(x.task.Context))
	if program.Kind == Module {
		return vm.startModule(program, input, context)
	}
	f, err := vm.load(program.Code)
	if err != nil {
		return err
	}
	probe := undefined()
	if lib.XJS_IsFunction(vm.tls, vm.ctx, f) == 0 {
		code, err := vm.engine.module("probe")
		if err != nil {
			return err
		}
		if probe, err = vm.load(code); err != nil {
			return err
		}
	}
	_, err = vm.call(vm.dispatch, intValue(verbStart), f, probe, input, context)
	return err
}

func (vm *VM) startModule(program *Program, input, context value) error {
	var m value
	pinned(program.Code, func(p uintptr) {
		m = lib.XJS_ReadObject(vm.tls, vm.ctx, p, lib.Tsize_t(len(program.Code)), lib.MJS_READ_OBJ_BYTECODE)
	})
	if isException(m) || lib.XJS_ResolveModule(vm.tls, vm.ctx, m) < 0 {
		return vm.thrown()
	}
	def := pointer(m)
	promise := lib.XJS_EvalFunction(vm.tls, vm.ctx, m)
	if isException(promise) {
		return vm.thrown()
	}
	namespace := lib.XJS_GetModuleNamespace(vm.tls, vm.ctx, def)
	if isException(namespace) {
		return vm.thrown()
	}
	_, err := vm.call(vm.dispatch, intValue(verbAwait), promise, namespace, input, context)
	return err
}

// step waits for the next timer or reply and lets the VM answer it.
func (vm *VM) step() error {
	x := &vm.exec
	if vm.stop.Load() {
		return errInterrupted
	}
	if x.clock.timeline != nil {
		return vm.scripted()
	}
	if r, ok := x.inbox.take(); ok {
		x.pending--
		return vm.turn(func() error { return vm.reply(r) })
	}
	due, ok := x.timers.next()
	if !ok && x.pending == 0 {
		x.done, x.failure = true, &Failure{Kind: NeverSettles}
		return nil
	}
	if ok && !due.After(time.Now()) {
		return vm.fire()
	}
	return vm.wait(due, ok)
}

// fire lets the first timer run.
func (vm *VM) fire() error {
	id := vm.exec.timers.pop()
	return vm.turn(func() error {
		_, err := vm.call(vm.dispatch, intValue(verbTimer), numberValue(float64(id)))
		return err
	})
}

// wait waits until due, or for ever if there is no timer, unless it is woken.
func (vm *VM) wait(due time.Time, timed bool) error {
	if !timed {
		<-vm.wake
		return nil
	}
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-vm.wake:
	case <-timer.C:
	}
	return nil
}

func (vm *VM) reply(r Reply) error {
	body := undefined()
	if r.Body != nil {
		body = vm.newBytes(r.Body)
	}
	_, err := vm.call(vm.dispatch, intValue(verbReply),
		numberValue(float64(r.Call)), boolValue(r.Failed), vm.newString(r.Head), body)
	return err
}

// fail ends the execution with err, unless the real cause is another.
func (vm *VM) fail(err error) {
	x := &vm.exec
	x.done, x.output = true, nil
	f := &Failure{Kind: Threw, Name: "Error", Message: err.Error()}
	if e, ok := errors.AsType[*Exception](err); ok {
		f.Name, f.Message, f.Stack = e.Name, e.Message, e.Stack
	}
	x.failure = f
	vm.judge()
}

// judge replaces the failure by the limit that caused it. A task can catch what
// a limit throws, so what it reports is not proof; the limit's own mark is.
func (vm *VM) judge() {
	x := &vm.exec
	switch f := x.failure; {
	case vm.arena.head().refused != 0:
		x.output, x.failure = nil, &Failure{Kind: MemoryExceeded}
	case x.overCPU:
		x.output, x.failure = nil, &Failure{Kind: CPUExceeded}
	case vm.stop.Load():
		x.output, x.failure = nil, &Failure{Kind: Stopped}
	case f != nil && f.Kind == Threw && isStackOverflow(f):
		f.Kind = StackExceeded
	}
}

func isStackOverflow(f *Failure) bool {
	return (f.Name == "InternalError" || f.Name == "RangeError") && strings.Contains(f.Message, "stack overflow")
}

// unhandledReasons says what was rejected and never handled: each a text, and
// below it the stack if there is one. What failed the execution is not said
// twice.
func (vm *VM) unhandledReasons() (reasons []string) {
	f := vm.exec.failure
	for _, reason := range vm.exec.unhandled {
		text, stack := "", ""
		if lib.XJS_IsError(vm.tls, vm.ctx, reason) != 0 {
			name, message := vm.textProperty(reason, "name"), vm.textProperty(reason, "message")
			if f != nil && f.Message == message {
				continue
			}
			text, stack = strings.TrimSuffix(name+": "+message, ": "), vm.textProperty(reason, "stack")
		} else {
			text, _ = vm.text(reason)
		}
		reasons = append(reasons, strings.TrimRight(text+"\n"+stack, "\n"))
	}
	slices.Sort(reasons)
	return reasons
}

// coreFuncs are the host functions of prelude/core.js.
func coreFuncs() map[string]Func {
	return map[string]Func{
		// module(name) is the value of a prelude module's script.
		"module": func(c *Call) error {
			name := c.String(0)
			code, err := c.vm.engine.module(name)
			if err != nil {
				return err
			}
			if name != clockModule {
				c.vm.exec.loaded = append(c.vm.exec.loaded, name)
			}
			c.result, err = c.vm.load(code)
			return err
		},
		// timer(id, ms) and clearTimer(id).
		"timer": func(c *Call) error {
			ms := max(c.Float(1), 0)
			if !(ms <= maxTimer) {
				ms = 1
			}
			c.vm.exec.timers.push(c.Int(0), c.vm.exec.clock.due(time.Duration(ms*float64(time.Millisecond))))
			return nil
		},
		"clearTimer": func(c *Call) error {
			c.vm.exec.timers.clear(c.Int(0))
			return nil
		},
		// request(call, op, head, body): the reply comes to dispatch.
		"request": func(c *Call) error {
			x := &c.vm.exec
			x.pending++
			x.host.Request(uint32(c.Int(0)), c.String(1), c.String(2), slices.Clone(c.Bytes(3)))
			return nil
		},
		// requestSync(op, head, body) is [failed, head, body].
		"requestSync": requestSync,
		// done(json): the result.
		"done": func(c *Call) error {
			c.vm.finish(c)
			return nil
		},
		// fail(kind, name, message, stack, extra).
		"fail": func(c *Call) error {
			x := &c.vm.exec
			if x.done {
				return nil
			}
			x.done = true
			x.failure = &Failure{
				Kind: FailureKind(c.String(0)), Name: c.String(1), Message: c.String(2),
				Stack: c.String(3), Extra: c.String(4),
			}
			c.vm.judge()
			return nil
		},
		// log(level, message, fields).
		"log": func(c *Call) error {
			c.vm.exec.host.Log(c.String(0), c.String(1), c.String(2))
			return nil
		},
		// progress(value, message).
		"progress": func(c *Call) error {
			c.vm.exec.host.Progress(c.Float(0), c.String(1))
			return nil
		},
		// now() is milliseconds since the execution began.
		"now": func(c *Call) error {
			c.ReturnNumber(float64(c.vm.exec.clock.elapsed().Microseconds()) / 1000)
			return nil
		},
	}
}

// maxTimer is the longest delay browsers and Node take; beyond it they fire at once.
const maxTimer = 1<<31 - 1

// finish takes the result's JSON text.
func (vm *VM) finish(c *Call) {
	x := &vm.exec
	if x.done {
		return
	}
	x.done = true
	x.output = []byte(c.String(0))
	if limit := x.task.Output; limit > 0 && int64(len(x.output)) > limit {
		x.failure = &Failure{Kind: OutputTooLarge, Size: int64(len(x.output))}
		x.output = nil
	}
	vm.judge()
}

// requestSync asks and waits: the whole VM stands still until the answer is
// there, as the synchronous fetch of old tasks wants it.
func requestSync(c *Call) error {
	vm := c.vm
	x := &vm.exec
	x.nextSync++
	call := 1<<31 | x.nextSync
	x.host.Request(call, c.String(0), c.String(1), slices.Clone(c.Bytes(2)))
	vm.end()
	defer vm.begin()
	for {
		if r, ok := x.inbox.takeCall(call); ok {
			if k := &x.clock; k.timeline != nil {
				k.now = max(k.now, r.At)
				k.taken = append(k.taken, Taken{call, k.now})
			}
			a := lib.XJS_NewArray(vm.tls, vm.ctx)
			body := undefined()
			if r.Body != nil {
				body = vm.newBytes(r.Body)
			}
			for i, v := range []value{boolValue(r.Failed), vm.newString(r.Head), body} {
				lib.XJS_SetPropertyUint32(vm.tls, vm.ctx, a, uint32(i), v)
			}
			c.result = a
			return nil
		}
		if vm.stop.Load() {
			return fmt.Errorf("wait for %s: %w", c.String(0), errInterrupted)
		}
		<-vm.wake
	}
}
