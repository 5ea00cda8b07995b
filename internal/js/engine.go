package js

import (
	"fmt"
	"slices"
	"sync"

	"modernc.org/libc"
	lib "modernc.org/libquickjs"

	"github.com/ratchet-runner/ratchet-go/internal/js/prelude"
)

// Version names the engine and the format of its compiled programs.
const Version = "quickjs-2026-06-04"

// A Kind says how a program is evaluated.
type Kind string

const (
	// Script is evaluated as a global script; its completion value, or a
	// global of a known name, is the task's function.
	Script Kind = "script"
	// Module is evaluated as an ES module; its exports hold the function.
	Module Kind = "module"
)

// A Program is compiled JavaScript. Its bytes are the engine's own bytecode:
// they are not verified when loaded, so they must come from Compile and from
// nowhere else.
type Program struct {
	Kind Kind
	Code []byte
}

// A Config says how an Engine makes its VMs.
type Config struct {
	// Memory caps one VM, ArrayBuffers included, in bytes. Default 128 MB.
	Memory int64
	// Recursion caps nested calls, in stack slots. Default 5000.
	Recursion int
	// Resident is how many VMs are kept between executions, each with its
	// snapshot. More run at once at the price of building each. Default 2;
	// negative keeps none, so that every VM is built from nothing.
	Resident int
}

func (c Config) withDefaults() Config {
	if c.Memory == 0 {
		c.Memory = 128 << 20
	}
	if c.Recursion == 0 {
		c.Recursion = 5000
	}
	if c.Resident == 0 {
		c.Resident = 2
	}
	return c
}

// An Engine makes VMs of one configuration. It is safe for concurrent use;
// each VM belongs to one goroutine at a time.
type Engine struct {
	config Config
	names  []string // host functions; the index is the magic number
	funcs  []Func

	mu       sync.Mutex
	modules  map[string][]byte // bytecode of prelude modules compiled so far
	touched  []string          // prelude modules that executions have used: part of the snapshot
	edition  int               // counts the changes of touched
	idle     []*VM
	resident int
}

// New returns an Engine. It makes no VM yet.
func New(config Config) *Engine {
	e := &Engine{config: config.withDefaults(), modules: map[string][]byte{}}
	for _, set := range hostFuncs() {
		for name, f := range set {
			e.names = append(e.names, name)
			e.funcs = append(e.funcs, f)
		}
	}
	return e
}

// Compile turns source text into a Program. name is what stack traces call the
// file. A syntax error comes as an [*Exception].
func (e *Engine) Compile(name string, source []byte, kind Kind) (*Program, error) {
	vm, err := newVM(e)
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", name, err)
	}
	defer vm.destroy()
	code, err := vm.compile(name, source, kind, lib.MJS_EVAL_TYPE_GLOBAL)
	if err != nil {
		return nil, err
	}
	return &Program{Kind: kind, Code: code}, nil
}

// Warm readies one VM, so that the first execution need not.
func (e *Engine) Warm() error {
	vm, err := e.acquire()
	if err != nil {
		return err
	}
	e.put(vm)
	return nil
}

// NewVM returns a VM in which nothing has run but the prelude. Close it after
// one execution.
func (e *Engine) NewVM() (*VM, error) {
	vm, err := e.acquire()
	if err != nil {
		return nil, fmt.Errorf("new vm: %w", err)
	}
	return vm, nil
}

func (e *Engine) acquire() (*VM, error) {
	e.mu.Lock()
	var vm *VM
	if n := len(e.idle); n > 0 {
		vm, e.idle = e.idle[n-1], e.idle[:n-1]
	}
	edition, touched := e.edition, e.touched
	keep := vm == nil && e.resident < e.config.Resident
	if keep {
		e.resident++
	}
	e.mu.Unlock()
	if vm != nil && vm.edition == edition {
		vm.refresh()
		return vm, nil
	}
	if vm == nil {
		var err error
		if vm, err = newVM(e); err != nil {
			return nil, err
		}
		vm.resident = keep
	} else {
		vm.arena.clear()
		vm.used = false
	}
	if err := vm.build(touched); err != nil {
		return nil, err
	}
	vm.edition = edition
	return vm, nil
}

func (e *Engine) put(vm *VM) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.idle = append(e.idle, vm)
}

// note records that an execution touched prelude modules which the snapshot
// lacks; the next VM has them.
func (e *Engine) note(names []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, name := range names {
		if !slices.Contains(e.touched, name) {
			e.touched = append(slices.Clip(e.touched), name)
			e.edition++
		}
	}
}

// Close gives back the memory of the idle VMs.
func (e *Engine) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, vm := range e.idle {
		vm.destroy()
	}
	e.idle = nil
}

