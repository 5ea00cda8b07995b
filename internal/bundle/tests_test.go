package bundle_test

import (
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// taskWith is a task whose schemas want numbers, with one test.
func taskWith(test string) files {
	return files{
		"main.js": "({n}) => n", "tests/a.json": test,
		"input.schema.json":  `{"type": "object", "properties": {"n": {"type": "number"}}, "additionalProperties": false}`,
		"output.schema.json": `{"type": "number"}`,
	}
}

func TestWhatIsWrongWithATest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		test     string
		problems []string // one line each
	}{
		{`{"input": {}}`, []string{`tests/a.json:1:1: the test expects nothing, expected "expected_output", or "should_fail": true`}},
		{`{"input": {}, "should_fail": false}`, []string{`tests/a.json:1:1: the test expects nothing`}},
		{`{"input": {}, "should_fail": 1}`, []string{`tests/a.json:1:30: /should_fail: should_fail has the wrong type, expected true`}},
		{`{"expected": 1}`, []string{`tests/a.json:1:1: the test has no input, expected an object such as {"input"`}},
		{"{\n  \"input\": {\"n\": \"1\",\n    \"m\": 1},\n  \"expected_output\": \"1\"\n}", []string{
			`tests/a.json:2:18: /input/n: the input breaks input.schema.json: wrong type, expected number, got the string "1"`,
			`tests/a.json:3:10: /input/m: the input breaks input.schema.json: the property "m" is not allowed`,
			`tests/a.json:4:22: /expected_output: the expected output breaks output.schema.json: wrong type, expected number, got the string "1"`,
		}},
		{`{"input": {}, "expected": null}`, []string{`tests/a.json:1:27: /expected: the expected output breaks output.schema.json: wrong type, expected number, got null`}},
		{`{"input": {"n": "1"}, "should_fail": true}`, nil},
		{`{"name": 1, "input": {}, "expected": 1}`, []string{`tests/a.json:1:10: /name: name has the wrong type, expected a string, got 1`}},
		{`{"input": {}, "expected": 1, "mock": []}`, []string{`tests/a.json:1:38: /mock: mock has the wrong type, expected an object, got an array`}},
		{`{"input": {}, "expected": 1, "mock": {"http": 1}}`, []string{`/mock/http: this is not the mock of a request, expected an object such as {"url"`}},
		{`{"input": {}, "expected": 1, "mock": {"http": {"url": 1}}}`, []string{
			`tests/a.json:1:55: /mock/http/url: url has the wrong type, expected a string, got 1`,
			`tests/a.json:1:47: /mock/http: the mock has no "response"`,
		}},
		{`{"input": {}, "expected": 1, "mock": {"http": [{"url": "a.test", "response": {}}, {"response": {}, "method": "FETCH"}]}}`, []string{
			`tests/a.json:1:110: /mock/http/1/method: method is not known, expected one such as "GET" or "POST", got the string "FETCH"`,
			`tests/a.json:1:83: /mock/http/1: the mock has no "url"`,
		}},
		{`{"input": {}, "expected": 1, "mock": {"http": {"url": "a.test", "response": {"status": "200", "ok": 1, "headers": {"a": 1, "b": ["x", 2]}, "error": {}, "delay": "soon", "statusText": 1}}}}`, []string{
			`/mock/http/response/status: status is out of bounds, expected a whole number from 100 to 599, got the string "200"`,
			`/mock/http/response/ok: ok has the wrong type, expected true or false`,
			`/mock/http/response/headers/a: the header "a" has the wrong type, expected a string, or an array of strings, got 1`,
			`/mock/http/response/headers/b/1: an item of b has the wrong type, expected a string, got 2`,
			`/mock/http/response/error: error has the wrong type, expected a string, got an object`,
			`/mock/http/response/delay: delay cannot be read, expected a span such as "100ms"`,
			`/mock/http/response/statusText: statusText has the wrong type`,
		}},
		{`{"name": "n", "description": "d", "input": {"n": 1}, "expected": 1, "mock": {"http": [
			{"url": "https://a.test/x", "method": "post", "response": {"status": 404, "statusText": "Not Found", "ok": false, "headers": {"a": "b", "set-cookie": ["c", "d"]}, "body": [1], "delay": 0.5}},
			{"url": "b.test", "response": {"error": "connection reset", "delay": "100ms"}}
		]}}`, nil},
	} {
		dir := taskWith(c.test).write(t)
		r, err := bundle.Check(t.Context(), dir, bundle.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := lines(r.Problems)
		if len(r.Problems) != len(c.problems) || len(r.Warnings) > 0 {
			t.Errorf("%s: got %d problems\n%s\nand warnings\n%s\nwant %d and none", c.test, len(r.Problems), got, lines(r.Warnings), len(c.problems))
		}
		wants(t, got, c.problems...)

		b := load(t, dir) // none of which keeps the task from running
		wants(t, lines(b.Warnings), c.problems...)
	}
}

func TestWhatHasNoEffectInATest(t *testing.T) {
	t.Parallel()
	r, err := bundle.Check(t.Context(), taskWith(`{"input": {}, "expected_output": 1, "expected": 2, "shuold_fail": true, "zzz": 1, "$schema": "x",
		"mock": {"htpp": {}, "http": {"url": "a.test", "methd": "GET", "response": {"stauts": 200}}}}`).write(t), bundle.Options{})
	if err != nil || len(r.Problems) > 0 {
		t.Fatalf("got %v, %v", lines(r.Problems), err)
	}
	got := lines(r.Warnings)
	wants(t, got, `tests/a.json:1:49: /expected: "expected" has no effect beside "expected_output"`,
		`tests/a.json:1:52: /shuold_fail: the key "shuold_fail" is not known and has no effect; did you mean "should_fail"?`,
		`/zzz: the key "zzz" is not known and has no effect`, `/mock/htpp: the key "htpp" is not known and has no effect; did you mean "http"?`,
		`/mock/http/methd: the key "methd" is not known and has no effect; did you mean "method"?`,
		`/mock/http/response/stauts: the key "stauts" is not known and has no effect; did you mean "status"?`)
	if strings.Contains(got, "$schema") {
		t.Errorf("got %s, want nothing of $schema", got)
	}
	r, err = bundle.Check(t.Context(), taskWith(`{"input": {}, "expected": "x", "should_fail": true}`).write(t), bundle.Options{})
	if err != nil || len(r.Problems) > 0 {
		t.Fatalf("got %v, %v", lines(r.Problems), err)
	}
	wants(t, lines(r.Warnings), `tests/a.json:1:27: /expected: "expected" has no effect beside "should_fail": true`)
}
