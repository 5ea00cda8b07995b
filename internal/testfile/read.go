package testfile

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// maxDetails bounds what is told about one file.
const maxDetails = 100

// reader reads one file and notes all that is wrong on the way.
type reader struct {
	file     string
	data     []byte
	problems []ratchet.Detail
	warnings []ratchet.Detail
}

// fields are the readers of an object's members.
type fields map[string]func(n node, pointer string)

func (r *reader) detail(off int, pointer, message string) ratchet.Detail {
	line, column, text := position(r.data, off)
	return ratchet.Detail{File: r.file, Line: line, Column: column, Pointer: pointer, Message: message, Text: text}
}

// wrong reports a problem with the value n at the pointer.
func (r *reader) wrong(n node, pointer, message, expected, got string) {
	d := r.detail(n.start, pointer, message)
	d.Expected, d.Got = expected, got
	if len(r.problems) < maxDetails {
		r.problems = append(r.problems, d)
	}
}

// odd warns of what has no effect.
func (r *reader) odd(off int, pointer, message, expected string) {
	d := r.detail(off, pointer, message)
	d.Expected = expected
	if len(r.warnings) < maxDetails {
		r.warnings = append(r.warnings, d)
	}
}

// object reads the members of n that are known and warns of the others. Null is
// as if the key were not there.
func (r *reader) object(n node, pointer string, known fields) {
	if n.kind != '{' {
		r.wrong(n, pointer, last(pointer)+" has the wrong type", "an object", n.describe())
		return
	}
	for _, m := range n.members {
		at := pointer + "/" + escape(m.key)
		read, ok := known[m.key]
		switch {
		case ok && !m.value.missing():
			read(m.value, at)
		case ok || strings.HasPrefix(m.key, "$") || strings.HasPrefix(m.key, "x-"): // the latter for editors and other programs
		default:
			message := fmt.Sprintf("the key %q is not known and has no effect", m.key)
			near := nearest(m.key, slices.Sorted(maps.Keys(known)))
			if near != "" {
				message += fmt.Sprintf("; did you mean %q?", near)
			}
			r.odd(m.start, at, message, near)
		}
	}
}

func (r *reader) text(into *string) func(node, string) {
	return func(n node, pointer string) {
		if n.kind != '"' {
			r.wrong(n, pointer, last(pointer)+" has the wrong type", "a string", n.describe())
			return
		}
		*into = n.text
	}
}

// texts reads a string, or an array of them.
func (r *reader) texts(into *[]string) func(node, string) {
	return func(n node, pointer string) {
		switch n.kind {
		case '"':
			*into = append(*into, n.text)
		case '[':
			for i, item := range n.items {
				if item.kind != '"' {
					r.wrong(item, fmt.Sprintf("%s/%d", pointer, i), "an item of "+last(pointer)+" has the wrong type", "a string", item.describe())
				}
				*into = append(*into, item.text)
			}
		default:
			r.wrong(n, pointer, last(pointer)+" has the wrong type", "a string, or an array of strings", n.describe())
		}
	}
}

func (r *reader) flag(into *bool) func(node, string) {
	return func(n node, pointer string) {
		if n.kind != 't' && n.kind != 'f' {
			r.wrong(n, pointer, last(pointer)+" has the wrong type", "true or false", n.describe())
			return
		}
		*into = n.kind == 't'
	}
}

func (r *reader) count(into *int, least, most int) func(node, string) {
	return func(n node, pointer string) {
		i, err := strconv.Atoi(n.text)
		if n.kind != '0' || err != nil || i < least || i > most {
			r.wrong(n, pointer, last(pointer)+" is out of bounds", fmt.Sprintf("a whole number from %d to %d", least, most), n.describe())
			return
		}
		*into = i
	}
}

func (r *reader) raw(n node) json.RawMessage {
	if n.kind == 0 {
		return nil
	}
	return r.data[n.start:n.end]
}

