// Streams: what tasks do with them. The library's own suite is wider.
async function all(stream) {
  const out = [];
  for await (const chunk of stream) out.push(chunk);
  return out;
}
const of = (...chunks) => new ReadableStream({ start(c) { for (const v of chunks) c.enqueue(v); c.close(); } });

test("a stream gives its chunks", async () => equal(await all(of(1, 2, 3)), [1, 2, 3]));
test("a reader reads to the end", async () => {
  const r = of("a").getReader();
  equal([await r.read(), await r.read()], [{ value: "a", done: false }, { value: undefined, done: true }]);
});
test("closed settles at the end", async () => {
  const r = of().getReader();
  equal(await r.closed, undefined);
});
test("pull is called when chunks are wanted", async () => {
  let n = 0;
  equal(await all(new ReadableStream({ pull(c) { if (++n > 3) c.close(); else c.enqueue(n); } })), [1, 2, 3]);
});
test("pull may be async", async () => {
  let n = 0;
  equal(await all(new ReadableStream({ async pull(c) { await null; if (++n > 2) c.close(); else c.enqueue(n); } })), [1, 2]);
});
test("highWaterMark bounds what is asked for", async () => {
  let n = 0;
  new ReadableStream({ pull(c) { c.enqueue(++n); } }, { highWaterMark: 3 });
  for (let i = 0; i < 20; i++) await null;
  equal(n, 3);
});
test("error reaches the reader", () => rejects(of(1).getReader() && new ReadableStream({ start(c) { c.error(new TypeError("x")); } }).getReader().read(), "TypeError"));
test("cancel reaches the source", async () => {
  let why;
  await new ReadableStream({ cancel(r) { why = r; } }).cancel("enough");
  equal(why, "enough");
});
test("leaving for await cancels", async () => {
  let cancelled = false;
  const s = new ReadableStream({ pull(c) { c.enqueue(1); }, cancel() { cancelled = true; } });
  for await (const _ of s) break;
  equal([cancelled, s.locked], [true, false]);
});
test("values({preventCancel}) leaves the stream", async () => {
  const s = of(1, 2);
  for await (const _ of s.values({ preventCancel: true })) break;
  await null; await null; // QuickJS does not wait for return()
  equal(await all(s), [2]);
});
test("a stream is locked by its reader", () => {
  const s = of();
  const r = s.getReader();
  equal(s.locked, true);
  throws(() => s.getReader(), "TypeError");
  r.releaseLock();
  equal(s.locked, false);
});
test("tee gives both the chunks", async () => {
  const [a, b] = of(1, 2).tee();
  equal([await all(a), await all(b)], [[1, 2], [1, 2]]);
});
test("from takes an array", async () => equal(await all(ReadableStream.from([1, 2])), [1, 2]));
test("from takes an async generator", async () => equal(await all(ReadableStream.from((async function* () { yield 1; yield 2; })())), [1, 2]));
test("a byte stream gives bytes", async () => {
  const s = new ReadableStream({ type: "bytes", start(c) { c.enqueue(new Uint8Array([1, 2])); c.close(); } });
  equal((await all(s)).map((b) => [...b]), [[1, 2]]);
});
test("a byte stream fills a buffer", async () => {
  const s = new ReadableStream({ type: "bytes", start(c) { c.enqueue(new Uint8Array([1, 2, 3])); } });
  const { value } = await s.getReader({ mode: "byob" }).read(new Uint8Array(2));
  equal([...value], [1, 2]);
});
test("a byte stream refuses strings", () => throws(() => new ReadableStream({ type: "bytes", start(c) { c.enqueue("a"); } }), "TypeError"));

