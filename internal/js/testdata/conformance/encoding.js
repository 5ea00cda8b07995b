// TextEncoder, TextDecoder, atob and btoa.
const decode = (b, ...a) => new TextDecoder(...a).decode(Uint8Array.from(b));

test("TextEncoder encodes to UTF-8", () => equal(new TextEncoder().encode("aé€𝄞"), Uint8Array.of(97, 195, 169, 226, 130, 172, 240, 157, 132, 158)));
test("TextEncoder of nothing", () => equal([new TextEncoder().encode().length, new TextEncoder().encode(undefined).length, new TextEncoder().encode("").length], [0, 0, 0]));
test("TextEncoder converts to a string", () => equal(hex(new TextEncoder().encode(12)), "3132"));
test("TextEncoder replaces lone surrogates", () => equal(hex(new TextEncoder().encode("a\uD800b\uDC00\uDBFF")), "61efbfbd62efbfbdefbfbd"));
test("TextEncoder keeps NUL", () => equal(hex(new TextEncoder().encode("a\0b")), "610062"));
test("TextEncoder gives a Uint8Array over a buffer of its own", () => {
  const b = new TextEncoder().encode("ab");
  assert(b instanceof Uint8Array);
  equal([b.byteOffset, b.buffer.byteLength], [0, 2]);
});
test("TextEncoder.encoding is utf-8", () => equal(new TextEncoder().encoding, "utf-8"));
test("TextEncoder has its tag", () => equal(String(new TextEncoder()), "[object TextEncoder]"));
test("TextEncoder needs new", () => throws(() => TextEncoder(), TypeError));
test("encode on another object is a TypeError", () => throws(() => TextEncoder.prototype.encode.call({}), TypeError));
test("encodeInto says what it read and wrote", () => {
  const b = new Uint8Array(10);
  equal(new TextEncoder().encodeInto("a€", b), { read: 2, written: 4 });
  equal(hex(b.subarray(0, 5)), "61e282ac00");
});
test("encodeInto writes whole characters only", () => equal(new TextEncoder().encodeInto("a€", new Uint8Array(3)), { read: 1, written: 1 }));
test("encodeInto counts code units", () => equal(new TextEncoder().encodeInto("𝄞x", new Uint8Array(4)), { read: 2, written: 4 }));
test("encodeInto into nothing", () => equal(new TextEncoder().encodeInto("a", new Uint8Array(0)), { read: 0, written: 0 }));
test("encodeInto respects the view", () => {
  const b = new Uint8Array(6);
  new TextEncoder().encodeInto("xyz", b.subarray(2, 4));
  equal(hex(b), "000078790000");
});
test("encodeInto replaces lone surrogates", () => {
  const b = new Uint8Array(3);
  equal(new TextEncoder().encodeInto("\uD800", b), { read: 1, written: 3 });
  equal(hex(b), "efbfbd");
});
test("encodeInto into another kind of array is a TypeError", () => throws(() => new TextEncoder().encodeInto("a", new Uint16Array(4)), TypeError));

