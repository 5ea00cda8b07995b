// FormData and multipart/form-data: XMLHttpRequest standard §5, fetch standard §2.
const form = (...pairs) => {
  const f = new FormData();
  for (const p of pairs) f.append(...p);
  return f;
};
const type = "multipart/form-data; boundary=B";
const parse = (body, contentType = type) => new Response(body, { headers: { "content-type": contentType } }).formData();
const part = (headers, body) => "--B\r\n" + headers + "\r\n\r\n" + body + "\r\n";

test("FormData starts empty", () => equal([...new FormData()], []));
test("FormData refuses an argument", () => throws(() => new FormData({}), "TypeError"));
test("append keeps the order", () => equal([...form(["b", "1"], ["a", "2"], ["b", "3"])], [["b", "1"], ["a", "2"], ["b", "3"]]));
test("append converts to strings", () => equal([...form([1, 2], ["n", null], ["u", undefined], ["o", {}])], [["1", "2"], ["n", "null"], ["u", "undefined"], ["o", "[object Object]"]]));
test("append replaces lone surrogates", () => equal(form(["a\ud800", "b\udc00"]).get("a\ufffd"), "b\ufffd"));
test("append needs two arguments", () => throws(() => new FormData().append("a"), "TypeError"));
test("append refuses a file name for a string", () => throws(() => new FormData().append("a", "b", "c"), "TypeError"));
test("append makes a File of a Blob", () => {
  const f = form(["a", new Blob(["x"], { type: "t/u" })]).get("a");
  equal([f instanceof File, f.name, f.type, f.size], [true, "blob", "t/u", 1]);
});
test("append names the File", () => equal(form(["a", new Blob(["x"]), "n.txt"]).get("a").name, "n.txt"));
test("append keeps a File", () => {
  const file = new File(["x"], "n.txt", { lastModified: 5 });
  equal(form(["a", file]).get("a") === file, true);
});
test("append renames a File", () => {
  const f = form(["a", new File(["x"], "n.txt", { type: "t/u" }), "m.txt"]).get("a");
  equal([f.name, f.type], ["m.txt", "t/u"]);
});
test("get gives the first", () => equal(form(["a", "1"], ["a", "2"]).get("a"), "1"));
test("get gives null", () => equal(new FormData().get("a"), null));
test("getAll gives all", () => equal(form(["a", "1"], ["b", "x"], ["a", "2"]).getAll("a"), ["1", "2"]));
test("getAll gives an empty list", () => equal(new FormData().getAll("a"), []));
test("has tells", () => equal([form(["a", "1"]).has("a"), form(["a", "1"]).has("A")], [true, false]));
test("delete removes all", () => {
  const f = form(["a", "1"], ["b", "x"], ["a", "2"]);
  f.delete("a");
  equal([...f], [["b", "x"]]);
});
test("set replaces in place", () => {
  const f = form(["a", "1"], ["b", "x"], ["a", "2"]);
  f.set("a", "3");
  equal([...f], [["a", "3"], ["b", "x"]]);
});
test("set adds", () => {
  const f = form(["a", "1"]);
  f.set("b", "2");
  equal([...f], [["a", "1"], ["b", "2"]]);
});
test("keys, values, entries", () => {
  const f = form(["a", "1"], ["b", "2"]);
  equal([[...f.keys()], [...f.values()], [...f.entries()]], [["a", "b"], ["1", "2"], [["a", "1"], ["b", "2"]]]);
});
test("forEach", () => {
  const f = form(["a", "1"]), got = [];
  f.forEach(function (v, k, o) { got.push(v, k, o === f, this.y); }, { y: 1 });
  equal(got, ["1", "a", true, 1]);
});
test("the iterator is entries", () => equal(FormData.prototype[Symbol.iterator], FormData.prototype.entries));
test("FormData has its tag", () => equal(String(new FormData()), "[object FormData]"));

test("a round trip of strings", async () => {
  const f = await new Response(form(["a", "1"], ["é", "日本 😀"], ["a", ""])).formData();
  equal([...f], [["a", "1"], ["é", "日本 😀"], ["a", ""]]);
});
test("a round trip of a file", async () => {
  const f = await new Response(form(["f", new File([new Uint8Array([0, 13, 10, 255])], "b.bin", { type: "a/b" })])).formData();
  const file = f.get("f");
  equal([file instanceof File, file.name, file.type, [...new Uint8Array(await file.arrayBuffer())]], [true, "b.bin", "a/b", [0, 13, 10, 255]]);
});
test("line breaks in strings become CRLF", async () => equal((await new Response(form(["a", "1\n2\r3\r\n4"])).formData()).get("a"), "1\r\n2\r\n3\r\n4"));
test("quotes and line breaks in names", async () => equal([...(await new Response(form(['q"\n', "1"])).formData()).keys()], ['q"\r\n']));
test("the text of a body", async () => {
  const r = new Response(form(["a", "1"]));
  const boundary = r.headers.get("content-type").split("boundary=")[1];
  equal((await r.text()).trimEnd(), `--${boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--${boundary}--`);
});
test("the text of a file", async () => {
  const r = new Response(form(["f", new File(["x"], 'a"b.txt')]));
  const text = await r.text();
  equal(text.includes('Content-Disposition: form-data; name="f"; filename="a%22b.txt"\r\nContent-Type: application/octet-stream\r\n\r\nx\r\n'), true);
});
test("an empty form", async () => equal([...(await new Response(new FormData()).formData())], []));

test("a body is parsed", async () => {
  const f = await parse(part('Content-Disposition: form-data; name="a"', "1") + part('content-disposition: form-data; name="b"; filename="f.txt"\r\nContent-Type: text/x', "two") + "--B--\r\n");
  equal([f.get("a"), f.get("b").name, f.get("b").type, await f.get("b").text()], ["1", "f.txt", "text/x", "two"]);
});
test("a file without a type is text/plain", async () => equal((await parse(part('Content-Disposition: form-data; name="b"; filename="f"', "x") + "--B--")).get("b").type, "text/plain"));
test("a file may be empty", async () => equal((await parse(part('Content-Disposition: form-data; name="b"; filename=""', "") + "--B--")).get("b").size, 0));
test("a quoted boundary", async () => equal((await parse(part('Content-Disposition: form-data; name="a"', "1") + "--B--", 'multipart/form-data; boundary="B"')).get("a"), "1"));
test("text like a boundary inside a part stays", { node: "undici takes it for the end" }, async () => equal((await parse(part('Content-Disposition: form-data; name="a"', "x--B--y") + "--B--")).get("a"), "x--B--y"));
for (const [what, body, contentType] of [
  ["a body without a boundary in its type", part('Content-Disposition: form-data; name="a"', "1") + "--B--", "multipart/form-data"],
  ["an empty body", "", type],
  ["a body that does not end", part('Content-Disposition: form-data; name="a"', "1"), type],
  ["a part without a name", part("Content-Disposition: form-data", "1") + "--B--", type],
  ["a part without headers", part("X: y", "1") + "--B--", type],
  ["a part with another disposition", part('Content-Disposition: attachment; name="a"', "1") + "--B--", type],
  ["text", "hello", type],
]) test(what + " is refused", () => rejects(parse(body, contentType), "TypeError"));
test("formData without a type is refused", () => rejects(new Response(new Uint8Array(1)).formData(), "TypeError"));
