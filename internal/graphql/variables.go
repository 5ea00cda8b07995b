package graphql

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/graphql/schema"
)

// variables reads the values of an operation's variables by their types, so that
// values of the type JSON stay as they were sent.
func (h *Handler) variables(op *operation, of *ast.OperationDefinition) (map[string]any, error) {
	given, err := object(op.Variables)
	if err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonSerialization, "the variables cannot be read: want a JSON object")
	}
	values := map[string]any{}
	for _, def := range of.VariableDefinitions {
		raw, ok := given[def.Variable]
		if !ok {
			if f, sent := op.files[def.Variable]; sent {
				values[def.Variable] = f
			}
			continue
		}
		v := &reader{schema: h.schema, files: op.files}
		if values[def.Variable], err = v.value(def.Type, raw, def.Variable); err != nil {
			return nil, ratchet.Errorf(ratchet.ReasonSerialization, "the variable %s cannot be read: %v", def.Variable, err)
		}
	}
	return values, nil
}

// object splits a JSON object; null is an empty one.
func object(raw json.RawMessage) (fields map[string]json.RawMessage, err error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil
	}
	err = json.Unmarshal(raw, &fields)
	return fields, err
}

// A reader reads values of variables.
type reader struct {
	schema *ast.Schema
	files  map[string]schema.File
}

// value reads a value of the type. At is where it is.
func (v *reader) value(of *ast.Type, raw json.RawMessage, at string) (any, error) {
	raw = bytes.TrimSpace(raw)
	if string(raw) == "null" {
		if f, sent := v.files[at]; sent {
			return f, nil
		}
		return nil, nil //nolint:nilnil // null is a value
	}
	if of.Elem != nil {
		return v.list(of.Elem, raw, at)
	}
	def := v.schema.Types[of.NamedType]
	switch {
	case of.NamedType == "JSON":
		return raw, nil
	case def != nil && def.Kind == ast.InputObject && raw[0] == '{':
		fields, err := object(raw)
		if err != nil {
			return nil, err
		}
		values := make(map[string]any, len(fields))
		for name, field := range fields {
			fieldType := &ast.Type{NamedType: "String"} // of one that there is not, which is refused later
			if d := def.Fields.ForName(name); d != nil {
				fieldType = d.Type
			}
			if values[name], err = v.value(fieldType, field, at+"."+name); err != nil {
				return nil, err
			}
		}
		return values, nil
	}
	return plain(raw)
}

// list reads a list, or one value in its place.
func (v *reader) list(of *ast.Type, raw json.RawMessage, at string) (any, error) {
	if raw[0] != '[' {
		return v.value(of, raw, at)
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, err
	}
	values := make([]any, len(items))
	for i, item := range items {
		var err error
		if values[i], err = v.value(of, item, at); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// plain reads a value with whole numbers as such.
func plain(raw json.RawMessage) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	return numbers(value), nil
}

func numbers(value any) any {
	switch v := value.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil {
			return v.String() // beyond any number: it fits nowhere
		}
		return f
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = numbers(v[name])
		}
	}
	return value
}
