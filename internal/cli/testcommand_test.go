package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/cli"
)

func TestATerminalSeesHowFarTheTestsAre(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"metadata.json": `{"name": "task", "version": "1.0.0"}`,
		"main.js":       `async (ms) => { await new Promise((r) => setTimeout(r, ms)); return "<\u001b[2J>"; }`,
		"tests/a.json":  `{"name": "quick", "input": 0, "expected": "<\u001b[2J>"}`,
		"tests/b.json":  `{"input": 700, "network": true, "expected": "x"}`, // which waits for real
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w, stdout, stderr := testWorld("test", dir)
	w.StderrTerminal, w.StdoutTerminal = true, true
	if code := cli.Main(t.Context(), w); code != 1 {
		t.Errorf("exit code: got %d, want 1", code)
	}
	if got := stderr.String(); !strings.Contains(got, "testing 0% 1 test, 0 of 1 task") || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("stderr: got %q, want the progress, gone at the end", got)
	}
	got := stdout.String()
	if !strings.Contains(got, "  \x1b[32m✓\x1b[0m quick") || !strings.Contains(got, "\x1b[1;31m1 failed\x1b[0m") || strings.Contains(got, "\x1b[2J") {
		t.Errorf("stdout: got %q, want colours, and nothing of the task's own", got)
	}

	w, _, stderr = testWorld("test", dir)
	cli.Main(t.Context(), w)
	if got := stderr.String(); got != "" {
		t.Errorf("stderr that is no terminal: got %q, want nothing", got)
	}
}
