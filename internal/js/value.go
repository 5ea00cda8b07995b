package js

import (
	"errors"
	"math"
	"runtime"
	"unsafe"

	lib "modernc.org/libquickjs"
)

// A value is a JavaScript value of one VM. Values are not reference-counted
// from Go more than the engine needs: the whole arena goes at once.
type value = lib.TJSValue

func undefined() value { return value{Ftag: lib.EJS_TAG_UNDEFINED} }

func null() value { return value{Ftag: lib.EJS_TAG_NULL} }

func intValue(n int32) (v value) {
	*(*int64)(unsafe.Pointer(&v)) = int64(n)
	v.Ftag = lib.EJS_TAG_INT
	return v
}

func boolValue(b bool) (v value) {
	if b {
		*(*int64)(unsafe.Pointer(&v)) = 1
	}
	v.Ftag = lib.EJS_TAG_BOOL
	return v
}

func floatValue(f float64) (v value) {
	*(*float64)(unsafe.Pointer(&v)) = f
	v.Ftag = lib.EJS_TAG_FLOAT64
	return v
}

func numberValue(f float64) value {
	if n := int32(f); float64(n) == f && (n != 0 || !math.Signbit(f)) {
		return intValue(n)
	}
	return floatValue(f)
}

func pointer(v value) uintptr { return *(*uintptr)(unsafe.Pointer(&v)) }

func isException(v value) bool { return v.Ftag == lib.EJS_TAG_EXCEPTION }

// errOutOfMemory is what a call returns whose exception could not even be read.
var errOutOfMemory = errors.New("out of memory")

// pinned calls f with the address of b, which the collector leaves in place.
// b must not be empty.
func pinned(b []byte, f func(p uintptr)) {
	var pin runtime.Pinner
	pin.Pin(unsafe.SliceData(b))
	defer pin.Unpin()
	f(uintptr(unsafe.Pointer(unsafe.SliceData(b))))
}

func (vm *VM) newString(s string) (v value) {
	if s == "" {
		return lib.XJS_NewStringLen(vm.tls, vm.ctx, vm.scratch, 0)
	}
	pinned(unsafe.Slice(unsafe.StringData(s), len(s)), func(p uintptr) {
		v = lib.XJS_NewStringLen(vm.tls, vm.ctx, p, lib.Tsize_t(len(s)))
	})
	return v
}

func (vm *VM) newBytes(b []byte) (v value) {
	if len(b) == 0 {
		return lib.XJS_NewArrayBufferCopy(vm.tls, vm.ctx, vm.scratch, 0)
	}
	pinned(b, func(p uintptr) {
		v = lib.XJS_NewArrayBufferCopy(vm.tls, vm.ctx, p, lib.Tsize_t(len(b)))
	})
	return v
}

func (vm *VM) free(v value) { lib.XFreeValue(vm.tls, vm.ctx, v) }

// text is v as a string; ok is false where converting threw, and the exception
// is cleared then.
func (vm *VM) text(v value) (s string, ok bool) {
	size := vm.scratch
	p := lib.XJS_ToCStringLen2(vm.tls, vm.ctx, size, v, 0)
	if p == 0 {
		vm.free(lib.XJS_GetException(vm.tls, vm.ctx))
		return "", false
	}
	s = string(bytesAt(p, *at[uintptr](size)))
	lib.XJS_FreeCString(vm.tls, vm.ctx, p)
	return s, true
}

// withName calls f with name as a C string.
func (vm *VM) withName(name string, f func(c uintptr)) {
	pinned([]byte(name+"\x00"), f)
}

func (vm *VM) property(v value, name string) (p value) {
	vm.withName(name, func(c uintptr) { p = lib.XJS_GetPropertyStr(vm.tls, vm.ctx, v, c) })
	if isException(p) {
		vm.free(lib.XJS_GetException(vm.tls, vm.ctx))
		return undefined()
	}
	return p
}

func (vm *VM) setProperty(object value, name string, v value) {
	vm.withName(name, func(c uintptr) { lib.XJS_SetPropertyStr(vm.tls, vm.ctx, object, c, v) })
}

// textProperty reads a property without running more of the task's code than a
// getter would; anything that is not a string is empty.
func (vm *VM) textProperty(v value, name string) string {
	p := vm.property(v, name)
	defer vm.free(p)
	if p.Ftag != lib.EJS_TAG_STRING && p.Ftag != lib.EJS_TAG_STRING_ROPE {
		return ""
	}
	s, _ := vm.text(p)
	return s
}

// thrown takes the pending exception as an error.
func (vm *VM) thrown() error {
	e := lib.XJS_GetException(vm.tls, vm.ctx)
	defer vm.free(e)
	if vm.arena.head().refused != 0 {
		return errOutOfMemory
	}
	if lib.XJS_IsError(vm.tls, vm.ctx, e) == 0 {
		s, _ := vm.text(e)
		return &Exception{Message: s}
	}
	return &Exception{
		Name:    vm.textProperty(e, "name"),
		Message: vm.textProperty(e, "message"),
		Stack:   vm.textProperty(e, "stack"),
	}
}

// An Exception is a JavaScript error as Go sees it, and what a host function
// returns to make JavaScript throw one.
type Exception struct {
	Name    string // "TypeError", "NotSupportedError", …; Error if empty
	Message string
	Stack   string
}

func (e *Exception) Error() string {
	if e.Name == "" {
		return e.Message
	}
	return e.Name + ": " + e.Message
}

// throw makes err the pending exception and returns the value that says so.
func (vm *VM) throw(err error) value {
	e, ok := errors.AsType[*Exception](err)
	if !ok {
		e = &Exception{Name: "Error", Message: err.Error()}
	}
	ctor := "Error"
	switch e.Name {
	case "TypeError", "RangeError", "SyntaxError":
		ctor = e.Name
	}
	global := lib.XJS_GetGlobalObject(vm.tls, vm.ctx)
	defer vm.free(global)
	v := lib.XJS_NewError(vm.tls, vm.ctx)
	if ctor != "Error" {
		class := vm.property(global, ctor)
		proto := vm.property(class, "prototype")
		lib.XJS_SetPrototype(vm.tls, vm.ctx, v, proto)
		vm.free(proto)
		vm.free(class)
	} else if e.Name != "" && e.Name != "Error" {
		vm.setProperty(v, "name", vm.newString(e.Name))
	}
	vm.setProperty(v, "message", vm.newString(e.Message))
	return lib.XJS_Throw(vm.tls, vm.ctx, v)
}
