package executor_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// What hostile tasks get.
const (
	// hostileWall is for those that may use it up.
	hostileWall   = ratchet.Duration(500 * time.Millisecond)
	hostileMemory = 32 * ratchet.MB

	// A task is to be over this long after its deadline, and to take no more
	// than this beyond its memory; the machine that tests may be busy, so that
	// the first is judged with patience.
	hostileGrace    = 1500 * time.Millisecond
	patience        = 5 * time.Second
	hostileHeadroom = 64 * ratchet.MB
)

// TestHostileTasksEndInAClassedResult runs each file of testdata/hostile, whose
// first line says in which ways it may end.
func TestHostileTasksEndInAClassedResult(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, hostileTasksEndInAClassedResult)
}

func hostileTasksEndInAClassedResult(t *testing.T, engine ratchet.Engine) {
	files, err := filepath.Glob("testdata/hostile/*.*js")
	if err != nil || len(files) < 30 {
		t.Fatalf("got %d hostile tasks, %v, want 30 at least", len(files), err)
	}
	if engine == ratchet.EngineNode {
		more, err := filepath.Glob("testdata/hostile/node/*.*js")
		if err != nil || len(more) == 0 {
			t.Fatalf("got %d hostile tasks for Node, %v", len(more), err)
		}
		files = append(files, more...)
	}
	x := newExecutorOf(t, engine, workerpool.Config{Running: 4, Resident: 6})
	good := script(t, `(n) => n + 1`)
	memory := watchMemory(t)
	turn := make(chan struct{}, 2)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), func(t *testing.T) {
			t.Parallel()
			turn <- struct{}{}
			defer func() { <-turn }()
			want := wanted(t, engine, file)
			b, err := bundle.Load(t.Context(), file, bundle.Options{Engine: engine})
			if err != nil {
				t.Fatal(err)
			}
			limits := ratchet.Limits{Wall: hostileWall, Memory: hostileMemory}
			if !slices.Contains(want, string(ratchet.ReasonExecutionTimeout)) {
				limits.Wall = ratchet.Duration(10 * time.Second) // it ends by itself, however busy the machine
			}
			e := execute(t, x, executor.Request{Bundle: b, Limits: limits}, "{}")
			got, text := "ok", ""
			if e.Error != nil {
				got, text = string(e.Error.Reason), e.Error.Message
			}
			peak := memory.peak(e.Worker)
			t.Logf("%s after %v, %v of processor time, heap %v, process %v: %.200s", got, e.Elapsed().Round(time.Millisecond), e.CPU, e.PeakMemory, peak, text)
			if !slices.Contains(want, got) {
				t.Errorf("got %s (%.300s), want one of %v", got, text, want)
			}
			if bound := time.Duration(limits.Wall) + hostileGrace + patience; e.Elapsed() > bound {
				t.Errorf("took %v, want %v at most", e.Elapsed(), bound)
			}
			if bound := hostileMemory + hostileHeadroom + processOf[engine]; peak > bound {
				t.Errorf("the worker took %v, want %v at most", peak, bound)
			}
			wantOutput(t, execute(t, x, executor.Request{Bundle: good}, "41"), "42")
		})
	}
}

// processOf is what a worker's process is before it has a task, beyond the ten
// megabytes or so of one that runs QuickJS, and what V8 takes of the system between
// two looks at it.
var processOf = map[ratchet.Engine]ratchet.Size{ratchet.EngineNode: 96 * ratchet.MB}

// wanted are the ways in which a hostile task may end. A second line says what is
// another in Node.
func wanted(t *testing.T, engine ratchet.Engine, file string) []string {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	line, rest, _ := bytes.Cut(source, []byte("\n"))
	want, ok := strings.CutPrefix(string(line), "// want: ")
	if !ok {
		t.Fatalf("%s does not begin with // want:", file)
	}
	line, _, _ = bytes.Cut(rest, []byte("\n"))
	if inNode, ok := strings.CutPrefix(string(line), "// in node: "); ok && engine == ratchet.EngineNode {
		want = inNode
	}
	return strings.Fields(want)
}

