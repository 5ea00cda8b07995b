package bundle_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

func schema(t testing.TB, text string) *bundle.Schema {
	t.Helper()
	return load(t, files{"main.js": "(i) => 1", "input.schema.json": text}.write(t)).Input
}

func TestViolationsAreExplained(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		schema, doc string
		want        []string // one line each, in order
	}{
		{`{"type": "number"}`, `1`, nil},
		{`{"type": "number"}`, `"1"`, []string{`wrong type, expected number, got the string "1"`}},
		{`{"type": ["number", "null"]}`, `[]`, []string{`wrong type, expected null or number, got an array`}},
		{`{"type": "integer"}`, `1.5`, []string{`wrong type, expected integer, got 1.5`}},
		{`{"type": "integer"}`, `1e2`, nil},
		{
			`{"type": "object", "properties": {"b": {"type": "string"}, "a": {"minimum": 5}}, "required": ["x", "y"], "additionalProperties": false}`,
			`{"b": 1, "q": 1, "a": 4}`,
			[]string{
				`the property "x" is missing, expected the property "x", got an object with "b", "q", "a"`,
				`the property "y" is missing, expected the property "y", got an object with "b", "q", "a"`,
				`/b: wrong type, expected string, got 1`,
				`/q: the property "q" is not allowed, expected no other properties than the schema names, got "q"`,
				`/a: too small, expected at least 5, got 4`,
			},
		},
		{`{"enum": ["a", 1, null]}`, `"b"`, []string{`not one of the allowed values, expected "a", 1, null, got the string "b"`}},
		{`{"const": {"a": 1}}`, `1`, []string{`not the allowed value, expected {"a":1}, got 1`}},
		{`{"maximum": 0.1}`, `0.10000000000000000001`, []string{`too large, expected at most 0.1, got 0.10000000000000000001`}},
		{`{"exclusiveMinimum": 9007199254740993}`, `9007199254740993`, []string{`too small, expected more than 9007199254740993, got 9007199254740993`}},
		{`{"exclusiveMaximum": 1}`, `1`, []string{`too large, expected less than 1, got 1`}},
		{`{"multipleOf": 0.01}`, `0.015`, []string{`not a multiple, expected a multiple of 0.01, got 0.015`}},
		{`{"minLength": 3}`, `"é"`, []string{`too short, expected at least 3 characters, got 1`}},
		{`{"maxLength": 1}`, `"ab"`, []string{`too long, expected at most 1 characters, got 2`}},
		{`{"pattern": "^\\d+$"}`, `"a"`, []string{`does not match the pattern, expected a string that matches ^\d+$, got the string "a"`}},
		{`{"pattern": "^\\u0041\\cJ?\\/$"}`, `"A/"`, nil},
		{`{"format": "email"}`, `"x"`, []string{`wrong format, expected a string of the format email, got the string "x"`}},
		{`{"$schema": "https://json-schema.org/draft/2020-12/schema", "format": "date"}`, `"2025-02-30"`, []string{`wrong format, expected a string of the format date`}},
		{`{"format": "of-my-own"}`, `"x"`, nil},
		{`{"minItems": 1, "items": {}}`, `[]`, []string{`too few items, expected at least 1, got 0`}},
		{`{"maxItems": 1}`, `[1,2]`, []string{`too many items, expected at most 1, got 2`}},
		{`{"uniqueItems": true}`, `[1, 2, 1.0]`, []string{`two items are equal, expected each item once, got equal items 0 and 2`}},
		{`{"contains": {"type": "string"}}`, `[1]`, []string{`no item is of the kind that must be there`}},
		{`{"minProperties": 1}`, `{}`, []string{`too few properties, expected at least 1, got 0`}},
		{`{"maxProperties": 0}`, `{"a": 1}`, []string{`too many properties`}},
		{`{"propertyNames": {"maxLength": 1}}`, `{"ab": 1}`, []string{`/ab: a name that is not allowed here, expected at most 1 characters, got "ab"`}},
		{`{"dependencies": {"a": ["b"]}}`, `{"a": 1}`, []string{`the property "b" is missing, expected the property "b", since "a" is there`}},
		{`{"items": [{}], "additionalItems": false}`, `[1, 2, 3]`, []string{`too many items, expected none after those the schema names, got 2 more`}},
		{`{"not": {"type": "string"}}`, `"a"`, []string{`of a kind that is not allowed`}},
		{`{"properties": {"a": false}}`, `{"a": 1}`, []string{`/a: not allowed here, expected nothing, got 1`}},
		{`{"items": {"$ref": "#/definitions/n"}, "definitions": {"n": {"type": "number"}}}`, `[1, "a", 2, null]`, []string{
			`/1: wrong type, expected number, got the string "a"`, `/3: wrong type, expected number, got null`,
		}},
		{`{"anyOf": [{"type": "string"}, {"type": "number"}]}`, `true`, []string{`none of the alternatives fits, expected string, or number, got true`}},
		{`{"oneOf": [{"type": "number"}, {"minimum": 5}]}`, `6`, []string{`more than one alternative fits, expected exactly one of them, got 6`}},
		{
			`{"oneOf": [{"properties": {"kind": {"const": "a"}, "n": {"type": "number"}}}, {"properties": {"kind": {"const": "b"}, "n": {"type": "string"}}}]}`,
			`{"kind": "b", "n": 1}`,
			[]string{`/n: wrong type, expected string, got 1`},
		},
		{`{"allOf": [{"type": "number"}, {"minimum": 5}, {"type": "number"}]}`, `"a"`, []string{`wrong type, expected number`}},
		{`{"properties": {"a/b": {"properties": {"~": {"type": "null"}}}}}`, `{"a/b": {"~": 1}}`, []string{`/a~1b/~0: wrong type, expected null, got 1`}},
		{`{"properties": {"__proto__": {"type": "string"}}}`, `{"__proto__": 1}`, []string{`/__proto__: wrong type, expected string, got 1`}},
		{`{"$ref": "#"}`, `1`, []string{`the schema refers to itself without end`}},
	} {
		got := schema(t, c.schema).Validate(json.RawMessage(c.doc))
		if len(got) != len(c.want) {
			t.Errorf("%s with %s: got\n%s\nwant\n%s", c.schema, c.doc, lines(got), strings.Join(c.want, "\n"))
			continue
		}
		for i, want := range c.want {
			if line := bundle.Line(got[i]); !strings.HasPrefix(line, want) {
				t.Errorf("%s with %s: got %d\n%s\nwant\n%s", c.schema, c.doc, i, line, want)
			}
		}
	}
}

