// Response and the Body mixin: fetch standard, §5.3 and §5.5.
const octets = (...n) => new Uint8Array(n);
async function stream(...chunks) {
  return new ReadableStream({ start(c) { for (const chunk of chunks) c.enqueue(new TextEncoder().encode(chunk)); c.close(); } });
}

test("Response has defaults", () => {
  const r = new Response();
  equal([r.status, r.statusText, r.ok, r.type, r.url, r.redirected, r.body, r.bodyUsed], [200, "", true, "default", "", false, null, false]);
});
test("Response takes a status", () => equal(new Response(null, { status: 404, statusText: "Not Found" }).status, 404));
test("ok is for 200 to 299", () => equal([200, 299, 300, 404].map((status) => new Response(null, { status }).ok), [true, true, false, false]));
for (const status of [0, 100, 199, 600, 1000, -1]) {
  test("Response refuses the status " + status, () => throws(() => new Response(null, { status }), "RangeError"));
}
for (const status of [204, 205, 304]) {
  test("Response refuses a body with status " + status, () => throws(() => new Response("x", { status }), "TypeError"));
  test("Response takes null with status " + status, () => equal(new Response(null, { status }).body, null));
}
test("Response refuses a statusText with a line break", () => throws(() => new Response(null, { statusText: "a\nb" }), "TypeError"));
test("Response takes headers", () => equal(new Response(null, { headers: { A: "1" } }).headers.get("a"), "1"));
test("headers is the same object each time", () => {
  const r = new Response();
  equal(r.headers === r.headers, true);
  r.headers.set("a", "1");
  equal(r.headers.get("a"), "1");
});
test("Response refuses options that are no object", () => throws(() => new Response(null, 5), "TypeError"));
test("text reads a string", async () => equal(await new Response("héllo 😀").text(), "héllo 😀"));
test("text of no body is empty", async () => equal(await new Response().text(), ""));
test("text replaces lone surrogates", async () => equal(await new Response("a\ud800b").text(), "a\ufffdb"));
test("text replaces invalid UTF-8", async () => equal(await new Response(octets(97, 255, 98)).text(), "a\ufffdb"));
test("text leaves out a byte order mark", async () => equal(await new Response(octets(0xef, 0xbb, 0xbf, 97)).text(), "a"));
test("json parses", async () => equal(await new Response('{"a":[1,2,{"b":null}]}').json(), { a: [1, 2, { b: null }] }));
test("json leaves out a byte order mark", async () => equal(await new Response("\ufeff[1]").json(), [1]));
test("json of broken text rejects", () => rejects(new Response("{").json(), "SyntaxError"));
test("json of nothing rejects", () => rejects(new Response().json(), "SyntaxError"));
test("arrayBuffer gives the bytes", async () => {
  const b = await new Response("abc").arrayBuffer();
  equal(b instanceof ArrayBuffer, true);
  equal([...new Uint8Array(b)], [97, 98, 99]);
});
test("arrayBuffer of no body is empty", async () => equal((await new Response().arrayBuffer()).byteLength, 0));
test("bytes gives a Uint8Array", { node: "Node 20 has it not, or otherwise" }, async () => equal([...(await new Response("abc").bytes())], [97, 98, 99]));
test("blob has the type of the header", async () => {
  const b = await new Response("abc", { headers: { "content-type": "Text/Plain" } }).blob();
  equal([b instanceof Blob, b.size, b.type, await b.text()], [true, 3, "text/plain", "abc"]);
});
test("blob without a type", async () => equal((await new Response(octets(1)).blob()).type, ""));
test("a body is read once", async () => {
  const r = new Response("a");
  equal(r.bodyUsed, false);
  const p = r.text();
  equal(r.bodyUsed, true);
  await p;
  await rejects(r.text(), "TypeError");
  await rejects(r.json(), "TypeError");
});
test("no body is never used", async () => {
  const r = new Response();
  await r.text();
  equal(r.bodyUsed, false);
  equal(await r.text(), "");
});
test("an empty string is a body", () => {
  equal(new Response("").body === null, false);
});
test("a failed json uses the body up", async () => {
  const r = new Response("{");
  await rejects(r.json(), "SyntaxError");
  await rejects(r.text(), "TypeError");
});

