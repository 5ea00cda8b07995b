// Package tsctest holds the files of a test against TypeScript's own compiler. It
// leaves installing the compiler to whoever runs the tests.
package tsctest

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Check reports what the compiler finds wrong with the project of the
// configuration, its .d.ts files included. The test is skipped if there is no
// compiler.
func Check(t testing.TB, config string) {
	t.Helper()
	if got := Problems(t, config); got != "" {
		t.Errorf("tsc -p %s:\n%s", config, got)
	}
}

// Problems returns what the compiler finds wrong, empty if nothing is.
func Problems(t testing.TB, config string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", compiler(t), "-p", config, "--noEmit", "--skipLibCheck", "false", "--pretty", "false")
	out, err := cmd.CombinedOutput()
	if text := strings.TrimSpace(string(out)); text != "" {
		return text
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// compiler returns tsc, of the package beside this one.
func compiler(t testing.TB) string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skipf("TypeScript's compiler needs node: %v", err)
	}
	_, file, _, _ := runtime.Caller(0)
	dir := filepath.Join(filepath.Dir(filepath.Dir(file)), "testdata", "typescript")
	found, err := filepath.Glob(filepath.Join(dir, "node_modules", "typescript", "bin", "tsc"))
	if err != nil || len(found) == 0 {
		t.Skipf("TypeScript's compiler is not installed: run npm ci in %s", dir)
	}
	return found[0]
}
