// URL and URLSearchParams beyond the table of testdata/url/urls.json.
const parts = (u) => [u.protocol, u.username, u.password, u.host, u.hostname, u.port, u.pathname, u.search, u.hash];

test("URL parses into its parts", () => {
  const u = new URL("https://user:pa%20ss@example.com:8080/a/b?x=1&y=2#frag");
  equal(parts(u), ["https:", "user", "pa%20ss", "example.com:8080", "example.com", "8080", "/a/b", "?x=1&y=2", "#frag"]);
  equal(u.origin, "https://example.com:8080");
  equal(u.href, "https://user:pa%20ss@example.com:8080/a/b?x=1&y=2#frag");
});
test("URL drops the default port", () => equal(new URL("https://a.example:443/").host, "a.example"));
test("URL resolves against a base", () => equal(new URL("../c?d", "http://h/a/b/x").href, "http://h/a/c?d"));
test("URL takes a URL as its base", () => equal(new URL("x", new URL("http://h/y/")).href, "http://h/y/x"));
test("URL converts its argument to a string", () => equal(new URL({ toString: () => "http://h/" }).href, "http://h/"));
test("URL of no text is a TypeError", () => throws(() => new URL(), TypeError));
test("URL of bad text is a TypeError with a code", () => equal(throws(() => new URL("nope"), TypeError).code, "ERR_INVALID_URL"));
test("URL of bad text keeps the input", () => equal(throws(() => new URL("nope"), TypeError).input, "nope"));
test("URL of a bad base is a TypeError", () => throws(() => new URL("/x", "nope"), TypeError));
test("URL with an undefined base has none", () => throws(() => new URL("/x", undefined), TypeError));
test("URL of a symbol is a TypeError", () => throws(() => new URL(Symbol("x")), TypeError));
test("URL called without new is a TypeError", () => throws(() => URL("http://h/"), TypeError));
test("URL replaces lone surrogates", () => equal(new URL("http://h/\uD800").pathname, "/%EF%BF%BD"));
test("URL lower-cases the host", () => equal(new URL("http://EXAMPLE.com/A").href, "http://example.com/A"));
test("URL turns an international host into punycode", () => equal(new URL("http://bücher.example/").host, "xn--bcher-kva.example"));
test("URL normalises numbers of an IPv4 address", () => equal(new URL("http://0x7f.1/").host, "127.0.0.1"));
test("URL compresses an IPv6 address", () => equal(new URL("http://[1:0:0:0:0:0:0:1]/").host, "[1::1]"));
test("URL keeps an opaque path", () => equal(parts(new URL("mailto:a@b.c?x")), ["mailto:", "", "", "", "", "", "a@b.c", "?x", ""]));
test("URL strips whitespace around and newlines inside", () => equal(new URL("  http://h/a\nb\tc ").href, "http://h/abc"));
test("URL of a host with a space is refused", () => throws(() => new URL("http://a b/"), TypeError));
test("URL of a file knows drive letters", () => equal(new URL("file:///C|/x/../..").href, "file:///C:/"));
test("origin of an opaque URL is null", () => equal(new URL("data:x").origin, "null"));
test("origin of a file is null", () => equal(new URL("file:///x").origin, "null"));
test("origin of a blob URL is the one inside", () => equal(new URL("blob:https://h:8/1-2").origin, "https://h:8"));
test("origin of a blob URL of a file is null", () => equal(new URL("blob:file:///x").origin, "null"));
test("URL.canParse says whether", () => equal([URL.canParse("http://h"), URL.canParse("/x"), URL.canParse("/x", "http://h"), URL.canParse("/x", "nope")], [true, false, true, false]));
test("URL.canParse needs an argument", () => throws(() => URL.canParse(), TypeError));
test("URL.parse gives a URL or null", { node: "came with Node 22" }, () => {
  equal(URL.parse("/x", "http://h").href, "http://h/x");
  assert(URL.parse("/x", "http://h") instanceof URL);
  equal(URL.parse("/x"), null);
});
test("toString and toJSON are the href", () => {
  const u = new URL("http://h/x");
  equal([String(u), u.toJSON(), JSON.stringify({ u })], ["http://h/x", "http://h/x", '{"u":"http://h/x"}']);
});
test("URL has its tag", () => equal(Object.prototype.toString.call(new URL("http://h")), "[object URL]"));
test("the members of URL are enumerable", () => {
  const seen = [];
  for (const k in new URL("http://h")) seen.push(k);
  for (const k of ["href", "origin", "searchParams", "toJSON", "hash"]) assert(seen.includes(k), k);
});
test("URL has no own properties", () => equal(Object.keys(new URL("http://h")), []));
test("a getter of URL on another object is a TypeError", () => throws(() => Object.getOwnPropertyDescriptor(URL.prototype, "href").get.call({}), TypeError));
test("origin and searchParams are read-only", () => {
  const u = new URL("http://h/");
  throws(() => { u.origin = "x"; }, TypeError);
  throws(() => { u.searchParams = "x"; }, TypeError);
});
test("a subclass of URL works", () => {
  class Mine extends URL { get first() { return this.pathname.split("/")[1]; } }
  const u = new Mine("http://h/a/b");
  equal([u.first, u instanceof URL], ["a", true]);
});