test("a writable stream takes chunks", async () => {
  const got = [];
  const w = new WritableStream({ write(v) { got.push(v); }, close() { got.push("end"); } }).getWriter();
  await w.write(1);
  await w.write(2);
  await w.close();
  equal(got, [1, 2, "end"]);
});
test("abort reaches the sink", async () => {
  let why;
  await new WritableStream({ abort(r) { why = r; } }).abort("stop");
  equal(why, "stop");
});
test("a sink that throws fails the write", async () => {
  const w = new WritableStream({ write() { throw new RangeError("x"); } }).getWriter();
  w.closed.catch(() => {});
  await rejects(w.write(1), "RangeError");
});
test("desiredSize and ready tell of pressure", async () => {
  let release;
  const w = new WritableStream({ write() { return new Promise((r) => { release = r; }); } }).getWriter();
  equal(w.desiredSize, 1);
  const p = w.write(1);
  equal(w.desiredSize, 0);
  await null; await null; await null;
  release();
  await p;
  await w.ready;
  equal(w.desiredSize, 1);
});
test("pipeTo moves all chunks", async () => {
  const got = [];
  await of(1, 2).pipeTo(new WritableStream({ write(v) { got.push(v); }, close() { got.push("end"); } }));
  equal(got, [1, 2, "end"]);
});
test("pipeTo with a signal stops", async () => {
  const c = new AbortController();
  const p = new ReadableStream({ pull() {} }).pipeTo(new WritableStream(), { signal: c.signal });
  c.abort(new RangeError("why"));
  await rejects(p, "RangeError");
});
test("pipeTo passes an error on", () => rejects(new ReadableStream({ start(c) { c.error(new RangeError("x")); } }).pipeTo(new WritableStream()), "RangeError"));
test("pipeThrough transforms", async () => {
  const twice = new TransformStream({ transform(v, c) { c.enqueue(v); c.enqueue(v * 10); }, flush(c) { c.enqueue("end"); } });
  equal(await all(of(1, 2).pipeThrough(twice)), [1, 10, 2, 20, "end"]);
});
test("an identity transform passes chunks", async () => equal(await all(of(1).pipeThrough(new TransformStream())), [1]));
test("terminate ends a transform", async () => {
  const first = new TransformStream({ transform(v, c) { c.enqueue(v); c.terminate(); } });
  equal(await all(of(1, 2, 3).pipeThrough(first).pipeThrough(new TransformStream())).catch(() => "failed"), [1]);
});
test("queuing strategies measure", () => {
  equal([new CountQueuingStrategy({ highWaterMark: 2 }).size("abc"), new ByteLengthQueuingStrategy({ highWaterMark: 2 }).size(new Uint8Array(3))], [1, 3]);
});
test("the classes are there", () => {
  for (const name of ["ReadableStreamDefaultReader", "ReadableStreamBYOBReader", "ReadableStreamBYOBRequest", "ReadableStreamDefaultController", "ReadableByteStreamController",
    "WritableStreamDefaultWriter", "WritableStreamDefaultController", "TransformStreamDefaultController"]) equal(typeof globalThis[name], "function");
});
test("a stream has its tag", () => equal(String(of()), "[object ReadableStream]"));
test("Blob.stream gives the bytes", async () => equal((await all(new Blob(["abc"]).stream())).map((b) => b.length), [3]));

test("TextDecoderStream joins split characters", async () => {
  const text = await all(of(new Uint8Array([0xe2, 0x82]), new Uint8Array([0xac, 97])).pipeThrough(new TextDecoderStream()));
  equal(text.join(""), "€a");
});
test("TextDecoderStream replaces what does not end", async () => equal((await all(of(new Uint8Array([97, 0xe2])).pipeThrough(new TextDecoderStream()))).join(""), "a\ufffd"));
test("TextDecoderStream may be fatal", () => rejects(all(of(new Uint8Array([255])).pipeThrough(new TextDecoderStream("utf-8", { fatal: true }))), "TypeError"));
test("TextDecoderStream tells its options", () => {
  const d = new TextDecoderStream("latin1", { fatal: true });
  equal([d.encoding, d.fatal, d.ignoreBOM, d.readable instanceof ReadableStream, d.writable instanceof WritableStream], ["windows-1252", true, false, true, true]);
});
test("TextEncoderStream joins split pairs", async () => {
  const chunks = await all(of("a\ud83d", "\ude00", "b\ud800").pipeThrough(new TextEncoderStream()));
  equal(new TextDecoder().decode(new Uint8Array(chunks.flatMap((c) => [...c]))), "a😀b\ufffd");
});
test("TextEncoderStream encodes to UTF-8", () => equal(new TextEncoderStream().encoding, "utf-8"));