// Body types.
test("a string gives text/plain", () => equal(new Response("a").headers.get("content-type"), "text/plain;charset=UTF-8"));
test("a number becomes text", async () => equal(await new Response(5).text(), "5"));
test("an object becomes text", async () => equal(await new Response({}).text(), "[object Object]"));
test("URLSearchParams gives its type and text", async () => {
  const r = new Response(new URLSearchParams({ a: "1 2", b: "é" }));
  equal(r.headers.get("content-type"), "application/x-www-form-urlencoded;charset=UTF-8");
  equal(await r.text(), "a=1+2&b=%C3%A9");
});
test("a Blob gives its type", async () => {
  const r = new Response(new Blob(["abc"], { type: "image/x" }));
  equal(r.headers.get("content-type"), "image/x");
  equal(await r.text(), "abc");
});
test("a Blob without a type gives none", () => equal(new Response(new Blob(["abc"])).headers.get("content-type"), null));
test("an ArrayBuffer gives no type", async () => {
  const r = new Response(octets(97, 98).buffer);
  equal(r.headers.get("content-type"), null);
  equal(await r.text(), "ab");
});
test("a view gives its part", async () => equal(await new Response(new Uint8Array(octets(97, 98, 99).buffer, 1, 1)).text(), "b"));
test("a DataView gives its part", async () => equal(await new Response(new DataView(octets(97, 98, 99).buffer, 1)).text(), "bc"));
test("a Uint16Array gives its bytes", async () => equal(await new Response(new Uint16Array([0x6261])).text(), "ab"));
test("a buffer is copied", async () => {
  const b = octets(97);
  const r = new Response(b);
  b[0] = 98;
  equal(await r.text(), "a");
});
test("FormData gives multipart with its boundary", () => {
  const f = new FormData();
  f.append("a", "1");
  equal(/^multipart\/form-data; boundary=\S+$/.test(new Response(f).headers.get("content-type")), true);
});
test("a type that is given stays", () => equal(new Response("a", { headers: { "Content-Type": "x/y" } }).headers.get("content-type"), "x/y"));
test("a stream is a body", async () => equal(await new Response(await stream("a", "b", "c")).text(), "abc"));
test("a stream gives no type", async () => equal(new Response(await stream("a")).headers.get("content-type"), null));
test("a stream that is locked is refused", async () => {
  const s = await stream("a");
  s.getReader();
  throws(() => new Response(s), "TypeError");
});
test("a stream that was read is refused", async () => {
  const s = await stream("a", "b");
  const reader = s.getReader();
  await reader.read();
  reader.releaseLock();
  throws(() => new Response(s), "TypeError");
});
test("a stream of strings rejects", () => rejects(new Response(new ReadableStream({ start(c) { c.enqueue("a"); c.close(); } })).text(), "TypeError"));
test("a stream that fails rejects with its error", () => rejects(new Response(new ReadableStream({ start(c) { c.error(new RangeError("x")); } })).text(), "RangeError"));
test("arrayBuffer of a stream", async () => equal((await new Response(await stream("ab", "cd")).arrayBuffer()).byteLength, 4));

// The body as a stream.
test("body is a ReadableStream", () => equal(new Response("a").body instanceof ReadableStream, true));
test("body is the same stream each time", () => {
  const r = new Response("a");
  equal(r.body === r.body, true);
});
test("body can be read", async () => {
  const reader = new Response("abc").body.getReader();
  const { value, done } = await reader.read();
  equal([new TextDecoder().decode(value), done], ["abc", false]);
  equal((await reader.read()).done, true);
});
test("body can be read by for await", async () => {
  let text = "";
  for await (const chunk of new Response("abc").body) text += new TextDecoder().decode(chunk);
  equal(text, "abc");
});
test("reading the stream uses the body", async () => {
  const r = new Response("abc");
  const reader = r.body.getReader();
  equal(r.bodyUsed, false);
  await reader.read();
  equal(r.bodyUsed, true);
});
test("a locked body cannot be read otherwise", async () => {
  const r = new Response("abc");
  r.body.getReader();
  await rejects(r.text(), "TypeError");
});
test("text still works after the stream was asked for", async () => {
  const r = new Response("abc");
  r.body;
  equal(await r.text(), "abc");
});
test("a body that was read is a locked stream", async () => {
  const r = new Response("abc");
  await r.text();
  equal([r.body.locked, r.bodyUsed], [true, true]);
});
test("cancelling the stream uses the body", async () => {
  const r = new Response("abc");
  await r.body.cancel();
  equal(r.bodyUsed, true);
});
test("body goes through a transform", async () => {
  const upper = new TransformStream({ transform(chunk, c) { c.enqueue(chunk.map((b) => (b >= 97 ? b - 32 : b))); } });
  equal(await new Response(new Response("abc").body.pipeThrough(upper)).text(), "ABC");
});

