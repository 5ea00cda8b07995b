package js_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/js"
)

// host answers a request with its own head and body, and keeps what a task says.
type host struct {
	vm   *js.VM
	said []string
}

func (h *host) Request(call uint32, _, head string, body []byte) {
	h.vm.Deliver(js.Reply{Call: call, Head: head, Body: body})
}

func (h *host) Log(level, message, fields string) {
	h.said = append(h.said, strings.TrimSpace(level+" "+message+" "+fields))
}

func (h *host) Progress(value float64, message string) {
	h.said = append(h.said, fmt.Sprint("progress ", value, " ", message))
}

// run compiles a program and runs it once.
func run(t testing.TB, e *js.Engine, source string, kind js.Kind, input string) (js.Outcome, *host) {
	t.Helper()
	p, err := e.Compile("main.js", []byte(source), kind)
	if err != nil {
		t.Fatalf("compile %s: %v", source, err)
	}
	vm, err := e.NewVM()
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	h := &host{vm: vm}
	task := js.Task{Input: []byte(input), Context: []byte(`{"executionId":"x"}`), CPU: 300 * time.Millisecond, Output: 1 << 20}
	return vm.Run(p, task, h), h
}

// engines are the two ways in which a VM is made, which must not differ.
func engines(t testing.TB) map[string]*js.Engine {
	t.Helper()
	all := map[string]*js.Engine{
		"snapshot": js.New(js.Config{Resident: 1, Memory: 32 << 20}),
		"built":    js.New(js.Config{Resident: -1, Memory: 32 << 20}),
	}
	t.Cleanup(func() {
		for _, e := range all {
			e.Close()
		}
	})
	return all
}

func TestFunctionsAreFoundInEveryForm(t *testing.T) {
	t.Parallel()
	forms := []struct {
		kind   js.Kind
		source string
	}{
		{js.Script, `(function (i) { return i.a + 1 })`},
		{js.Script, `(function (i, c) { return c.executionId === "x" ? i.a + 1 : 0 })`},
		{js.Script, `function main(i) { return i.a + 1 } main;`},
		{js.Script, `function main(i) { return i.a + 1 }`},
		{js.Script, `function execute(i) { return i.a + 1 }`},
		{js.Script, `const handler = (i) => i.a + 1`},
		{js.Script, `const main = async (i) => { await null; return i.a + 1 }`},
		{js.Script, `(i) => i.a + 1`},
		{js.Script, `async (i) => i.a + 1`},
		{js.Script, `({ main(i) { return i.a + 1 } })`},
		{js.Script, `module.exports = (i) => i.a + 1; 0`},
		{js.Script, `exports.handler = (i) => i.a + 1; 0`},
		{js.Script, `(i) => ({ then(f) { f(i.a + 1) } })`},
		{js.Module, `export default (i) => i.a + 1`},
		{js.Module, `export function main(i) { return i.a + 1 }`},
		{js.Module, `export const handler = async (i) => i.a + 1`},
		{js.Module, `export default { default: (i) => i.a + 1 }`},
		{js.Module, `const one = await Promise.resolve(1); export const execute = (i) => i.a + one`},
	}
	for name, e := range engines(t) {
		for range 2 { // the second time from what the first left behind
			for _, f := range forms {
				out, _ := run(t, e, f.source, f.kind, `{"a": 1}`)
				if string(out.Output) != "2" {
					t.Errorf("%s VM: %s: got %s %+v, want 2", name, f.source, out.Output, out.Failure)
				}
			}
		}
	}
}

