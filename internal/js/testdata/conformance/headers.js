// Headers: fetch standard, §5.1.
const list = (h) => [...h].map(([k, v]) => k + "=" + v).join("; ");

test("Headers starts empty", () => equal(list(new Headers()), ""));
test("Headers takes undefined", () => equal(list(new Headers(undefined)), ""));
test("Headers takes a record", () => equal(list(new Headers({ A: "1", b: "2" })), "a=1; b=2"));
test("Headers takes pairs", () => equal(list(new Headers([["A", "1"], ["b", "2"]])), "a=1; b=2"));
test("Headers takes Headers", () => equal(list(new Headers(new Headers({ a: "1" }))), "a=1"));
test("Headers takes a Map", () => equal(list(new Headers(new Map([["a", "1"]]))), "a=1"));
test("Headers takes a generator of pairs", () => equal(list(new Headers((function* () { yield ["a", "1"]; })())), "a=1"));
test("Headers from Headers is a copy", () => {
  const a = new Headers({ x: "1" }), b = new Headers(a);
  a.set("x", "2");
  equal(b.get("x"), "1");
});
test("Headers from Headers keeps each Set-Cookie", () => {
  const h = new Headers([["set-cookie", "a=1"], ["set-cookie", "b=2"]]);
  equal(new Headers(h).getSetCookie(), ["a=1", "b=2"]);
});
test("Headers refuses null", () => throws(() => new Headers(null), "TypeError"));
test("Headers refuses a number", () => throws(() => new Headers(5), "TypeError"));
test("Headers refuses a string", () => throws(() => new Headers("a"), "TypeError"));
test("Headers refuses a pair of one", () => throws(() => new Headers([["a"]]), "TypeError"));
test("Headers refuses a pair of three", () => throws(() => new Headers([["a", "b", "c"]]), "TypeError"));
test("Headers refuses elements that are no pairs", () => throws(() => new Headers(["ab", "cd"].map((s) => 5)), "TypeError"));
test("Headers refuses a symbol as name", () => throws(() => new Headers({ [Symbol("a")]: "1" }), "TypeError"));
test("Headers leaves out what is not enumerable", { node: "undici takes it" }, () => {
  equal(list(new Headers(Object.defineProperty({ a: "1" }, "b", { value: "2" }))), "a=1");
});
test("Headers converts values to strings", () => equal(list(new Headers({ a: 1, b: null, c: undefined, d: [1, 2] })), "a=1; b=null; c=undefined; d=1,2"));
test("Headers needs new", () => throws(() => Headers(), "TypeError"));

for (const name of ["", " ", "a b", "a:b", "a\nb", "é", "a\0", "(", ")", "<", "@", ",", ";", "\\", '"', "/", "[", "]", "?", "=", "{", "}"]) {
  test("Headers refuses the name " + JSON.stringify(name), () => {
    throws(() => new Headers([[name, "v"]]), "TypeError");
    throws(() => new Headers().append(name, "v"), "TypeError");
    throws(() => new Headers().set(name, "v"), "TypeError");
    throws(() => new Headers().get(name), "TypeError");
    throws(() => new Headers().has(name), "TypeError");
    throws(() => new Headers().delete(name), "TypeError");
  });
}
test("Headers takes every token character in a name", () => {
  const name = "!#$%&'*+-.^_`|~09azAZ";
  equal(new Headers([[name, "v"]]).get(name), "v");
});
for (const value of ["a\0b", "a\nb", "a\rb", "日本"]) {
  test("Headers refuses the value " + JSON.stringify(value), () => {
    throws(() => new Headers({ a: value }), "TypeError");
    throws(() => new Headers().append("a", value), "TypeError");
    throws(() => new Headers().set("a", value), "TypeError");
  });
}
test("Headers takes bytes above ASCII in a value", () => equal(new Headers({ a: "\xff" }).get("a"), "\xff"));
test("Headers trims values", () => equal(list(new Headers({ a: " \t\r\n1 2\n\r\t " })), "a=1 2"));
test("Headers takes an empty value", () => equal(new Headers({ a: "" }).get("a"), ""));
test("Headers trims a value of white space to nothing", () => equal(new Headers({ a: "  " }).get("a"), ""));

