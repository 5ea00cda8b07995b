package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/cli"
)

// TestMain makes the test binary a worker where it is started as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		os.Exit(cli.Main(context.Background(), cli.OS()))
	}
	os.Exit(m.Run())
}

// A buffer takes writes of several at once.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// testWorld returns a world without a terminal, and what is written in it.
func testWorld(args ...string) (w cli.World, stdout, stderr *buffer) {
	stdout, stderr = &buffer{}, &buffer{}
	w = cli.World{
		Args: args, Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr,
		LookupEnv: func(string) (string, bool) { return "", false },
		Notify:    func(chan<- os.Signal) {},
		Exit:      func(int) {},
	}
	if worker := os.Getenv("RATCHET_TEST_WORKER"); worker != "" {
		w.Worker = []string{worker, "worker"}
	}
	return w, stdout, stderr
}

func task(t *testing.T, code string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "task.js")
	if err := os.WriteFile(path, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEveryCodeHasOneExitCode(t *testing.T) {
	t.Parallel()
	for _, code := range ratchet.Codes() {
		if n := cli.ExitRows(code); n != 1 {
			t.Errorf("%s stands in %d rows of the table of exit codes, want 1", code, n)
		}
	}
	for code, want := range map[ratchet.Code]int{
		ratchet.CodeInternal: 1, ratchet.CodeInvalid: 2, ratchet.CodeTaskFailed: 3, ratchet.CodeForbidden: 4,
		ratchet.CodeNotFound: 5, ratchet.CodeConflict: 6, ratchet.CodeExhausted: 7, ratchet.CodeUnavailable: 8,
	} {
		if got := cli.ExitCode(code); got != want {
			t.Errorf("exit code of %s: got %d, want %d", code, got, want)
		}
	}
}

func TestATerminalGetsIndentedJSONInColours(t *testing.T) {
	t.Parallel()
	code := `() => ({ z: [1, -2.5e30], text: "a\u009b\"b", ok: true })`
	w, stdout, _ := testWorld("run", task(t, code))
	w.StdoutTerminal, w.Width = true, 80
	if code := cli.Main(t.Context(), w); code != 0 {
		t.Fatalf("exit code: got %d, want 0", code)
	}
	want := "{\n  \x1b[34m\"z\"\x1b[0m: [\n    \x1b[36m1\x1b[0m,\n    \x1b[36m-2.5e+30\x1b[0m\n  ],\n" +
		"  \x1b[34m\"text\"\x1b[0m: \x1b[32m\"a\\u009b\\\"b\"\x1b[0m,\n  \x1b[34m\"ok\"\x1b[0m: \x1b[33mtrue\x1b[0m\n}\n"
	if got := stdout.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}

	w, stdout, _ = testWorld("run", task(t, code))
	w.StdoutTerminal = true
	w.LookupEnv = func(name string) (string, bool) { return "1", name == "NO_COLOR" }
	cli.Main(t.Context(), w)
	if got := stdout.String(); strings.Contains(got, "\x1b") || !strings.Contains(got, "\n  \"ok\": true\n") {
		t.Errorf("with NO_COLOR: got %q, want it indented and without colours", got)
	}
}

func TestATerminalSeesHowFarATaskIs(t *testing.T) {
	t.Parallel()
	code := `async (input, context) => {
		context.progress(0.5, "half\u001b[2J way");
		await new Promise((r) => setTimeout(r, 700));
		console.log("line");
		return 1;
	}`
	w, stdout, stderr := testWorld("run", task(t, code))
	w.StderrTerminal = true
	cli.Main(t.Context(), w)
	if got := stderr.String(); !strings.Contains(got, "task 50% half\ufffd[2J way") || !strings.Contains(got, "\r\x1b[K\x1b[36m[info]\x1b[0m line\n") {
		t.Errorf("stderr: got %q, want the progress, gone before the line that is logged", got)
	}
	if got := stdout.String(); got != "1\n" {
		t.Errorf("stdout: got %q, want the result alone", got)
	}

	w, _, stderr = testWorld("run", task(t, code))
	cli.Main(t.Context(), w)
	if got, want := stderr.String(), "[info] line\n"; got != want {
		t.Errorf("stderr that is no terminal: got %q, want %q", got, want)
	}
}

func TestTheSecondSignalEndsTheProcessAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signals, exits := make(chan chan<- os.Signal, 1), make(chan int, 1)
		w, _, stderr := testWorld()
		w.Notify = func(c chan<- os.Signal) { signals <- c }
		w.Exit = func(code int) { exits <- code }
		ctx, stop := cli.Listen(t.Context(), w)
		defer stop()
		send := <-signals
		send <- syscall.SIGTERM
		<-ctx.Done()
		if err := context.Cause(ctx); !errors.Is(err, context.Canceled) || err.Error() != "terminated" {
			t.Errorf("cause: got %v, want a cancellation that says terminated", err)
		}
		// Whoever signals a group as well reaches the process twice.
		send <- syscall.SIGTERM
		synctest.Wait()
		if len(exits) != 0 {
			t.Fatal("the first signal, come twice, ended the process at once")
		}
		<-time.After(time.Second)
		send <- os.Interrupt
		if code := <-exits; code != 130 {
			t.Errorf("exit code: got %d, want 130", code)
		}
		if got, want := stderr.String(), "interrupted again: ending at once\n"; got != want {
			t.Errorf("stderr: got %q, want %q", got, want)
		}
	})
}

// A silence is a Stdin on which nothing ever comes.
type silence struct{ read chan struct{} }

func (s silence) Read([]byte) (int, error) {
	close(s.read)
	select {}
}

func TestASignalEndsTheWaitForTheInput(t *testing.T) {
	t.Parallel()
	signals, stdin := make(chan chan<- os.Signal, 1), silence{make(chan struct{})}
	w, _, stderr := testWorld("run", task(t, `() => 1`), "--input", "-")
	w.Stdin = stdin
	w.Notify = func(c chan<- os.Signal) { signals <- c }
	go func() {
		<-stdin.read
		send := <-signals
		send <- os.Interrupt
	}()
	if code := cli.Main(t.Context(), w); code != 130 {
		t.Errorf("exit code: got %d, want 130", code)
	}
	if got, want := stderr.String(), "interrupted\n"; got != want {
		t.Errorf("stderr: got %q, want %q", got, want)
	}
}

func TestAnInternalErrorHidesWhatIsBehindItUnlessAsked(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("open the vault: %w", errors.New("secret detail"))
	w, _, stderr := testWorld()
	if code := cli.Report(w, err); code != 1 {
		t.Errorf("exit code: got %d, want 1", code)
	}
	got := stderr.String()
	if strings.Contains(got, "secret") || !strings.Contains(got, "error: internal error (id execution_") || !strings.Contains(got, "/issues") {
		t.Errorf("got %q, want an id and how to report it, and nothing else", got)
	}

	w, _, stderr = testWorld()
	w.LookupEnv = func(name string) (string, bool) { return "1", name == "RATCHET_DEBUG" }
	cli.Report(w, err)
	if got := stderr.String(); !strings.Contains(got, "cause: open the vault: secret detail\ncause: secret detail\n") {
		t.Errorf("with RATCHET_DEBUG: got %q, want the chain of causes", got)
	}
}

func TestAWorkerThatDoesNotStartIsExplained(t *testing.T) {
	t.Parallel()
	w, stdout, _ := testWorld("doctor")
	w.Worker = []string{"/does/not/exist"}
	if code := cli.Main(t.Context(), w); code != 8 {
		t.Errorf("doctor: exit code: got %d, want 8", code)
	}
	if got := stdout.String(); !strings.Contains(got, "worker    cannot run: a worker process does not start") || !strings.HasSuffix(got, "tasks cannot run here\n") {
		t.Errorf("doctor: got %q, want that workers cannot run", got)
	}
}

func TestASnippetPutsTheCaretUnderTheColumn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text   string
		column int
		want   string
	}{
		{"\tthrow x;", 2, "    7 |     throw x;\n      |     ^\n"},
		{"é = 1", 3, "    7 | é = 1\n      |   ^\n"},
		{"short", 6, "    7 | short\n      |      ^\n"},
		{"short", 60, "    7 | short\n"},
		{strings.Repeat("a", 30) + "X" + strings.Repeat("b", 30), 31, "    7 | …aaaaaaaaaaaaaaaaaaaaaaXbbbbbb…\n      |                        ^\n"},
		{"\x1b[31mred\u202e", 1, "    7 | �[31mred�\n      | ^\n"},
	} {
		if got := cli.Snippet(test.text, 7, test.column, 40); got != test.want {
			t.Errorf("%q, column %d: got\n%s\nwant\n%s", test.text, test.column, got, test.want)
		}
	}
}
