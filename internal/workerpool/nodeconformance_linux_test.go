package workerpool_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/jstest"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

const conformanceDir = "../js/testdata/conformance"

// The globals of a task are the same on both engines: these are the cases that
// QuickJS is held against.
func TestGlobalsInNodeAreThoseInQuickJS(t *testing.T) {
	t.Parallel()
	p := newNodePool(t, workerpool.Config{})
	for _, file := range append(jstest.Files(t, conformanceDir), conformanceDir+"/_fetchsync.js") {
		name := strings.TrimSuffix(filepath.Base(file), ".js")
		t.Run(name, func(t *testing.T) {
			context := `{}`
			if name == "_fetchsync" {
				context = `{"fetchMode":"sync"}`
			}
			conform(t, p, inNode(name, jstest.Program(t, file)), context)
		})
	}
}

// inNodeOnly are the cases that Node itself answers in another way.
func inNodeOnly() map[string]string {
	return map[string]string{
		"AES-GCM with an iv of 8":                       "Node takes only the 12 bytes that are recommended",
		"what would take too long is an OperationError": "Node takes its time, within the task's own limits",
		"RSA-PSS without a salt is a NotSupportedError": "Node has it",
	}
}

func conform(t *testing.T, p *workerpool.Pool, d *workerpool.Domain, context string) {
	var cases []struct{ Name string }
	judge(t, p, d, context, `{"list":true}`, &cases)
	if len(cases) == 0 {
		t.Fatal("the file holds no case")
	}
	for i, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			var wrong *string
			judge(t, p, d, context, fmt.Sprintf(`{"index":%d,"base":%q}`, i, jstest.Base), &wrong)
			if why, differs := inNodeOnly()[c.Name]; differs {
				t.Logf("%s (%v)", why, wrong == nil)
			} else if wrong != nil {
				t.Error(*wrong)
			}
		})
	}
}

func judge(t *testing.T, p *workerpool.Pool, d *workerpool.Domain, context, input string, result any) {
	t.Helper()
	done, err := p.Run(t.Context(), d, wall, conformer{t, input, context})
	if err != nil {
		t.Fatal(err)
	}
	if f := done.Failure; f != nil {
		t.Fatalf("%s %s: %s\n%s", f.Kind, f.Name, f.Message, f.Stack)
	}
	if err := json.Unmarshal(done.Output, result); err != nil {
		t.Fatalf("%s: %v", done.Output, err)
	}
}

// conformer answers what the cases fetch.
type conformer struct {
	t              *testing.T
	input, context string
}

func (c conformer) Start(*workerpool.Execution) workerpool.Run {
	return workerpool.Run{Input: []byte(c.input), Context: []byte(c.context), CPU: int64(time.Minute), Output: mb}
}

func (c conformer) Request(x *workerpool.Execution, m *workerpool.Request) {
	if r, ok := jstest.Answer(string(m.Head), m.Body); ok {
		x.Reply(&workerpool.Reply{Call: m.Call, Failed: r.Failed, Head: []byte(r.Head), Body: r.Body})
	}
}

func (c conformer) Log(_ *workerpool.Execution, m *workerpool.Log) {
	if os.Getenv("RATCHET_TEST_LOG") != "" {
		c.t.Log(m.Level, m.Message)
	}
}

func (conformer) Progress(*workerpool.Execution, *workerpool.Progress) {}
