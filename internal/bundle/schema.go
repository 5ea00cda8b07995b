package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// A Schema checks JSON texts. It is safe for use by many at once.
//
// Drafts 4, 6, 7, 2019-09 and 2020-12 are told apart by "$schema"; without it a
// schema is of draft 7, as in the earlier Ratchet. "format" is checked in all of
// them. Patterns are those of ECMA-262 with the flag "u"; one that takes too long
// over a value does not match it, and is told.
type Schema struct {
	file     string
	raw      json.RawMessage
	compiled *jsonschema.Schema
	patterns *stopwatch // nil if none needs it
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
	return s.validate(root)
}

// validate returns in which doc breaks the schema.
func (s *Schema) validate(doc *jsonNode) []ratchet.Detail {
	if s.patterns == nil {
		return s.explained(doc, nil)
	}
	s.patterns.Lock()
	defer s.patterns.Unlock()
	s.patterns.spent, s.patterns.slow = 0, nil
	return s.patterns.tooSlow(s.explained(doc, s.patterns))
}

func (s *Schema) explained(doc *jsonNode, patterns *stopwatch) []ratchet.Detail {
	err := s.compiled.Validate(doc.value())
	if err == nil {
		return nil
	}
	broken, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return []ratchet.Detail{{Message: err.Error()}}
	}
	return explain(broken, doc, patterns)
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
		s.problem(unreadable(err), ratchet.Detail{File: file, Message: "cannot be read: " + plainError(file, err).Error()})
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
	patterns := &stopwatch{}
	c.UseRegexpEngine(patterns.compiler())
	compiled, err := c.Compile(schemaURL + file)
	if err != nil {
		s.explainCompile(doc, err)
		return nil
	}
	made := &Schema{file: file, raw: json.RawMessage(doc.data), compiled: compiled}
	if patterns.used.Load() {
		made.patterns = patterns
	}
	return made
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
		return nil, plainError(file, err)
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
			for _, d := range explain(broken, doc.root, nil) {
				n := doc.root.at(splitPointer(d.Pointer))
				if strings.HasSuffix(d.Expected, "format regex") {
					tokens := splitPointer(d.Pointer)
					text := tokens[len(tokens)-1] // of patternProperties
					if n.kind == jsonString {
						text = n.text
					}
					if _, err := (&stopwatch{}).compiler()(text); err != nil {
						doc.wrong(n, d.Pointer, badPattern(text, err), "", "")
						continue
					}
				}
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
		message = badPattern(e.Regex, e.Err)
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
	n, expected := doc.root.at(splitPointer(pointer)), ""
	if found, at := findText(doc.root, "", word); found != nil && pointer == "" {
		n, pointer = found, at
	}
	if lastToken(pointer) == "$schema" && n.kind == jsonString {
		message = fmt.Sprintf("the draft %q is not known", n.text)
		expected = `a draft of 4, 6, 7, 2019-09 and 2020-12, such as "https://json-schema.org/draft/2020-12/schema"`
	}
	doc.wrong(n, pointer, message, expected, "")
}

func badPattern(pattern string, err error) string {
	return fmt.Sprintf("the pattern %s cannot be used: %v", shorten(pattern), err)
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
