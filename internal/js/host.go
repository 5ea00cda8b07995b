package js

import (
	"fmt"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/libquickjs"
)

// A Func is a host function: JavaScript calls it and waits. It runs on the
// VM's goroutine, must return soon, and touches nothing outside the process.
// An [*Exception] it returns is thrown; so is any other error, as an Error.
type Func func(c *Call) error

// A Call is one call of a Func: its arguments, and where the result goes.
// Without a Return the result is undefined.
type Call struct {
	vm     *VM
	argc   int
	argv   uintptr
	result value
}

// Len is the number of arguments.
func (c *Call) Len() int { return c.argc }

func (c *Call) arg(i int) value {
	if i >= c.argc {
		return undefined()
	}
	return *at[value](c.argv + uintptr(i)*unsafe.Sizeof(value{}))
}

// String is argument i converted to a string, in UTF-8; a lone surrogate comes
// as the three bytes that would encode it (WTF-8).
func (c *Call) String(i int) string {
	s, _ := c.vm.text(c.arg(i))
	return s
}

// Float is argument i converted to a number; 0 where that throws.
func (c *Call) Float(i int) float64 {
	v := c.arg(i)
	if v.Ftag == lib.EJS_TAG_INT {
		return float64(int32(pointer(v)))
	}
	out := c.vm.scratch
	if lib.XJS_ToFloat64(c.vm.tls, c.vm.ctx, out, v) != 0 {
		c.vm.free(lib.XJS_GetException(c.vm.tls, c.vm.ctx))
		return 0
	}
	return *at[float64](out)
}

// Int is argument i as an integer.
func (c *Call) Int(i int) int { return int(c.Float(i)) }

// Bool is the truth of argument i.
func (c *Call) Bool(i int) bool { return lib.XJS_ToBool(c.vm.tls, c.vm.ctx, c.arg(i)) > 0 }

// IsUndefined reports whether argument i is missing, undefined or null.
func (c *Call) IsUndefined(i int) bool {
	t := c.arg(i).Ftag
	return t == lib.EJS_TAG_UNDEFINED || t == lib.EJS_TAG_NULL
}

// Bytes is the memory of argument i, an ArrayBuffer or a view of one (typed
// array, DataView excepted). It is JavaScript's own memory: valid until the
// Func returns, and not after another VM operation. Anything else gives nil.
func (c *Call) Bytes(i int) []byte {
	vm, v := c.vm, c.arg(i)
	if v.Ftag != lib.EJS_TAG_OBJECT {
		return nil
	}
	size := vm.scratch
	// By class, since asking an object that is no buffer makes an exception.
	switch class := at[lib.TJSObject](pointer(v)).Fclass_id; {
	case class == lib.EJS_CLASS_ARRAY_BUFFER || class == lib.EJS_CLASS_SHARED_ARRAY_BUFFER:
		if p := lib.XJS_GetArrayBuffer(vm.tls, vm.ctx, size, v); p != 0 {
			return bytesAt(p, *at[uintptr](size))
		}
		vm.free(lib.XJS_GetException(vm.tls, vm.ctx))
		return nil
	case class < lib.EJS_CLASS_UINT8C_ARRAY || class > lib.EJS_CLASS_FLOAT64_ARRAY:
		return nil
	}
	off, length := vm.scratch+8, vm.scratch+16
	buf := lib.XJS_GetTypedArrayBuffer(vm.tls, vm.ctx, v, off, length, 0)
	if isException(buf) {
		vm.free(lib.XJS_GetException(vm.tls, vm.ctx))
		return nil
	}
	defer vm.free(buf)
	p := lib.XJS_GetArrayBuffer(vm.tls, vm.ctx, size, buf)
	if p == 0 {
		vm.free(lib.XJS_GetException(vm.tls, vm.ctx))
		return nil
	}
	return bytesAt(p+*at[uintptr](off), *at[uintptr](length))
}

// ReturnString makes s the result.
func (c *Call) ReturnString(s string) { c.result = c.vm.newString(s) }

// ReturnNumber makes f the result.
func (c *Call) ReturnNumber(f float64) { c.result = numberValue(f) }

// ReturnBool makes b the result.
func (c *Call) ReturnBool(b bool) { c.result = boolValue(b) }

// ReturnNull makes null the result.
func (c *Call) ReturnNull() { c.result = null() }

// ReturnBytes makes a new ArrayBuffer holding a copy of b the result.
func (c *Call) ReturnBytes(b []byte) { c.result = c.vm.newBytes(b) }

// ReturnStrings makes a new array of strings the result.
func (c *Call) ReturnStrings(list []string) {
	a := lib.XJS_NewArray(c.vm.tls, c.vm.ctx)
	for i, s := range list {
		lib.XJS_SetPropertyUint32(c.vm.tls, c.vm.ctx, a, uint32(i), c.vm.newString(s))
	}
	c.result = a
}

// callHost is the one C function behind every Func; magic is its index.
func (vm *VM) callHost(_ *libc.TLS, _ uintptr, _ value, argc int32, argv uintptr, magic int32) (result value) {
	if vm.stop.Load() || vm.arena.head().refused != 0 {
		// Between two of QuickJS's own looks a task may call here ten thousand
		// times.
		vm.throw(errInterrupted)
		lib.XJS_SetUncatchableException(vm.tls, vm.ctx, 1)
		return value{Ftag: lib.EJS_TAG_EXCEPTION}
	}
	c := Call{vm: vm, argc: int(argc), argv: argv, result: undefined()}
	defer func() {
		if p := recover(); p != nil {
			result = vm.throw(fmt.Errorf("host function %s: %v", vm.engine.names[magic], p))
		}
	}()
	if err := vm.engine.funcs[magic](&c); err != nil {
		return vm.throw(err)
	}
	return c.result
}

// install gives object the engine's host functions.
func (vm *VM) install(object value) {
	for i, name := range vm.engine.names {
		vm.withName(name, func(c uintptr) {
			f := lib.XJS_NewCFunction2(vm.tls, vm.ctx, funcPointer(&vm.onHost), c, 0, lib.EJS_CFUNC_generic_magic, int32(i))
			lib.XJS_SetPropertyStr(vm.tls, vm.ctx, object, c, f)
		})
	}
}

// funcPointer is a Go function as the transpiled C wants function pointers: the
// address of its closure, which the variable that f points to must keep alive.
func funcPointer[F any](f *F) uintptr { return *(*uintptr)(unsafe.Pointer(f)) }