// test reads the whole file.
func (r *reader) test(n node) *Test {
	const expected = `an object such as {"input": {}, "expected_output": {}}`
	if n.kind != '{' {
		r.wrong(n, "", "this is not a test", expected, n.describe())
		return nil
	}
	t := &Test{Input: r.raw(n.get("input")), Env: map[string]string{}}
	elsewhere := func(node, string) {}
	r.object(n, "", fields{
		"name": r.text(&t.Name), "description": r.text(&t.Description),
		"input": elsewhere, "expected_output": elsewhere, "expected": elsewhere,
		"should_fail": func(n node, pointer string) { t.Fails = r.fails(n, pointer) },
		"mock": func(n node, pointer string) {
			r.object(n, pointer, fields{"http": func(n node, pointer string) { t.Mocks = r.mocks(n, pointer) }})
		},
		"network": r.flag(&t.Network),
		"env":     func(n node, pointer string) { r.env(n, pointer, t.Env) },
		"now":     func(n node, pointer string) { t.Now = r.now(n, pointer) },
		"seed":    func(n node, pointer string) { t.Seed = r.seed(n, pointer) },
	})
	if t.Input == nil {
		r.wrong(n, "", "the test has no input", expected, "")
	}
	output, key := expectation(n)
	if old := n.get("expected"); key == "expected_output" && old.kind != 0 {
		r.odd(old.start, "/expected", `"expected" has no effect beside "expected_output"`, "")
	}
	switch {
	case t.Fails != nil && output.kind != 0:
		r.odd(output.start, "/"+key, fmt.Sprintf(`%q has no effect beside "should_fail": %s`, key, shorten(string(r.raw(n.get("should_fail"))))), "")
	case t.Fails == nil && output.kind == 0 && strings.IndexByte("\x00nf", n.get("should_fail").kind) >= 0:
		r.wrong(n, "", "the test expects nothing", `"expected_output", or "should_fail": true`, "")
	case t.Fails == nil:
		t.Expected = r.raw(output)
	}
	return t
}

// expectation finds the value that must come, under either key.
func expectation(n node) (output node, key string) {
	for _, key := range []string{"expected_output", "expected"} {
		if output := n.get(key); output.kind != 0 {
			return output, key
		}
	}
	return node{}, ""
}

// fails reads "should_fail"; nil for false.
func (r *reader) fails(n node, pointer string) *Fails {
	f := &Fails{}
	switch n.kind {
	case 't':
	case 'f':
		return nil
	case '"', '[':
		r.texts(&f.Either)(n, pointer)
	case '{':
		var reason string
		r.object(n, pointer, fields{"reason": r.text(&reason), "message": r.texts(&f.Texts)})
		f.Reason = ratchet.Reason(reason)
	default:
		r.wrong(n, pointer, "should_fail has the wrong type", `true, a part of the error's message, or {"reason": "INPUT_INVALID", "message": "…"}`, n.describe())
	}
	return f
}

func (r *reader) env(n node, pointer string, into map[string]string) {
	if n.kind != '{' {
		r.wrong(n, pointer, "env has the wrong type", `an object such as {"API_TOKEN": "secret"}`, n.describe())
		return
	}
	for _, m := range n.members {
		var value string
		r.text(&value)(m.value, pointer+"/"+escape(m.key))
		into[m.key] = value
	}
}

func (r *reader) now(n node, pointer string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, n.text); n.kind == '"' && err == nil {
			return t
		}
	}
	r.wrong(n, pointer, "now cannot be read", `a time such as "2025-06-25T12:00:00Z", or a date`, n.describe())
	return time.Time{}
}

func (r *reader) seed(n node, pointer string) uint64 {
	seed, err := strconv.ParseUint(n.text, 10, 64)
	if n.kind != '0' || err != nil {
		r.wrong(n, pointer, "seed is out of bounds", "a whole number from 0 to 2⁶⁴-1", n.describe())
	}
	return seed
}

// mocks reads one mock, or an array of them.
func (r *reader) mocks(n node, pointer string) []Mock {
	if n.kind != '[' {
		return []Mock{r.mock(n, pointer)}
	}
	mocks := make([]Mock, len(n.items))
	for i, item := range n.items {
		mocks[i] = r.mock(item, fmt.Sprintf("%s/%d", pointer, i))
	}
	return mocks
}

func (r *reader) mock(n node, pointer string) Mock {
	const expected = `an object such as {"url": "api.example.com", "method": "GET", "response": {"status": 200, "body": {}}}`
	m := Mock{Method: ratchet.MethodGet.String(), Status: 200, Pointer: pointer}
	m.Line, _, _ = position(r.data, n.start)
	if n.kind != '{' {
		r.wrong(n, pointer, "this is not the mock of a request", expected, n.describe())
		return m
	}
	r.object(n, pointer, fields{
		"url": r.text(&m.URL),
		"method": func(n node, pointer string) {
			method, err := ratchet.ParseHTTPMethod(n.text)
			if n.kind != '"' || err != nil {
				r.wrong(n, pointer, "method is not known", `one such as "GET" or "POST"`, n.describe())
			}
			m.Method = method.String()
		},
		"request": func(n node, pointer string) {
			r.object(n, pointer, fields{
				"headers": func(n node, pointer string) { m.Request.Header = r.headers(n, pointer) },
				"body":    func(n node, _ string) { m.Request.Body = r.raw(n) },
			})
		},
		"response": func(n node, pointer string) { r.response(n, pointer, &m) },
		"times":    r.count(&m.Times, 1, 1_000_000),
		"error":    r.text(&m.Error), "delay": r.delay(&m.Delay),
	})
	if url := n.get("url"); url.missing() || url.kind == '"' && strings.TrimSpace(url.text) == "" {
		r.wrong(n, pointer, `the mock has no "url"`, expected, "")
	}
	if n.get("response").missing() && n.get("error").missing() {
		r.wrong(n, pointer, `the mock has no "response", nor an "error"`, expected, "")
	}
	return m
}

