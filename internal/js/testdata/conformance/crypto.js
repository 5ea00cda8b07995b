// crypto.getRandomValues, randomUUID and digests.
test("getRandomValues fills and gives back its argument", () => {
  const a = new Uint8Array(64);
  assert(crypto.getRandomValues(a) === a);
  assert(a.some((b) => b !== 0));
});
for (const C of [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array]) {
  test("getRandomValues fills " + C.name, () => assert(crypto.getRandomValues(new C(32)).some((b) => b != 0)));
}
for (const C of [Float32Array, Float64Array]) {
  test("getRandomValues of " + C.name + " is a TypeMismatchError", () => throws(() => crypto.getRandomValues(new C(4)), "TypeMismatchError"));
}
test("getRandomValues of a DataView is a TypeMismatchError", () => throws(() => crypto.getRandomValues(new DataView(new ArrayBuffer(4))), "TypeMismatchError"));
test("getRandomValues of a plain array throws", () => throws(() => crypto.getRandomValues([1, 2])));
test("getRandomValues of nothing throws", () => throws(() => crypto.getRandomValues()));
test("getRandomValues of none", () => equal(crypto.getRandomValues(new Uint8Array(0)).length, 0));
test("getRandomValues of 65536 bytes", () => equal(crypto.getRandomValues(new Uint8Array(65536)).length, 65536));
test("getRandomValues of more is a QuotaExceededError", () => equal(throws(() => crypto.getRandomValues(new Uint8Array(65537)), "QuotaExceededError").code, 22));
test("getRandomValues fills only the view", () => {
  const b = new Uint8Array(96);
  crypto.getRandomValues(b.subarray(32, 64));
  assert(b.subarray(0, 32).every((x) => x === 0) && b.subarray(64).every((x) => x === 0) && b.subarray(32, 64).some((x) => x !== 0));
});
test("randomUUID is a version 4 UUID", () => assert(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID())));
test("randomUUID differs each time", () => equal(new Set(Array.from({ length: 50 }, () => crypto.randomUUID())).size, 50));
test("crypto cannot be made by hand", () => throws(() => new Crypto(), TypeError));
test("crypto is a Crypto", () => assert(crypto instanceof Crypto && crypto.subtle instanceof SubtleCrypto && crypto.subtle === crypto.subtle));
test("crypto has its tag", () => equal([String(crypto), String(crypto.subtle)], ["[object Crypto]", "[object SubtleCrypto]"]));

const digest = async (name, v) => hex(await crypto.subtle.digest(name, typeof v === "string" ? bytes(v) : v));
// FIPS 180-2.
for (const [name, text, want] of [
  ["SHA-1", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"],
  ["SHA-1", "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
  ["SHA-256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  ["SHA-256", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  ["SHA-256", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"],
  ["SHA-384", "abc", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"],
  ["SHA-512", "abc", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"],
]) {
  test(name + " of " + JSON.stringify(text), async () => equal(await digest(name, text), want));
}
test("digest takes an object and any case", async () => equal(await digest({ name: "sha-256" }, "abc"), await digest("SHA-256", "abc")));
test("digest takes every kind of buffer", async () => {
  const b = bytes("xabcx"), want = await digest("SHA-256", "abc");
  equal([await digest("SHA-256", b.subarray(1, 4)), await digest("SHA-256", new DataView(b.buffer, 1, 3)), await digest("SHA-256", b.slice(1, 4).buffer)], [want, want, want]);
});
test("digest gives an ArrayBuffer", async () => assert(await crypto.subtle.digest("SHA-1", new Uint8Array(0)) instanceof ArrayBuffer));
test("digest of text is a TypeError", () => rejects(crypto.subtle.digest("SHA-1", "abc"), TypeError));
test("digest of an unknown algorithm is a NotSupportedError", async () => equal((await rejects(crypto.subtle.digest("MD5", bytes("a")), "NotSupportedError")).code, 9));
test("digest without a name is a TypeError", () => rejects(crypto.subtle.digest({}, bytes("a")), TypeError));
test("digest rejects, it does not throw", async () => {
  const p = crypto.subtle.digest("nope", bytes("a"));
  assert(p instanceof Promise);
  await rejects(p);
});
test("digest takes the data when called", async () => {
  const b = bytes("abc");
  const p = digest("SHA-256", b);
  b[0] = 0;
  equal(await p, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});
test("digest on another object rejects", () => rejects(SubtleCrypto.prototype.digest.call({}, "SHA-1", bytes("a"))));
test("digest of a megabyte", async () => equal(await digest("SHA-256", new Uint8Array(1 << 20)), "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58"));
