// fetch: fetch standard §5.6, against the routes of the harness.
test("fetch gets", async ({ base }) => {
  const r = await fetch(base + "/text/hello");
  equal([r instanceof Response, r.status, r.ok, r.url, r.redirected, r.type, r.headers.get("x-route")], [true, 200, true, base + "/text/hello", false, "basic", "text"]);
  equal(await r.text(), "hello");
});
test("fetch returns a promise", ({ base }) => {
  const p = fetch(base + "/text/x");
  equal(p instanceof Promise, true);
  return p;
});
test("fetch takes a URL", async ({ base }) => equal(await (await fetch(new URL("/text/u", base))).text(), "u"));
test("fetch takes a Request", async ({ base }) => equal((await (await fetch(new Request(base + "/echo", { method: "PUT", headers: { x: "1" }, body: "b" }))).json()),
  { method: "PUT", path: "/echo", headers: { x: "1", "content-type": "text/plain;charset=UTF-8" }, body: "b" }));
test("fetch takes a Request and options", async ({ base }) => equal((await (await fetch(new Request(base + "/echo"), { method: "DELETE" })).json()).method, "DELETE"));
test("fetch uses the body of a Request", async ({ base }) => {
  const r = new Request(base + "/echo", { method: "POST", body: "x" });
  await fetch(r);
  equal(r.bodyUsed, true);
  await rejects(fetch(r), "TypeError");
});
test("fetch sends the method", async ({ base }) => equal((await (await fetch(base + "/echo", { method: "post" })).json()).method, "POST"));
test("fetch sends headers", async ({ base }) => equal((await (await fetch(base + "/echo", { headers: [["X-A", "1"], ["x-a", "2"]] })).json()).headers, { "x-a": "1, 2" }));
test("fetch sends the query", async ({ base }) => equal((await (await fetch(base + "/echo?a=1&b=%20")).json()).path, "/echo?a=1&b=%20"));
test("fetch leaves out the fragment", async ({ base }) => equal((await (await fetch(base + "/echo#x")).json()).path, "/echo"));
for (const [what, make, type, body] of [
  ["a string", () => "é", "text/plain;charset=UTF-8", "é"],
  ["URLSearchParams", () => new URLSearchParams({ a: "1 2" }), "application/x-www-form-urlencoded;charset=UTF-8", "a=1+2"],
  ["a Blob", () => new Blob(["blob"], { type: "x/y" }), "x/y", "blob"],
  ["a Blob without type", () => new Blob(["blob"]), undefined, "blob"],
  ["an ArrayBuffer", () => new TextEncoder().encode("buf").buffer, undefined, "buf"],
  ["a view", () => new TextEncoder().encode("xview").subarray(1), undefined, "view"],
]) {
  test("fetch sends " + what, async ({ base }) => {
    const got = await (await fetch(base + "/echo", { method: "POST", body: make() })).json();
    equal([got.headers["content-type"], got.body], [type, body]);
  });
}
test("fetch sends a form", async ({ base }) => {
  const f = new FormData();
  f.append("a", "1");
  f.append("f", new File(["x"], "n.txt", { type: "t/u" }));
  const back = await (await fetch(base + "/bytes", { method: "POST", body: f })).formData();
  equal([back.get("a"), back.get("f").name, back.get("f").type, await back.get("f").text()], ["1", "n.txt", "t/u", "x"]);
});
test("fetch sends a stream", async ({ base }) => {
  const body = new ReadableStream({ async pull(c) { c.enqueue(new TextEncoder().encode("streamed")); c.close(); } });
  equal((await (await fetch(base + "/echo", { method: "POST", body, duplex: "half" })).json()).body, "streamed");
});
test("fetch of a stream that fails rejects", ({ base }) => rejects(fetch(base + "/echo", { method: "POST", body: new ReadableStream({ start(c) { c.error(new RangeError("x")); } }), duplex: "half" })));
test("fetch sends bytes as they are", async ({ base }) => {
  const body = Uint8Array.from({ length: 256 }, (_, i) => i);
  equal([...new Uint8Array(await (await fetch(base + "/bytes", { method: "POST", body, headers: { "content-type": "x/y" } })).arrayBuffer())], [...body]);
});
test("fetch does not throw for a bad status", async ({ base }) => {
  const r = await fetch(base + "/status/404");
  equal([r.ok, r.status, r.statusText, await r.text()], [false, 404, "Not Found", "status 404"]);
});
test("a 204 has no body", async ({ base }) => {
  const r = await fetch(base + "/status/204");
  equal([r.status, r.body, await r.text()], [204, null, ""]);
});
test("HEAD has no body", async ({ base }) => equal(await (await fetch(base + "/text/x", { method: "HEAD" })).text(), ""));
test("the headers of an answer cannot be changed", async ({ base }) => {
  const r = await fetch(base + "/text/x");
  throws(() => r.headers.set("a", "1"), "TypeError");
});
test("an answer can be cloned", async ({ base }) => {
  const a = await fetch(base + "/text/x"), b = a.clone();
  equal([await a.text(), await b.text(), b.url], ["x", "x", a.url]);
});
test("an answer can be read as a stream", async ({ base }) => {
  let text = "";
  for await (const chunk of (await fetch(base + "/text/stream")).body) text += new TextDecoder().decode(chunk);
  equal(text, "stream");
});
test("an answer as a Blob has its type", async ({ base }) => equal((await (await fetch(base + "/text/x")).blob()).type, "text/plain;charset=utf-8"));
test("several fetches at once", async ({ base }) => equal(await Promise.all(["a", "b", "c"].map(async (t) => (await fetch(base + "/text/" + t)).text())), ["a", "b", "c"]));