test("TextDecoder decodes UTF-8", () => equal(decode([97, 195, 169, 226, 130, 172, 240, 157, 132, 158]), "aé€𝄞"));
test("TextDecoder of nothing", () => equal([new TextDecoder().decode(), new TextDecoder().decode(undefined), decode([])], ["", "", ""]));
test("TextDecoder takes every kind of buffer", () => {
  const b = Uint8Array.of(0x61, 0x62, 0x63, 0x64);
  const d = new TextDecoder();
  equal([d.decode(b.buffer), d.decode(b.subarray(1, 3)), d.decode(new DataView(b.buffer, 2)), d.decode(new Uint16Array(b.buffer))], ["abcd", "bc", "cd", "abcd"]);
});
test("TextDecoder of text is a TypeError", () => throws(() => new TextDecoder().decode("abc"), TypeError));
test("TextDecoder of null is a TypeError", () => throws(() => new TextDecoder().decode(null), TypeError));
test("TextDecoder drops one byte order mark", () => equal(decode([0xEF, 0xBB, 0xBF, 0xEF, 0xBB, 0xBF, 97]), "\uFEFFa"));
test("ignoreBOM keeps the mark", () => equal(decode([0xEF, 0xBB, 0xBF, 97], "utf-8", { ignoreBOM: true }), "\uFEFFa"));
test("a byte order mark inside stays", () => equal(decode([97, 0xEF, 0xBB, 0xBF]), "a\uFEFF"));
for (const [what, input, want] of [
  ["a lone continuation", [0x80], "\uFFFD"],
  ["an overlong form", [0xC0, 0x80], "\uFFFD\uFFFD"],
  ["a cut sequence", [0xE2, 0x82], "\uFFFD"],
  ["a cut sequence before a letter", [0xE2, 0x82, 0x41], "\uFFFDA"],
  ["a surrogate", [0xED, 0xA0, 0x80], "\uFFFD\uFFFD\uFFFD"],
  ["beyond U+10FFFF", [0xF4, 0x90, 0x80, 0x80], "\uFFFD\uFFFD\uFFFD\uFFFD"],
  ["a cut sequence of four", [0xF0, 0x9F, 0x98], "\uFFFD"],
  ["impossible bytes", [0xFE, 0xFF], "\uFFFD\uFFFD"],
  ["an overlong form of three", [0xE0, 0x80, 0x80], "\uFFFD\uFFFD\uFFFD"],
  ["the replacement character itself", [0xEF, 0xBF, 0xBD], "\uFFFD"],
]) {
  test("UTF-8 with " + what, () => equal(decode(input), want));
  if (what !== "the replacement character itself") test("fatal UTF-8 with " + what, () => throws(() => decode(input, "utf-8", { fatal: true }), TypeError));
}
test("fatal passes what is right", () => equal(decode([0xEF, 0xBF, 0xBD, 97], "utf-8", { fatal: true }), "\uFFFDa"));
test("a fatal decoder can be used again", () => {
  const d = new TextDecoder("utf-8", { fatal: true });
  throws(() => d.decode(Uint8Array.of(0xFF)), TypeError);
  equal(d.decode(Uint8Array.of(97)), "a");
});
test("stream joins what was cut", () => {
  const d = new TextDecoder();
  equal([d.decode(Uint8Array.of(0xE2), { stream: true }), d.decode(Uint8Array.of(0x82), { stream: true }), d.decode(Uint8Array.of(0xAC, 0x61))], ["", "", "€a"]);
});
test("the end of a stream replaces what is missing", () => {
  const d = new TextDecoder();
  equal(d.decode(Uint8Array.of(0x61, 0xE2, 0x82), { stream: true }), "a");
  equal(d.decode(), "\uFFFD");
});
test("a stream drops the byte order mark once", () => {
  const d = new TextDecoder();
  let text = "";
  for (const b of [0xEF, 0xBB, 0xBF, 0x61, 0xEF, 0xBB, 0xBF]) text += d.decode(Uint8Array.of(b), { stream: true });
  equal(text + d.decode(), "a\uFEFF");
});
test("after the end of a stream the mark is dropped again", () => {
  const d = new TextDecoder();
  d.decode(Uint8Array.of(0x61), { stream: true });
  d.decode();
  equal(d.decode(Uint8Array.of(0xEF, 0xBB, 0xBF, 0x62)), "b");
});
test("a wrong byte in a stream", () => {
  const d = new TextDecoder();
  equal(d.decode(Uint8Array.of(0xE2), { stream: true }) + d.decode(Uint8Array.of(0x41), { stream: true }), "\uFFFDA");
});
test("a fatal stream throws at the end", () => {
  const d = new TextDecoder("utf-8", { fatal: true });
  d.decode(Uint8Array.of(0xE2), { stream: true });
  throws(() => d.decode(), TypeError);
});
test("utf-16le", () => equal(decode([0x61, 0, 0xAC, 0x20, 0x34, 0xD8, 0x1E, 0xDD], "utf-16le"), "a€𝄞"));
test("utf-16be", () => equal(decode([0, 0x61, 0x20, 0xAC, 0xD8, 0x34, 0xDD, 0x1E], "utf-16be"), "a€𝄞"));
test("utf-16 drops its mark", () => equal([decode([0xFF, 0xFE, 0x61, 0], "utf-16le"), decode([0xFE, 0xFF, 0, 0x61], "utf-16be")], ["a", "a"]));
test("utf-16 with an odd byte", () => equal(decode([0x61, 0, 0x62], "utf-16le"), "a\uFFFD"));
test("utf-16 with a lone lead surrogate", () => equal(decode([0x34, 0xD8, 0x61, 0], "utf-16le"), "\uFFFDa"));
test("utf-16 with a lone trail surrogate", () => equal(decode([0x1E, 0xDD, 0x61, 0], "utf-16le"), "\uFFFDa"));
test("utf-16 that ends in a lead surrogate", () => equal(decode([0x61, 0, 0x34, 0xD8], "utf-16le"), "a\uFFFD"));
test("fatal utf-16", () => throws(() => decode([0x34, 0xD8, 0x61, 0], "utf-16le", { fatal: true }), TypeError));
test("utf-16 in a stream of single bytes", () => {
  const d = new TextDecoder("utf-16le");
  let text = "";
  for (const b of [0x61, 0, 0x34, 0xD8, 0x1E, 0xDD]) text += d.decode(Uint8Array.of(b), { stream: true });
  equal(text + d.decode(), "a𝄞");
});
test("windows-1252", { node: "Node 20 decodes it as iso-8859-1" }, () => equal(decode([0x80, 0x81, 0x9F, 0xE9, 0xFF], "latin1"), "€\u0081Ÿéÿ"));
test("windows-1252 has no errors", () => equal(decode([0xE9], "windows-1252", { fatal: true }), "é"));
for (const [label, want] of [["UTF8", "utf-8"], [" utf-8\n", "utf-8"], ["unicode-1-1-utf-8", "utf-8"], ["utf-16", "utf-16le"], ["ucs-2", "utf-16le"], ["UTF-16BE", "utf-16be"],
  ["latin1", "windows-1252"], ["ascii", "windows-1252"], ["us-ascii", "windows-1252"], ["ISO-8859-1", "windows-1252"], ["l1", "windows-1252"], ["cp1252", "windows-1252"]]) {
  test("the label " + JSON.stringify(label), () => equal(new TextDecoder(label).encoding, want));
}
test("an unknown label is a RangeError", () => throws(() => new TextDecoder("klingon"), RangeError));
test("an empty label is a RangeError", () => throws(() => new TextDecoder(""), RangeError));
test("an encoding that is left out is a RangeError that says which are there", { node: "Node has it" }, () => {
  assert(throws(() => new TextDecoder("shift_jis"), RangeError).message.includes("utf-16le"));
});
test("a label of NUL is a RangeError", () => throws(() => new TextDecoder("utf-8\0"), RangeError));
test("TextDecoder says its options", () => {
  const d = new TextDecoder("utf-8", { fatal: 1, ignoreBOM: 0 });
  equal([d.encoding, d.fatal, d.ignoreBOM], ["utf-8", true, false]);
});
test("TextDecoder has its tag", () => equal(String(Object.prototype.toString.call(new TextDecoder())), "[object TextDecoder]"));
test("a long text goes there and back", () => {
  const text = "añ€𝄞".repeat(5000);
  equal(new TextDecoder().decode(new TextEncoder().encode(text)), text);
});