func TestDrafts(t *testing.T) {
	t.Parallel()
	// What only that draft, or it and the later ones, know or mean.
	for _, c := range []struct{ draft, schema, good, bad string }{
		{"http://json-schema.org/draft-04/schema#", `"minimum": 1, "exclusiveMinimum": true`, `2`, `1`},
		{"http://json-schema.org/draft-06/schema#", `"const": 1`, `1`, `2`},
		{"http://json-schema.org/draft-07/schema#", `"if": {"type": "string"}, "then": {"minLength": 1}`, `1`, `""`},
		{"https://json-schema.org/draft/2019-09/schema", `"dependentRequired": {"a": ["b"]}`, `{"b": 1}`, `{"a": 1}`},
		{"https://json-schema.org/draft/2020-12/schema", `"prefixItems": [{"type": "string"}]`, `["a"]`, `[1]`},
		{"", `"if": {"type": "string"}, "then": {"minLength": 1}, "prefixItems": [false]`, `[1]`, `""`},
	} {
		text := "{" + c.schema + "}"
		if c.draft != "" {
			text = fmt.Sprintf(`{"$schema": %q, %s}`, c.draft, c.schema)
		}
		s := schema(t, text)
		if got := s.Validate(json.RawMessage(c.good)); got != nil {
			t.Errorf("%s: %s: got %s, want it to be valid", text, c.good, lines(got))
		}
		if got := s.Validate(json.RawMessage(c.bad)); got == nil {
			t.Errorf("%s: %s: got no violation", text, c.bad)
		}
	}
}

