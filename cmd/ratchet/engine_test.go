package main_test

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ratchet-runner/ratchet-go/internal/node/nodetest"
)

// What concerns the JavaScript of tasks is the same in Node, by the same scripts.
func TestScriptsInNode(t *testing.T) {
	t.Parallel()
	runtime := nodetest.Runtime(t)
	params := scripts(t, map[string]string{"RATCHET_EXECUTION_ENGINE": "node", "RATCHET_ENGINES_NODE_PATH": runtime.Path})
	for _, name := range inNode() {
		params.Files = append(params.Files, filepath.Join("testdata", "script", name+".txtar"))
	}
	testscript.Run(t, params)
}

// inNode are the scripts about what tasks do and what becomes of it, rather than
// about the command around them.
func inNode() []string {
	return []string{
		"archive", "bad-input", "bad-output", "bad-task", "develop", "execution", "fetch", "isolation", "job", "limits", "new", "record", "record-har", "replay", "run",
		"server", "test", "test-bad", "test-from", "test-update", "throws", "validate",
	}
}
