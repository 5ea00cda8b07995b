package js_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/js"
)

const conformanceDir = "testdata/conformance"

// TestConformance runs each case of testdata/conformance/*.js in a VM of its
// own. The same files run under Node: TestConformanceUnderNode.
func TestConformance(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(conformanceDir + "/[^_]*.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("no conformance files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".js"), func(t *testing.T) {
			t.Parallel()
			runConformance(t, file)
		})
	}
}

func runConformance(t *testing.T, file string) {
	e := js.New(js.Config{Resident: 1})
	t.Cleanup(e.Close)
	program := conformanceProgram(t, e, file)
	var cases []struct{ Name string }
	conformanceRun(t, e, program, `{"list":true}`, &cases)
	if len(cases) == 0 {
		t.Fatal("the file holds no case")
	}
	for i, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			var wrong *string
			conformanceRun(t, e, program, fmt.Sprintf(`{"index":%d,"base":%q}`, i, fakeBase), &wrong)
			if wrong != nil {
				t.Error(*wrong)
			}
		})
	}
}

func conformanceProgram(t *testing.T, e *js.Engine, file string) *js.Program {
	harness, err := os.ReadFile(conformanceDir + "/_harness.js")
	if err != nil {
		t.Fatal(err)
	}
	cases, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	source := fmt.Sprintf("(function (input) { \"use strict\";%s\n%s\nreturn runCase(input); })", harness, cases)
	program, err := e.Compile(filepath.Base(file), []byte(source), js.Script)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func conformanceRun(t *testing.T, e *js.Engine, program *js.Program, input string, result any) {
	t.Helper()
	vm, err := e.NewVM()
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	out := vm.Run(program, js.Task{Input: []byte(input), Context: []byte(`{}`)}, &fakeHost{vm: vm, t: t})
	if out.Failure != nil {
		t.Fatalf("%s %s: %s\n%s", out.Failure.Kind, out.Failure.Name, out.Failure.Message, out.Failure.Stack)
	}
	if err := json.Unmarshal(out.Output, result); err != nil {
		t.Fatalf("%s: %v", out.Output, err)
	}
}

// TestConformanceUnderNode judges the cases themselves: a real Node must pass them.
func TestConformanceUnderNode(t *testing.T) {
	t.Parallel()
	node := lookNode(t)
	out, err := exec.CommandContext(t.Context(), node, conformanceDir+"/run-node.mjs").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// lookNode is the path of Node; without one the test is skipped.
func lookNode(t *testing.T) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skipf("Node is not on this machine: %v", err)
	}
	return node
}

// fakeBase is where the routes of fakeHost are; testdata/conformance/_server.mjs
// has the same ones for Node.
const fakeBase = "http://conformance.test"

// fakeHost answers fetches by itself.
type fakeHost struct {
	vm *js.VM
	t  *testing.T
}

func (h *fakeHost) Log(level, message, fields string) { h.t.Log(level, message, fields) }

func (h *fakeHost) Progress(float64, string) {}

func (h *fakeHost) Request(call uint32, op, head string, body []byte) {
	var req fakeRequest
	if err := json.Unmarshal([]byte(head), &req); err != nil || op != "fetch" {
		h.fail(call, fmt.Errorf("request %s %s: %w", op, head, err))
		return
	}
	req.body = string(body)
	if h.answerSpecial(call, &req) {
		return
	}
	res, err := req.answer()
	if err != nil {
		h.fail(call, err)
		return
	}
	text, err := json.Marshal(res)
	if err != nil {
		h.t.Error(err)
	}
	h.vm.Deliver(js.Reply{Call: call, Head: string(text), Body: []byte(res.body)})
}

func (h *fakeHost) fail(call uint32, err error) {
	text, _ := json.Marshal(map[string]string{"name": "TypeError", "message": "fetch failed: " + err.Error()})
	h.vm.Deliver(js.Reply{Call: call, Failed: true, Head: string(text)})
}

type fakeRequest struct {
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Headers [][2]string `json:"headers"`

	Redirect string `json:"redirect"`
	body     string
}

type fakeResponse struct {
	Status     int         `json:"status"`
	StatusText string      `json:"statusText"`
	Headers    [][2]string `json:"headers"`
	URL        string      `json:"url"`
	Redirected bool        `json:"redirected"`
	body       string
}

func (r *fakeRequest) header(name string) string {
	for _, h := range r.Headers {
		if strings.EqualFold(h[0], name) {
			return h[1]
		}
	}
	return ""
}

func (r *fakeRequest) answer() (*fakeResponse, error) {
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, err
	}
	_, path, _ := strings.Cut(u.EscapedPath(), "/")
	route, arg, _ := strings.Cut(path, "/")
	switch route {
	case "echo":
		return r.reply(200, "application/json", r.echo(u)), nil
	case "status":
		code, err := strconv.Atoi(arg)
		if code == 204 {
			return r.reply(code, "", ""), err
		}
		return r.reply(code, "", "status "+arg), err
	case "bytes":
		kind := r.header("content-type")
		if kind == "" {
			kind = "application/octet-stream"
		}
		return r.reply(200, kind, r.body), nil
	case "text":
		text, err := url.PathUnescape(arg)
		res := r.reply(200, "text/plain; charset=utf-8", text)
		res.Headers = append(res.Headers, [2]string{"x-route", "text"})
		return res, err
	case "reset":
		return nil, io.ErrUnexpectedEOF
	}
	return r.reply(404, "", "no route"), nil
}

func (r *fakeRequest) reply(status int, kind, body string) *fakeResponse {
	res := &fakeResponse{Status: status, StatusText: http.StatusText(status), Headers: [][2]string{}, URL: r.URL, body: body}
	if kind != "" {
		res.Headers = append(res.Headers, [2]string{"content-type", kind})
	}
	return res
}

func (r *fakeRequest) echo(u *url.URL) string {
	headers := map[string]string{}
	for _, h := range r.Headers {
		switch name := strings.ToLower(h[0]); name {
		case "accept", "accept-encoding", "accept-language", "user-agent", "content-length":
		default:
			headers[name] = strings.TrimPrefix(headers[name]+", "+h[1], ", ")
		}
	}
	text, _ := json.Marshal(map[string]any{"method": r.Method, "path": u.RequestURI(), "headers": headers, "body": r.body})
	return string(text)
}
