package js_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/js"
)

// recorder is a Host that keeps the lines of the log and answers nothing.
type recorder struct{ levels, lines []string }

func (r *recorder) Request(uint32, string, string, []byte) {}

func (r *recorder) Log(level, message, fields string) {
	r.levels = append(r.levels, level)
	r.lines = append(r.lines, message+fields)
}

func (r *recorder) Progress(float64, string) {}

// record runs a script that must succeed and returns what it logged.
func record(t *testing.T, source string) *recorder {
	t.Helper()
	e := js.New(js.Config{Resident: -1})
	defer e.Close()
	program, err := e.Compile("main.js", []byte(source), js.Script)
	if err != nil {
		t.Fatal(err)
	}
	vm, err := e.NewVM()
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	r := &recorder{}
	out := vm.Run(program, js.Task{Input: []byte("{}"), Context: []byte("{}")}, r)
	if out.Failure != nil {
		t.Fatalf("got failure %+v, want none", *out.Failure)
	}
	return r
}

// nodesText is what Node printed for each case of a file beside it.
type nodesText []struct{ Source, Text string }

func readNodesText(t *testing.T, name string) (want nodesText, source string) {
	t.Helper()
	cases, err := os.ReadFile("testdata/inspect/" + name + ".js")
	if err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("testdata/inspect/" + map[string]string{"cases": "golden", "calls": "calls"}[name] + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(golden, &want); err != nil {
		t.Fatal(err)
	}
	return want, string(cases)
}

// TestConsolePrintsWhatNodePrints compares console.log with the text that Node
// gave when testdata/inspect/generate.mjs last ran.
func TestConsolePrintsWhatNodePrints(t *testing.T) {
	t.Parallel()
	golden, cases := readNodesText(t, "cases")
	got := record(t, "(function () { const cases = "+cases+"; for (const f of cases) console.log(...f()); return 0; })")
	if len(got.lines) != len(golden) {
		t.Fatalf("got %d lines, want %d", len(got.lines), len(golden))
	}
	for i, want := range golden {
		if got.lines[i] != want.Text {
			t.Errorf("%s\ngot:\n%s\nwant:\n%s", want.Source, got.lines[i], want.Text)
		}
	}
}

// TestConsoleMethodsWriteWhatNodeWrites does so for the other methods of console.
func TestConsoleMethodsWriteWhatNodeWrites(t *testing.T) {
	t.Parallel()
	golden, calls := readNodesText(t, "calls")
	const mark = "-- the next case --"
	got := record(t, "(function () { const calls = "+calls+"; for (const f of calls) { f(console); console.log('"+mark+"'); } return 0; })")
	text := strings.Join(got.lines, "\n") + "\n"
	parts := strings.Split(text, mark+"\n")
	if len(parts) != len(golden)+1 {
		t.Fatalf("got %d cases, want %d", len(parts)-1, len(golden))
	}
	for i, want := range golden {
		if parts[i] != want.Text {
			t.Errorf("%s\ngot:\n%s\nwant:\n%s", want.Source, parts[i], want.Text)
		}
	}
}

// TestGoldenTextIsOfTheCases notices a case that was changed without asking Node.
func TestGoldenTextIsOfTheCases(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"cases", "calls"} {
		golden, source := readNodesText(t, name)
		for _, g := range golden {
			if !strings.Contains(source, g.Source) {
				t.Errorf("%s.js has no %s: run testdata/inspect/generate.mjs", name, g.Source)
			}
		}
	}
}

func TestConsoleLevels(t *testing.T) {
	t.Parallel()
	got := record(t, `(function () {
		console.log("a"); console.info("a"); console.debug("a"); console.warn("a"); console.error("a");
		console.trace("a"); console.dir("a"); console.table([1]); console.assert(false); console.count();
		console.countReset("no"); console.time("t"); console.time("t"); console.timeLog("t", 1); console.timeEnd("t"); console.timeEnd("t");
		return 0;
	})`)
	want := []string{
		"info", "info", "debug", "warn", "error", "trace", "info", "info", "warn", "info", "warn", "warn", "info", "info", "warn",
	}
	if !slices.Equal(got.levels, want) {
		t.Errorf("got levels %v, want %v", got.levels, want)
	}
	if line := got.lines[5]; !strings.HasPrefix(line, "Trace: a\n    at <anonymous> (main.js:3:") || strings.Contains(line, "ratchet:") {
		t.Errorf("got trace %q, want the task's own frames", line)
	}
	for i, pattern := range map[int]string{
		10: `^Count for 'no' does not exist$`, 11: `^Label 't' already exists for console\.time\(\)$`,
		12: `^t: [0-9.]+ms 1$`, 13: `^t: [0-9.]+ms$`, 14: `^No such label 't' for console\.timeEnd\(\)$`,
	} {
		if !regexp.MustCompile(pattern).MatchString(got.lines[i]) {
			t.Errorf("got %q, want %s", got.lines[i], pattern)
		}
	}
}

// TestConsolePrintsAnErrorWithItsOwnFrames wants the message, which QuickJS
// leaves out of the stack, and no frame of the prelude.
func TestConsolePrintsAnErrorWithItsOwnFrames(t *testing.T) {
	t.Parallel()
	got := record(t, "(function main() { console.log(new TypeError('boom')); console.log({ e: new ValidationError('bad') }); return 0; })")
	for i, pattern := range []string{
		`^TypeError: boom\n    at main \(main\.js:1:\d+\)$`,
		`^\{\n  e: ValidationError: bad\n      at main \(main\.js:1:\d+\)\n\}$`,
	} {
		if !regexp.MustCompile(pattern).MatchString(got.lines[i]) {
			t.Errorf("got %q, want %s", got.lines[i], pattern)
		}
	}
}

// TestConsoleStopsAtItsBudget prints values that would be megabytes of text.
func TestConsoleStopsAtItsBudget(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"Object.fromEntries(Array.from({ length: 50000 }, (_, i) => ['key' + i, i]))",
		"(() => { let a = [1]; for (let i = 0; i < 20; i++) a = Array(100).fill(a); return a; })()",
		"Object.fromEntries(Array.from({ length: 300 }, (_, i) => ['k' + i, Object.fromEntries(Array.from({ length: 300 }, (_, j) => ['j' + j, { x: [1, 2, 3] }]))]))",
		"new Map(Array.from({ length: 90 }, (_, i) => [i, Object.fromEntries(Array.from({ length: 300 }, (_, j) => ['j' + j, 'y'.repeat(50)]))]))",
		"Array(90).fill('x'.repeat(9000))",
		"[Array(1e6).fill(1)]",
		"(() => { let e = new Error('x'); for (let i = 0; i < 2000; i++) e = new Error('x', { cause: e }); return e; })()",
		"(() => { const o = {}; let p = o; for (let i = 0; i < 1e5; i++) p = p.next = {}; return o; })()",
	} {
		got := record(t, "(function () { const v = "+value+"; console.log(v); console.log('%o', v); console.dir(v, { depth: null }); return 0; })")
		for i, line := range got.lines {
			if len(line) == 0 || len(line) > 300_000 {
				t.Errorf("%s: line %d has %d bytes, want some, and 300,000 at most", value, i, len(line))
			}
		}
	}
}
