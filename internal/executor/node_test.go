package executor_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/node"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

func inNode(t testing.TB, config workerpool.Config) *executor.Executor {
	t.Helper()
	return newExecutorOf(t, ratchet.EngineNode, config)
}

func TestModulesOfNodeThatComputeCanBeImported(t *testing.T) {
	t.Parallel()
	x := inNode(t, workerpool.Config{})
	for name, files := range map[string]folder{
		"import": {"main.mjs": `
			import { createHash } from "node:crypto";
			import zlib from "node:zlib";
			import { format } from "util";
			import { EventEmitter } from "events";
			import * as path from "node:path";
			export default () => {
				const e = new EventEmitter(), heard = [];
				e.on("a", (v) => heard.push(v));
				e.emit("a", 1);
				return [createHash("sha256").update("x").digest("hex").slice(0, 8), zlib.gunzipSync(zlib.gzipSync("round")).toString(),
					format("%s=%d", "a", 1), heard, path.join("/a", "..", "b")];
			}`},
		"require": {"main.js": `
			const { createHash } = require("crypto"), zlib = require("node:zlib"), { format } = require("node:util");
			const { EventEmitter } = require("node:events"), path = require("path");
			module.exports = () => {
				const e = new EventEmitter(), heard = [];
				e.on("a", (v) => heard.push(v));
				e.emit("a", 1);
				return [createHash("sha256").update("x").digest("hex").slice(0, 8), zlib.gunzipSync(zlib.gzipSync("round")).toString(),
					format("%s=%d", "a", 1), heard, path.join("/a", "..", "b")];
			}`},
		"import of a script": {"main.js": `
			import { createHash } from "node:crypto";
			import zlib from "zlib";
			import { format } from "util";
			import path from "path";
			function main() { return [createHash("sha256").update("x").digest("hex").slice(0, 8), zlib.gunzipSync(zlib.gzipSync("round")).toString(), format("%s=%d", "a", 1), [1], path.join("/a", "..", "b")]; }`},
		"import()": {"main.mjs": `
			export default async () => {
				const { createHash } = await import("node:crypto");
				const { default: zlib } = await import("node:zlib");
				const { format } = await import("node:util");
				return [createHash("sha256").update("x").digest("hex").slice(0, 8), zlib.gunzipSync(zlib.gzipSync("round")).toString(), format("%s=%d", "a", 1), [1], "/b"];
			}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := execute(t, x, executor.Request{Bundle: loadFor(t, ratchet.EngineNode, files)}, "{}")
			wantOutput(t, e, `["2d711642","round","a=1",[1],"/b"]`)
		})
	}
}

// The bundler leaves these to Node; so Node must have them.
func TestEveryModuleThatABundleMayLeaveToNodeIsThere(t *testing.T) {
	t.Parallel()
	x := inNode(t, workerpool.Config{})
	names := "assert assert/strict async_hooks buffer console crypto events path path/posix path/win32 perf_hooks process querystring " +
		"stream stream/promises stream/web string_decoder timers url util util/types zlib"
	for name := range strings.FieldsSeq(names) {
		b := loadFor(t, ratchet.EngineNode, folder{"main.mjs": fmt.Sprintf("import * as m from %q;\nexport default () => Object.keys(m).length > 0 && m.default !== undefined;", "node:"+name)})
		wantOutput(t, execute(t, x, executor.Request{Bundle: b}, "{}"), "true")
	}
}

func TestModulesOfNodeThatReachOutAreRefusedByName(t *testing.T) {
	t.Parallel()
	x := inNode(t, workerpool.Config{})
	for _, name := range []string{
		"fs", "node:fs", "node:fs/promises", "child_process", "node:net", "http", "https", "dgram", "dns", "tls", "cluster", "worker_threads",
		"vm", "v8", "inspector", "module", "os", "repl", "wasi", "node:test", "node:sqlite", "diagnostics_channel",
	} {
		b := script(t, fmt.Sprintf(`() => globalThis.require(%q)`, name))
		err := wantError(t, execute(t, x, executor.Request{Bundle: b}, "{}"), ratchet.ReasonExecutionFailed)
		if want := "node:" + strings.TrimPrefix(name, "node:"); !strings.Contains(err.Message, want) {
			t.Errorf("%s: got %q, want %s named", name, err.Message, want)
		}
	}
}

// What Node's own modules give are objects that every execution gets.
func TestNothingOfNodesModulesIsChangedForTheNextExecution(t *testing.T) {
	t.Parallel()
	x := inNode(t, workerpool.Config{})
	b := loadFor(t, ratchet.EngineNode, folder{"main.js": `
		const names = ["util", "buffer", "events", "stream", "zlib", "crypto", "url", "path", "assert", "querystring", "string_decoder"];
		const modules = names.map((name) => globalThis.require(name));
		const wild = () => { throw new Error("polluted"); };
		const reached = () => {
			const seen = new Set(modules), todo = [...modules];
			while (todo.length > 0) {
				const o = todo.pop(), next = [Object.getPrototypeOf(o)];
				for (const k of Reflect.ownKeys(o)) {
					const d = Object.getOwnPropertyDescriptor(o, k);
					next.push(d.value, d.get, d.set);
					if (d.get) try { next.push(o[k]); } catch {}
				}
				for (const v of next) if (v !== null && (typeof v === "object" || typeof v === "function") && !seen.has(v) && seen.size < 20000) { seen.add(v); todo.push(v); }
			}
			return seen;
		};
		module.exports = (input) => {
			const { EventEmitter } = modules[2], all = reached();
			if (input.look) {
				const found = [];
				for (const o of all) for (const k of ["mark", "then", "toJSON"]) if (Object.hasOwn(o, k) && (k === "mark" || o[k] === undefined || String(o[k]).includes("polluted"))) found.push(k);
				const outer = Object.getPrototypeOf(modules[0]);
				for (const v of [outer, Object.getPrototypeOf(modules[0].inspect), modules[1].Buffer.prototype, EventEmitter.prototype]) if (v.mark !== undefined) found.push("mark");
				const e = new EventEmitter(); let n = 0; e.on("a", () => n++); e.emit("a");
				return { found, n, text: modules[0].format("%o", [1]), max: EventEmitter.defaultMaxListeners, bytes: Buffer.from("x").toString("hex") };
			}
			for (const o of all) {
				for (const k of ["mark", "then", "toJSON", "emit", "on", "from", "inspect", "format", "toString", "defaultMaxListeners"]) {
					try { o[k] = wild; } catch {}
					try { Object.defineProperty(o, k, { value: wild }); } catch {}
					try { delete o[k]; } catch {}
				}
				try { Object.setPrototypeOf(o, null); } catch {}
			}
			return all.size;
		}`})
	look := func() (string, string) {
		e := execute(t, x, executor.Request{Bundle: b}, `{"look": true}`)
		if e.Error != nil {
			t.Fatalf("got %s %s\n%s", e.Error.Reason, e.Error.Message, e.Error.Stack)
		}
		return string(e.Output), e.Worker
	}
	before, worker := look()
	e := execute(t, x, executor.Request{Bundle: b}, "{}")
	if e.Error != nil || len(e.Output) < 4 {
		t.Fatalf("got %s, %v: the test reaches too little", e.Output, e.Error)
	}
	after, again := look()
	if after != before || !strings.Contains(before, `"found":[],"n":1`) {
		t.Errorf("got %s, want %s", after, before)
	}
	if again != worker {
		t.Errorf("it ran in %s, want %s: the test shows nothing", again, worker)
	}
}

// A recording made in Node is replayed in Node: time and chance come from the
// timeline.
func TestATimelineMakesAnExecutionInNodeRepeatable(t *testing.T) {
	t.Parallel()
	x := inNode(t, workerpool.Config{})
	b := loadFor(t, ratchet.EngineNode, folder{"main.js": `
		module.exports = async () => {
			const seen = [Math.random(), crypto.randomUUID(), Date.now(), new Date().toISOString(), performance.now()];
			await new Promise((done) => setTimeout(done, 30));
			seen.push(Date.now(), Math.random(), crypto.getRandomValues(new Uint8Array(4)).join());
			return seen;
		}`})
	at := time.Date(2031, 2, 3, 4, 5, 6, 7_000_000, time.UTC)
	one := func(seed uint64, replay bool) string {
		e := execute(t, x, executor.Request{Bundle: b, Timeline: &executor.Timeline{Seed: seed, Start: at, Replay: replay}}, "{}")
		if e.Error != nil {
			t.Fatal(e.Error)
		}
		return string(e.Output)
	}
	first := one(7, false)
	if !strings.Contains(first, `"2031-02-03T04:05:06.007Z"`) || !strings.Contains(first, fmt.Sprint(at.UnixMilli()+30)) {
		t.Errorf("got %s, want the timeline's clock in it", first)
	}
	for _, replay := range []bool{false, true} {
		if again := one(7, replay); again != first {
			t.Errorf("replay %t: got %s, want %s", replay, again, first)
		}
	}
	if other := one(8, false); other == first {
		t.Errorf("another seed gives the same: %s", other)
	}
}

// Executions that share a process share nothing else.
func TestExecutionsShareANodeWorker(t *testing.T) {
	t.Parallel()
	x := inNode(t, workerpool.Config{Running: 1})
	b := loadFor(t, ratchet.EngineNode, folder{
		"metadata.json": `{"name": "shared", "version": "1.0.0", "slots": 4}`,
		"main.js":       `module.exports = async (n) => { globalThis.n = n; await new Promise((done) => setTimeout(done, 50)); return globalThis.n; }`,
	})
	ended := make(chan *ratchet.Execution)
	for i := range 4 {
		go func() {
			ended <- x.Execute(t.Context(), executor.Request{Bundle: b, Input: json.RawMessage(fmt.Sprint(i))})
		}()
	}
	workers := map[string]bool{}
	for range 4 {
		e := <-ended
		check(t, e)
		wantOutput(t, e, string(e.Input))
		workers[e.Worker] = true
	}
	if len(workers) != 1 {
		t.Errorf("got workers %v, want one", workers)
	}
}

// What is there instead of a Node that can be used is told, and nothing else runs
// the task.
func TestANodeThatCannotBeUsedIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "text"), []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		"/bin/false":               "exit status 1",
		"/bin/true":                "exit status 0",
		filepath.Join(dir, "text"): "no program of this system",
		filepath.Join(dir, "none"): "no such file",
	} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			x := newExecutorOf(t, ratchet.EngineQuickJS, workerpool.Config{Start: 5 * time.Second})
			x.SetEngines(nodeEngines{node.Runtime{Path: path}})
			e := execute(t, x, executor.Request{Bundle: script(t, "(i) => i")}, "1")
			if err := wantError(t, e, ratchet.ReasonEngineUnavailable); !strings.Contains(err.Message, says) || !strings.Contains(err.Message, path) {
				t.Errorf("got %s, want an error that says %q and %s", err.Message, says, path)
			}
		})
	}
}
