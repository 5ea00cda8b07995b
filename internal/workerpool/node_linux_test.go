package workerpool_test

import (
	"os"
	"path/filepath"
	"testing"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/node"
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

// Where only the server's own user can go, as in a data directory of its own.
func TestNodeMayLieWhereTheWorkersUserCannotGo(t *testing.T) {
	t.Parallel()
	found := nodetest.Runtime(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "node")
	if err := os.Link(found.Path, path); err != nil {
		t.Skipf("the temporary folder is on another file system: %v", err)
	}
	p := newPool(t, workerpool.Config{Node: node.Runtime{Path: path, Version: found.Version}})
	if out, _ := run(t, p, inNode("a", `(i) => i`), "1"); out != "1" {
		t.Errorf("got %s", out)
	}
	if report, _ := p.ReportOf(ratchet.EngineNode); report.Level != sandbox.LevelNode {
		t.Errorf("got %v, want level node", report)
	}
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