test("href can be set", () => {
  const u = new URL("http://h/?a=1");
  const p = u.searchParams;
  u.href = "https://g/?b=2";
  equal([u.host, p.get("a"), p.get("b")], ["g", null, "2"]);
});
test("a bad href throws and changes nothing", () => {
  const u = new URL("http://h/");
  throws(() => { u.href = "nope"; }, TypeError);
  equal(u.href, "http://h/");
});
test("protocol changes between special schemes only", () => {
  const u = new URL("http://h:443/");
  u.protocol = "https";
  equal(u.href, "https://h/");
  u.protocol = "foo";
  equal(u.href, "https://h/");
});
test("username and password are encoded", () => {
  const u = new URL("http://h/");
  u.username = "a b";
  u.password = "c:d";
  equal(u.href, "http://a%20b:c%3Ad@h/");
});
test("host sets the port as well, hostname does not", () => {
  const u = new URL("http://h:1/");
  u.host = "g:2";
  equal(u.host, "g:2");
  u.hostname = "f";
  equal(u.host, "f:2");
  u.hostname = "e:9";
  equal(u.host, "f:2");
});
test("port reads the leading digits", () => {
  const u = new URL("http://h/");
  u.port = "8080abc";
  equal(u.port, "8080");
  u.port = "abc";
  equal(u.port, "8080");
  u.port = 80;
  equal(u.port, "");
  u.port = "70000";
  equal(u.port, "");
  u.port = "";
  equal(u.href, "http://h/");
});
test("pathname is normalised and encoded", () => {
  const u = new URL("http://h/x");
  u.pathname = "a/../b c?d#e";
  equal(u.href, "http://h/b%20c%3Fd%23e");
});
test("pathname of an opaque URL stays", () => {
  const u = new URL("mailto:x");
  u.pathname = "y";
  equal(u.href, "mailto:x");
});
test("search with and without its mark", () => {
  const u = new URL("http://h/");
  u.search = "a=b c";
  equal(u.href, "http://h/?a=b%20c");
  u.search = "?x";
  equal(u.search, "?x");
  u.search = "";
  equal(u.href, "http://h/");
});
test("hash with and without its mark", () => {
  const u = new URL("http://h/");
  u.hash = "a b";
  equal(u.href, "http://h/#a%20b");
  u.hash = "";
  equal(u.href, "http://h/");
});
test("a lone question mark stays in the href but not in search", () => {
  const u = new URL("http://h/?");
  equal([u.href, u.search], ["http://h/?", ""]);
});

test("searchParams is one object that lives with the URL", () => {
  const u = new URL("http://h/?a=1");
  const p = u.searchParams;
  assert(p === u.searchParams, "the same object");
  p.append("b", "2 3");
  equal(u.search, "?a=1&b=2+3");
  u.search = "c=4";
  equal([...p], [["c", "4"]]);
});
test("deleting every parameter removes the query", () => {
  const u = new URL("http://h/?a=1#f");
  u.searchParams.delete("a");
  equal(u.href, "http://h/#f");
});
test("set, sort and delete of searchParams write to the URL", () => {
  const u = new URL("http://h/?z=1&a=2&z=3");
  u.searchParams.set("z", "9");
  equal(u.search, "?z=9&a=2");
  u.searchParams.sort();
  equal(u.search, "?a=2&z=9");
});
test("reading searchParams does not rewrite the query", () => {
  const u = new URL("http://h/?a=~%7E");
  u.searchParams.get("a");
  equal(u.search, "?a=~%7E");
});
test("another part can change while searchParams is held", () => {
  const u = new URL("http://h/?a=1");
  const p = u.searchParams;
  u.pathname = "/x";
  p.set("a", "2");
  equal(u.href, "http://h/x?a=2");
});

