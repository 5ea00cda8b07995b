// Blob and File.
test("Blob of nothing", () => {
  const b = new Blob();
  equal([b.size, b.type], [0, ""]);
});
test("Blob joins its parts", async () => {
  const b = new Blob(["aé", Uint8Array.of(98, 99), Uint8Array.of(100, 101).buffer, new DataView(Uint8Array.of(1, 102).buffer, 1), new Blob(["g"]), 5, null]);
  equal(await b.text(), "aébcdefg5null");
  equal(b.size, 14);
});
test("Blob takes any iterable", async () => equal(await new Blob(new Set(["a", "b"])).text(), "ab"));
test("Blob takes a view's part only", async () => equal(await new Blob([Uint8Array.of(97, 98, 99).subarray(1, 2)]).text(), "b"));
test("Blob of text is a TypeError", () => throws(() => new Blob("abc"), TypeError));
test("Blob of a plain object is a TypeError", () => throws(() => new Blob({}), TypeError));
test("Blob of null is a TypeError", () => throws(() => new Blob(null), TypeError));
test("Blob of options that are no object is a TypeError", () => throws(() => new Blob([], 5), TypeError));
test("the type is in lower case", () => equal(new Blob([], { type: "Text/HTML; charset=UTF-8" }).type, "text/html; charset=utf-8"));
test("a type with odd characters is dropped", () => equal([new Blob([], { type: "text/plaïn" }).type, new Blob([], { type: "a\0b" }).type], ["", ""]));
test("Blob keeps a copy of its bytes", async () => {
  const u = Uint8Array.of(97);
  const b = new Blob([u]);
  u[0] = 98;
  equal(await b.text(), "a");
});
test("lone surrogates are replaced", async () => equal(hex(await new Blob(["\uD800"]).arrayBuffer()), "efbfbd"));
test("endings native turns line ends", { node: "Node 20 leaves a lone CR" }, async () => equal(await new Blob(["a\r\nb\rc\n"], { endings: "native" }).text(), "a\nb\nc\n"));
test("endings transparent leaves them", async () => equal(await new Blob(["a\r\nb"]).text(), "a\r\nb"));
test("other endings are a TypeError", () => throws(() => new Blob([], { endings: "x" }), TypeError));
test("arrayBuffer is a copy each time", async () => {
  const b = new Blob(["ab"]);
  const one = await b.arrayBuffer(), two = await b.arrayBuffer();
  assert(one instanceof ArrayBuffer && one !== two);
  new Uint8Array(one)[0] = 0;
  equal([hex(two), await b.text()], ["6162", "ab"]);
});
test("bytes gives a Uint8Array", { node: typeof Blob.prototype.bytes === "function" ? undefined : "came with Node 22" }, async () => equal(await new Blob(["ab"]).bytes(), Uint8Array.of(97, 98)));
test("text decodes as UTF-8", async () => equal(await new Blob([Uint8Array.of(0x61, 0xFF)]).text(), "a\uFFFD"));
test("text drops a byte order mark", async () => equal(await new Blob([Uint8Array.of(0xEF, 0xBB, 0xBF, 0x61)]).text(), "a"));
for (const [args, want] of [[[], "abcdef"], [[2], "cdef"], [[1, 3], "bc"], [[-2], "ef"], [[-4, -1], "cde"], [[3, 1], ""], [[0, 100], "abcdef"], [[100], ""], [[-100, 2], "ab"], [[1.9, "3"], "bc"], [[NaN], "abcdef"]]) {
  const odd = args.some((a) => !Number.isInteger(a)) ? "Node 20 aborts on it" : undefined;
  test("slice(" + args.join(", ") + ")", { node: odd }, async () => equal(await new Blob(["abc", "def"]).slice(...args).text(), want));
}
test("slice has no type unless told", () => {
  const b = new Blob(["abc"], { type: "a/b" });
  equal([b.slice().type, b.slice(0, 1, "C/D").type], ["", "c/d"]);
});
test("slice of a slice", async () => equal(await new Blob(["abcdef"]).slice(1, 5).slice(1, 3).text(), "cd"));
test("a slice's arrayBuffer has its size", async () => equal((await new Blob(["abcdef"]).slice(1, 3).arrayBuffer()).byteLength, 2));
test("slice of a File is a Blob", () => equal(new File(["abc"], "x").slice(1) instanceof File, false));
test("stream gives the bytes", async () => {
  const out = [];
  for await (const chunk of new Blob(["abc", "def"]).stream()) out.push(...chunk);
  equal(String.fromCharCode(...out), "abcdef");
});
test("stream of an empty Blob ends at once", async () => equal((await new Blob().stream().getReader().read()).done, true));
test("stream of a large Blob", async () => {
  let n = 0;
  for await (const chunk of new Blob([new Uint8Array(200000)]).stream()) n += chunk.length;
  equal(n, 200000);
});
test("Blob has its tag", () => equal(Object.prototype.toString.call(new Blob()), "[object Blob]"));
test("a getter of Blob on another object throws", () => throws(() => Object.getOwnPropertyDescriptor(Blob.prototype, "size").get.call({}), TypeError));

test("File has name, type and time", () => {
  const f = new File(["abc"], "a.txt", { type: "text/plain", lastModified: 123 });
  equal([f.name, f.type, f.lastModified, f.size], ["a.txt", "text/plain", 123, 3]);
  assert(f instanceof Blob);
});
test("File's time is now unless told", () => assert(Math.abs(new File([], "x").lastModified - Date.now()) < 1000));
test("File needs two arguments", () => throws(() => new File([]), TypeError));
test("File converts its name", () => equal(new File([], 5).name, "5"));
test("File has its tag", () => equal(Object.prototype.toString.call(new File([], "x")), "[object File]"));
test("File's text", async () => equal(await new File(["a", "b"], "x").text(), "ab"));
