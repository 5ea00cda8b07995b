//go:build unix

package main_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
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
	begun := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	for signal, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		dir := t.TempDir()
		testedTask(t, dir, "a", `(n) => n`, `{"input": 1, "expected": 1}`)
		testedTask(t, dir, "b", `() => { for (;;); }`, `{"input": 1, "expected": 1}`)
		write(t, dir, "b/tests/0.json", `{"input": 0, "expected": 0}`)
		write(t, dir, "b/tests/a.json", `{"input": "`+server.URL+`", "network": true, "expected": 1}`)
		write(t, dir, "b/main.js", `async (url) => url && (await fetch(url)).status`)
		p := start(t, dir, "test", ".", "--parallel", "1", "--junit", "report.xml", "--timeout", "5m", "--allow-net", "127.0.0.1")
		p.stdout.until("✓ a")
		<-begun
		p.signal(signal)
		p.stdout.until("✓ 0")
		p.stdout.until("2 passed, 0 failed (2 tasks)")
		if report, err := os.ReadFile(filepath.Join(dir, "report.xml")); err != nil || !strings.Contains(string(report), `tests="2"`) {
			t.Errorf("the report has not what was finished: %v\n%s", err, report)
		}
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
