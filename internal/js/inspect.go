package js

import (
	"unsafe"

	lib "modernc.org/libquickjs"
)

// inspectFuncs are the host functions of prelude/inspect.js: what of a value
// JavaScript itself cannot see.
func inspectFuncs() map[string]Func {
	return map[string]Func{
		// classOf(v) is what v was made as, whatever its prototype says.
		"classOf": func(c *Call) error {
			c.ReturnString(c.class())
			return nil
		},
		// proxyOf(v) is [target, handler]; empty for a revoked proxy, null for anything else.
		"proxyOf": proxyOf,
		// promiseOf(v) is [state, result]: 0 pending, 1 fulfilled, 2 rejected.
		"promiseOf": func(c *Call) error {
			state := lib.XJS_PromiseState(c.vm.tls, c.vm.ctx, c.arg(0))
			c.returnList(intValue(int32(state)), lib.XJS_PromiseResult(c.vm.tls, c.vm.ctx, c.arg(0)))
			return nil
		},
		// entriesOf(v) is what a Map or Set iterator has still to give, which
		// stays there: [whether pairs, …keys, values or both].
		"entriesOf": entriesOf,
		// bareArray(v) reports that v is an array without holes and without
		// properties of its own besides its elements.
		"bareArray": func(c *Call) error {
			o := c.object()
			c.ReturnBool(o != nil && o.Fclass_id == lib.EJS_CLASS_ARRAY && o.F__ccgo16&fastArray != 0 &&
				at[lib.TJSShape](o.Fshape).Fprop_count == 1)
			return nil
		},
	}
}

// fastArray is the bit of a JSObject's flags that says its elements lie in a row.
const fastArray = 1 << 4

// classes names QuickJS's classes as util.inspect calls them. The rest is "Object".
func classes() [lib.EJS_CLASS_INIT_COUNT]string {
	return [...]string{
		lib.EJS_CLASS_INIT_COUNT - 1: "",
		lib.EJS_CLASS_ARRAY:          "Array", lib.EJS_CLASS_ERROR: "Error", lib.EJS_CLASS_NUMBER: "Number",
		lib.EJS_CLASS_STRING: "String", lib.EJS_CLASS_BOOLEAN: "Boolean", lib.EJS_CLASS_SYMBOL: "Symbol",
		lib.EJS_CLASS_ARGUMENTS: "Arguments", lib.EJS_CLASS_MAPPED_ARGUMENTS: "Arguments", lib.EJS_CLASS_DATE: "Date",
		lib.EJS_CLASS_MODULE_NS: "Module", lib.EJS_CLASS_C_FUNCTION: "Function", lib.EJS_CLASS_BYTECODE_FUNCTION: "ScriptFunction",
		lib.EJS_CLASS_BOUND_FUNCTION: "Function", lib.EJS_CLASS_C_FUNCTION_DATA: "Function",
		lib.EJS_CLASS_GENERATOR_FUNCTION: "GeneratorFunction", lib.EJS_CLASS_REGEXP: "RegExp",
		lib.EJS_CLASS_ARRAY_BUFFER: "ArrayBuffer", lib.EJS_CLASS_SHARED_ARRAY_BUFFER: "SharedArrayBuffer",
		lib.EJS_CLASS_UINT8C_ARRAY: "Uint8ClampedArray", lib.EJS_CLASS_INT8_ARRAY: "Int8Array", lib.EJS_CLASS_UINT8_ARRAY: "Uint8Array",
		lib.EJS_CLASS_INT16_ARRAY: "Int16Array", lib.EJS_CLASS_UINT16_ARRAY: "Uint16Array", lib.EJS_CLASS_INT32_ARRAY: "Int32Array",
		lib.EJS_CLASS_UINT32_ARRAY: "Uint32Array", lib.EJS_CLASS_BIG_INT64_ARRAY: "BigInt64Array", lib.EJS_CLASS_BIG_UINT64_ARRAY: "BigUint64Array",
		lib.EJS_CLASS_FLOAT16_ARRAY: "Float16Array", lib.EJS_CLASS_FLOAT32_ARRAY: "Float32Array", lib.EJS_CLASS_FLOAT64_ARRAY: "Float64Array",
		lib.EJS_CLASS_DATAVIEW: "DataView", lib.EJS_CLASS_BIG_INT: "BigInt", lib.EJS_CLASS_MAP: "Map", lib.EJS_CLASS_SET: "Set",
		lib.EJS_CLASS_WEAKMAP: "WeakMap", lib.EJS_CLASS_WEAKSET: "WeakSet", lib.EJS_CLASS_MAP_ITERATOR: "Map Iterator",
		lib.EJS_CLASS_SET_ITERATOR: "Set Iterator", lib.EJS_CLASS_PROXY: "Proxy", lib.EJS_CLASS_PROMISE: "Promise",
		lib.EJS_CLASS_PROMISE_RESOLVE_FUNCTION: "Function", lib.EJS_CLASS_PROMISE_REJECT_FUNCTION: "Function",
		lib.EJS_CLASS_ASYNC_FUNCTION: "AsyncFunction", lib.EJS_CLASS_ASYNC_GENERATOR_FUNCTION: "AsyncGeneratorFunction",
	}
}