func (r *reader) delay(into *time.Duration) func(node, string) {
	return func(n node, pointer string) {
		var d ratchet.Duration
		if err := d.UnmarshalJSON(r.raw(n)); err != nil {
			r.wrong(n, pointer, "delay cannot be read", `a span such as "100ms" or a number of seconds`, n.describe())
		}
		*into = time.Duration(d)
	}
}

// response reads what a mock answers. An object that has none of the keys of a
// response, nor one that is nearly one, is a body: so the earlier Ratchet had it.
func (r *reader) response(n node, pointer string, m *Mock) {
	var (
		ok       = true
		body     node
		encoding string
	)
	known := fields{
		"status": r.count(&m.Status, 100, 599), "statusText": r.text(&m.StatusText), "ok": r.flag(&ok),
		"headers":  func(n node, pointer string) { m.Header = r.headers(n, pointer) },
		"body":     func(n node, _ string) { body = n },
		"encoding": r.text(&encoding),
		"error":    r.text(&m.Error), "delay": r.delay(&m.Delay),
	}
	keys := slices.Sorted(maps.Keys(known))
	isResponse := func(m member) bool { return nearest(m.key, keys) != "" }
	known["url"] = r.finalURL(&m.FinalURL) // many a body has one, too: it makes no response
	if n.kind == '{' && len(n.members) > 0 && !slices.ContainsFunc(n.members, isResponse) {
		r.odd(n.start, pointer, "the response has none of the keys of one, and is taken for its body", `{"status": 200, "body": …}`)
		body = n
	} else {
		r.object(n, pointer, known)
	}
	if said := n.get("ok"); !said.missing() {
		switch {
		case n.get("status").missing() && !ok:
			m.Status = 500
		case ok != (m.Status >= 200 && m.Status <= 299):
			r.wrong(said, pointer+"/ok", "ok and status do not agree", "true for 200 to 299, else false; or leave it out", said.describe())
		}
	}
	r.body(body, pointer+"/body", encoding, m)
}

// finalURL reads where redirects led to.
func (r *reader) finalURL(into *string) func(node, string) {
	return func(n node, pointer string) {
		u, err := url.Parse(n.text)
		if n.kind != '"' || err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			r.wrong(n, pointer, "url is not where a response can come from", `a whole URL such as "https://api.example.com/v2"`, n.describe())
			return
		}
		*into = n.text
	}
}

// body makes the bytes of a response's body, and its type if no header has it.
func (r *reader) body(n node, pointer, encoding string, m *Mock) {
	kind := "application/json"
	switch {
	case n.missing():
		return
	case m.Status == 101 || m.Status == 103 || m.Status == 204 || m.Status == 205 || m.Status == 304:
		r.wrong(n, pointer, fmt.Sprintf("a response with status %d has no body", m.Status), "no body, or null", n.describe())
	case encoding == "base64" && n.kind == '"':
		b, err := base64.StdEncoding.DecodeString(n.text)
		if err != nil {
			r.wrong(n, pointer, "the body is not base64", "", n.describe())
		}
		m.Body, kind = b, "application/octet-stream"
	case encoding != "":
		r.wrong(n, pointer, fmt.Sprintf("the body's encoding %q is not known", encoding), `"base64" and a string, or no encoding`, n.describe())
	case n.kind == '"':
		m.Body, kind = []byte(n.text), "text/plain;charset=UTF-8"
	default:
		var b bytes.Buffer
		_ = json.Compact(&b, r.raw(n)) // it is known to be JSON
		m.Body = b.Bytes()
	}
	if !slices.ContainsFunc(m.Header, func(h [2]string) bool { return h[0] == "content-type" }) {
		m.Header = sorted(append(m.Header, [2]string{"content-type", kind}))
	}
}

// headers reads an object of strings, or of arrays of them.
func (r *reader) headers(n node, pointer string) (list [][2]string) {
	if n.kind != '{' {
		r.wrong(n, pointer, "headers has the wrong type", `an object such as {"content-type": "text/plain"}`, n.describe())
		return nil
	}
	for _, m := range n.members {
		var values []string
		at := pointer + "/" + escape(m.key)
		if m.value.kind != '"' && m.value.kind != '[' {
			r.wrong(m.value, at, fmt.Sprintf("the header %q has the wrong type", m.key), "a string, or an array of strings", m.value.describe())
			continue
		}
		r.texts(&values)(m.value, at)
		for _, v := range values {
			list = append(list, [2]string{strings.ToLower(m.key), v})
		}
	}
	return sorted(list)
}

func sorted(header [][2]string) [][2]string {
	slices.SortStableFunc(header, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return header
}

func escape(token string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(token) }

func last(pointer string) string { return pointer[strings.LastIndexByte(pointer, '/')+1:] }
