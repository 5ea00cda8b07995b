package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// A Schema checks JSON texts. It is safe for use by many at once.
//
// Drafts 4, 6, 7, 2019-09 and 2020-12 are told apart by "$schema"; without it a
// schema is of draft 7, as in the earlier Ratchet. "format" is checked in all of
// them. Patterns are those of Go's regexp package, which have no lookaround and
// cannot be made to run for long.
type Schema struct {
	file     string
	raw      json.RawMessage
	compiled *jsonschema.Schema
}

// schemaURL is where the task's folder is, for the schemas in it.
const schemaURL = "task:///"

// Raw returns the schema's own text.
func (s *Schema) Raw() json.RawMessage {
	if s == nil {
		return nil
	}
	return s.raw
}

// Validate returns everything in which doc breaks the schema, each with the
// pointer to the value, what was expected and what came, in the order of the
// text. A nil Schema only asks that doc is JSON that JavaScript can hold.
func (s *Schema) Validate(doc json.RawMessage) []ratchet.Detail {
	root, errs := parseJSON(doc)
	if len(errs) > 0 {
		details := make([]ratchet.Detail, 0, len(errs))
		for _, e := range errs {
			d := e.detail
			d.Pointer = e.pointer
			d.Line, d.Column, d.Text = position(doc, e.off)
			if root == nil {
				d.Message = "not JSON: " + d.Message
			}
			details = append(details, d)
		}
		return details
	}
	if s == nil {
		return nil
	}
	err := s.compiled.Validate(root.value())
	if err == nil {
		return nil
	}
	broken, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return []ratchet.Detail{{Message: err.Error()}}
	}
	return explain(broken, root)
}

// A schemaSet compiles the schemas of one task, and notes the files it read.
type schemaSet struct {
	*findings
	read   func(name string) ([]byte, error)
	inputs []Input
	docs   map[string]*document
	root   string
}

// compile returns the schema in the file, nil if there is none or if it is no
// schema, which is then reported.
func (s *schemaSet) compile(file string) *Schema {
	before := len(s.problems)
	doc, err := s.document(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		s.problem(ratchet.ReasonTaskValidation, ratchet.Detail{File: file, Message: "cannot be read: " + err.Error()})
		return nil
	case len(s.problems) > before:
		return nil
	}
	if k := doc.root.kind; k != jsonObject && k != jsonBool {
		doc.wrong(doc.root, "", "this is not a JSON Schema", "an object", doc.root.describe())
		return nil
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	c.AssertFormat()
	c.UseLoader(s)
	c.UseRegexpEngine(compilePattern)
	compiled, err := c.Compile(schemaURL + file)
	if err != nil {
		s.explainCompile(doc, err)
		return nil
	}
	return &Schema{file: file, raw: json.RawMessage(doc.data), compiled: compiled}
}

// document reads a schema file of the task once.
func (s *schemaSet) document(file string) (*document, error) {
	if doc := s.docs[file]; doc != nil {
		return doc, nil
	}
	data, err := s.read(file)
	if err != nil {
		return nil, err
	}
	doc := readDocument(file, data, s.findings)
	if doc.root != nil {
		s.inputs = append(s.inputs, canonicalInput(file, path.Join(s.root, file), data, doc.root))
	} else {
		s.inputs = append(s.inputs, newInput(file, path.Join(s.root, file), data))
	}
	s.docs[file] = doc
	return doc, nil
}

// Load reads what a "$ref" leads to: files of the task and nothing else.
func (s *schemaSet) Load(url string) (any, error) {
	file, ok := strings.CutPrefix(url, schemaURL)
	if !ok {
		return nil, errors.New("a schema may refer to files in the task's folder only, and nothing is fetched")
	}
	if !fs.ValidPath(file) {
		return nil, fmt.Errorf("%q is no file in the task's folder", file)
	}
	doc, err := s.document(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the task has no file %s", file)
	}
	if err != nil {
		return nil, err
	}
	if doc.root == nil {
		return nil, fmt.Errorf("%s is not JSON", file)
	}
	return doc.root.value(), nil
}

// explainCompile reports why a file is no schema, where that stands.
func (s *schemaSet) explainCompile(doc *document, err error) {
	if invalid, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		if broken, ok := errors.AsType[*jsonschema.ValidationError](invalid.Err); ok {
			if other := s.docs[strings.TrimPrefix(strings.SplitN(invalid.URL, "#", 2)[0], schemaURL)]; other != nil {
				doc = other
			}
			for _, d := range explain(broken, doc.root) {
				n := doc.root.at(splitPointer(d.Pointer))
				doc.wrong(n, d.Pointer, "this is not a JSON Schema: "+d.Message, d.Expected, d.Got)
			}
			return
		}
	}
	url, message, word := "", "this is not a JSON Schema: "+err.Error(), ""
	if e, ok := errors.AsType[*jsonschema.LoadURLError](err); ok {
		word = e.URL
		message = fmt.Sprintf("cannot load %q: %v", strings.TrimPrefix(e.URL, schemaURL), e.Err)
	}
	if e, ok := errors.AsType[*jsonschema.InvalidRegexError](err); ok {
		url, word = e.URL, e.Regex
		message = fmt.Sprintf("the pattern %q cannot be used: %v", e.Regex, e.Err)
	}
	if e, ok := errors.AsType[*jsonschema.JSONPointerNotFoundError](err); ok {
		word = e.URL
		message = fmt.Sprintf("a \"$ref\" leads to %s, which is not there", strings.TrimPrefix(e.URL, schemaURL))
	}
	if e, ok := errors.AsType[*jsonschema.AnchorNotFoundError](err); ok {
		word = e.Reference
		message = fmt.Sprintf("a \"$ref\" leads to %s, which is not there", strings.TrimPrefix(e.Reference, schemaURL))
	}
	if e, ok := errors.AsType[*jsonschema.UnsupportedDraftError](err); ok {
		word = e.URL
		message = fmt.Sprintf("the draft %q is not known", e.URL)
	}
	if e, ok := errors.AsType[*jsonschema.InvalidMetaSchemaURLError](err); ok {
		word = e.URL
		message = fmt.Sprintf("the draft %q is not known", e.URL)
	}
	pointer := ""
	if _, fragment, ok := strings.Cut(url, "#"); ok {
		pointer = fragment
	}
	if file := strings.TrimPrefix(strings.SplitN(url, "#", 2)[0], schemaURL); s.docs[file] != nil {
		doc = s.docs[file]
	}
	n := doc.root.at(splitPointer(pointer))
	if found, at := findText(doc.root, "", word); found != nil && pointer == "" {
		n, pointer = found, at
	}
	doc.wrong(n, pointer, message, "", "")
}

