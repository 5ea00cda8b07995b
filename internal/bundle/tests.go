package bundle

import (
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// A Test is one file of the task's tests folder: an input, and either what must
// come of it ("expected_output", or "expected") or that it must fail
// ("should_fail"), with the answers to the task's requests ("mock").
type Test struct {
	Name string // relative to the task's folder
	Data json.RawMessage
}

// readTests reads tests/*.json. What is wrong with them is wrong with the tests,
// not with the task: only Check makes a problem of it.
func (l *loader) readTests() {
	total := 0
	for _, e := range l.source.list("tests") {
		name := path.Join("tests", e.Name())
		if e.IsDir() || path.Ext(name) != ".json" {
			continue
		}
		found := &findings{}
		data, err := l.source.read(name, maxJSONFile)
		if err != nil {
			found.problem(unreadable(err), ratchet.Detail{File: name, Message: "cannot be read: " + plainError(name, err).Error()})
		} else {
			r := testReader{document: readDocument(name, data, found), input: l.bundle.Input, output: l.bundle.Output}
			r.read()
			l.watch = append(l.watch, newInput(name, filepath.Join(l.source.root, name), data))
			data = r.data
		}
		l.warn(found.warnings...)
		switch {
		case l.full():
		case l.strictTests:
			l.problem(ratchet.ReasonTaskValidation, found.problems...)
		default:
			l.warn(found.problems...)
		}
		if total += len(data); total > maxTestsSize || len(l.bundle.Tests) == maxTests {
			l.warn(ratchet.Detail{File: name, Message: "too many tests; this one and those after it are left out", Expected: fmt.Sprintf("at most %d, of %s", maxTests, ratchet.Size(maxTestsSize))})
			return
		}
		if err == nil {
			l.bundle.Tests = append(l.bundle.Tests, Test{Name: name, Data: data})
		}
	}
}

// A testReader looks through one test.
type testReader struct {
	*document
	input, output *Schema // nil accept anything
}

func (r *testReader) read() {
	const expected = `an object such as {"input": {}, "expected_output": {}}`
	switch {
	case r.root == nil:
		return
	case r.root.kind != jsonObject:
		r.wrong(r.root, "", "this is not a test", expected, r.root.describe())
		return
	}
	ignore := func(*jsonNode, string) {} // read below
	var fails bool
	r.object(r.root, "", map[string]fieldReader{
		"name": r.text(new(string)), "description": r.text(new(string)),
		"input": ignore, "expected_output": ignore, "expected": ignore,
		"should_fail": r.flag(&fails), "mock": r.mock,
	})
	input, output, key := r.root.get("input"), r.root.get("expected_output"), "expected_output"
	if old := r.root.get("expected"); output == nil {
		output, key = old, "expected"
	} else if old != nil {
		r.odd(old, "/expected", `"expected" has no effect beside "expected_output"`)
	}
	if input == nil {
		r.wrong(r.root, "", "the test has no input", expected, "")
	}
	switch {
	case output == nil && !fails && r.root.get("should_fail").isBoolOrNone():
		r.wrong(r.root, "", "the test expects nothing", `"expected_output", or "should_fail": true`, "")
	case output != nil && fails:
		r.odd(output, "/"+key, fmt.Sprintf(`%q has no effect beside "should_fail": true`, key))
	}
	if !fails {
		r.fits(input, "input", "the input breaks "+inputSchemaFile, r.input)
		r.fits(output, key, "the expected output breaks "+outputSchemaFile, r.output)
	}
}

func (n *jsonNode) isBoolOrNone() bool { return n == nil || n.kind == jsonBool }

// fits reports in which the value, if there is one, breaks the schema.
func (r *testReader) fits(n *jsonNode, key, message string, s *Schema) {
	if n == nil || s == nil {
		return
	}
	for _, d := range s.validate(n) {
		r.wrong(n.at(splitPointer(d.Pointer)), "/"+key+d.Pointer, message+": "+d.Message, d.Expected, d.Got)
	}
}

// mock reads {"http": …}: one answer, or an array of them.
func (r *testReader) mock(n *jsonNode, pointer string) {
	r.object(n, pointer, map[string]fieldReader{"http": func(n *jsonNode, pointer string) {
		if n.kind != jsonArray {
			r.exchange(n, pointer)
			return
		}
		for i := range n.items {
			r.exchange(&n.items[i], fmt.Sprintf("%s/%d", pointer, i))
		}
	}})
}

// exchange reads one request that is expected, and the answer to it.
func (r *testReader) exchange(n *jsonNode, pointer string) {
	const expected = `an object such as {"url": "api.example.com", "method": "GET", "response": {"status": 200, "body": {}}}`
	if n.kind != jsonObject {
		r.wrong(n, pointer, "this is not the mock of a request", expected, n.describe())
		return
	}
	r.object(n, pointer, map[string]fieldReader{"url": r.text(new(string)), "method": r.method, "response": r.response})
	for _, key := range []string{"url", "response"} {
		if v := n.get(key); v == nil || v.kind == jsonNull {
			r.wrong(n, pointer, fmt.Sprintf("the mock has no %q", key), expected, "")
		}
	}
}

func (r *testReader) method(n *jsonNode, pointer string) {
	if n.kind == jsonString {
		if _, err := ratchet.ParseHTTPMethod(n.text); err == nil {
			return
		}
	}
	r.wrong(n, pointer, "method is not known", `one such as "GET" or "POST"`, n.describe())
}

func (r *testReader) response(n *jsonNode, pointer string) {
	var delay ratchet.Duration
	r.object(n, pointer, map[string]fieldReader{
		"status": r.count(new(int), 100, 599), "statusText": r.text(new(string)), "ok": r.flag(new(bool)),
		"headers": r.headers, "body": func(*jsonNode, string) {},
		"error": r.text(new(string)), "delay": r.decoded(&delay, `a span such as "100ms" or a number of seconds`),
	})
}

// headers reads an object of strings, or of arrays of them.
func (r *testReader) headers(n *jsonNode, pointer string) {
	if n.kind != jsonObject {
		r.wrong(n, pointer, "headers has the wrong type", `an object such as {"content-type": "text/plain"}`, n.describe())
		return
	}
	for i := range n.members {
		m := &n.members[i]
		at := pointer + "/" + escapePointer(m.key)
		switch m.value.kind {
		case jsonString:
		case jsonArray:
			r.texts(new([]string))(&m.value, at)
		default:
			r.wrong(&m.value, at, fmt.Sprintf("the header %q has the wrong type", m.key), "a string, or an array of strings", m.value.describe())
		}
	}
}

// odd warns of a value that is read over.
func (d *document) odd(n *jsonNode, pointer, message string) {
	if !d.full() {
		d.warn(d.detail(n.off, pointer, message))
	}
}

// flag reads true or false.
func (d *document) flag(into *bool) fieldReader {
	return func(n *jsonNode, pointer string) {
		if n.kind != jsonBool {
			d.wrong(n, pointer, lastToken(pointer)+" has the wrong type", "true or false", n.describe())
			return
		}
		*into = n.text == "true"
	}
}
