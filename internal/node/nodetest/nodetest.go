// Package nodetest finds the Node that tests run tasks in. It installs none: make
// packages does.
package nodetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/node"
)

// Runtime is the Node of testdata/runtime, or the one that RATCHET_TEST_NODE
// names. Where it is not installed the test is skipped, and says so.
func Runtime(t testing.TB) node.Runtime {
	t.Helper()
	path := os.Getenv("RATCHET_TEST_NODE")
	if path == "" {
		path = installed(t)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("there is no Node for tests: run make packages (%v)", err)
	}
	version, err := exec.CommandContext(t.Context(), path, "--version").Output()
	if err != nil {
		t.Fatalf("%s --version: %v", path, err)
	}
	return node.Runtime{Path: path, Version: strings.TrimPrefix(strings.TrimSpace(string(version)), "v")}
}

// installed is where make packages puts Node: in the repository that the test
// runs in.
func installed(t testing.TB) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil || dir == filepath.Dir(dir) {
			break
		}
	}
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	return filepath.Join(dir, "internal/node/testdata/runtime/node_modules", "node-"+runtime.GOOS+"-"+arch, "bin/node")
}