test("append combines values", () => {
  const h = new Headers({ a: "1" });
  h.append("A", "2");
  equal(h.get("a"), "1, 2");
});
test("append combines an empty value", () => {
  const h = new Headers({ a: "" });
  h.append("a", "2");
  equal(h.get("a"), ", 2");
});
test("append returns undefined", () => equal(new Headers().append("a", "1"), undefined));
test("append needs two arguments", () => throws(() => new Headers().append("a"), "TypeError"));
test("set replaces all values", () => {
  const h = new Headers([["a", "1"], ["b", "2"], ["A", "3"]]);
  h.set("a", "4");
  equal(list(h), "a=4; b=2");
});
test("get gives null for what is not there", () => equal(new Headers().get("a"), null));
test("get looks without regard to case", () => equal(new Headers({ "Content-TYPE": "x" }).get("cONTENT-type"), "x"));
test("get combines Set-Cookie too", () => equal(new Headers([["set-cookie", "a=1"], ["set-cookie", "b=2"]]).get("set-cookie"), "a=1, b=2"));
test("has tells", () => {
  const h = new Headers({ a: "" });
  equal(h.has("A"), true);
  equal(h.has("b"), false);
});
test("delete removes all values", () => {
  const h = new Headers([["a", "1"], ["b", "2"], ["A", "3"]]);
  h.delete("A");
  equal(list(h), "b=2");
});
test("delete of what is not there does nothing", () => equal(new Headers().delete("a"), undefined));
test("getSetCookie gives each value", () => equal(new Headers([["Set-Cookie", "a=1"], ["x", "y"], ["set-cookie", "b=2, c"]]).getSetCookie(), ["a=1", "b=2, c"]));
test("getSetCookie gives an empty list", () => equal(new Headers().getSetCookie(), []));
test("set of Set-Cookie leaves one", () => {
  const h = new Headers([["set-cookie", "a"], ["set-cookie", "b"]]);
  h.set("set-cookie", "c");
  equal(h.getSetCookie(), ["c"]);
});

test("iteration is sorted and in lower case", () => equal(list(new Headers([["z", "1"], ["A", "2"], ["m", "3"]])), "a=2; m=3; z=1"));
test("iteration combines values", () => equal(list(new Headers([["b", "1"], ["a", "x"], ["B", "2"]])), "a=x; b=1, 2"));
test("iteration gives each Set-Cookie", () => {
  equal(list(new Headers([["set-cookie", "b"], ["a", "1"], ["set-cookie", "a"]])), "a=1; set-cookie=b; set-cookie=a");
});
test("iteration sees changes made meanwhile", () => {
  const h = new Headers([["a", "1"], ["b", "2"], ["c", "3"]]), seen = [];
  for (const [k] of h) {
    seen.push(k);
    h.delete("c");
  }
  equal(seen, ["a", "b"]);
});
test("keys, values and entries", () => {
  const h = new Headers({ b: "2", a: "1" });
  equal([...h.keys()], ["a", "b"]);
  equal([...h.values()], ["1", "2"]);
  equal([...h.entries()], [["a", "1"], ["b", "2"]]);
});
test("the iterator is entries", () => equal(Headers.prototype[Symbol.iterator], Headers.prototype.entries));
test("an iterator is its own iterable", () => {
  const it = new Headers().entries();
  equal(it[Symbol.iterator](), it);
});
test("an iterator has its tag", () => equal(Object.prototype.toString.call(new Headers().keys()), "[object Headers Iterator]"));
test("forEach gives value, name, object and this", () => {
  const h = new Headers({ a: "1" }), got = [];
  h.forEach(function (v, k, o) { got.push(v, k, o === h, this.x); }, { x: 7 });
  equal(got, ["1", "a", true, 7]);
});
test("forEach refuses what is no function", () => throws(() => new Headers().forEach(5), "TypeError"));
test("methods refuse another this", () => throws(() => Headers.prototype.get.call({}, "a"), "TypeError"));
test("Headers has its tag", () => equal(Object.prototype.toString.call(new Headers()), "[object Headers]"));
test("members are enumerable", () => equal(Object.keys(Headers.prototype).includes("getSetCookie"), true));
test("Object.fromEntries reads Headers", () => equal(Object.fromEntries(new Headers({ a: "1", b: "2" })), { a: "1", b: "2" }));
test("Headers that are subclassed use their own iterator", () => {
  class Mine extends Headers { *[Symbol.iterator]() { yield ["z", "9"]; } }
  equal(list(new Headers(new Mine({ a: "1" }))), "z=9");
});