test("btoa encodes bytes", () => equal([btoa(""), btoa("a"), btoa("ab"), btoa("abc"), btoa("\0\xFF")], ["", "YQ==", "YWI=", "YWJj", "AP8="]));
test("btoa converts to a string", () => equal([btoa(null), btoa(12), btoa(undefined)], ["bnVsbA==", "MTI=", "dW5kZWZpbmVk"]));
test("btoa beyond U+00FF is an InvalidCharacterError", () => equal(throws(() => btoa("€"), "InvalidCharacterError").code, 5));
test("btoa of a surrogate pair is an InvalidCharacterError", () => throws(() => btoa("𝄞"), "InvalidCharacterError"));
test("btoa of a lone surrogate is an InvalidCharacterError", () => throws(() => btoa("\uD800"), "InvalidCharacterError"));
test("btoa without an argument is a TypeError", () => throws(() => btoa(), TypeError));
test("atob decodes", () => equal([atob(""), atob("YQ=="), atob("YWI="), atob("YWJj"), atob("AP8=")], ["", "a", "ab", "abc", "\0\xFF"]));
test("atob forgives whitespace and missing padding", () => equal([atob(" Y\tQ=\n="), atob("YWI"), atob("YQ")], ["a", "ab", "a"]));
test("atob ignores the last bits", () => equal(atob("YR=="), "a"));
for (const bad of ["a", "ab=", "ab===", "====", "abcd=", "a=bc", "YQ=", "ab-_", "€", "YQ==YQ=="]) {
  test("atob of " + JSON.stringify(bad) + " is an InvalidCharacterError", { node: bad === "ab=" || bad === "YQ=" ? "Node 20 forgives more" : undefined }, () => throws(() => atob(bad), "InvalidCharacterError"));
}
test("what atob throws is a DOMException", () => assert(throws(() => atob("*")) instanceof DOMException));
test("atob without an argument is a TypeError", () => throws(() => atob(), TypeError));
test("atob and btoa undo each other for all bytes", () => {
  const all = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
  equal(atob(btoa(all)), all);
});

// Random bytes, of which many nearly make characters: whole and in pieces they
// must give the same text, and that of Node (whose checksums these are).
for (const [encoding, want] of [["utf-8", 2611146414], ["utf-16le", 2304180877], ["utf-16be", 467152702]]) {
  test("random bytes as " + encoding, () => {
    let seed = 12345, sum = 2166136261;
    const random = (n) => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return (seed >>> 8) % n; };
    const pool = [0x41, 0x80, 0xBF, 0xC2, 0xE2, 0x82, 0xAC, 0xED, 0xA0, 0x9F, 0xF0, 0x9F, 0x98, 0x80, 0xF4, 0x8F, 0x90, 0xFF, 0xD8, 0xDC, 0x00, 0xE0, 0xEF, 0xBB];
    for (let i = 0; i < 400; i++) {
      const b = Uint8Array.from({ length: 1 + random(12) }, () => pool[random(pool.length)]);
      const whole = new TextDecoder(encoding).decode(b);
      const d = new TextDecoder(encoding);
      let pieces = "";
      for (let at = 0; at < b.length;) {
        const n = 1 + random(3);
        pieces += d.decode(b.subarray(at, at + n), { stream: true });
        at += n;
      }
      pieces += d.decode();
      equal(pieces, whole, hex(b));
      let fatal = true;
      try { new TextDecoder(encoding, { fatal: true }).decode(b); } catch { fatal = false; }
      for (const c of whole + (fatal ? "!" : "?")) sum = Math.imul(sum ^ c.codePointAt(0), 16777619) >>> 0;
    }
    equal(sum, want);
  });
}