func TestInputThatJavaScriptCannotHold(t *testing.T) {
	t.Parallel()
	s := schema(t, `{"type": ["object", "array", "number", "string"]}`)
	for doc, want := range map[string]string{
		`{"a": 1e400}`:                                                  `/a: a number too large for JavaScript, where it would become Infinity, expected a number between -1.7976931348623157e308 and 1.7976931348623157e308, got 1e400`,
		`[-` + strings.Repeat("9", 400) + `]`:                           `/0: a number too large for JavaScript`,
		`[` + strings.Repeat("1", 2000) + `]`:                           `/0: a number of too many digits, expected at most 1000 characters`,
		`{"a": {"b": 1, "b": 2}}`:                                       `/a/b: the key "b" is there twice, expected each key once`,
		`{"1":1,"2":1,"3":1,"4":1,"5":1,"6":1,"7":1,"8":1,"9":1,"3":2}`: `/3: the key "3" is there twice`,
		`{"a": "x\ud800y"}`:                                             `/a: half of a surrogate pair, which is no character, expected both halves, or the character itself, got \ud800`,
		`["\udc00\ud800"]`:                                              `/0: half of a surrogate pair`,
		`["\ud800\u0041"]`:                                              `/0: half of a surrogate pair`,
		`{"a": 01}`:                                                     `not JSON: a number does not begin with 0`,
		`{'a': 1}`:                                                      `not JSON: a single quote: JSON wants double quotes, expected "…"`,
		`{"a": 'b'}`:                                                    `not JSON: a single quote: JSON wants double quotes, expected "…"`,
		`{"a": }`:                                                       `not JSON: the value is missing before '}', expected a JSON value`,
		`[1, ]`:                                                         `not JSON: a comma too many before ']', expected a JSON value`,
		`]`:                                                             `not JSON: unexpected ']', expected a JSON value`,
		`{"a": NaN}`:                                                    `not JSON: unexpected 'N'`,
		`{"a": .5}`:                                                     `not JSON: unexpected '.'`,
		`{"a": 1.}`:                                                     `not JSON: unexpected '}' in a number`,
		`{"a": 1e}`:                                                     `not JSON: unexpected '}' in a number`,
		`{"a": undefined}`:                                              `not JSON: unexpected 'u'`,
		"[\"a\nb\"]":                                                    `not JSON: a string without its closing quote on the same line`,
		`["\x41"]`:                                                      `not JSON: an escape that JSON does not have`,
		"[\"\x00\"]":                                                    `not JSON: the control character '\x00' in a string, expected \u0000`,
		"[\"\xff\"]":                                                    `not JSON: the byte 0xff is not UTF-8`,
		``:                                                              `not JSON: unexpected end of file`,
		`{"a": 1} {}`:                                                   `not JSON: unexpected '{' after the end of the JSON value`,
		strings.Repeat("[", 10000):                                      `not JSON: nested too deep, expected at most 500 levels`,
	} {
		for _, s := range []*bundle.Schema{s, nil} {
			if got := lines(s.Validate(json.RawMessage(doc))); !strings.HasPrefix(got, want) {
				t.Errorf("%.60s: got %s, want %s", doc, got, want)
			}
		}
	}
	for _, doc := range []string{`"\ud83d\ude00"`, `"quotes \" and \\ and \n"`, `{"__proto__": {"x": 1}}`, `1e-999999999`, `0e999999999`, ` [1.7976931348623157e308] `, `12345678901234567890123`} {
		if got := s.Validate(json.RawMessage(doc)); got != nil {
			t.Errorf("%s: got %s, want it to be valid", doc, lines(got))
		}
	}
}