// module returns the bytecode of a prelude module, compiled on first use unless
// it is kept.
func (e *Engine) module(name string) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if code, ok := e.modules[name]; ok {
		return code, nil
	}
	source, err := prelude.Files.ReadFile(name + ".js")
	if err != nil {
		return nil, &Exception{Name: "ReferenceError", Message: "no prelude module " + name}
	}
	code := precompiled(name, source)
	if code == nil {
		if code, err = e.compileModule(name, source); err != nil {
			return nil, err
		}
	}
	e.modules[name] = code
	return code, nil
}

func (e *Engine) compileModule(name string, source []byte) ([]byte, error) {
	vm, err := newVM(e)
	if err != nil {
		return nil, err
	}
	defer vm.destroy()
	lib.XJS_SetStripInfo(vm.tls, vm.rt, lib.MJS_STRIP_SOURCE)
	code, err := vm.compile(preludeFile+name+".js", source, Script, lib.MJS_EVAL_TYPE_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("prelude module %s: %w", name, err)
	}
	return code, nil
}

// compile evaluates nothing; the result is a copy outside the VM.
func (vm *VM) compile(name string, source []byte, kind Kind, flags int32) ([]byte, error) {
	if kind == Module {
		flags = lib.MJS_EVAL_TYPE_MODULE
	}
	// QuickJS wants a NUL behind the source that it does not count.
	text := append(slices.Clip(source), 0)
	var v value
	vm.withName(name, func(file uintptr) {
		pinned(text, func(p uintptr) {
			v = lib.XJS_Eval(vm.tls, vm.ctx, p, lib.Tsize_t(len(source)), file, flags|lib.MJS_EVAL_FLAG_COMPILE_ONLY)
		})
	})
	if isException(v) {
		return nil, vm.thrown()
	}
	p := lib.XJS_WriteObject(vm.tls, vm.ctx, vm.scratch, v, lib.MJS_WRITE_OBJ_BYTECODE)
	if p == 0 {
		return nil, vm.thrown()
	}
	return slices.Clone(bytesAt(p, *at[uintptr](vm.scratch))), nil
}

// newVM makes a VM with an empty context: nothing of the prelude.
func newVM(e *Engine) (*VM, error) {
	a, err := newArena(e.config.Memory)
	if err != nil {
		return nil, err
	}
	vm := &VM{engine: e, arena: a, tls: libc.NewTLS(), wake: make(chan struct{}, 1)}
	vm.onMalloc, vm.onFree, vm.onRealloc, vm.onUsable = jsMalloc, jsFree, jsRealloc, jsUsable
	vm.onInterrupt, vm.onHost, vm.onRejection = vm.interrupted, vm.callHost, vm.rejection
	vm.scratch = libc.Xmalloc(vm.tls, 256)
	if vm.scratch == 0 {
		return nil, errOutOfMemory
	}
	if err := vm.open(); err != nil {
		vm.destroy()
		return nil, err
	}
	return vm, nil
}

// open makes the runtime and its context in the empty arena.
func (vm *VM) open() error {
	*at[lib.TJSMallocFunctions](vm.scratch) = lib.TJSMallocFunctions{
		Fjs_malloc:             funcPointer(&vm.onMalloc),
		Fjs_free:               funcPointer(&vm.onFree),
		Fjs_realloc:            funcPointer(&vm.onRealloc),
		Fjs_malloc_usable_size: funcPointer(&vm.onUsable),
	}
	vm.rt = lib.XJS_NewRuntime2(vm.tls, vm.scratch, vm.arena.base)
	if vm.rt == 0 {
		return errOutOfMemory
	}
	vm.ctx = lib.XJS_NewContext(vm.tls, vm.rt)
	if vm.ctx == 0 {
		return errOutOfMemory
	}
	lib.XJS_SetInterruptHandler(vm.tls, vm.rt, funcPointer(&vm.onInterrupt), 0)
	lib.XJS_SetHostPromiseRejectionTracker(vm.tls, vm.rt, funcPointer(&vm.onRejection), 0)
	lib.XJS_SetMaxStackSize(vm.tls, vm.rt, lib.Tsize_t(vm.engine.config.Recursion))
	lib.XJS_SetMemoryLimit(vm.tls, vm.rt, lib.Tsize_t(vm.engine.config.Memory))
	return nil
}

func (vm *VM) destroy() {
	vm.arena.release()
	libc.Xfree(vm.tls, vm.scratch)
	vm.tls.Close()
}

// drop destroys a VM that is not worth keeping.
func (e *Engine) drop(vm *VM) {
	if vm.resident {
		e.mu.Lock()
		e.resident--
		e.mu.Unlock()
	}
	vm.destroy()
}

// hostFuncs are all host functions, a set a prelude module.
func hostFuncs() []map[string]Func {
	return []map[string]Func{
		coreFuncs(), inspectFuncs(), urlFuncs(), encodingFuncs(), cloneFuncs(), performanceFuncs(),
		cryptoFuncs(), fetchFuncs(),
	}
}

// Suits reports whether the engine makes VMs as config says.
func (e *Engine) Suits(config Config) bool { return e.config == config.withDefaults() }
