package js_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/js"
)

// touches uses each module of the web's classes and gives what it saw. Every
// line also leaves something behind: in a later execution nothing of it may show.
var touches = map[string]string{
	"url": `
		const u = new URL("/p?a=1", "http://h");
		u.searchParams.append("b", "2");
		const seen = [u.href, URL.prototype.left, URLSearchParams.left, u.left];
		URL.prototype.left = URLSearchParams.left = 1;
		URL.canParse = null;
		return seen;`,
	"encoding": `
		const d = new TextDecoder();
		const seen = [new TextEncoder().encode("é").length, d.decode(Uint8Array.of(0xE2), { stream: true }), atob(btoa("x")), TextDecoder.left];
		TextDecoder.left = 1;
		TextEncoder.prototype.encode = null;
		return seen;`,
	"events": `
		const c = new AbortController(), t = new EventTarget(), seen = [];
		t.addEventListener("x", () => seen.push(1), { signal: c.signal });
		AbortSignal.any([c.signal]).onabort = () => seen.push(2);
		t.dispatchEvent(new CustomEvent("x"));
		c.abort();
		seen.push(c.signal.reason.name, DOMException.left, globalThis.kept?.aborted);
		DOMException.left = 1;
		globalThis.kept = c.signal;
		return seen;`,
	"performance": `
		const seen = [performance.getEntries().length, performance.now() < 10000, performance.timeOrigin > 1.6e12, performance.left];
		performance.mark("left");
		performance.left = 1;
		return seen;`,
	"blob": `
		const seen = [new Blob(["a", "b"]).size, new File([], "x").name, Blob.left];
		Blob.left = 1;
		return seen;`,
	"clone": `
		const seen = [structuredClone(new Map([[1, { a: 1n + 1n === 2n }]])).get(1), structuredClone.left];
		structuredClone.left = 1;
		return seen;`,
	"crypto": `
		const k = await crypto.subtle.importKey("raw", new Uint8Array(16), "AES-GCM", true, ["encrypt"]);
		const seen = [crypto.randomUUID().length, (await crypto.subtle.digest("SHA-1", new Uint8Array(1))).byteLength, k.type, crypto.left, CryptoKey.left];
		crypto.left = CryptoKey.left = 1;
		crypto.subtle.digest = null;
		return seen;`,
}

// TestModulesLeaveNoState runs each module in one VM again and again: the first
// execution loads it, the second builds it into the snapshot, the others start
// from that.
func TestModulesLeaveNoState(t *testing.T) {
	t.Parallel()
	for name, body := range touches {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := js.New(js.Config{Resident: 1})
			t.Cleanup(e.Close)
			source := "(async () => {" + body + "})"
			want := runScript(t, e, source, "null")
			for i := range 4 {
				if got := runScript(t, e, source, "null"); !slices.Equal(got, want) {
					t.Errorf("execution %d: got %s, want %s", i+2, got, want)
				}
			}
		})
	}
}

// TestModulesShareOneSnapshot has all modules in the snapshot at once, and
// random values that differ all the same.
func TestModulesShareOneSnapshot(t *testing.T) {
	t.Parallel()
	e := js.New(js.Config{Resident: 1})
	t.Cleanup(e.Close)
	for range 2 {
		for _, body := range touches {
			runScript(t, e, "(async () => {"+body+"})", "null")
		}
	}
	seen := map[string]bool{}
	for range 20 {
		id := string(runScript(t, e, "() => [crypto.randomUUID(), Array.from(crypto.getRandomValues(new Uint8Array(8)))]", "null"))
		if seen[id] {
			t.Fatalf("%s came twice", id)
		}
		seen[id] = true
	}
}

