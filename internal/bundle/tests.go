package bundle

import (
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/testfile"
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

// A testReader looks through one test: package testfile knows what a test is,
// this what the task takes and gives.
type testReader struct {
	*document
	input, output *Schema // nil accept anything
}

func (r *testReader) read() {
	if r.root == nil {
		return
	}
	test, problems, warnings := testfile.Parse(r.file, r.data)
	r.problem(ratchet.ReasonTaskValidation, problems...)
	r.warn(warnings...)
	if test == nil || test.Fails != nil {
		return
	}
	output, key := r.root.get("expected_output"), "expected_output"
	if output == nil {
		output, key = r.root.get("expected"), "expected"
	}
	r.fits(r.root.get("input"), "input", "the input breaks "+inputSchemaFile, r.input)
	r.fits(output, key, "the expected output breaks "+outputSchemaFile, r.output)
}

// fits reports in which the value, if there is one, breaks the schema.
func (r *testReader) fits(n *jsonNode, key, message string, s *Schema) {
	if n == nil || s == nil {
		return
	}
	for _, d := range s.validate(n) {
		r.wrong(n.at(splitPointer(d.Pointer)), "/"+key+d.Pointer, message+": "+d.Message, d.Expected, d.Got)
	}
}
