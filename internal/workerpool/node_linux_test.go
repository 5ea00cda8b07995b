package workerpool_test

import (
	"testing"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/node/nodetest"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// inNode is a task of one script that runs in Node.
func inNode(key, source string) *workerpool.Domain {
	d := domain(key, source)
	d.Engine = ratchet.EngineNode
	d.Memory = 128 * mb
	return d
}

func newNodePool(t testing.TB, config workerpool.Config) *workerpool.Pool {
	t.Helper()
	config.Node = nodetest.Runtime(t)
	return newPool(t, config)
}

func TestATaskRunsInNode(t *testing.T) {
	t.Parallel()
	p := newNodePool(t, workerpool.Config{})
	d := inNode("a", `(input) => ({ twice: input * 2, wasm: typeof WebAssembly })`)
	out, first := run(t, p, d, "21")
	if want := `{"twice":42,"wasm":"object"}`; out != want {
		t.Errorf("got %s, want %s", out, want)
	}
	if _, again := run(t, p, d, "1"); again != first {
		t.Errorf("got worker %s, want %s again", again, first)
	}
	report, ok := p.ReportOf(ratchet.EngineNode)
	if !ok || report.Level != sandbox.LevelNode {
		t.Errorf("got %v, want level node", report)
	}
}