// tampered breaks what a task can reach of the language, then uses the modules.
const tampered = `(async () => {
	const { URL, URLSearchParams, TextEncoder, TextDecoder, atob, btoa, EventTarget, Event, AbortController, AbortSignal, DOMException, structuredClone, performance, Blob, File, crypto } = globalThis;
	const { subtle } = crypto;
	const { Array, Map, Set, String, Object, Reflect, Uint8Array, ArrayBuffer, JSON, Math, Number, Promise, Error, Date, DataView } = globalThis;
	const define = Object.defineProperty, names = Object.getOwnPropertyNames, describe = Object.getOwnPropertyDescriptor;
	await subtle.digest("SHA-1", new Uint8Array(1));
	const data = { a: [1, { b: new Map([["k", new Set([1])]]) }], d: new Date(5), u: Uint8Array.of(1, 2) };
	let on = false;
	const spoil = (object, where) => {
		const all = names(object);
		for (let i = 0; i < all.length; i++) {
			const name = all[i], was = describe(object, name).value;
			if (typeof was !== "function" || name === "constructor") continue;
			define(object, name, { value() { if (on) throw new Error("tampered " + where + "." + name); return was.apply(this, arguments); }, configurable: true, writable: true });
		}
	};
	spoil(Map.prototype, "Map.prototype"); spoil(Set.prototype, "Set.prototype"); spoil(Array.prototype, "Array.prototype");
	spoil(String.prototype, "String.prototype"); spoil(ArrayBuffer.prototype, "ArrayBuffer.prototype");
	spoil(Uint8Array.prototype.__proto__, "TypedArray.prototype"); spoil(Object, "Object"); spoil(Reflect, "Reflect"); spoil(JSON, "JSON");
	spoil(Math, "Math"); spoil(Date, "Date"); spoil(ArrayBuffer, "ArrayBuffer");
	const seen = {};
	on = true;
	try {
		const u = new URL("../x?b=2&a=1", "http://h/p/q/");
		u.searchParams.append("c", "3"); u.searchParams.sort(); u.searchParams.delete("b"); u.hash = "f"; u.searchParams.set("d", "e"); u.searchParams.has("a");
		seen.url = u.href + u.searchParams.get("a") + new URLSearchParams({ x: "y" });
		seen.text = new TextDecoder().decode(new TextEncoder().encode("é")) + atob(btoa("x"));
		const d = new TextDecoder(); d.decode(new Uint8Array(1), { stream: true }); d.decode();
		const t = new EventTarget(), c = new AbortController();
		let n = 0;
		t.addEventListener("x", () => { n++; }, { signal: c.signal }); t.dispatchEvent(new Event("x")); c.signal.onabort = () => { n += 10; }; c.abort(); t.dispatchEvent(new Event("x"));
		seen.events = n;
		seen.name = c.signal.reason.name + c.signal.reason.code;
		const copy = structuredClone(data);
		seen.clone = copy !== data && copy.a[1].b !== data.a[1].b;
		seen.now = performance.now() >= 0 && performance.mark("m").name;
		seen.blob = await new Blob(["a", new Uint8Array(2), new Blob(["b"])]).slice(0, 1).text();
		seen.random = typeof crypto.randomUUID() + crypto.getRandomValues(new Uint8Array(4)).length;
		const k = await subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign", "verify"]);
		seen.verify = await subtle.verify("HMAC", k, await subtle.sign("HMAC", k, new Uint8Array(3)), new Uint8Array(3));
		seen.jwk = (await subtle.exportKey("jwk", k)).kty;
	} finally {
		on = false;
	}
	return seen;
})`

// TestModulesSurviveTampering breaks the built-ins under modules already loaded.
func TestModulesSurviveTampering(t *testing.T) {
	t.Parallel()
	e := js.New(js.Config{})
	t.Cleanup(e.Close)
	const want = `{"url":"http://h/p/x?a=1&c=3&d=e#f1x=y","text":"éx","events":11,"name":"AbortError20","clone":true,` +
		`"now":"m","blob":"a","random":"string4","verify":true,"jwk":"oct"}`
	if got := string(runScript(t, e, tampered, "null")); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// TestHostDoesNotLeak spies on what built-ins are called with while modules load
// and work: the prelude's host object must not be among it.
func TestHostDoesNotLeak(t *testing.T) {
	t.Parallel()
	for name, body := range touches {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := js.New(js.Config{})
			t.Cleanup(e.Close)
			source := `(async () => {
				const leaks = [], names = Object.getOwnPropertyNames, define = Object.defineProperty, call = Reflect.apply;
				const check = (v, where) => { if (v !== null && typeof v === "object" && typeof v.requestSync === "function") leaks[leaks.length] = where; };
				for (const C of [Array, Map, Set, String, Promise, Function, Object, ArrayBuffer, Uint8Array.prototype.__proto__.constructor]) {
					for (const object of [C, C.prototype]) for (const name of names(object)) {
						const d = Object.getOwnPropertyDescriptor(object, name);
						if (typeof d.value !== "function" || !d.configurable || name === "constructor") continue;
						const was = d.value;
						define(object, name, { value: function (...args) {
							check(this, C.name + "." + name);
							for (let i = 0; i < args.length; i++) check(args[i], C.name + "." + name);
							return new.target ? Reflect.construct(was, args, new.target) : call(was, this, args);
						}, configurable: true, writable: true });
					}
				}
				await (async () => {` + body + `})();
				return leaks;
			})`
			if got := string(runScript(t, e, source, "null")); got != "[]" {
				t.Errorf("the host leaks through %s", got)
			}
		})
	}
}