test("fetch without an argument rejects", () => rejects(fetch(), "TypeError"));
test("fetch of a relative URL rejects", () => rejects(fetch("/path"), "TypeError"));
test("fetch of a relative URL says so", { node: "our message" }, async () => equal(/relative URL.*absolute/.test((await rejects(fetch("path"), "TypeError")).message), true));
test("fetch of what is no URL rejects", () => rejects(fetch("http://"), "TypeError"));
test("fetch of another scheme rejects", () => rejects(fetch("ftp://a.example/"), "TypeError"));
test("fetch of a blob: URL rejects", () => rejects(fetch("blob:http://a.example/1"), "TypeError"));
test("fetch of a file rejects", () => rejects(fetch("file:///etc/passwd")));
test("fetch with GET and a body rejects", ({ base }) => rejects(fetch(base + "/echo", { body: "x" }), "TypeError"));
test("fetch with a bad header rejects", ({ base }) => rejects(fetch(base + "/echo", { headers: { "a b": "1" } }), "TypeError"));
test("fetch with credentials in the URL rejects", () => rejects(fetch("http://u:p@a.example/"), "TypeError"));
test("a broken connection rejects", ({ base }) => rejects(fetch(base + "/reset"), "TypeError"));
test("integrity is refused, not ignored", { node: "Node checks it" }, ({ base }) => rejects(fetch(base + "/text/x", { integrity: "sha256-x" }), "TypeError"));

test("a signal that was aborted rejects with its reason", async ({ base }) => equal(await rejects(fetch(base + "/text/x", { signal: AbortSignal.abort("why") }).catch((e) => { throw { name: e }; }), "why") !== null, true));
test("abort rejects with an AbortError", async ({ base }) => {
  const c = new AbortController();
  const p = fetch(base + "/text/x", { signal: c.signal });
  c.abort();
  await rejects(p, "AbortError");
});
test("abort with a reason rejects with it", async ({ base }) => {
  const c = new AbortController(), why = new RangeError("enough");
  const p = fetch(base + "/text/x", { signal: c.signal });
  c.abort(why);
  equal(await rejects(p, "RangeError") === why, true);
});
test("abort through a Request", async ({ base }) => {
  const c = new AbortController();
  const p = fetch(new Request(base + "/text/x", { signal: c.signal }));
  c.abort();
  await rejects(p, "AbortError");
});
test("abort after the answer does nothing", async ({ base }) => {
  const c = new AbortController();
  const r = await fetch(base + "/text/x", { signal: c.signal });
  equal(await r.text(), "x");
  c.abort();
});
test("a timeout rejects a fetch that never answers", { node: "no such route" }, ({ base }) => rejects(fetch(base + "/never", { signal: AbortSignal.timeout(1) }), "TimeoutError"));
test("abort leaves other fetches alone", { node: "no such route" }, async ({ base }) => {
  const c = new AbortController();
  const lost = fetch(base + "/never", { signal: c.signal }), kept = fetch(base + "/text/kept");
  c.abort();
  await rejects(lost, "AbortError");
  equal(await (await kept).text(), "kept");
});