// clone.
test("clone can be read too", async () => {
  const a = new Response("abc", { status: 201, headers: { x: "1" } }), b = a.clone();
  equal([await a.text(), await b.text(), b.status, b.headers.get("x")], ["abc", "abc", 201, "1"]);
});
test("clone has headers of its own", () => {
  const a = new Response(null, { headers: { x: "1" } }), b = a.clone();
  b.headers.set("x", "2");
  equal(a.headers.get("x"), "1");
});
test("clone of a body that was read throws", async () => {
  const r = new Response("a");
  await r.text();
  throws(() => r.clone(), "TypeError");
});
test("clone of a locked body throws", () => {
  const r = new Response("a");
  r.body.getReader();
  throws(() => r.clone(), "TypeError");
});
test("clone of a stream gives both the content", async () => {
  const a = new Response(await stream("a", "b")), b = a.clone();
  equal([await a.text(), await b.text()], ["ab", "ab"]);
});
test("clone of no body", () => equal(new Response().clone().body, null));
test("clones do not share their buffers", async () => {
  const a = new Response("abc"), b = a.clone();
  new Uint8Array(await a.arrayBuffer())[0] = 0;
  equal(await b.text(), "abc");
});

// Statics.
test("Response.json writes", async () => {
  const r = Response.json({ a: 1 });
  equal([r.status, r.headers.get("content-type"), await r.text()], [200, "application/json", '{"a":1}']);
});
test("Response.json takes options", () => {
  const r = Response.json([], { status: 201, headers: { "content-type": "application/x+json" } });
  equal([r.status, r.headers.get("content-type")], [201, "application/x+json"]);
});
test("Response.json refuses what is no JSON", () => {
  throws(() => Response.json(undefined), "TypeError");
  throws(() => Response.json(() => {}), "TypeError");
});
test("Response.json throws what stringify throws", () => throws(() => { const a = {}; a.a = a; Response.json(a); }, "TypeError"));
test("Response.json refuses a status without a body", () => throws(() => Response.json({}, { status: 204 }), "TypeError"));
test("Response.error", () => {
  const r = Response.error();
  equal([r.type, r.status, r.ok, r.body], ["error", 0, false, null]);
  throws(() => r.headers.set("a", "1"), "TypeError");
});
test("Response.redirect", () => {
  const r = Response.redirect("http://a.example/x y");
  equal([r.status, r.headers.get("location")], [302, "http://a.example/x%20y"]);
  throws(() => r.headers.set("a", "1"), "TypeError");
});
test("Response.redirect takes a status", () => equal([301, 303, 307, 308].map((s) => Response.redirect("http://a/", s).status), [301, 303, 307, 308]));
test("Response.redirect refuses other statuses", () => throws(() => Response.redirect("http://a/", 200), "RangeError"));
test("Response.redirect refuses what is no URL", () => throws(() => Response.redirect("http://[bad"), "TypeError"));
test("methods reject another this", async () => {
  await rejects(Response.prototype.text.call({}), "TypeError");
  throws(() => Object.getOwnPropertyDescriptor(Response.prototype, "status").get.call({}), "TypeError");
});
test("Response has its tag", () => equal(String(new Response()), "[object Response]"));
test("Response cannot be cloned by structuredClone", { node: "Node 20 has it not, or otherwise" }, () => throws(() => structuredClone(new Response("a")), "DataCloneError"));