func TestBrokenSchemas(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{\n  \"type\": \"object\"\n  \"properties\": {}\n}": "input.schema.json:3:3: unexpected '\"', expected ',' or '}'",
		"[]": "input.schema.json:1:1: this is not a JSON Schema, expected an object, got an array",
		"{\n\"properties\": {\"a\": {\"type\": 3}}}":                     "input.schema.json:2:30: /properties/a/type: this is not a JSON Schema",
		"{\n\"required\": \"a\"}":                                        "input.schema.json:2:13: /required: this is not a JSON Schema: wrong type, expected array, got the string \"a\"",
		"{\n\"$ref\": \"https://example.com/x.json\"}":                   `input.schema.json:2:9: /$ref: cannot load "https://example.com/x.json": a schema may refer to files in the task's folder only`,
		"{\n\"items\": {\"$ref\": \"../outside.json\"}}":                 `input.schema.json:2:19: /items/$ref: cannot load "outside.json": the task has no file outside.json`,
		"{\n\"$ref\": \"gone.json#/a\"}":                                 `input.schema.json:2:9: /$ref: cannot load "gone.json": the task has no file gone.json`,
		"{\n\"$ref\": \"file:///etc/passwd\"}":                           `input.schema.json:2:9: /$ref: cannot load "file:///etc/passwd"`,
		"{\n\"$ref\": \"#/definitions/x\"}":                              `input.schema.json:2:9: /$ref: a "$ref" leads to input.schema.json#/definitions/x, which is not there`,
		"{\n\"properties\": {\"a\": {\"pattern\": \"(\"}}}":              "input.schema.json:2:33: /properties/a/pattern: the pattern ( cannot be used: missing closing )",
		"{\n\"properties\": {\"a\": {\"pattern\": \"(?=a\"}}}":           "input.schema.json:2:33: /properties/a/pattern: the pattern (?=a cannot be used: missing closing )",
		"{\n\"patternProperties\": {\"\\\\q\": {}}}":                     `the pattern \q cannot be used: JavaScript has no escape \q`,
		"{\n\"$schema\": \"https://json-schema.org/draft/1999/schema\"}": `input.schema.json:2:12: /$schema: the draft "https://json-schema.org/draft/1999/schema" is not known, expected a draft of 4, 6, 7, 2019-09 and 2020-12, such as "https://json-schema.org/draft/2020-12/schema"`,
		"{\n\"$schema\": \"my draft\"}":                                  `input.schema.json:2:12: /$schema: the draft "my draft" is not known, expected a draft of 4, 6, 7`,
		"{\n\"$schema\": 7}":                                             "input.schema.json:2:12: /$schema: this is not a JSON Schema",
		"{\"properties\": {\"a\": {}, \n\"a\": {}}}":                     `input.schema.json:2:1: /properties/a: the key "a" is there twice`,
		"{\n\"$ref\": \"bad.json\"}":                                     "bad.json:1:10: /type: this is not a JSON Schema",
		"{\n\"$ref\": \"broken.json\"}":                                  "broken.json:1:2: unexpected end of file",
	} {
		reason, got := refused(t, files{
			"main.js": "(i) => 1", "input.schema.json": text, "bad.json": `{"type": 1}`, "broken.json": "{",
		}.write(t), bundle.Options{})
		if reason != ratchet.ReasonTaskValidation {
			t.Errorf("%s: got reason %s", text, reason)
		}
		wants(t, got, want)
	}
}

func TestSchemasOfTheTaskMayReferToEachOther(t *testing.T) {
	t.Parallel()
	b := load(t, files{
		"main.js": "(i) => 1", "input.schema.json": `{"$ref": "schemas/a.json"}`,
		"schemas/a.json": `{"properties": {"x": {"$ref": "b.json#/definitions/n"}}}`, "schemas/b.json": `{"definitions": {"n": {"type": "number"}}}`,
	}.write(t))
	if got := lines(b.Input.Validate(json.RawMessage(`{"x": "1"}`))); !strings.HasPrefix(got, "/x: wrong type, expected number") {
		t.Errorf("got %s", got)
	}
}

func FuzzValidate(f *testing.F) {
	for _, seed := range []string{`{"a": [1, "b", null, true]}`, `1e400`, `"\ud800"`, `{"a":1,"a":2}`, `[[[`, `-0.0e-0`, "\"\xff\"", `{"n": 1e-99999999}`} {
		f.Add([]byte(seed))
	}
	s := schema(f, `{"type": "object", "properties": {"a": {"type": "array", "uniqueItems": true}, "n": {"multipleOf": 0.5}}, "additionalProperties": false}`)
	f.Fuzz(func(t *testing.T, doc []byte) {
		s.Validate(doc)
		var v any
		std := json.Unmarshal(doc, &v)
		ours := (*bundle.Schema)(nil).Validate(doc)
		if std != nil && ours == nil && !strings.Contains(std.Error(), "max depth") {
			t.Errorf("accepted %q, of which encoding/json says: %v", doc, std)
		}
		if n, ok := v.(float64); ok && math.IsInf(n, 0) && ours == nil {
			t.Errorf("accepted %q, which is infinite", doc)
		}
	})
}

func BenchmarkSchemaValidate(b *testing.B) {
	added := load(b, "../../examples/addition")
	var people strings.Builder
	for i := range 100 {
		fmt.Fprintf(&people, `{"name": "person %d", "age": %d, "tags": ["a", "b"]},`, i, i)
	}
	large := schema(b, `{"type": "array", "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "minLength": 1}, "age": {"type": "integer", "minimum": 0}, "tags": {"type": "array", "items": {"type": "string"}}}}}`)
	for _, c := range []struct {
		name   string
		schema *bundle.Schema
		doc    string
	}{
		{"small", added.Input, `{"num1": 5, "num2": 10}`},
		{"100 objects", large, "[" + strings.TrimSuffix(people.String(), ",") + "]"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d := c.schema.Validate(json.RawMessage(c.doc)); d != nil {
					b.Fatal(lines(d))
				}
			}
		})
	}
}
