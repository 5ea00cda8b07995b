package rest

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A shape is what a part of a body should look like. It is made of a Go type
// once, so that a request costs no reflection beyond encoding/json's own.
type shape struct {
	kind   shapeKind
	bits   int // of a whole number
	typ    reflect.Type
	fields []member // of an object, in their order
	elem   *shape   // of an array or a map
	bare   bool     // an element: null stands for nothing there
}

type member struct {
	name string
	*shape
}

type shapeKind int

const (
	shapeAny shapeKind = iota
	shapeObject
	shapeMap
	shapeArray
	shapeText
	shapeBool
	shapeWhole
	shapeNumber
	shapeCustom // reads itself
)

// shapeOf returns the shape of what encoding/json makes a T of.
func shapeOf(t reflect.Type) *shape {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	pointer := reflect.PointerTo(t)
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		return &shape{}
	case pointer.Implements(reflect.TypeFor[json.Unmarshaler]()), pointer.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return &shape{kind: shapeCustom, typ: t}
	}
	switch t.Kind() {
	case reflect.Struct:
		return &shape{kind: shapeObject, fields: membersOf(t)}
	case reflect.Map:
		return &shape{kind: shapeMap, elem: elementOf(t)}
	case reflect.Slice:
		return &shape{kind: shapeArray, elem: elementOf(t)}
	case reflect.String:
		return &shape{kind: shapeText}
	case reflect.Bool:
		return &shape{kind: shapeBool}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return &shape{kind: shapeWhole, bits: t.Bits()}
	case reflect.Float64:
		return &shape{kind: shapeNumber}
	}
	return &shape{}
}

func elementOf(t reflect.Type) *shape {
	s := shapeOf(t.Elem())
	s.bare = s.kind != shapeAny
	return s
}

func membersOf(t reflect.Type) (all []member) {
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" || name == "" {
			continue
		}
		of := shapeOf(f.Type)
		of.bare = f.Type == reflect.TypeFor[*bool]() // null is neither
		all = append(all, member{name, of})
	}
	return all
}

func (w *shape) object() bool {
	return w.kind == shapeAny || w.kind == shapeObject || w.kind == shapeMap || w.kind == shapeCustom
}

// element is the shape of what is in an array.
func (w *shape) element() *shape {
	if w.kind == shapeArray {
		return w.elem
	}
	return &shape{}
}

// member is the shape of a member of an object.
func (w *shape) member(name string) (of *shape, known bool) {
	switch w.kind {
	case shapeMap:
		return w.elem, true
	case shapeObject:
		for _, m := range w.fields {
			if m.name == name {
				return m.shape, true
			}
		}
		return &shape{}, false
	}
	return &shape{}, true
}

func (w *shape) names() []string {
	all := make([]string, len(w.fields))
	for i, m := range w.fields {
		all[i] = m.name
	}
	return all
}

// expected says what the shape is, in words.
func (w *shape) expected() string {
	switch w.kind {
	case shapeObject, shapeMap:
		return "an object"
	case shapeArray:
		return "an array"
	case shapeText:
		return "a string"
	case shapeBool:
		return "true or false"
	case shapeWhole:
		return "a whole number"
	case shapeNumber:
		return "a number"
	case shapeCustom:
		if w.typ == reflect.TypeFor[time.Time]() {
			return `a time such as "2026-08-01T12:30:00Z"`
		}
		return "a string"
	}
	return "a JSON value"
}

// scalar checks a value that is no object and no array: '"' a string, '0' a
// number, 't' true or false, 'n' null.
func (w *shape) scalar(s *scanner, kind byte, raw []byte) {
	if kind == 'n' {
		if w.bare || len(s.path) == 0 && w.kind != shapeAny {
			s.wrong(s.named("has the wrong type"), w.expected(), "null")
		}
		return
	}
	ok := true
	switch w.kind {
	case shapeObject, shapeMap, shapeArray:
		ok = false
	case shapeText:
		ok = kind == '"'
		switch {
		case ok && strings.ContainsRune(unquote(raw), 0):
			s.wrong(s.named("has a character that cannot be kept"), "text without U+0000", string(raw))
		case ok && halfPair(raw):
			s.wrong(s.named("has half of a surrogate pair"), `pairs such as \ud83d\ude00, which are one character`, string(raw))
		}
	case shapeBool:
		ok = kind == 't'
	case shapeWhole:
		_, err := strconv.ParseInt(string(raw), 10, w.bits)
		ok = kind == '0' && err == nil
	case shapeNumber:
		_, err := strconv.ParseFloat(string(raw), 64)
		ok = kind == '0' && err == nil
	case shapeCustom:
		w.custom(s, raw)
	}
	if !ok {
		s.wrong(s.named("has the wrong type"), w.expected(), string(raw))
	}
}

// whole checks an object or an array that reads itself.
func (w *shape) whole(s *scanner, start int) bool {
	if w.kind == shapeCustom {
		w.custom(s, s.data[start:s.at])
	}
	return true
}

// custom lets the type say what is wrong.
func (w *shape) custom(s *scanner, raw []byte) {
	if w.typ == reflect.TypeFor[ratchet.Destination]() {
		destinationShape(s, raw)
		return
	}
	if len(raw) > maxParameter { // whose type would repeat it
		s.wrong(s.named("is too long"), "at most "+strconv.Itoa(maxParameter)+" bytes", string(raw))
		return
	}
	err := json.Unmarshal(raw, reflect.New(w.typ).Interface())
	switch {
	case err == nil:
	case w.typ == reflect.TypeFor[time.Time]():
		s.wrong(s.named("is not a time"), w.expected(), string(raw))
	case raw[0] != '"' && reflect.PointerTo(w.typ).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) && w.typ.Kind() != reflect.Int64:
		s.wrong(s.named("has the wrong type"), w.expected(), string(raw))
	default:
		s.wrong(err.Error(), "", string(raw))
	}
}

// destinationShape has a destination say itself what is wrong with it.
func destinationShape(s *scanner, raw []byte) {
	var d ratchet.Destination
	err := json.Unmarshal(raw, &d)
	if err == nil {
		return
	}
	for _, detail := range ratchet.AsError(err).Details {
		path := s.path
		if detail.Pointer != "" {
			s.path = append(slices.Clone(path), strings.Split(detail.Pointer[1:], "/")...)
		}
		s.wrong(detail.Message, detail.Expected, detail.Got)
		s.path = path
	}
}

func shapeFor[T any]() *shape { return shapeOf(reflect.TypeFor[T]()) }

// halfPair reports whether a JSON string has an escape that stands for half of a
// character. encoding/json would put U+FFFD there, and make different texts one.
func halfPair(quoted []byte) bool {
	high := false
	for i := 0; i < len(quoted); i++ {
		if quoted[i] != '\\' {
			if high {
				return true
			}
			continue
		}
		i++
		if quoted[i] != 'u' {
			if high {
				return true
			}
			continue
		}
		code, _ := strconv.ParseUint(string(quoted[i+1:i+5]), 16, 16) // it was scanned
		i += 4
		switch low := 0xDC00 <= code && code <= 0xDFFF; {
		case low != high:
			return true
		case low:
			high = false
		default:
			high = 0xD800 <= code && code <= 0xDBFF
		}
	}
	return high
}