func (c *Call) object() *lib.TJSObject {
	v := c.arg(0)
	if v.Ftag != lib.EJS_TAG_OBJECT {
		return nil
	}
	return at[lib.TJSObject](pointer(v))
}

func (c *Call) class() string {
	if o := c.object(); o != nil && int(o.Fclass_id) < lib.EJS_CLASS_INIT_COUNT && classes()[o.Fclass_id] != "" {
		return classes()[o.Fclass_id]
	}
	return "Object"
}

// inside is what o's union holds for a class whose data lies elsewhere.
func inside[T any](o *lib.TJSObject) *T {
	return at[T](*(*uintptr)(unsafe.Pointer(&o.Fu)))
}

func (c *Call) dup(v value) value { return lib.XDupValue(c.vm.tls, c.vm.ctx, v) }

func proxyOf(c *Call) error {
	o := c.object()
	if o == nil || o.Fclass_id != lib.EJS_CLASS_PROXY {
		c.ReturnNull()
		return nil
	}
	p := inside[lib.TJSProxyData](o)
	if p.Fis_revoked != 0 {
		c.returnList()
		return nil
	}
	c.returnList(c.dup(p.Ftarget), c.dup(p.Fhandler))
	return nil
}

// previewLimit is how many entries of an iterator are looked at: more than
// util.inspect prints.
const previewLimit = 1000

func entriesOf(c *Call) error {
	o := c.object()
	if o == nil || o.Fclass_id != lib.EJS_CLASS_MAP_ITERATOR && o.Fclass_id != lib.EJS_CLASS_SET_ITERATOR {
		c.ReturnNull()
		return nil
	}
	it := inside[lib.TJSMapIteratorData](o)
	list := []value{boolValue(it.Fkind == lib.EJS_ITERATOR_KIND_KEY_AND_VALUE)}
	if it.Fobj.Ftag == lib.EJS_TAG_OBJECT {
		isSet := o.Fclass_id == lib.EJS_CLASS_SET_ITERATOR
		state := inside[lib.TJSMapState](at[lib.TJSObject](pointer(it.Fobj)))
		end := uintptr(unsafe.Pointer(&state.Frecords))
		next := state.Frecords.Fnext
		if it.Fcur_record != 0 {
			next = at[lib.TJSMapRecord](it.Fcur_record).Flink.Fnext
		}
		for ; next != end && len(list) < previewLimit; next = at[lib.Tlist_head](next).Fnext {
			record := at[lib.TJSMapRecord](next - unsafe.Offsetof(lib.TJSMapRecord{}.Flink))
			if record.F__ccgo4 != 0 { // deleted, and kept for iterators
				continue
			}
			if it.Fkind != lib.EJS_ITERATOR_KIND_VALUE || isSet {
				list = append(list, c.dup(record.Fkey))
			}
			if it.Fkind == lib.EJS_ITERATOR_KIND_KEY_AND_VALUE && isSet {
				list = append(list, c.dup(record.Fkey))
			} else if it.Fkind != lib.EJS_ITERATOR_KIND_KEY && !isSet {
				list = append(list, c.dup(record.Fvalue))
			}
		}
	}
	c.returnList(list...)
	return nil
}
