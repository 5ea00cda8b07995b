//go:build unix

package main_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// The task's own requests tell when something has been measured.
func TestAnInterruptedBenchPrintsWhatItMeasured(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	enough := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 20 {
			close(enough)
		}
		fmt.Fprint(w, "{}")
	}))
	defer server.Close()
	host, _, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, "task.js", `async (input) => (await fetch(input.url)).status`)
	p := start(t, dir, "bench", "task.js", "--input", `{"url": "`+server.URL+`"}`, "--allow-net", host,
		"--duration", "10m", "--warmup", "0", "--save", "measured.json")
	<-enough // of which one was the cold execution
	p.signal(os.Interrupt)
	p.stdout.until("(interrupted)")
	p.stdout.until("latency, ms")
	p.stderr.until("warning: measured.json was not written: the measurement was interrupted")
	if code := p.end(); code != 130 {
		t.Errorf("exit code: got %d, want 130", code)
	}
	if last := p.stderr.all[len(p.stderr.all)-1]; last != "interrupted" {
		t.Errorf("last line on stderr: got %q, want %q", last, "interrupted")
	}
	if failures := strings.Join(p.stdout.all, "\n"); !strings.Contains(failures, "failures      none") {
		t.Errorf("what was cut short counts as failed:\n%s", failures)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "measured.json*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestABenchInterruptedBeforeItMeasuresPrintsNothing(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	dir := t.TempDir()
	write(t, dir, "task.js", `async (input) => (await fetch(input.url)).status`)
	p := start(t, dir, "bench", "task.js", "--input", `{"url": "`+server.URL+`"}`, "--allow-net", "127.0.0.1")
	<-begun
	p.signal(os.Interrupt)
	if code := p.end(); code != 130 || len(p.stdout.all) > 0 {
		t.Errorf("got exit code %d and %q on stdout, want 130 and nothing", code, p.stdout.all)
	}
}

func TestABenchOfWhichNothingCompletesFails(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) > 1 { // than the cold one
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	defer server.Close()
	dir := t.TempDir()
	write(t, dir, "task.js", `async (input) => { const r = await fetch(input.url); if (!r.ok) throw new Error("status " + r.status); return 1; }`)
	p := start(t, dir, "bench", "task.js", "--input", `{"url": "`+server.URL+`"}`, "--allow-net", "127.0.0.1",
		"--count", "5", "--warmup", "0", "--save", "measured.json")
	p.stdout.until("failures      5 of 5")
	p.stdout.until("5 × EXECUTION_FAILED: Error: status 418")
	p.stderr.until("warning: measured.json was not written: no execution completed")
	p.stderr.until("error: every execution that was measured failed, the first with: Error: status 418")
	if code := p.end(); code != 3 {
		t.Errorf("exit code: got %d, want 3", code)
	}
}
