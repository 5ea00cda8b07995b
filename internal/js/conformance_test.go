package js_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/js"
	"github.com/ratchet-runner/ratchet-go/internal/jstest"
)

const conformanceDir = "testdata/conformance"

// TestConformance runs each case of testdata/conformance/*.js in a VM of its
// own. The same files run under Node: TestConformanceUnderNode.
func TestConformance(t *testing.T) {
	t.Parallel()
	for _, file := range jstest.Files(t, conformanceDir) {
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
	program, err := e.Compile(filepath.Base(file), []byte(jstest.Program(t, file)), js.Script)
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

// fakeBase is where the routes of fakeHost are.
const fakeBase = jstest.Base

// fakeHost answers fetches by itself.
type fakeHost struct {
	vm *js.VM
	t  *testing.T
}

func (h *fakeHost) Log(level, message, fields string) { h.t.Log(level, message, fields) }

func (h *fakeHost) Progress(float64, string) {}

func (h *fakeHost) Request(call uint32, op, head string, body []byte) {
	if op != "fetch" {
		h.t.Errorf("got request %s %s", op, head)
	}
	if r, ok := jstest.Answer(head, body); ok {
		h.vm.Deliver(js.Reply{Call: call, Failed: r.Failed, Head: r.Head, Body: r.Body})
	}
}
