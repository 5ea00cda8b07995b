//go:build unix

package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A process is a ratchet command that runs beside the test.
type process struct {
	*exec.Cmd
	t      *testing.T
	stdout *lines
	stderr *lines
}

// lines is what a process has written, line by line.
type lines struct {
	t    *testing.T
	name string
	next chan string
	all  []string
}

// patience bounds a wait for a line; it is long so that only a fault reaches it.
const patience = 30 * time.Second

func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.CommandContext(t.Context(), "ratchet", args...), t: t}
	p.Dir = dir
	stdout, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdout, p.stderr = follow(t, "stdout", stdout), follow(t, "stderr", stderr)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

func follow(t *testing.T, name string, r io.Reader) *lines {
	l := &lines{t: t, name: name, next: make(chan string, 1000)}
	go func() {
		defer close(l.next)
		for s := bufio.NewScanner(r); s.Scan(); {
			l.next <- s.Text()
		}
	}()
	return l
}

// until waits for a line that contains text.
func (l *lines) until(text string) string {
	l.t.Helper()
	for {
		select {
		case line, ok := <-l.next:
			if !ok {
				l.t.Fatalf("%s ended without %q; it had:\n%s", l.name, text, strings.Join(l.all, "\n"))
			}
			l.all = append(l.all, line)
			if strings.Contains(line, text) {
				return line
			}
		case <-time.After(patience):
			l.t.Fatalf("no %q on %s within %v; it has:\n%s", text, l.name, patience, strings.Join(l.all, "\n"))
		}
	}
}

// end waits for the end of the process and returns its exit code.
func (p *process) end() int {
	p.t.Helper()
	for _, l := range []*lines{p.stdout, p.stderr} {
		for line := range l.next {
			l.all = append(l.all, line)
		}
	}
	err := p.Wait()
	if failed, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		p.t.Fatal(failed, err)
	}
	return p.ProcessState.ExitCode()
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestASignalEndsTheRunAndItsWorker(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		signal syscall.Signal
		code   int
		word   string
		task   string
	}{
		{syscall.SIGINT, 130, "interrupted", `console.log("ready"); await new Promise((r) => setTimeout(r, 60000));`},
		{syscall.SIGTERM, 143, "terminated", `console.log("ready"); for (;;);`},
	} {
		t.Run(test.word, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "task.js", `async () => { `+test.task+` }`)
			p := start(t, dir, "run", "task.js", "--json")
			p.stderr.until("[info] ready")
			p.signal(test.signal)
			record := p.stdout.until(`"state":"cancelled"`)
			if code := p.end(); code != test.code {
				t.Errorf("exit code: got %d, want %d", code, test.code)
			}
			if last := p.stderr.all[len(p.stderr.all)-1]; last != test.word {
				t.Errorf("last line on stderr: got %q, want %q", last, test.word)
			}
			var x struct{ Worker string }
			if err := json.Unmarshal([]byte(record), &x); err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(strings.TrimPrefix(x.Worker, "pid-"))
			if err != nil {
				t.Fatalf("worker: %v", err)
			}
			if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("worker %d is still there: %v", pid, err)
			}
		})
	}
}

func TestWatchRunsAgainAfterEachChangeAndSurvivesBrokenFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	task := filepath.Join(dir, "task")
	if err := os.Mkdir(task, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, task, "metadata.json", `{"name": "watched", "version": "1.0.0"}`)
	write(t, task, "main.js", `import { word } from "./word.js"; export default (input) => word + input.n;`)
	write(t, task, "word.js", `export const word = "first";`)
	write(t, dir, "input.json", `{"n": 1}`)
	p := start(t, dir, "run", "task", "--watch", "--input", "@input.json")
	p.stdout.until(`"first1"`)
	p.stderr.until("watching task for changes")

	write(t, task, "word.js", `export const word = "second";`) // a file that is imported
	p.stdout.until(`"second1"`)
	write(t, dir, "input.json", `{"n": 2}`)
	p.stdout.until(`"second2"`)
	write(t, task, "main.js", `export default (input) => {`)
	p.stderr.until("error: task/main.js:1:")
	write(t, task, "main.js", `export default () => { throw new Error("third"); }`)
	p.stderr.until("error: Error: third")
	if err := os.Rename(task, task+"-away"); err != nil { // as a checkout may
		t.Fatal(err)
	}
	p.stderr.until("error: there is no task at task")
	write(t, task+"-away", "main.js", `export default async () => { console.log("waits"); await new Promise((r) => setTimeout(r, 60000)); }`)
	if err := os.Rename(task+"-away", task); err != nil {
		t.Fatal(err)
	}
	p.stderr.until("[info] waits")
	write(t, task, "main.js", `export default () => "fourth"`) // overtakes what runs
	p.stdout.until(`"fourth"`)

	p.signal(os.Interrupt)
	if code := p.end(); code != 130 {
		t.Errorf("exit code: got %d, want 130", code)
	}
}

func TestAStdoutThatCannotBeWrittenIsNoCrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "task.js", `() => "x".repeat(200000)`)

	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "ratchet", "run", "task.js")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, w, &stderr
	err = cmd.Run()
	w.Close()
	if err == nil || stderr.Len() > 0 {
		t.Errorf("closed pipe: got %v and on stderr %q, want a silent failure", err, &stderr)
	}

	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	stderr.Reset()
	cmd = exec.CommandContext(t.Context(), "ratchet", "run", "task.js")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, full, &stderr
	_ = cmd.Run()
	if got, want := stderr.String(), "error: cannot write the result: no space left on device\n"; got != want || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("full disk: got exit code %d and %q, want 1 and %q", cmd.ProcessState.ExitCode(), got, want)
	}
}
