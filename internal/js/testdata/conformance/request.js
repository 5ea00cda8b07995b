// Request: fetch standard, §5.4.
const at = "http://a.example/";

test("Request has defaults", () => {
  const r = new Request(at);
  equal([r.url, r.method, r.body, r.bodyUsed, r.redirect, r.mode, r.credentials, r.cache, r.integrity, r.keepalive, r.referrer, r.referrerPolicy, r.destination, r.duplex],
    [at, "GET", null, false, "follow", "cors", "same-origin", "default", "", false, "about:client", "", "", "half"]);
});
test("Request normalises its URL", () => equal(new Request("HTTP://A.example/b/../c d#frag").url, "http://a.example/c%20d#frag"));
test("Request takes a URL", () => equal(new Request(new URL(at)).url, at));
test("Request refuses a relative URL", () => throws(() => new Request("/path"), "TypeError"));
test("Request refuses what is no URL", () => throws(() => new Request("http://"), "TypeError"));
test("Request refuses a URL with a password", () => throws(() => new Request("http://u:p@a.example/"), "TypeError"));
test("Request needs an argument", () => throws(() => new Request(), "TypeError"));
for (const [given, want] of [["get", "GET"], ["Post", "POST"], ["put", "PUT"], ["delete", "DELETE"], ["head", "HEAD"], ["options", "OPTIONS"], ["patch", "patch"], ["PATCH", "PATCH"], ["chicken", "chicken"]]) {
  test("the method " + given + " becomes " + want, { node: given === "patch" ? "undici makes it upper case" : undefined },
    () => equal(new Request(at, { method: given }).method, want));
}
for (const method of ["", " ", "a b", "a\n", "é"]) {
  test("Request refuses the method " + JSON.stringify(method), () => throws(() => new Request(at, { method }), "TypeError"));
}
for (const method of ["CONNECT", "trace", "Track"]) {
  test("Request refuses the method " + method, () => throws(() => new Request(at, { method }), "TypeError"));
}
for (const method of ["GET", "HEAD"]) {
  test(method + " cannot have a body", () => throws(() => new Request(at, { method, body: "x" }), "TypeError"));
  test(method + " takes null as body", () => equal(new Request(at, { method, body: null }).body, null));
}
test("Request takes headers", () => equal(new Request(at, { headers: { A: "1" } }).headers.get("a"), "1"));
test("a body gives its type", () => equal(new Request(at, { method: "POST", body: "x" }).headers.get("content-type"), "text/plain;charset=UTF-8"));
test("a type that is given stays", () => equal(new Request(at, { method: "POST", body: "x", headers: { "content-type": "a/b" } }).headers.get("content-type"), "a/b"));
test("a body can be read", async () => equal(await new Request(at, { method: "POST", body: '{"a":1}' }).json(), { a: 1 }));
test("a stream needs duplex", () => throws(() => new Request(at, { method: "POST", body: new ReadableStream() }), "TypeError"));
test("a stream is a body", async () => {
  const body = new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode("abc")); c.close(); } });
  equal(await new Request(at, { method: "POST", body, duplex: "half" }).text(), "abc");
});
test("redirect takes its values", () => equal(["follow", "error", "manual"].map((redirect) => new Request(at, { redirect }).redirect), ["follow", "error", "manual"]));
test("redirect refuses others", () => throws(() => new Request(at, { redirect: "never" }), "TypeError"));
test("credentials refuses others", () => throws(() => new Request(at, { credentials: "x" }), "TypeError"));
test("cache refuses others", () => throws(() => new Request(at, { cache: "x" }), "TypeError"));
test("mode refuses navigate", () => throws(() => new Request(at, { mode: "navigate" }), "TypeError"));
test("mode and credentials are kept", () => {
  const r = new Request(at, { mode: "same-origin", credentials: "include", cache: "no-store", integrity: "x", keepalive: true, referrerPolicy: "origin" });
  equal([r.mode, r.credentials, r.cache, r.integrity, r.keepalive, r.referrerPolicy], ["same-origin", "include", "no-store", "x", true, "origin"]);
});
test("window must be null", () => throws(() => new Request(at, { window: {} }), "TypeError"));
test("options must be an object", () => throws(() => new Request(at, 5), "TypeError"));