func TestErrorOfAListenerIsLogged(t *testing.T) {
	t.Parallel()
	e := js.New(js.Config{})
	t.Cleanup(e.Close)
	out, logs := runLogged(t, e, `() => {
		const t = new EventTarget();
		t.addEventListener("x", () => { throw new TypeError("boo"); });
		return t.dispatchEvent(new Event("x"));
	}`, "null")
	if string(out) != "true" || len(logs) != 1 || !strings.HasPrefix(logs[0], "error Uncaught in an event listener: TypeError: boo") {
		t.Errorf("got %s and %q, want true and one error line", out, logs)
	}
}

func TestTimeoutSignalAloneKeepsATaskWaiting(t *testing.T) {
	t.Parallel()
	e := js.New(js.Config{})
	t.Cleanup(e.Close)
	out := runScript(t, e, `() => new Promise((resolve) => {
		const s = AbortSignal.timeout(1);
		globalThis.setTimeout = null;
		s.onabort = () => resolve(s.reason.name);
	})`, "null")
	if string(out) != `"TimeoutError"` {
		t.Errorf("got %s", out)
	}
}

// benchScript measures whole executions of source, from NewVM to Close.
func benchScript(b *testing.B, c js.Config, source string) {
	e := js.New(c)
	b.Cleanup(e.Close)
	p, err := e.Compile("main.js", []byte(source), js.Script)
	if err != nil {
		b.Fatal(err)
	}
	run := func() {
		vm, err := e.NewVM()
		if err != nil {
			b.Fatal(err)
		}
		defer vm.Close()
		if out := vm.Run(p, js.Task{Input: []byte("null"), Context: []byte("{}")}, &loggingHost{}); out.Failure != nil {
			b.Fatal(out.Failure)
		}
	}
	run()
	run()
	for b.Loop() {
		run()
	}
}

// BenchmarkPrelude compares executions that touch modules with one that does
// not: in a VM with a snapshot, and in one built from nothing.
func BenchmarkPrelude(b *testing.B) {
	scripts := []struct{ name, source string }{
		{"nothing", `() => 1`},
		{"URL", `() => { const u = new URL("/a?x=1", "https://example.com:8080/"); u.searchParams.append("y", "2"); return u.href; }`},
		{"URLHeaders", `() => {
			const u = new URL("https://example.com/a"); u.searchParams.set("q", "a b");
			const h = new Headers({ accept: "application/json" }); h.append("x-a", "1");
			return [u.href, h.get("accept")];
		}`},
		{"Encoding", `() => new TextDecoder().decode(new TextEncoder().encode("héllo")) + btoa("x")`},
		{"Events", `() => { const c = new AbortController(); c.signal.onabort = () => {}; c.abort(); return 1; }`},
		{"Clone", `() => structuredClone({ a: [1, 2, { b: new Map() }] }).a.length`},
		{"Blob", `() => new Blob(["a"]).size`},
		{"Digest", `async () => (await crypto.subtle.digest("SHA-256", new Uint8Array(100))).byteLength`},
		{"UUID", `() => crypto.randomUUID()`},
	}
	for _, s := range scripts {
		b.Run("snapshot/"+s.name, func(b *testing.B) { benchScript(b, js.Config{Resident: 1}, s.source) })
		b.Run("fresh/"+s.name, func(b *testing.B) { benchScript(b, js.Config{Resident: -1}, s.source) })
	}
}

// BenchmarkCalls measures single operations, a thousand an execution.
func BenchmarkCalls(b *testing.B) {
	const keys = `const ec = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
		const mac = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);`
	for name, op := range map[string]string{
		"URL":          `new URL("https://user@example.com:8080/a/b/../c?x=1&y=2#f")`,
		"SearchParams": `new URLSearchParams("a=1&b=2&c=3").get("b")`,
		"Encode":       `new TextEncoder().encode("hello world, ünïcode")`,
		"Clone":        `structuredClone({ a: 1, b: [1, 2, 3], c: { d: "x" } })`,
		"Digest":       `await crypto.subtle.digest("SHA-256", data)`,
		"HMAC":         `await crypto.subtle.sign("HMAC", mac, data)`,
		"ECDSA":        `await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, ec.privateKey, data)`,
	} {
		b.Run(name, func(b *testing.B) {
			source := `async () => { ` + keys + ` const data = new Uint8Array(100); for (let i = 0; i < 1000; i++) { ` + op + ` } return 1; }`
			benchScript(b, js.Config{}, source)
		})
	}
}
