package bundle_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

const metadata = `{"name": "t", "version": "1.0.0"}`

// files of a task, by name; metadata.json is there unless it is given as "".
type files map[string]string

func (f files) writeTo(t testing.TB, dir string) string {
	t.Helper()
	if _, given := f["metadata.json"]; !given {
		f["metadata.json"] = metadata
	}
	for name, text := range f {
		if name == "metadata.json" && text == "" {
			continue
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func (f files) write(t testing.TB) string {
	t.Helper()
	return f.writeTo(t, filepath.Join(t.TempDir(), "task"))
}

func load(t testing.TB, path string) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Load(t.Context(), path, bundle.Options{})
	if err != nil {
		for _, d := range ratchet.AsError(err).Details {
			t.Log(bundle.Line(d))
		}
		t.Fatal(err)
	}
	return b
}

// refused loads what must not load and returns the reason and one line for each
// detail.
func refused(t testing.TB, path string, o bundle.Options) (ratchet.Reason, string) {
	t.Helper()
	b, err := bundle.Load(t.Context(), path, o)
	if err == nil {
		t.Fatalf("got a bundle of %s, want an error:\n%s", path, b.Code)
	}
	e, ok := errors.AsType[*ratchet.Error](err)
	if !ok {
		t.Fatalf("got %T %v, want a *ratchet.Error", err, err)
	}
	lines := lines(e.Details)
	if len(e.Details) == 0 {
		lines = e.Message
	}
	return e.Reason, lines
}

func lines(details []ratchet.Detail) string {
	var all []string
	for _, d := range details {
		all = append(all, bundle.Line(d))
	}
	return strings.Join(all, "\n")
}

// wants fails unless text has every part.
func wants(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("got:\n%s\nwant it to have:\n%s", text, part)
		}
	}
}

func TestTaskOnDisk(t *testing.T) {
	t.Parallel()
	dir := files{
		"metadata.json":      `{"label": "Send Invoice", "version": "1.2.3", "description": "d", "uuid": "u", "core": {"version": "9.9.9"}}`,
		"main.js":            "(function (input) { return input })",
		"input.schema.json":  `{"type": "object"}`,
		"output.schema.json": `{"$schema": "https://json-schema.org/draft/2020-12/schema"}`,
		"tests/b.json":       `{"input": {}, "expected_output": {}}`,
		"tests/a.json":       `{"input": {}, "expected_output": {}}`,
		"tests/notes.txt":    "not a test",
	}.write(t)
	b := load(t, dir)
	if b.Name != "send-invoice" || b.Label != "Send Invoice" || b.Version != "1.2.3" || b.Description != "d" || b.UUID != "u" {
		t.Errorf("got metadata %+v", b.Metadata)
	}
	if b.Kind != bundle.Script || string(b.Code) != "(function (input) { return input })" {
		t.Errorf("got %s %q, want the script as it is", b.Kind, b.Code)
	}
	if b.Input == nil || b.Output == nil || b.Entry != "main.js" || b.Root != dir || b.Fetch != ratchet.FetchAsync {
		t.Errorf("got %+v", b)
	}
	if len(b.Tests) != 2 || b.Tests[0].Name != "tests/a.json" || string(b.Tests[0].Data) != `{"input": {}, "expected_output": {}}` {
		t.Errorf("got tests %v, want a.json and b.json", b.Tests)
	}
	if len(b.Warnings) != 0 {
		t.Errorf("got warnings %v", lines(b.Warnings))
	}
	if !strings.HasPrefix(b.Digest, "sha256:") || len(b.Digest) != len("sha256:")+64 {
		t.Errorf("got digest %q", b.Digest)
	}
}

func TestSingleFileIsATask(t *testing.T) {
	t.Parallel()
	dir := files{"metadata.json": "", "Hello World.ts": "import {w} from './lib'\nexport default (input: {n: number}): number => input.n + w", "lib.ts": "export const w: number = 1"}.write(t)
	b := load(t, filepath.Join(dir, "Hello World.ts"))
	if b.Name != "hello-world" || b.Version != "0.0.0" || b.Kind != bundle.Module || b.Input != nil {
		t.Errorf("got %+v", b)
	}
}

func TestTwoEntriesWarn(t *testing.T) {
	t.Parallel()
	b := load(t, files{"main.ts": "(i) => 1", "index.js": "(i) => 2", "main.js": "(i) => 3"}.write(t))
	if b.Entry != "main.js" {
		t.Errorf("got entry %s, want main.js", b.Entry)
	}
	wants(t, lines(b.Warnings), "main.js is used; main.ts and index.js have no effect")
}