func TestFailuresAreClassed(t *testing.T) {
	t.Parallel()
	programs := []struct {
		source string
		kind   js.FailureKind
		says   string // in the message
	}{
		{`() => { throw new TypeError("boom") }`, js.Threw, "boom"},
		{`async () => { throw "plain" }`, js.Threw, "plain"},
		{`() => { setTimeout(() => { throw new Error("later") }, 1); return new Promise(() => {}) }`, js.Threw, "later"},
		{`() => { queueMicrotask(() => { throw new Error("soon") }); return new Promise(() => {}) }`, js.Threw, "soon"},
		{`5`, js.NoFunction, "number"},
		{`null`, js.NoFunction, "null"},
		{`({ a: 1 })`, js.NoFunction, "a (a number)"},
		{`() => new Promise(() => {})`, js.NeverSettles, ""},
		{`() => undefined`, js.NotJSON, "undefined"},
		{`() => function named() {}`, js.NotJSON, "named"},
		{`() => Symbol()`, js.NotJSON, "symbol"},
		{`() => ({ a: [1n] })`, js.NotJSON, "/a/0"},
		{`() => { const a = {}; a.b = { c: a }; return a }`, js.NotJSON, "/b/c"},
		{`() => new Map([[1, 2]])`, js.NotJSON, "a Map"},
		{`function* main() { yield 1 } main`, js.NotJSON, "a Generator"},
		{`() => "x".repeat(2e6)`, js.OutputTooLarge, ""},
		{`() => { for (;;); }`, js.CPUExceeded, ""},
		{`async () => { for (;;) await null }`, js.CPUExceeded, ""},
		{`() => { for (;;) try { for (;;); } catch {} }`, js.CPUExceeded, ""},
		{`() => { const a = []; for (;;) a.push(new Array(1000).fill(1)) }`, js.MemoryExceeded, ""},
		{`() => { const a = []; for (;;) a.push(new ArrayBuffer(1e6)) }`, js.MemoryExceeded, ""},
		{`() => { try { const a = []; for (;;) a.push("x".repeat(1e6) + a.length) } catch { return "caught" } }`, js.MemoryExceeded, ""},
		{`function f() { return f() } f`, js.StackExceeded, ""},
	}
	for name, e := range engines(t) {
		for _, p := range programs {
			out, _ := run(t, e, p.source, js.Script, `{}`)
			if out.Failure == nil {
				t.Errorf("%s VM: %s: got the output %s, want a failure of kind %s", name, p.source, out.Output, p.kind)
				continue
			}
			if out.Failure.Kind != p.kind || !strings.Contains(out.Failure.Message, p.says) {
				t.Errorf("%s VM: %s: got %s %q, want %s with %q", name, p.source, out.Failure.Kind, out.Failure.Message, p.kind, p.says)
			}
			if out.Output != nil {
				t.Errorf("%s VM: %s: a failure with the output %s", name, p.source, out.Output)
			}
		}
	}
}

func TestWhatATaskLeavesBehindIsGone(t *testing.T) {
	t.Parallel()
	const source = `() => {
  const found = [globalThis.left, Object.prototype.left, [].left, Promise.left, JSON.stringify.left, typeof URL.left];
  globalThis.left = Object.prototype.left = Array.prototype.left = Promise.left = JSON.stringify.left = URL.left = 1;
  return found;
}`
	for name, e := range engines(t) {
		for i := range 50 {
			out, _ := run(t, e, source, js.Script, `{}`)
			if got := string(out.Output); got != `[null,null,null,null,null,"undefined"]` {
				t.Fatalf("%s VM, execution %d: found %s %+v", name, i, got, out.Failure)
			}
		}
	}
}

func TestRandomNumbersDifferBetweenExecutions(t *testing.T) {
	t.Parallel()
	for name, e := range engines(t) {
		seen := map[string]bool{}
		for range 20 {
			out, _ := run(t, e, `() => Math.random()`, js.Script, `{}`)
			seen[string(out.Output)] = true
		}
		if len(seen) != 20 {
			t.Errorf("%s VM: 20 executions saw %d different first random numbers", name, len(seen))
		}
	}
}

func TestTimersFireInOrder(t *testing.T) {
	t.Parallel()
	const source = `() => new Promise((resolve) => {
  const log = [];
  setTimeout(() => { log.push("b"); }, 2);
  setTimeout((x) => { log.push(x); }, 1, "a");
  const gone = setTimeout(() => log.push("never"), 1);
  clearTimeout(gone);
  let n = 0;
  const every = setInterval(() => { log.push("i"); if (++n === 3) { clearInterval(every); resolve(log.join("")); } }, 3);
  queueMicrotask(() => log.push("m"));
  log.push("s");
})`
	for name, e := range engines(t) {
		out, _ := run(t, e, source, js.Script, `{}`)
		if got := string(out.Output); got != `"smabiii"` {
			t.Errorf("%s VM: got %s %+v", name, got, out.Failure)
		}
	}
}

func TestTheContextTellsTheHost(t *testing.T) {
	t.Parallel()
	e := engines(t)["snapshot"]
	out, h := run(t, e, `(i, c) => { c.log("hi", { a: 1 }); c.log.warn("oh"); ratchet.progress(0.5, "half"); return c === ratchet }`, js.Script, `{}`)
	if string(out.Output) != "true" {
		t.Fatalf("got %s %+v", out.Output, out.Failure)
	}
	want := []string{`info hi {"a":1}`, "warn oh", "progress 0.5 half"}
	if got := fmt.Sprint(h.said); got != fmt.Sprint(want) {
		t.Errorf("the host heard %v, want %v", got, want)
	}
}

