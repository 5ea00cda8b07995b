//go:build unix

package main_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// testedTask makes a task with one test.
func testedTask(t *testing.T, dir, name, code, test string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, name, "tests"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir, name+"/metadata.json", `{"name": "`+name+`", "version": "1.0.0"}`)
	write(t, dir, name+"/main.js", code)
	write(t, dir, name+"/tests/a.json", test)
}

func TestASignalEndsTheTests(t *testing.T) {
	t.Parallel()
	for signal, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		dir := t.TempDir()
		testedTask(t, dir, "a", `(n) => n`, `{"input": 1, "expected": 1}`)
		testedTask(t, dir, "b", `() => { for (;;); }`, `{"input": 1, "expected": 1}`)
		p := start(t, dir, "test", ".", "--parallel", "1")
		p.stdout.until("✓ a")
		p.signal(signal)
		if got := p.end(); got != code {
			t.Errorf("exit code: got %d, want %d; stderr %q", got, code, p.stderr.all)
		}
	}
}

func TestWatchRunsTheTestsOfTheTasksThatChange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	testedTask(t, dir, "first", `(n) => n`, `{"input": 1, "expected": 1}`)
	testedTask(t, dir, "second", `(n) => n`, `{"input": 2, "expected": 2}`)
	p := start(t, dir, "test", ".", "--watch")
	p.stdout.until("2 passed, 0 failed (2 tasks)")
	p.stderr.until("watching 2 tasks for changes")

	write(t, dir, "second/main.js", `(n) => n + 1`)
	p.stdout.until("/tests/a.json: the output is not what the test expects")
	p.stdout.until("0 passed, 1 failed (1 task)")
	write(t, dir, "second/tests/a.json", `{"input": 2, "expected": 3}`)
	p.stdout.until("1 passed, 0 failed (1 task)")
	write(t, dir, "first/main.js", `(n) => {`)
	p.stdout.until("1 task cannot be loaded (1 task)")
	write(t, dir, "first/main.js", `(n) => { for (;;); }`)
	p.stderr.until("watching 2 tasks for changes")
	write(t, dir, "first/main.js", `(n) => n`) // overtakes what runs
	p.stdout.until("1 passed, 0 failed (1 task)")
	testedTask(t, dir, "third", `(n) => n`, `{"name": "new", "input": 1, "expected": 1}`)
	p.stdout.until("✓ new")

	p.signal(os.Interrupt)
	if code := p.end(); code != 130 {
		t.Errorf("exit code: got %d, want 130", code)
	}
}