for (const code of ["EGRESS_REFUSED", "NETWORK_ERROR", "TIMEOUT", "BODY_TOO_LARGE", "TOO_MANY_REDIRECTS"]) {
  test("the host's " + code + " rejects with its message and code", { node: "no such route" }, async ({ base }) => {
    const e = await rejects(fetch(base + "/refuse/" + code), "TypeError");
    equal([e instanceof TypeError, e.code, /refused by a rule; --allow-net allows it/.test(e.message), e.details, e.cause.code, Object.keys(e)],
      [true, code, true, { host: "conformance.test" }, code, []]);
  });
}
test("redirected and url come from the host", { node: "no such route" }, async ({ base }) => {
  const r = await fetch(base + "/redirected");
  equal([r.redirected, r.url], [true, base + "/end"]);
});
test("the redirect mode goes to the host", { node: "no such route" }, async ({ base }) => {
  equal(await (await fetch(base + "/redirect-mode")).text(), "follow");
  equal(await (await fetch(base + "/redirect-mode", { redirect: "manual" })).text(), "manual");
});
test("headers of the answer are combined", { node: "no such route" }, async ({ base }) => {
  const { headers } = await fetch(base + "/cookies");
  equal([headers.getSetCookie(), headers.get("x-two")], [["a=1", "b=2"], "1, 2"]);
});
test("accept is sent where it is missing", { node: "no such route" }, async ({ base }) => {
  equal(await (await fetch(base + "/raw-headers")).json(), [["accept", "*/*"]]);
  equal(await (await fetch(base + "/raw-headers", { headers: { Accept: "x/y" } })).json(), [["accept", "x/y"]]);
});
test("an answer without a body is empty", { node: "no such route" }, async ({ base }) => equal(await (await fetch(base + "/nobody")).text(), ""));
test("bodies that hold what JSON escapes", async ({ base }) => equal((await (await fetch(base + "/echo", { method: "POST", body: "\"\\\n\u2028\u{1F600}" })).json()).body, "\"\\\n\u2028\u{1F600}"));

for (const [url, type, text] of [
  ["data:,Hello%2C%20World!", "text/plain;charset=US-ASCII", "Hello, World!"],
  ["data:text/plain,a b", "text/plain", "a b"],
  ["data:text/plain;charset=utf-8,%C3%A9", "text/plain;charset=utf-8", "é"],
  ["data:text/plain;base64,SGVsbG8=", "text/plain", "Hello"],
  ["data:text/plain;base64,SGVsbG8", "text/plain", "Hello"],
  ["data:text/plain; base64,SGVs%20bG8=", "text/plain", "Hello"],
  ["data:;base64,QQ==", "text/plain;charset=US-ASCII", "A"],
  ["data:application/json,{\"a\":1}", "application/json", '{"a":1}'],
  ["data:text/plain,a#frag", "text/plain", "a"],
  ["data:nonsense,x", "text/plain;charset=US-ASCII", "x"],
  ["data:;charset=x,y", "text/plain;charset=x", "y"],
  ["data:TEXT/HTML;A=\"b c\",x", 'text/html;a="b c"', "x"],
  ["data:,100%", "text/plain;charset=US-ASCII", "100%"],
  ["data:,", "text/plain;charset=US-ASCII", ""],
]) {
  test("fetch " + url, async () => {
    const r = await fetch(url);
    equal([r.status, r.headers.get("content-type"), await r.text()], [200, type, text]);
  });
}
test("fetch of a data: URL without a comma rejects", () => rejects(fetch("data:text/plain"), "TypeError"));
test("fetch of a data: URL with broken base64 rejects", () => rejects(fetch("data:;base64,A"), "TypeError"));