// memoryWatch keeps the peak of the resident memory of every child.
type memoryWatch struct {
	mu    sync.Mutex
	peaks map[string]ratchet.Size
}

// watchMemory looks at the children until the test ends.
func watchMemory(t *testing.T) *memoryWatch {
	t.Helper()
	w := &memoryWatch{peaks: map[string]ratchet.Size{}}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				w.look()
			case <-stop:
				return
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-stopped })
	return w
}

func (w *memoryWatch) look() {
	lists, _ := filepath.Glob("/proc/self/task/*/children") // none where there is no /proc
	for _, list := range lists {
		children, err := os.ReadFile(list)
		if err != nil {
			continue // a thread has ended
		}
		for _, pid := range strings.Fields(string(children)) {
			status, err := os.ReadFile("/proc/" + pid + "/status")
			if err != nil {
				continue
			}
			for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
				if f := strings.Fields(lines.Text()); len(f) > 1 && f[0] == "VmHWM:" {
					kb, _ := strconv.ParseInt(f[1], 10, 64)
					w.note("pid-"+pid, ratchet.Size(kb<<10))
				}
			}
		}
	}
}

func (w *memoryWatch) note(worker string, size ratchet.Size) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.peaks[worker] = size // the kernel keeps the peak; before exec it is the server's
}

func (w *memoryWatch) peak(worker string) ratchet.Size {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.peaks[worker]
}

// What a task may do to its globals, and a look at all of them.
const (
	pollute = `
	const wild = () => { throw new Error("polluted"); };
	const ways = [
		() => { for (const k of Reflect.ownKeys(globalThis)) try { delete globalThis[k]; } catch {} },
		() => { for (const k of Reflect.ownKeys(globalThis)) try { globalThis[k] = wild; } catch {} },
		() => { for (const k of Reflect.ownKeys(globalThis)) for (const o of [globalThis[k], globalThis[k]?.prototype]) try { Object.freeze(o); } catch {} },
		() => { for (const k of Reflect.ownKeys(globalThis)) { const o = globalThis[k]?.prototype; if (o) for (const m of Reflect.ownKeys(o)) try { Object.defineProperty(o, m, { value: wild }); } catch {} } },
		() => { for (const k of ["then", "toJSON", "get", "set", "value", "0", "length", "x"]) Object.defineProperty(Object.prototype, k, { get: wild, set: wild, configurable: true }); },
		() => { globalThis.secret = "secret"; globalThis["module"]["exports"].secret = 1; console.secret = 1; ratchet.secret = 1; Symbol.for("secret"); RegExp.prototype.secret = 1; /(secret)/.exec("a secret"); },
		() => { setInterval(() => {}, 0); setTimeout(wild, 0); queueMicrotask(() => {}); Promise.reject(1).catch(() => {}); },
		() => { Object.setPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()), null); const g = function* () {}; g.prototype.__proto__.secret = 1; Object.getPrototypeOf(async function () {}).secret = 1; },
		() => { Math.random = () => 4; Date.now = () => 0; performance.now = () => 0; crypto.randomUUID = () => "x"; new URL("http://a/").secret = 1; URL.prototype.secret = 1; },
		() => { const big = []; for (let i = 0; i < 2e4; i++) big.push({ i, s: "secret " + i }); globalThis.big = big; },
	];`
	inspectGlobals = `
	const lines = [], seen = new Map(), text = String;
	const name = (v) => {
		if (v === null || typeof v !== "object" && typeof v !== "function") return typeof v + " " + text(v);
		if (!seen.has(v)) { seen.set(v, seen.size); todo.push(v); }
		return "#" + seen.get(v);
	};
	const todo = [];
	name(globalThis);
	while (todo.length > 0) {
		const o = todo.shift();
		if (o === input || o === ratchet) continue;
		lines.push(seen.get(o) + " " + typeof o + " " + Object.isFrozen(o) + " " + Object.isExtensible(o) + " proto " + name(Object.getPrototypeOf(o)));
		for (const k of Reflect.ownKeys(o)) {
			const d = Object.getOwnPropertyDescriptor(o, k);
			lines.push("  " + text(k) + " " + d.writable + d.enumerable + d.configurable + " " + name(d.value) + name(d.get) + name(d.set));
		}
	}
	return lines.join("\n");`
)

