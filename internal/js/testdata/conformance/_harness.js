// What a conformance file may use. Go (conformance_test.go) and Node
// (run-node.mjs) put this text before the file's, inside one function.
//
//   test("name", () => { … })                      may be async
//   test("name", { node: "why Node 20 differs" }, () => { … })   not run by Node
const cases = [];
function test(name, options, fn) {
  if (fn === undefined) [options, fn] = [{}, options];
  if (cases.some((c) => c.name === name)) throw new Error("two cases are called " + name);
  cases.push({ name, options, fn });
}
function show(v) {
  if (typeof v === "string") return JSON.stringify(v);
  if (typeof v === "bigint") return v + "n";
  if (Object.is(v, -0)) return "-0";
  if (v instanceof Error) return v.name + ": " + v.message;
  if (ArrayBuffer.isView(v) && !(v instanceof DataView)) return v.constructor.name + "[" + Array.from(v, String) + "]";
  if (v instanceof ArrayBuffer) return "ArrayBuffer[" + new Uint8Array(v) + "]";
  if (typeof v === "object" && v !== null) {
    try { return JSON.stringify(v); } catch { return String(v); }
  }
  return String(v);
}
function same(a, b) {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof ArrayBuffer && b instanceof ArrayBuffer) return same(new Uint8Array(a), new Uint8Array(b));
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date) return a.getTime() === b.getTime();
  if (a instanceof Map || a instanceof Set) return same([...a], [...b]);
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length || a.length !== b.length) return false;
  return keys.every((k) => Object.hasOwn(b, k) && same(a[k], b[k]));
}
function assert(condition, message) {
  if (!condition) throw new Error(message || "the assertion does not hold");
}
function equal(got, want, what) {
  if (!same(got, want)) throw new Error((what ? what + ": " : "") + "got " + show(got) + ", want " + show(want));
}
function judgeError(e, want) {
  if (want === undefined) return;
  if (typeof want === "function") assert(e instanceof want, "threw " + show(e) + ", want a " + want.name);
  else assert(e !== null && typeof e === "object" && e.name === want, "threw " + show(e) + ", want a " + want);
}
// throws wants fn to throw a Class, or an error of that name; it gives the error.
function throws(fn, want) {
  let result;
  try { result = fn(); } catch (e) { judgeError(e, want); return e; }
  throw new Error("did not throw but returned " + show(result));
}
async function rejects(promise, want) {
  let result;
  try { result = await (typeof promise === "function" ? promise() : promise); } catch (e) { judgeError(e, want); return e; }
  throw new Error("did not reject but gave " + show(result));
}
const hex = (b) => Array.from(new Uint8Array(b.buffer ?? b, b.byteOffset ?? 0, b.byteLength), (x) => x.toString(16).padStart(2, "0")).join("");
const unhex = (s) => Uint8Array.from(s.replace(/\s/g, "").match(/../g) ?? [], (x) => parseInt(x, 16));
const bytes = (s) => new TextEncoder().encode(s);
async function runCase({ list, index, base }) {
  if (list) return cases.map((c) => ({ name: c.name, node: c.options.node }));
  try {
    await cases[index].fn({ base });
    return null;
  } catch (e) {
    return e instanceof Error ? e.name + ": " + e.message + "\n" + e.stack : "threw " + show(e);
  }
}