func TestWhatIsNoTask(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	other := files{"metadata.json": "", "README.md": "hello"}.write(t)
	noMetadata := files{"metadata.json": "", "main.js": "(i) => 1"}.write(t)
	noCode := files{}.write(t)
	blank := files{"main.js": " \n"}.write(t)
	fifo := files{"metadata.json": "", "x.md": ""}.write(t)
	for name, c := range map[string]struct {
		path   string
		reason ratchet.Reason
		want   []string
	}{
		"missing":     {filepath.Join(noCode, "nope"), ratchet.ReasonTaskNotFound, []string{"there is no task at"}},
		"misspelt":    {filepath.Join(noCode, "metadta.json"), ratchet.ReasonTaskNotFound, []string{"did you mean", "metadata.json?"}},
		"empty":       {empty, ratchet.ReasonTaskInvalidSource, []string{"is empty", "metadata.json", "main.ts"}},
		"other":       {other, ratchet.ReasonTaskInvalidSource, []string{"is not a task", "metadata.json"}},
		"no metadata": {noMetadata, ratchet.ReasonTaskInvalidSource, []string{"has main.js but no metadata.json", `{"name": "task", "version": "1.0.0"}`}},
		"no code":     {noCode, ratchet.ReasonTaskInvalidSource, []string{"the task has no code", "main.mjs"}},
		"blank":       {blank, ratchet.ReasonNoFunction, []string{"main.js:1:1: the file is empty"}},
		"a text":      {filepath.Join(fifo, "x.md"), ratchet.ReasonTaskInvalidSource, []string{"is not a task", ".zip"}},
		"a device":    {os.DevNull, ratchet.ReasonTaskInvalidSource, []string{"neither a folder nor a file"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reason, text := refused(t, c.path, bundle.Options{})
			if reason != c.reason {
				t.Errorf("got reason %s, want %s", reason, c.reason)
			}
			wants(t, text, c.want...)
		})
	}
}

func TestAllProblemsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	dir := files{
		"metadata.json":      "{\n  \"name\": 7,\n  \"verison\": \"1.0.0\",\n  \"timeout\": true\n}",
		"main.js":            "(function (input) {\n  return input +;\n})",
		"input.schema.json":  "{\"type\": \"object\",\n \"properties\": {\"a\": {\"type\": \"nummer\"}}}",
		"output.schema.json": "{\n  \"type\": \"object\",\n}",
		"tests/a.json":       "{\"input\": }",
	}.write(t)
	r, err := bundle.Check(t.Context(), dir, bundle.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Bundle != nil {
		t.Error("got a bundle of a broken task")
	}
	got := lines(r.Problems)
	wants(t, got,
		"metadata.json:2:11: /name: name has the wrong type, expected a string, got 7",
		"metadata.json:4:14: /timeout: timeout cannot be read",
		"metadata.json:1:1: version is missing",
		"input.schema.json:2:31: /properties/a/type: this is not a JSON Schema",
		"output.schema.json:3:1: a comma too many before '}'",
		"tests/a.json:1:11: the value is missing before '}', expected a JSON value",
		"main.js:2:17: Unexpected \";\"",
	)
	wants(t, lines(r.Warnings), `metadata.json:3:3: /verison: the key "verison" is not known and has no effect; did you mean "version"?`)
	_, err = bundle.Load(t.Context(), dir, bundle.Options{})
	if e := ratchet.AsError(err); e.Reason != ratchet.ReasonTaskValidation || len(e.Details) != len(r.Problems)-1 {
		t.Errorf("got %s with %d details, want %s with %d: all but the test's", e.Reason, len(e.Details), ratchet.ReasonTaskValidation, len(r.Problems)-1)
	}
}

func TestBrokenTestsDoNotKeepATaskFromRunning(t *testing.T) {
	t.Parallel()
	b := load(t, files{"main.js": "(i) => 1", "tests/a.json": "[", "tests/b.json": "[]"}.write(t))
	wants(t, lines(b.Warnings), "tests/a.json:1:2: unexpected end of file", "tests/b.json:1:1: this is not a test")
}

func TestDeferredSyntax(t *testing.T) {
	t.Parallel()
	o := bundle.Options{DeferSyntax: true}
	b, err := bundle.Load(t.Context(), files{"main.js": "function (input) { return + }"}.write(t), o)
	if err != nil || string(b.Code) != "(function (input) { return + })" {
		t.Errorf("got %v, want the script with its error in it", err)
	}
	for name, code := range map[string]string{"main.ts": "(i: number) => +", "main.js": "export default +"} {
		if reason, _ := refused(t, files{name: code}.write(t), o); reason != ratchet.ReasonSyntax {
			t.Errorf("%s: got reason %s", name, reason)
		}
	}
}