func TestNoExecutionSeesWhatAnotherDidToItsGlobals(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, noExecutionSeesWhatAnotherDidToItsGlobals)
}

func noExecutionSeesWhatAnotherDidToItsGlobals(t *testing.T, engine ratchet.Engine) {
	x := newExecutorOf(t, engine, workerpool.Config{})
	b := script(t, `(input) => { `+pollute+` if (input.way !== undefined) { ways[input.way % ways.length](); return 0; } `+inspectGlobals+` }`)
	req := executor.Request{Bundle: b, Limits: ratchet.Limits{Output: 8 * ratchet.MB}}
	look := func() (string, string) {
		e := execute(t, x, req, "{}")
		if e.Error != nil {
			t.Fatalf("got %v\n%s", e.Error, e.Error.Stack)
		}
		return string(e.Output), e.Worker
	}
	// What earlier executions touched of the prelude is loaded in later VMs.
	look()
	pristine, worker := look()
	if len(pristine) < 10_000 {
		t.Fatalf("the look at the globals gives only %d bytes", len(pristine))
	}
	rounds := 200
	if os.Getenv("RATCHET_TORTURE") != "" {
		rounds = 5000
	}
	for round := range rounds {
		e := x.Execute(t.Context(), executor.Request{Bundle: b, Input: []byte(fmt.Sprintf(`{"way": %d}`, round)), Limits: req.Limits})
		if e.Error != nil && e.Error.Reason != ratchet.ReasonExecutionFailed {
			t.Fatalf("round %d: got %v", round, e.Error)
		}
		now, again := look()
		if now != pristine {
			t.Fatalf("round %d (way %d) left a mark: %s", round, round%10, difference(pristine, now))
		}
		if again != worker {
			t.Fatalf("round %d ran in %s, want %s: the test shows nothing", round, again, worker)
		}
	}
}

// difference is where two texts of JSON strings begin to differ.
func difference(a, b string) string {
	as, bs := strings.Split(a, `\n`), strings.Split(b, `\n`)
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return fmt.Sprintf("line %d: %q became %q", i, as[i], bs[i])
		}
	}
	return fmt.Sprintf("%d lines became %d", len(as), len(bs))
}

// Inputs are the server's to read before any worker does.
func TestHostileInputsAreRefusedOrRun(t *testing.T) {
	t.Parallel()
	x := newExecutor(t, workerpool.Config{})
	b := script(t, `(i) => 1`)
	for name, input := range map[string]string{
		"deep arrays":      strings.Repeat("[", 1_000_000) + strings.Repeat("]", 1_000_000),
		"deep, not closed": strings.Repeat("[", 5_000_000),
		"deep objects":     strings.Repeat(`{"a":`, 200_000) + "1" + strings.Repeat("}", 200_000),
		"many keys":        `{"a":1` + strings.Repeat(`,"a":1`, 100_000) + `}`,
		"a long number":    strings.Repeat("9", 1_000_000),
		"a long string":    `"` + strings.Repeat(`\u0041`, 1_000_000) + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := execute(t, x, executor.Request{Bundle: b, Limits: ratchet.Limits{Wall: 10 * second, Memory: hostileMemory}}, input)
			if e.Error != nil && !slices.Contains([]ratchet.Reason{
				ratchet.ReasonInputInvalid, ratchet.ReasonExecutionFailed, ratchet.ReasonRecursionLimit, ratchet.ReasonMemoryLimit,
			}, e.Error.Reason) {
				t.Errorf("got %s: %.200s", e.Error.Reason, e.Error.Message)
			}
		})
	}
}