test("Request from Request takes all over", async () => {
  const a = new Request(at, { method: "POST", body: "abc", headers: { x: "1" }, redirect: "manual" });
  const b = new Request(a);
  equal([b.url, b.method, b.headers.get("x"), b.redirect, await b.text()], [at, "POST", "1", "manual", "abc"]);
});
test("Request from Request uses the body of the first", async () => {
  const a = new Request(at, { method: "POST", body: "abc" });
  new Request(a);
  equal(a.bodyUsed, true);
  await rejects(a.text(), "TypeError");
});
test("Request from Request with another body leaves the first", async () => {
  const a = new Request(at, { method: "POST", body: "abc" });
  equal(await new Request(a, { body: "def" }).text(), "def");
  equal(await a.text(), "abc");
});
test("Request from a Request whose body was read throws", async () => {
  const a = new Request(at, { method: "POST", body: "abc" });
  await a.text();
  throws(() => new Request(a), "TypeError");
});
test("Request from Request with a body cannot become GET", () => {
  throws(() => new Request(new Request(at, { method: "POST", body: "abc" }), { method: "GET" }), "TypeError");
});
test("Request from Request takes options", () => {
  const r = new Request(new Request(at, { headers: { a: "1" } }), { method: "DELETE", headers: { b: "2" } });
  equal([r.method, r.headers.get("a"), r.headers.get("b")], ["DELETE", null, "2"]);
});
test("Request from Request has headers of its own", () => {
  const a = new Request(at, { headers: { x: "1" } }), b = new Request(a);
  b.headers.set("x", "2");
  equal(a.headers.get("x"), "1");
});
test("Request from a Request with a stream", async () => {
  const body = new ReadableStream({ start(c) { c.enqueue(new Uint8Array([97])); c.close(); } });
  equal(await new Request(new Request(at, { method: "POST", body, duplex: "half" })).text(), "a");
});

test("signal is an AbortSignal", () => equal(new Request(at).signal instanceof AbortSignal, true));
test("signal is the same each time", () => {
  const r = new Request(at);
  equal(r.signal === r.signal, true);
});
test("signal follows the one given", () => {
  const c = new AbortController(), r = new Request(at, { signal: c.signal });
  equal(r.signal === c.signal, false);
  equal(r.signal.aborted, false);
  c.abort("why");
  equal([r.signal.aborted, r.signal.reason], [true, "why"]);
});
test("signal that was aborted before", () => equal(new Request(at, { signal: AbortSignal.abort(3) }).signal.reason, 3));
test("signal null follows nothing", () => equal(new Request(at, { signal: null }).signal.aborted, false));
test("signal must be a signal", () => throws(() => new Request(at, { signal: {} }), "TypeError"));
test("Request from Request follows its signal", () => {
  const c = new AbortController(), r = new Request(new Request(at, { signal: c.signal }));
  c.abort();
  equal(r.signal.aborted, true);
});

test("clone can be read too", async () => {
  const a = new Request(at, { method: "POST", body: "abc", headers: { x: "1" } }), b = a.clone();
  equal([await a.text(), await b.text(), b.method, b.headers.get("x")], ["abc", "abc", "POST", "1"]);
});
test("clone of a body that was read throws", async () => {
  const r = new Request(at, { method: "POST", body: "abc" });
  await r.text();
  throws(() => r.clone(), "TypeError");
});
test("clone follows the signal", () => {
  const c = new AbortController(), r = new Request(at, { signal: c.signal }).clone();
  c.abort(1);
  equal(r.signal.reason, 1);
});
test("Request has its tag", () => equal(String(new Request(at)), "[object Request]"));
test("properties cannot be set", () => throws(() => { "use strict"; new Request(at).method = "PUT"; }, "TypeError"));
test("formData of a urlencoded body", async () => {
  const f = await new Request(at, { method: "POST", body: new URLSearchParams([["a", "1"], ["b", "é&"], ["a", "2"]]) }).formData();
  equal([...f], [["a", "1"], ["b", "é&"], ["a", "2"]]);
});
test("formData of another type rejects", () => rejects(new Request(at, { method: "POST", body: "a=1" }).formData(), "TypeError"));