func TestUnhandledRejectionsAreTold(t *testing.T) {
	t.Parallel()
	e := engines(t)["snapshot"]
	out, _ := run(t, e, `() => { Promise.reject(new RangeError("lost")); Promise.reject(1).catch(() => {}); return 1 }`, js.Script, `{}`)
	if len(out.Unhandled) != 1 || string(out.Output) != "1" || !strings.HasPrefix(out.Unhandled[0], "RangeError: lost\n    at <anonymous> (main.js:1:") {
		t.Errorf("got %s with unhandled %q", out.Output, out.Unhandled)
	}
	out, _ = run(t, e, `throw new Error("top")`, js.Module, `{}`)
	if out.Failure == nil || len(out.Unhandled) != 0 {
		t.Errorf("got %+v with unhandled %q, want the failure alone", out.Failure, out.Unhandled)
	}
}

func TestWhatJSONLosesIsAWarning(t *testing.T) {
	t.Parallel()
	e := engines(t)["snapshot"]
	out, h := run(t, e, `() => ({ a: Promise.resolve(1), b: [new Set()], c: {}, d: new Date(0), e: Object.create(null) })`, js.Script, `{}`)
	want := "[warn the result loses what JSON cannot hold: /a is a Promise, /b/0 is a Set]"
	if got := fmt.Sprint(h.said); out.Failure != nil || got != want {
		t.Errorf("got %s %+v with %s, want %s", out.Output, out.Failure, got, want)
	}
}

func TestNothingLoggedIsLost(t *testing.T) {
	t.Parallel()
	e := engines(t)["snapshot"]
	_, h := run(t, e, `(i, c) => {
  c.log("error", new RangeError("inner"));
  c.log("map", new Map([[1, 2]]));
  c.log("fields", { e: new TypeError("deep"), n: 1n, s: new Set([1]) });
  const a = {}; a.a = a; c.log("cycle", a);
  c.log({ plain: true });
  return 1;
}`, js.Script, `{}`)
	got := strings.Join(h.said, "\n")
	for _, want := range []string{"info error RangeError: inner", "info map Map(1) { 1 => 2 }", `"message":"deep"`, `"n":"1"`, `"s":[1]`, "[Circular *1]", "info { plain: true }"} {
		if !strings.Contains(got, want) {
			t.Errorf("the host heard\n%s\nwant %q in it", got, want)
		}
	}
}

func TestStacksNameTheFile(t *testing.T) {
	t.Parallel()
	e := engines(t)["snapshot"]
	out, _ := run(t, e, "(i) => {\n  throw new Error('x')\n}", js.Script, `{}`)
	if out.Failure == nil || !strings.Contains(out.Failure.Stack, "(main.js:2:") {
		t.Errorf("got %+v, want a stack with main.js:2", out.Failure)
	}
}

func TestInterruptEndsAWait(t *testing.T) {
	t.Parallel()
	for name, e := range engines(t) {
		p, err := e.Compile("main.js", []byte(`() => new Promise((r) => { setTimeout(r, 1e9); ratchet.progress(0) })`), js.Script)
		if err != nil {
			t.Fatal(err)
		}
		vm, err := e.NewVM()
		if err != nil {
			t.Fatal(err)
		}
		out := vm.Run(p, js.Task{Input: []byte(`{}`), Context: []byte(`{}`)}, interrupting{vm})
		vm.Close()
		if out.Failure == nil || out.Failure.Kind != js.Stopped {
			t.Errorf("%s VM: got %s %+v, want it stopped", name, out.Output, out.Failure)
		}
	}
}

// interrupting stops the VM once the task reports progress.
type interrupting struct{ vm *js.VM }

func (interrupting) Request(uint32, string, string, []byte) {}
func (interrupting) Log(string, string, string)             {}
func (h interrupting) Progress(float64, string)             { h.vm.Interrupt() }

func TestSyntaxErrorsComeFromCompile(t *testing.T) {
	t.Parallel()
	e := engines(t)["snapshot"]
	_, err := e.Compile("main.js", []byte("let x = ;"), js.Script)
	if err == nil || !strings.Contains(err.Error(), "SyntaxError") {
		t.Errorf("got %v, want a SyntaxError", err)
	}
}

func benchmarkExecution(b *testing.B, c js.Config) {
	e := js.New(c)
	defer e.Close()
	p, err := e.Compile("main.js", []byte("(function (i) { return { a: i.a + 1 } })"), js.Script)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		vm, err := e.NewVM()
		if err != nil {
			b.Fatal(err)
		}
		out := vm.Run(p, js.Task{Input: []byte(`{"a": 1}`), Context: []byte(`{}`)}, &host{vm: vm})
		if out.Failure != nil {
			b.Fatal(out.Failure)
		}
		vm.Close()
	}
}

func BenchmarkSnapshotVM(b *testing.B) { benchmarkExecution(b, js.Config{}) }
func BenchmarkBuiltVM(b *testing.B)    { benchmarkExecution(b, js.Config{Resident: -1}) }
