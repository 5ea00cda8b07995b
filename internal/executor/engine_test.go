package executor_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// lacking is a machine without a Node.
type lacking struct{}

func (lacking) Default() ratchet.Engine { return ratchet.EngineQuickJS }
func (lacking) Node(context.Context) (ratchet.EngineInfo, error) {
	return ratchet.EngineInfo{}, ratchet.Errorf(ratchet.ReasonEngineUnavailable, "no Node here")
}

func TestATaskRunsInNoOtherEngineThanItsOwn(t *testing.T) {
	t.Parallel()
	b := load(t, folder{"metadata.json": `{"name": "fast", "version": "1.0.0", "engine": "node"}`, "main.js": `() => 1`})
	x := newExecutor(t, workerpool.Config{})
	x.SetEngines(lacking{})
	for _, asked := range []ratchet.Engine{"", ratchet.EngineNode} {
		e := execute(t, x, executor.Request{Bundle: b, Engine: asked}, "{}")
		if e.State != ratchet.ExecutionFailed || e.Error == nil || e.Error.Reason != ratchet.ReasonEngineUnavailable || e.Output != nil {
			t.Errorf("asked for %q: got %s, %+v", asked, e.State, e.Error)
		}
	}
	if err := x.Probe(t.Context(), b); !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonEngineUnavailable}) {
		t.Errorf("probe: got %v", err)
	}
	if e := execute(t, x, executor.Request{Bundle: b, Engine: ratchet.EngineQuickJS}, "{}"); e.Error != nil {
		t.Errorf("in the engine that was asked for: got %v", e.Error)
	}
	if e := execute(t, x, executor.Request{Bundle: b, Engine: "v8"}, "{}"); e.Error == nil || e.Error.Reason != ratchet.ReasonEngineUnknown {
		t.Errorf("in an engine that there is not: got %v", e.Error)
	}
}

func TestATaskThatComputesMuchGetsAHintOnceForEachVersion(t *testing.T) {
	t.Parallel()
	b := load(t, folder{
		"metadata.json": `{"name": "slow", "version": "1.0.0"}`,
		"main.js":       `(input) => { const end = Date.now() + input.ms; let n = 0; while (Date.now() < end) n++; return n > 0; }`,
	})
	x := newExecutor(t, workerpool.Config{})
	x.SetEngines(lacking{}) // nobody needs a Node to be told of it
	var heard []ratchet.LogEntry
	run := func(req executor.Request, input string) *ratchet.Execution {
		t.Helper()
		req.Bundle, req.OnLog = b, func(l ratchet.LogEntry) { heard = append(heard, l) }
		e := execute(t, x, req, input)
		if e.Error != nil {
			t.Fatal(e.Error)
		}
		return e
	}
	if e := run(executor.Request{}, `{"ms": 1}`); e.Hint != "" || len(e.Logs) > 0 {
		t.Errorf("of little: got %q", e.Hint)
	}
	if e := run(executor.Request{Engine: ratchet.EngineQuickJS}, `{"ms": 2000}`); e.Hint != "" {
		t.Errorf("of an engine that was asked for: got %q", e.Hint)
	}
	e := run(executor.Request{}, `{"ms": 2000}`)
	if !strings.HasPrefix(e.Hint, "this took ") || !strings.HasSuffix(e.Hint, ` ms of CPU in QuickJS; "engine": "node" in metadata.json would run it in V8`) {
		t.Errorf("got the hint %q after %v", e.Hint, e.CPU)
	}
	if len(e.Logs) != 1 || e.Logs[0].Message != e.Hint || ratchet.HintIn(e.Logs) != e.Hint || len(heard) != 1 {
		t.Errorf("got the log %+v, heard %+v", e.Logs, heard)
	}
	if e := run(executor.Request{}, `{"ms": 2000}`); e.Hint != "" || len(e.Logs) > 0 {
		t.Errorf("again: got %q", e.Hint)
	}
}