func TestCancelledLoading(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := bundle.Load(ctx, files{"main.js": "(i) => 1"}.write(t), bundle.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestSchemaFilesOutsideAreNotRead(t *testing.T) {
	t.Parallel()
	dir := files{"main.js": "(i) => 1"}.write(t)
	outside := filepath.Join(t.TempDir(), "outside.json")
	if err := os.WriteFile(outside, []byte(`{"type": "object"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "input.schema.json")); err != nil {
		t.Fatal(err)
	}
	_, text := refused(t, dir, bundle.Options{})
	wants(t, text, "input.schema.json: cannot be read: input.schema.json is a symbolic link that leads out of the task")
}

func TestCodeThatIsALink(t *testing.T) {
	t.Parallel()
	dir := files{}.write(t)
	outside := filepath.Join(t.TempDir(), "outside.js")
	if err := os.WriteFile(outside, []byte(`(i) => 1`), 0o644); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{outside: "leads out of the task", "gone.js": "leads nowhere"} {
		link := filepath.Join(dir, "main.js")
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		_, text := refused(t, dir, bundle.Options{})
		if want := "main.js: cannot be read: main.js is a symbolic link that " + want; text != want {
			t.Errorf("got %s, want %s", text, want)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
	}
}

// What may not be read is said plainly, and is none of the task's faults.
func TestWhatMayNotBeRead(t *testing.T) {
	t.Parallel()
	denied := &fs.PathError{Op: "openat", Path: "main.js", Err: syscall.EACCES}
	if reason, text := bundle.Unreadable("main.js", denied); reason != ratchet.ReasonPermission || text != "the user that Ratchet runs as has no permission to read main.js" {
		t.Errorf("got %s %s", reason, text)
	}
	e := ratchet.AsError(bundle.NotFound("a/task", denied))
	if e.Code != ratchet.CodeForbidden || e.Reason != ratchet.ReasonPermission || !strings.HasPrefix(e.Message, "a/task cannot be read: the user") {
		t.Errorf("got %s %s", e.Reason, e.Message)
	}
}

// The text of a long line is what the column says, for whoever shows a part of it.
func TestTheTextOfALongLineHoldsTheColumn(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 3000, 8000} {
		for file, before := range map[string]string{"main.js": "var a" + strings.Repeat("é", n) + " = ", "metadata.json": `{"x": "` + strings.Repeat("é", n) + `", `} {
			f := files{"main.js": "(i) => 1"}
			f[file] = before + "]" + strings.Repeat(" ", 5000)
			r, err := bundle.Check(t.Context(), f.write(t), bundle.Options{})
			if err != nil || len(r.Problems) == 0 {
				t.Fatalf("got %v, %v", r, err)
			}
			d, want := r.Problems[0], utf8.RuneCountInString(before)+1
			if text := []rune(d.Text); d.Column != want || text[d.Column-1] != ']' || len(text) > want+500 {
				t.Errorf("%s: got column %d, want %d, in %d characters", file, d.Column, want, len(text))
			}
		}
	}
	far := strings.Repeat("x", 100_000)
	r, err := bundle.Check(t.Context(), files{"main.js": "var " + far + " = ]" + far}.write(t), bundle.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := r.Problems[0]; d.Column != 100_008 || len(d.Text) > 600 || !strings.HasPrefix(d.Text, "…x") || !strings.Contains(d.Text, " = ]x") {
		t.Errorf("got column %d of %q", d.Column, d.Text)
	}
}

func BenchmarkLoadAddition(b *testing.B) {
	for b.Loop() {
		if _, err := bundle.Load(b.Context(), "../../examples/addition", bundle.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoadAdditionDeferSyntax(b *testing.B) {
	for b.Loop() {
		if _, err := bundle.Load(b.Context(), "../../examples/addition", bundle.Options{DeferSyntax: true}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoadTypeScript(b *testing.B) {
	dir := files{
		"main.ts": "import {add} from './lib'\nexport default (input: {a: number, b: number}): number => add(input.a, input.b)",
		"lib.ts":  "export const add = (a: number, b: number): number => a + b",
	}.write(b)
	for b.Loop() {
		if _, err := bundle.Load(b.Context(), dir, bundle.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCacheLoad(b *testing.B) {
	c := bundle.NewCache(0)
	for b.Loop() {
		if _, err := c.Load(b.Context(), "../../examples/addition", bundle.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
