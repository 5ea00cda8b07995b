// structuredClone.
const clone = (v, o) => structuredClone(v, o);
for (const [what, v] of Object.entries({ undefined, null: null, true: true, "a number": 1.5, "-0": -0, NaN, Infinity, "a string": "aé\uD800", "a BigInt": 12n })) {
  test("clones " + what, () => equal(clone(v), v));
}
test("clones plain objects and arrays deeply", () => {
  const v = { a: [1, { b: "x" }], c: null, d: undefined };
  const c = clone(v);
  equal(c, v);
  assert(c !== v && c.a !== v.a && c.a[1] !== v.a[1]);
});
test("keeps holes and extra properties of arrays", () => {
  const v = [1, , 3];
  v.extra = "x";
  const c = clone(v);
  equal([c.length, 1 in c, c.extra, Array.isArray(c)], [3, false, "x", true]);
});
test("keeps cycles", () => {
  const v = { list: [] };
  v.self = v;
  v.list.push(v);
  const c = clone(v);
  assert(c.self === c && c.list[0] === c && c !== v);
});
test("keeps shared references", () => {
  const s = {}, c = clone({ a: s, b: s });
  assert(c.a === c.b && c.a !== s);
});
test("drops prototypes, symbols and what is not enumerable", () => {
  class A { constructor() { this.x = 1; } get y() { return 2; } }
  const v = new A();
  v[Symbol("s")] = 1;
  Object.defineProperty(v, "hidden", { value: 1 });
  const c = clone(v);
  equal([Object.getPrototypeOf(c) === Object.prototype, Reflect.ownKeys(c), c instanceof A], [true, ["x"], false]);
});
test("reads getters", () => equal(clone({ get a() { return 5; } }), { a: 5 }));
test("an object without a prototype becomes a plain one", () => equal(clone(Object.assign(Object.create(null), { a: 1 })), { a: 1 }));
test("a member called __proto__ stays a member", () => {
  const c = clone(JSON.parse('{"__proto__": {"x": 1}}'));
  equal([Object.keys(c), Object.getPrototypeOf(c) === Object.prototype, c.x], [["__proto__"], true, undefined]);
});
test("arguments are a DataCloneError", () => throws(() => clone((function () { return arguments; })(1, 2)), "DataCloneError"));
test("clones Map with keys and values", () => {
  const k = {}, v = new Map([[k, k], ["a", [1]]]);
  const c = clone(v);
  const [[k2, v2]] = c;
  assert(c instanceof Map && k2 !== k && k2 === v2);
  equal([c.size, c.get("a")], [2, [1]]);
});
test("clones Set", () => equal(clone(new Set([1, "a"])), new Set([1, "a"])));
test("a Map that holds itself", () => {
  const m = new Map();
  m.set("m", m);
  const c = clone(m);
  assert(c.get("m") === c);
});
test("properties of a Map are dropped", () => {
  const m = new Map();
  m.x = 1;
  equal("x" in clone(m), false);
});
test("clones Date", () => equal(clone(new Date(86400000)), new Date(86400000)));
test("clones an invalid Date", () => assert(Number.isNaN(clone(new Date(NaN)).getTime())));
test("clones RegExp without its lastIndex", () => {
  const r = /a(b)/giu;
  r.lastIndex = 3;
  const c = clone(r);
  equal([c.source, c.flags, c.lastIndex, c instanceof RegExp], ["a(b)", "giu", 0, true]);
});
for (const C of [Error, TypeError, RangeError, SyntaxError, EvalError, ReferenceError, URIError]) {
  test("clones " + C.name, () => {
    const c = clone(new C("msg"));
    equal([c.name, c.message, c.constructor === C, c instanceof C], [C.name, "msg", true, true]);
  });
}
test("an error of another name becomes an Error", () => {
  class Mine extends Error { constructor(m) { super(m); this.name = "Mine"; this.extra = 1; } }
  const c = clone(new Mine("m"));
  equal([Object.getPrototypeOf(c) === Error.prototype, c.name, c.message, c.extra], [true, "Error", "m", undefined]);
});
test("an error keeps its stack", () => {
  const e = new Error("x");
  equal(clone(e).stack, e.stack);
});
test("an error keeps its cause", () => equal(clone(new Error("x", { cause: { a: 1 } })).cause, { a: 1 }));
test("an error without a message has none of its own", () => equal(Object.hasOwn(clone(new Error()), "message"), false));
test("clones boxed primitives", () => {
  for (const v of [Object(1), Object("a"), Object(false), Object(5n)]) {
    const c = clone(v);
    assert(typeof c === "object" && c !== v);
    equal([c.valueOf(), Object.getPrototypeOf(c) === Object.getPrototypeOf(v)], [v.valueOf(), true]);
  }
});
test("a boxed symbol is a DataCloneError", () => throws(() => clone(Object(Symbol("x"))), "DataCloneError"));
test("clones ArrayBuffer", () => {
  const b = Uint8Array.of(1, 2).buffer, c = clone(b);
  assert(c !== b);
  equal(c, b);
});
for (const C of [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array]) {
  test("clones " + C.name, () => {
    const v = C.of(1, 2, 3), c = clone(v);
    equal(c, v);
    assert(c.buffer !== v.buffer);
  });
}
test("clones BigInt64Array", () => equal(clone(BigInt64Array.of(-1n)), BigInt64Array.of(-1n)));
test("views of one buffer stay views of one buffer", () => {
  const b = new ArrayBuffer(8);
  const c = clone({ a: new Uint8Array(b, 2, 4), d: new DataView(b, 1) });
  assert(c.a.buffer === c.d.buffer && c.a.buffer !== b);
  equal([c.a.byteOffset, c.a.length, c.d.byteOffset, c.d.byteLength, c.a.buffer.byteLength], [2, 4, 1, 7, 8]);
});
test("clones DataView", () => {
  const d = new DataView(Uint8Array.of(1, 2, 3).buffer, 1), c = clone(d);
  equal([c.getUint8(0), c.byteLength, c instanceof DataView], [2, 2, true]);
});
test("transfer takes the buffer away", () => {
  const b = Uint8Array.of(1, 2, 3).buffer;
  const c = clone(b, { transfer: [b] });
  equal([b.byteLength, c.byteLength, new Uint8Array(c)[2]], [0, 3, 3]);
});
test("transfer of a buffer below a view", () => {
  const v = Uint8Array.of(1, 2, 3);
  const c = clone({ v }, { transfer: [v.buffer] });
  equal([v.length, c.v], [0, Uint8Array.of(1, 2, 3)]);
});
test("transfer of what is not in the value still takes it", () => {
  const b = new ArrayBuffer(4);
  clone(1, { transfer: [b] });
  equal(b.byteLength, 0);
});
test("transfer of the same buffer twice is a DataCloneError", () => {
  const b = new ArrayBuffer(4);
  throws(() => clone(b, { transfer: [b, b] }), "DataCloneError");
  equal(b.byteLength, 4);
});
test("transfer of a plain object throws", () => throws(() => clone({}, { transfer: [{}] })));
test("a failed clone transfers nothing", () => {
  const b = new ArrayBuffer(4);
  throws(() => clone({ b, f() {} }, { transfer: [b] }), "DataCloneError");
  equal(b.byteLength, 4);
});
test("cloning a detached buffer is a DataCloneError", () => {
  const b = new ArrayBuffer(4);
  clone(b, { transfer: [b] });
  throws(() => clone(b), "DataCloneError");
});
for (const [what, make] of Object.entries({
  "a function": () => () => {}, "a class": () => class {}, "a symbol": () => Symbol("x"), "a nested function": () => ({ a: [{ f() {} }] }),
  "a WeakMap": () => new WeakMap(), "a WeakSet": () => new WeakSet(), "a WeakRef": () => new WeakRef({}), "a promise": () => Promise.resolve(),
  "a generator": () => (function* () {})(), "a Map with a function": () => new Map([[1, () => {}]]),
})) {
  test(what + " is a DataCloneError", () => {
    const e = throws(() => clone(make()), "DataCloneError");
    equal([e.code, e instanceof DOMException], [25, true]);
  });
}
test("a Proxy is a DataCloneError", () => throws(() => clone(new Proxy({}, {})), "DataCloneError"));
test("a tag does not fool it", () => equal(clone({ [Symbol.toStringTag]: "Map", a: 1 }), { a: 1 }));
test("an object that says it is a Map is none", () => equal(clone(Object.setPrototypeOf({ a: 1 }, Map.prototype)), { a: 1 }));
test("an error of a getter comes through", () => throws(() => clone({ get a() { throw new RangeError("x"); } }), RangeError));
test("clones Blob", async () => {
  const b = new Blob(["abc"], { type: "text/plain" }), c = clone(b);
  assert(c instanceof Blob && c !== b);
  equal([await c.text(), c.type], ["abc", "text/plain"]);
});
test("clones File", { node: "Node 20 makes a Blob of it" }, async () => {
  const f = clone({ f: new File(["abc"], "a.txt", { lastModified: 5 }) }).f;
  equal([f instanceof File, f.name, f.lastModified, await f.text()], [true, "a.txt", 5, "abc"]);
});
test("clones DOMException", { node: "Node 20 does not" }, () => {
  const c = clone(new DOMException("m", "AbortError"));
  equal([c instanceof DOMException, c.name, c.message, c.code], [true, "AbortError", "m", 20]);
});
for (const [what, make] of Object.entries({ URL: () => new URL("http://h"), URLSearchParams: () => new URLSearchParams(), EventTarget: () => new EventTarget(), Event: () => new Event("x"), AbortSignal: () => new AbortController().signal })) {
  test(what + " cannot be cloned", { node: "Node 20 makes a plain object of it" }, () => throws(() => clone(make()), "DataCloneError"));
}
test("structuredClone without an argument is a TypeError", () => throws(() => structuredClone(), TypeError));
test("options that are no object are a TypeError", () => throws(() => structuredClone(1, 5), TypeError));
test("a wide value", () => {
  const v = Array.from({ length: 2000 }, (_, i) => ({ i, s: "x" + i }));
  equal(clone(v), v);
});
test("a setter on Object.prototype is not called", () => {
  let called = false;
  Object.defineProperty(Object.prototype, "trap", { set() { called = true; }, configurable: true });
  try {
    const c = clone(JSON.parse('{"trap": 1}'));
    equal([called, c.trap], [false, 1]);
  } finally {
    delete Object.prototype.trap;
  }
});