const params = (...a) => new URLSearchParams(...a);
test("URLSearchParams of nothing is empty", () => equal([params().toString(), params(undefined).size], ["", 0]));
test("URLSearchParams of text drops one question mark", () => equal([params("?a=1").toString(), params("??a=1").toString()], ["a=1", "%3Fa=1"]));
test("URLSearchParams of null is the word", { node: "Node 20 takes null for nothing" }, () => equal(params(null).toString(), "null="));
test("URLSearchParams of a number", () => equal(params(5).toString(), "5="));
test("URLSearchParams of pairs", () => equal(params([["a", 1], ["b", null]]).toString(), "a=1&b=null"));
test("URLSearchParams of any iterable of iterables", () => equal(params(new Map([["a", "1"]])).toString(), "a=1"));
test("URLSearchParams of a record", () => equal(params({ a: 1, "b c": "d&e" }).toString(), "a=1&b+c=d%26e"));
test("URLSearchParams of another one is a copy", () => {
  const a = params("x=1"), b = params(a);
  b.append("y", "2");
  equal([a.toString(), b.toString()], ["x=1", "x=1&y=2"]);
});
test("URLSearchParams of a pair of three is a TypeError", () => throws(() => params([["a", "b", "c"]]), TypeError));
test("URLSearchParams of a pair of one is a TypeError", () => throws(() => params([["a"]]), TypeError));
test("URLSearchParams of a list of numbers is a TypeError", () => throws(() => params([1]), TypeError));
test("URLSearchParams of an odd Symbol.iterator is a TypeError", () => throws(() => params({ [Symbol.iterator]: 1 }), TypeError));
test("URLSearchParams of a symbol is a TypeError", () => throws(() => params(Symbol("x")), TypeError));
test("a record's inherited members do not count", () => equal(params(Object.create({ a: 1 }, { b: { value: 2, enumerable: true }, c: { value: 3 } })).toString(), "b=2"));
test("plus and percent are decoded", () => equal([...params("a=b+c%20d&e=%E2%82%AC&f=%zz&g=%")], [["a", "b c d"], ["e", "€"], ["f", "%zz"], ["g", "%"]]));
test("bytes that are no UTF-8 become replacement characters", () => equal(params("a=%FF%C3").get("a"), "\uFFFD\uFFFD"));
test("empty parts and lone names", () => equal([...params("&&a&=b&c=&d==e")], [["a", ""], ["", "b"], ["c", ""], ["d", "=e"]]));
test("the serialiser's set of characters", () => equal(params({ x: "*-._ ~!'()+€\0" }).toString(), "x=*-._+%7E%21%27%28%29%2B%E2%82%AC%00"));
test("a byte order mark stays", () => equal(params("a=%EF%BB%BFb").get("a"), "\uFEFFb"));
test("lone surrogates are replaced", () => equal(params({ a: "\uD800" }).toString(), "a=%EF%BF%BD"));
test("get gives the first, getAll all, has whether", () => {
  const p = params("a=1&b=2&a=3");
  equal([p.get("a"), p.get("x"), p.getAll("a"), p.getAll("x"), p.has("b"), p.has("x")], ["1", null, ["1", "3"], [], true, false]);
});
test("has and delete take a value", () => {
  const p = params("a=1&a=2&a=1");
  equal([p.has("a", "2"), p.has("a", "3"), p.has("a", undefined)], [true, false, true]);
  p.delete("a", "1");
  equal(p.toString(), "a=2");
});
test("delete removes all of a name", () => {
  const p = params("a=1&b=2&a=3");
  p.delete("a");
  equal(p.toString(), "b=2");
});
test("set replaces the first and drops the rest", () => {
  const p = params("a=1&b=2&a=3");
  p.set("a", "x");
  p.set("c", "y");
  equal(p.toString(), "a=x&b=2&c=y");
});
test("sort is stable and by code unit", () => {
  const p = params("ﬃ&🌈&b=2&a=1&b=1");
  p.sort();
  equal([...p], [["a", "1"], ["b", "2"], ["b", "1"], ["🌈", ""], ["ﬃ", ""]]);
});
test("size counts pairs", () => equal(params("a=1&a=2&b").size, 3));
test("entries, keys and values", () => {
  const p = params("a=1&b=2");
  equal([[...p.entries()], [...p.keys()], [...p.values()], [...p]], [[["a", "1"], ["b", "2"]], ["a", "b"], ["1", "2"], [["a", "1"], ["b", "2"]]]);
  assert(p[Symbol.iterator] === p.entries, "the default iterator is entries");
});
test("an iterator sees changes", () => {
  const p = params("a=1&b=2&c=3");
  const seen = [];
  for (const [k] of p) {
    if (k === "a") p.delete("a");
    seen.push(k);
  }
  equal(seen, ["a", "c"]);
});
test("the iterator has its tag", () => {
  const it = params("a=1").keys();
  equal(Object.prototype.toString.call(it), "[object URLSearchParams Iterator]");
  assert(it[Symbol.iterator]() === it, "it is its own iterator");
});
test("forEach gives value, name and the object", () => {
  const p = params("a=1&b=2"), seen = [], self = {};
  p.forEach(function (v, k, o) { seen.push([v, k, o === p, this === self]); }, self);
  equal(seen, [["1", "a", true, true], ["2", "b", true, true]]);
});
test("forEach of no function is a TypeError", () => throws(() => params("a").forEach(1), TypeError));
test("missing arguments are TypeErrors", () => {
  const p = params();
  for (const f of ["append", "set"]) throws(() => p[f]("a"), TypeError);
  for (const f of ["get", "getAll", "has", "delete"]) throws(() => p[f](), TypeError);
});
test("URLSearchParams has its tag", () => equal(String(Object.prototype.toString.call(params())), "[object URLSearchParams]"));
test("a method of URLSearchParams on another object is a TypeError", () => throws(() => URLSearchParams.prototype.get.call({}, "a"), TypeError));
test("a task may replace the global", () => {
  const before = globalThis.URL;
  try {
    globalThis.URL = 5;
    equal(URL, 5);
  } finally {
    globalThis.URL = before;
  }
  equal(new URL("http://h").host, "h");
});