// findText returns the first string of a "$ref", "$schema" or pattern that word
// was made from: the library tells where a reference leads, not where it stands.
func findText(n *jsonNode, pointer, word string) (*jsonNode, string) {
	if word == "" {
		return nil, ""
	}
	for i := range n.members {
		m := &n.members[i]
		at := pointer + "/" + escapePointer(m.key)
		if m.value.kind == jsonString && slices.Contains([]string{"$ref", "$schema", "$dynamicRef", "$recursiveRef", "pattern"}, m.key) &&
			madeFrom(word, m.value.text) {
			return &m.value, at
		}
		if found, where := findText(&m.value, at, word); found != nil {
			return found, where
		}
	}
	for i := range n.items {
		if found, where := findText(&n.items[i], fmt.Sprintf("%s/%d", pointer, i), word); found != nil {
			return found, where
		}
	}
	return nil, ""
}

// madeFrom reports whether resolving the reference gives the URL, or what the
// library tells of it.
func madeFrom(url, reference string) bool {
	for strings.HasPrefix(reference, ".") {
		reference = strings.TrimPrefix(strings.TrimLeft(reference, "."), "/")
	}
	if reference = strings.TrimSuffix(reference, "#"); reference == "" {
		return false
	}
	file, _, _ := strings.Cut(reference, "#")
	return strings.HasSuffix(strings.TrimSuffix(url, "#"), reference) || file != "" && strings.HasSuffix(url, file)
}

// compilePattern reads a pattern of JavaScript with Go's regexp.
func compilePattern(pattern string) (jsonschema.Regexp, error) {
	re, err := regexp.Compile(goPattern(pattern))
	if err == nil {
		return re, nil
	}
	if strings.Contains(pattern, "(?=") || strings.Contains(pattern, "(?!") || strings.Contains(pattern, "(?<=") || strings.Contains(pattern, "(?<!") {
		return nil, errors.New("lookahead and lookbehind are not supported; say it with \"allOf\", \"not\" and simpler patterns")
	}
	return nil, err
}

// goPattern translates what the two languages write differently.
func goPattern(pattern string) string {
	if !strings.Contains(pattern, `\`) {
		return pattern
	}
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '\\' || i+1 == len(pattern) {
			b.WriteByte(pattern[i])
			continue
		}
		i++
		switch next := pattern[i]; {
		case next == 'u' && i+4 < len(pattern) && isHex(pattern[i+1:i+5]):
			b.WriteString(`\x{` + pattern[i+1:i+5] + `}`)
			i += 4
		case next == 'u' && i+1 < len(pattern) && pattern[i+1] == '{':
			b.WriteString(`\x`)
		case next == 'c' && i+1 < len(pattern):
			fmt.Fprintf(&b, `\x{%x}`, pattern[i+1]%32)
			i++
		default:
			b.WriteByte('\\')
			b.WriteByte(next)
		}
	}
	return b.String()
}

func isHex(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF", r) })
}
