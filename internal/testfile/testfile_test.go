package testfile_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/testfile"
)

func lines(details []ratchet.Detail) string {
	var b strings.Builder
	for _, d := range details {
		fmt.Fprintf(&b, "%s:%d:%d: %s: %s, expected %s, got %s\n", d.File, d.Line, d.Column, d.Pointer, d.Message, d.Expected, d.Got)
	}
	return b.String()
}

func parse(t *testing.T, text string) *testfile.Test {
	t.Helper()
	got, problems, _ := testfile.Parse("tests/a.json", []byte(text))
	if len(problems) > 0 {
		t.Fatalf("%s:\n%s", text, lines(problems))
	}
	return got
}

func TestEverythingThatATestCanSay(t *testing.T) {
	t.Parallel()
	got := parse(t, `{
  "name": "all", "description": "of it",
  "input": {"n": 1.0},
  "expected_output": [ 1, 2 ],
  "network": true,
  "env": {"TOKEN": "x"},
  "now": "2025-06-25T12:00:00Z",
  "seed": 18446744073709551615,
  "mock": {"http": [
    {"url": "https://a.test/x", "method": "post", "times": 3, "delay": "200ms",
     "request": {"headers": {"X-Key": "k"}, "body": {"q": 1}},
     "response": {"status": 404, "ok": false, "headers": {"Set-Cookie": ["a=1", "b=2"], "a": "z"}, "body": {"x": [1]}}},
    {"url": "b.test", "response": {"body": "text", "delay": 1.5}},
    {"url": "c.test", "error": "TIMEOUT"},
    {"url": "d.test", "response": {"error": "NETWORK_ERROR"}},
    {"url": "e.test", "response": {"body": "aGk=", "encoding": "base64", "headers": {"content-type": "x/y"}}},
    {"url": "f.test", "response": {"ok": false}},
    {"url": "g.test", "response": {"status": 204, "body": null}}
  ]}
}`)
	at := func(i int) string { return fmt.Sprintf("/mock/http/%d", i) }
	want := &testfile.Test{
		Name: "all", Description: "of it", Input: []byte(`{"n": 1.0}`), Expected: []byte(`[ 1, 2 ]`),
		Network: true, Env: map[string]string{"TOKEN": "x"}, Now: time.Date(2025, 6, 25, 12, 0, 0, 0, time.UTC), Seed: 1<<64 - 1,
		Mocks: []testfile.Mock{
			{
				URL: "https://a.test/x", Method: "POST", Times: 3, Delay: 200 * time.Millisecond, Pointer: at(0), Line: 10,
				Request: testfile.Wanted{Header: [][2]string{{"x-key", "k"}}, Body: []byte(`{"q": 1}`)},
				Status:  404, Body: []byte(`{"x":[1]}`),
				Header: [][2]string{{"a", "z"}, {"content-type", "application/json"}, {"set-cookie", "a=1"}, {"set-cookie", "b=2"}},
			},
			{
				URL: "b.test", Method: "GET", Delay: 1500 * time.Millisecond, Status: 200, Body: []byte("text"),
				Header: [][2]string{{"content-type", "text/plain;charset=UTF-8"}}, Pointer: at(1), Line: 13,
			},
			{URL: "c.test", Method: "GET", Error: "TIMEOUT", Status: 200, Pointer: at(2), Line: 14},
			{URL: "d.test", Method: "GET", Error: "NETWORK_ERROR", Status: 200, Pointer: at(3), Line: 15},
			{URL: "e.test", Method: "GET", Status: 200, Body: []byte("hi"), Header: [][2]string{{"content-type", "x/y"}}, Pointer: at(4), Line: 16},
			{URL: "f.test", Method: "GET", Status: 500, Pointer: at(5), Line: 17},
			{URL: "g.test", Method: "GET", Status: 204, Pointer: at(6), Line: 18},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestHowATaskMustFail(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]*testfile.Fails{
		`true`:                   {},
		`"no field"`:             {Either: []string{"no field"}},
		`["TypeError", "field"]`: {Either: []string{"TypeError", "field"}},
		`{"reason": "INPUT_INVALID", "message": "n"}`: {Reason: "INPUT_INVALID", Texts: []string{"n"}},
		`{"message": ["a", "b"]}`:                     {Texts: []string{"a", "b"}},
	} {
		got := parse(t, `{"input": null, "should_fail": `+text+`}`)
		if diff := cmp.Diff(want, got.Fails); diff != "" || got.Expected != nil || string(got.Input) != "null" {
			t.Errorf("%s: got %+v", text, got)
		}
	}
	if got := parse(t, `{"input": 1, "expected": null, "should_fail": false}`); got.Fails != nil || string(got.Expected) != "null" {
		t.Errorf("got %+v, want a test that expects null", got)
	}
}

func TestAResponseThatIsABodyIsTakenForOne(t *testing.T) {
	t.Parallel()
	got, problems, warnings := testfile.Parse("tests/a.json", []byte(`{"input": {}, "expected": 1, "mock": {"http": {"url": "a.test", "response": {"name": "London"}}}}`))
	if len(problems) > 0 || string(got.Mocks[0].Body) != `{"name":"London"}` || !strings.Contains(lines(warnings), "is taken for its body") {
		t.Errorf("got %+v, problems %s, warnings %s", got, lines(problems), lines(warnings))
	}
	got, _, warnings = testfile.Parse("tests/a.json", []byte(`{"input": {}, "expected": 1, "mock": {"http": {"url": "a.test", "response": {"stauts": 1}}}}`))
	if got.Mocks[0].Body != nil || !strings.Contains(lines(warnings), `did you mean "status"?`) {
		t.Errorf("got %+v, warnings %s, want that a key is misspelt", got, lines(warnings))
	}
}

func TestABodyIsCompactJSON(t *testing.T) {
	t.Parallel()
	got := parse(t, `{"input": {}, "expected": 1, "mock": {"http": {"url": "a.test", "response": {"status": 200, "body": {
		"z": [1.0,  2],
		"a": "<  >"
	}}}}}`)
	if want := `{"z":[1.0,2],"a":"<  >"}`; string(got.Mocks[0].Body) != want {
		t.Errorf("got %s, want %s", got.Mocks[0].Body, want)
	}
	got, _, warnings := testfile.Parse("tests/a.json", []byte(`{"input": {}, "expected": 1, "mock": {"http": {"url": "a.test", "response": {"url": "x"}}}}`))
	if got == nil || string(got.Mocks[0].Body) != `{"url":"x"}` || !strings.Contains(lines(warnings), "is taken for its body") {
		t.Errorf("got %+v, warnings %s, want a URL alone to make no response", got, lines(warnings))
	}
}

func TestWhatIsWrongWithATest(t *testing.T) {
	t.Parallel()
	mock := func(mock string) string { return `{"input": 1, "expected": 1, "mock": {"http": ` + mock + `}}` }
	for _, c := range []struct{ text, want string }{
		{`{"input": }`, "tests/a.json:1:11: : not JSON: invalid character '}'"},
		{`{"input": 1`, "not JSON: unexpected end of JSON input"},
		{`[]`, "this is not a test"},
		{`{"expected": 1}`, "the test has no input"},
		{"{\n\n \"input\": 1}", `tests/a.json:1:1: : the test expects nothing, expected "expected_output", or "should_fail": true`},
		{`{"input": 1, "should_fail": false}`, "the test expects nothing"},
		{`{"input": 1, "should_fail": 1}`, "/should_fail: should_fail has the wrong type"},
		{`{"input": 1, "expected": 1, "name": 1}`, "tests/a.json:1:37: /name: name has the wrong type, expected a string, got 1"},
		{`{"input": 1, "expected": 1, "env": {"A": 1}}`, "/env/A: A has the wrong type"},
		{`{"input": 1, "expected": 1, "env": []}`, "/env: env has the wrong type"},
		{`{"input": 1, "expected": 1, "now": "noon"}`, "/now: now cannot be read"},
		{`{"input": 1, "expected": 1, "seed": -1}`, "/seed: seed is out of bounds"},
		{`{"input": 1, "expected": 1, "network": "yes"}`, "/network: network has the wrong type"},
		{`{"input": 1, "expected": 1, "mock": []}`, "/mock: mock has the wrong type, expected an object"},
		{mock(`1`), "/mock/http: this is not the mock of a request"},
		{mock(`{"response": {}}`), `/mock/http: the mock has no "url"`},
		{mock(`{"url": " ", "response": {}}`), `/mock/http: the mock has no "url"`},
		{mock(`[{"url": "a"}]`), `/mock/http/0: the mock has no "response"`},
		{mock(`[{"url": "a", "delay": 1}]`), `/mock/http/0: the mock has no "response", nor an "error"`},
		{mock(`[{"url": "a", "response": {"status": 200, "url": "/v2"}}]`), `/mock/http/0/response/url: url is not where a response can come from`},
		{mock(`{"url": "a", "method": "FETCH", "response": {}}`), "/mock/http/method: method is not known"},
		{mock(`{"url": "a", "times": 0, "response": {}}`), "/mock/http/times: times is out of bounds, expected a whole number from 1"},
		{mock(`{"url": "a", "delay": "soon", "response": {}}`), "/mock/http/delay: delay cannot be read"},
		{mock(`{"url": "a", "response": {"status": 99}}`), "/mock/http/response/status: status is out of bounds"},
		{mock(`{"url": "a", "response": {"status": 404, "ok": true}}`), "/mock/http/response/ok: ok and status do not agree"},
		{mock(`{"url": "a", "response": {"status": 204, "body": "x"}}`), "/mock/http/response/body: a response with status 204 has no body"},
		{mock(`{"url": "a", "response": {"body": "%", "encoding": "base64"}}`), "/mock/http/response/body: the body is not base64"},
		{mock(`{"url": "a", "response": {"body": {}, "encoding": "base64"}}`), `encoding "base64" is not known`},
		{mock(`{"url": "a", "response": {"headers": {"a/b": 1}}}`), `/mock/http/response/headers/a~1b: the header "a/b" has the wrong type`},
		{mock(`{"url": "a", "response": {"headers": {"a": [1]}}}`), "/mock/http/response/headers/a/0: an item of a has the wrong type"},
		{mock(`{"url": "a", "response": {"headers": "x"}}`), "/mock/http/response/headers: headers has the wrong type"},
		{mock(`{"url": "a", "request": 1, "response": {}}`), "/mock/http/request: request has the wrong type"},
	} {
		got, problems, _ := testfile.Parse("tests/a.json", []byte(c.text))
		if got != nil || len(problems) == 0 || !strings.Contains(lines(problems), c.want) {
			t.Errorf("%s: got %+v and problems\n%swant %s", c.text, got, lines(problems), c.want)
		}
	}
}

func TestWhatHasNoEffectIsAWarning(t *testing.T) {
	t.Parallel()
	_, problems, warnings := testfile.Parse("tests/a.json", []byte("{\"$schema\": \"s\", \"x-editor\": 1, \"input\": 1, \"expected_output\": 1,\n \"expected\": 2, \"nmae\": 1, \"zzz\": 1}"))
	got := lines(warnings)
	if len(problems) > 0 || len(warnings) != 3 || !strings.Contains(got, `tests/a.json:2:14: /expected: "expected" has no effect`) || !strings.Contains(got, `tests/a.json:2:17: /nmae: the key "nmae" is not known and has no effect; did you mean "name"?, expected name`) {
		t.Errorf("got problems %s and warnings %s", lines(problems), got)
	}
	_, problems, warnings = testfile.Parse("tests/a.json", []byte(`{"input": 1, "expected": 1, "should_fail": true}`))
	if len(problems) > 0 || len(warnings) != 1 || !strings.Contains(lines(warnings), `"expected" has no effect beside "should_fail": true`) {
		t.Errorf("got problems %s and warnings %s", lines(problems), lines(warnings))
	}
}

func TestTheExpectedOutputIsWrittenInTheMannerOfTheFile(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 60)
	for _, c := range []struct{ name, file, output, want string }{
		{"one line", `{ "input": 1, "expected_output": { "a": 1 } }` + "\n", `{"b":[1,2],"a":{}}`, `{ "input": 1, "expected_output": { "b": [1, 2], "a": {} } }` + "\n"},
		{"without spaces", `{"input": 1,"expected":{"a":1}}`, `{"b":2}`, `{"input": 1,"expected":{"b": 2}}`},
		{"over lines", "{\n\t\"expected\": {\n\t\t\"a\": 1\n\t},\n\t\"input\":   1\n}\n", `{"b":[1,2]}`, "{\n\t\"expected\": {\n\t\t\"b\": [1, 2]\n\t},\n\t\"input\":   1\n}\n"},
		{
			"too long for a line", "{\n    \"input\": 1,\n    \"expected_output\": 1\n}", `{"a":"` + long + `","b":["` + long + `","<"],"c":[]}`,
			"{\n    \"input\": 1,\n    \"expected_output\": {\n        \"a\": \"" + long + "\",\n        \"b\": [\"" + long + "\", \"<\"],\n        \"c\": []\n    }\n}",
		},
		{"a string", `{"input": 1, "expected": {"a": 1}}`, `"\u003c\n"`, `{"input": 1, "expected": "\u003c\n"}`},
		{"carriage returns and a mark", "\xef\xbb\xbf{\r\n  \"input\": 1,\r\n  \"expected\": [\r\n    1\r\n  ]\r\n}\r\n", `[1,2]`, "\xef\xbb\xbf{\r\n  \"input\": 1,\r\n  \"expected\": [\r\n    1,\r\n    2\r\n  ]\r\n}\r\n"},
		{"the key that counts", `{"expected": 1, "input": 1, "expected_output": 1}`, `2`, `{"expected": 1, "input": 1, "expected_output": 2}`},
	} {
		got, err := testfile.SetExpected([]byte(c.file), []byte(c.output))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %v\n%s\nwant\n%s", c.name, err, got, c.want)
		}
	}
	for _, file := range []string{`{"input": 1}`, `{`} {
		if _, err := testfile.SetExpected([]byte(file), []byte("1")); err == nil {
			t.Errorf("%s: got no error", file)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"input": {"a": "\"\\"}, "expected": [1, {}, []], "mock": {"http": [{"url": "x", "response": {"body": "é"}}]}}`, `{"a":[1,{"b":null}]}`)
	f.Add("{\r\n\t\"input\": -1e5, \"expected_output\":\ttrue\n}", `"x"`)
	f.Fuzz(func(t *testing.T, file, output string) {
		parsed, problems, _ := testfile.Parse("tests/a.json", []byte(file))
		if (parsed == nil) != (len(problems) > 0) {
			t.Fatalf("got %+v and problems %s", parsed, lines(problems))
		}
		if parsed == nil || parsed.Expected == nil {
			return
		}
		made, err := testfile.SetExpected([]byte(file), []byte(output))
		if err != nil {
			return
		}
		again, problems, _ := testfile.Parse("tests/a.json", made)
		if again == nil {
			t.Fatalf("%s\nbecame\n%s\nwhich is no test: %s", file, made, lines(problems))
		}
		if string(again.Input) != string(parsed.Input) {
			t.Errorf("the input %s became %s", parsed.Input, again.Input)
		}
	})
}

func TestAFormattedTestIsTheSameTest(t *testing.T) {
	t.Parallel()
	test := &testfile.Test{
		Name: "all", Description: "of <it>", Input: []byte(`{"n":1}`), Expected: []byte(`[1,{"a":"<"}]`), Network: true,
		Env: map[string]string{"A": "b"}, Now: time.Date(2025, 6, 25, 12, 0, 0, 5, time.UTC), Seed: 1<<64 - 1,
		Mocks: []testfile.Mock{
			{
				URL: "https://a.test/?a=1&b=2", Method: "POST", Times: 2, Delay: 1500 * time.Microsecond, Status: 201, StatusText: "Made",
				Request: testfile.Wanted{Header: [][2]string{{"x", "1"}, {"x", "2"}}, Body: []byte(`{"q":1}`)},
				Header:  [][2]string{{"a", "1"}, {"a", "2"}, {"a", "3"}, {"content-type", "application/json"}}, Body: []byte(`{"a":"` + strings.Repeat("x", 120) + `"}`),
			},
			{URL: "b.test", Method: "GET", Status: 200, Header: [][2]string{{"content-type", "application/json"}}, Body: []byte(`"a text"`)},
			{URL: "c.test", Method: "GET", Status: 200, Header: [][2]string{{"content-type", "application/octet-stream"}}, Body: []byte{0xff, 0}},
			{URL: "d.test", Method: "GET", Status: 200, Header: [][2]string{{"content-type", "text/plain;charset=UTF-8"}}, Body: []byte("line\nline")},
			{URL: "e.test", Method: "GET", Status: 204, FinalURL: "https://e.test/v2"},
			{URL: "spaces.test", Method: "GET", Status: 200, Header: [][2]string{{"content-type", "application/json"}}, Body: []byte("{ \"b\": 1 }\n")},
			{URL: "escapes.test", Method: "GET", Status: 200, Header: [][2]string{{"content-type", "application/json"}}, Body: []byte(`{"\u0041":1}`)},
			{URL: "f.test", Method: "GET", Status: 200, Error: "TIMEOUT"},
		},
	}
	text, err := testfile.Format(test)
	if err != nil {
		t.Fatal(err)
	}
	got := parse(t, string(text))
	compact := func(text []byte) []byte { // the file is laid out for people
		var b bytes.Buffer
		if json.Compact(&b, text) != nil {
			return text
		}
		return b.Bytes()
	}
	got.Expected = compact(got.Expected)
	got.Input = compact(got.Input)
	for i := range got.Mocks {
		m := &got.Mocks[i]
		m.Pointer, m.Line = "", 0
		m.Request.Body = compact(m.Request.Body)
	}
	if diff := cmp.Diff(test, got); diff != "" {
		t.Errorf("want -, got +:\n%s\nof\n%s", diff, text)
	}
	for _, fails := range []*testfile.Fails{{}, {Reason: "TIMEOUT"}, {Texts: []string{"a", "b"}}, {Either: []string{"a"}}} {
		text, err := testfile.Format(&testfile.Test{Input: []byte("null"), Fails: fails})
		if err != nil {
			t.Fatal(err)
		}
		if got := parse(t, string(text)); !cmp.Equal(fails, got.Fails) {
			t.Errorf("%s: got %+v, want %+v", text, got.Fails, fails)
		}
	}
}
