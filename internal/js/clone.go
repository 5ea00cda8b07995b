package js

import lib "modernc.org/libquickjs"

// cloneFuncs are the host functions of prelude/clone.js.
func cloneFuncs() map[string]Func {
	return map[string]Func{
		// kindOf(object) names the internal kind of an object, as no task can
		// forge it; empty for those that structuredClone refuses.
		"kindOf": func(c *Call) error {
			c.ReturnString(kindOf(lib.XJS_GetClassID(c.vm.tls, c.arg(0))))
			return nil
		},
	}
}

func kindOf(class lib.TJSClassID) string {
	switch class {
	case lib.EJS_CLASS_OBJECT:
		return "object"
	case lib.EJS_CLASS_ARRAY:
		return "array"
	case lib.EJS_CLASS_ERROR:
		return "error"
	case lib.EJS_CLASS_NUMBER:
		return "number"
	case lib.EJS_CLASS_STRING:
		return "string"
	case lib.EJS_CLASS_BOOLEAN:
		return "boolean"
	case lib.EJS_CLASS_BIG_INT:
		return "bigint"
	case lib.EJS_CLASS_DATE:
		return "date"
	case lib.EJS_CLASS_REGEXP:
		return "regexp"
	case lib.EJS_CLASS_ARRAY_BUFFER:
		return "buffer"
	case lib.EJS_CLASS_DATAVIEW:
		return "view"
	case lib.EJS_CLASS_MAP:
		return "map"
	case lib.EJS_CLASS_SET:
		return "set"
	}
	if class > lib.EJS_CLASS_SHARED_ARRAY_BUFFER && class < lib.EJS_CLASS_DATAVIEW {
		return "typed"
	}
	return ""
}
