// crypto.subtle with keys: vectors of NIST and the RFCs, then the rules.
const { subtle } = crypto;
const rsaKey = {"kty":"RSA","n":"sOGUp-Uuv1WP8uA3XJ_L8SPtEn17M_xQ224I0CCHr-Kn2wXudrUqA3ZLYcAi6_ooaqYXbICy3Xr5yZ75sHpk8SFUDriQI4J_xPW8oWeUuD-9iQHarWJXFXqXPM-F4ec-W0dBB9RMnaodX-Z8J5EwJGLvk8IXIy3k4ECpIvPw2igbDkAU0uwM5gyiVCfkkdwLIgPynY93Kes0WHAEYoipdxRpsxsZ7q5cdQ3eYd2X5wiewHOLTLjBaH90PiiYn5CHmkCgdpR59SA76ShtHR8UjbGumXEj1BvU_8XB_vYBGpZf41gztrJtVyBLGeHbKN161K8ETIYZVWWEvBu4EJNpxw","e":"AQAB","d":"Ar0LVVLVeolnw8LDoWKpDBo9SaaiDE8suaj30Q1xVRHd5iSjF9vw5fCkRk9swM2dfx5J5l47uCO8z4ySQ8fUOpwzB5et6LG9h2QbS5tUHDOZ4g_FYNlFXptORb--7yje5uk8f7Bw7Kyxpy9CO-jE5Wb0imiiCRIIAkhvcwPm6psoxoHHaI6ikNEInlHeLYMRj29ublg9cNffgp3LMJRddAwBbAG5sZmlVMFI9iW8eYslOHdWq3kpnjbbd9zucfySmflC_IDbF6ER3VC0IomK6IqRKC--mZA9q3iP3G_JZPupxTp8dQPtFy-LXh2ZLAve7hH87mchVv6eL7wFTXazUQ","p":"97Uuc3kE16ol89HIWPYkII7O-DhvK7FF_7Hy70vajWHK-IbIuKGPDWOjCa8-oq-fW4NHgQGEHL0Li6ytnRMazRC0iBRk1KK3T4lKIim6BMTOvUbKhgkkh1zRZtSX554GUOAMjueFjofq8GRoJ8tk42R-q7gPJyrhiAVLC1CtRo8","q":"ts1tFBysXc9w-U83NhJycd42jHITqi4c0yLkHlRsl-KMkztDM9mGnJAUouJWXaWazBxBBCXzzNof1SpS1XiRp7qNY8p5g2PwT4aabFrmLSVXID7P7xh8yKDyRt3YyU-dVSK_BwlibKtncl-49QgckwDZsIlY_ICKP8jn8k9ehUk","dp":"xMIFELILN6eul9qF8qwpjDcDjcV-AM3CVVWrK4ssIeuRBxJA8-9YqwD-611pOl6YDV_c90sV_qHnPt491avsOQFQ9VqFsSVCyIm7-iD84nbV5SELE6bFfkQrDSxHMTKjv7AIKacbvliWNLb8yMdV7w3PVGVSnAECvkG-F1HRIV8","dq":"A0NzmRJR-XLEn47Me4ikxmejLaqzsywTk6lhzTDQp32B6Pb74icWAiGIXMgRpqZYNyCiAIL08UlLnDCfPfRjFU19TLTGqpPULHdItnqA9XlfLtIwQCJ9x88nxCAdyKpFMsnmAyglu67rr90JnkZAzFcNi9tH3WomDbF2gprsIxE","qi":"k7FyRlH1dILS1mS5JYqpSWIx_C73XJPvivbkrgPE83Vvj1TGzIziqcJairoOSBUiIec-oJ8J6q1td-E5fIxEZPN_qP-BjwZmLYzzTxyxY09XcxlGzdmStDEFBceEMk9_CR7I9EhvXeKANvYZyy9jaUa1RnhiIHqp22Z26B0oHis"};
const rsaSignature = "2a3c82d35064171aaa8a934f4d1823701d37f0ea1941492b716c0a322c554d353746ed377d3ac8e8b1fc9ca7c8bea8d0b3542445d9ce812e8214eeb2b2027a8240058918c604db5523ccd7522d5003f63b2c31a147d2944348c55ba7081f2fd62ca6b68a545ffa81b0c68fae11d20eabc94234671f5364c2dcde269688fc5ac7d03ea281c0464feca7413683c67b73ed25de9d79f7a05ceb651e2d1db69169003e49ce4eb7aba27be4acd8b8a00f292626838a23afde8aececf00a94ea29ba18847df3dd2e165e9b78a2c8e870a8821dc7e058b51216baeadc775ac118561efad4b60b6a598b82c9faa948777f5fd45c7742364a57c5cb9ac25d3c6111069f4f"; // by Node, of "sample" with SHA-256
const { d, p, q, dp, dq, qi, ...rsaPublic } = rsaKey;
const raw = (alg, key, ...uses) => subtle.importKey("raw", typeof key === "string" ? unhex(key) : key, alg, true, uses);
const hmac = (hash, key, uses = ["sign", "verify"]) => raw({ name: "HMAC", hash }, key, ...uses);

// RFC 4231.
for (const [key, data, hash, want] of [
  ["0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265", "SHA-256", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
  ["4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f", "SHA-256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"],
  ["4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f", "SHA-384", "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"],
  ["4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f", "SHA-512", "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"],
  ["4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f", "SHA-1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"],
]) {
  test(`HMAC ${hash} with ${key}`, async () => {
    const k = await hmac(hash, key);
    equal(hex(await subtle.sign("HMAC", k, unhex(data))), want);
    equal(await subtle.verify("HMAC", k, unhex(want), unhex(data)), true);
    equal(await subtle.verify("HMAC", k, unhex(want.slice(2)), unhex(data)), false);
    equal(await subtle.verify("HMAC", k, unhex(want), unhex(data + "00")), false);
  });
}

// The GCM specification of McGrew and Viega, cases 4 and 5.
const gcmText = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
for (const [iv, want] of [
  ["cafebabefacedbaddecaf888", "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47"],
  ["cafebabefacedbad", "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c742373806900e49f24b22b097544d4896b424989b5e1ebac0f07c23f45983612d2e79e3b0785561be14aaca2fccb"],
]) {
  test("AES-GCM with an iv of " + iv.length / 2, { node: iv.length < 24 ? "Node 20 wants 12 bytes" : undefined }, async () => {
    const k = await raw("AES-GCM", "feffe9928665731c6d6a8f9467308308", "encrypt", "decrypt");
    const a = { name: "AES-GCM", iv: unhex(iv), additionalData: unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2") };
    equal(hex(await subtle.encrypt(a, k, unhex(gcmText))), want);
    equal(hex(await subtle.decrypt(a, k, unhex(want))), gcmText);
  });
}
for (const tagLength of [32, 64, 96, 104, 112, 120, 128]) {
  test("AES-GCM with a tag of " + tagLength, async () => {
    const k = await raw("AES-GCM", "feffe9928665731c6d6a8f9467308308", "encrypt", "decrypt");
    const a = { name: "AES-GCM", iv: unhex("cafebabefacedbaddecaf888"), tagLength };
    const c = new Uint8Array(await subtle.encrypt(a, k, bytes("hello")));
    equal(c.length, 5 + tagLength / 8);
    equal(hex(await subtle.decrypt(a, k, c)), hex(bytes("hello")));
    c[0] ^= 1;
    await rejects(subtle.decrypt(a, k, c), "OperationError");
  });
}
test("AES-GCM refuses other tags", async () => {
  const k = await raw("AES-GCM", "feffe9928665731c6d6a8f9467308308", "encrypt");
  await rejects(subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12), tagLength: 100 }, k, bytes("x")), "OperationError");
});
test("AES-GCM notices changed additional data", async () => {
  const k = await raw("AES-GCM", "feffe9928665731c6d6a8f9467308308", "encrypt", "decrypt");
  const iv = new Uint8Array(12);
  const c = await subtle.encrypt({ name: "AES-GCM", iv, additionalData: bytes("a") }, k, bytes("x"));
  await rejects(subtle.decrypt({ name: "AES-GCM", iv, additionalData: bytes("b") }, k, c), "OperationError");
  await rejects(subtle.decrypt({ name: "AES-GCM", iv }, k, c.slice(0, 10)), "OperationError");
});
test("AES-GCM without an iv is a TypeError", async () => rejects(subtle.encrypt({ name: "AES-GCM" }, await raw("AES-GCM", new Uint8Array(16), "encrypt"), bytes("x")), TypeError));

// SP 800-38A.
test("AES-CBC", async () => {
  const k = await raw("AES-CBC", "2b7e151628aed2a6abf7158809cf4f3c", "encrypt", "decrypt");
  const a = { name: "AES-CBC", iv: unhex("000102030405060708090a0b0c0d0e0f") };
  const c = await subtle.encrypt(a, k, unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"));
  equal(hex(c).slice(0, 64), "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2");
  equal(c.byteLength, 48);
  equal(hex(await subtle.decrypt(a, k, c)), "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
  await rejects(subtle.decrypt(a, k, c.slice(0, 47)), "OperationError");
  await rejects(subtle.decrypt(a, k, new ArrayBuffer(0)), "OperationError");
  await rejects(subtle.encrypt({ name: "AES-CBC", iv: new Uint8Array(8) }, k, bytes("x")), "OperationError");
});
test("AES-CTR", async () => {
  const k = await raw("AES-CTR", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", "encrypt", "decrypt");
  const a = { name: "AES-CTR", counter: unhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"), length: 64 };
  const text = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";
  const c = await subtle.encrypt(a, k, unhex(text));
  equal(hex(c), "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5");
  equal(hex(await subtle.decrypt(a, k, c)), text);
});
for (const [length, counter] of [[8, "000102030405060708090a0b0c0d0eff"], [1, "000102030405060708090a0b0c0d0e0f"], [16, "000102030405060708090a0b0c0dfffe"], [64, "0001020304050607ffffffffffffffff"],
  [65, "0001020304050607ffffffffffffffff"], [72, "00010203040506ffffffffffffffffff"], [128, "ffffffffffffffffffffffffffffffff"]]) {
  test(`AES-CTR wraps a counter of ${length} bits`, async () => {
    const key = new Uint8Array(16).fill(7);
    const k = await raw("AES-CTR", key, "encrypt");
    const ecb = await raw("AES-CBC", key, "encrypt");
    const at = (block) => subtle.encrypt({ name: "AES-CBC", iv: new Uint8Array(16) }, ecb, block).then((b) => hex(b).slice(0, 32));
    const big = BigInt("0x" + counter), mask = (1n << BigInt(length)) - 1n;
    let want = "";
    for (let i = 0n; i < 2n; i++) want += await at(unhex(((big & ~mask) | ((big + i) & mask)).toString(16).padStart(32, "0")));
    equal(hex(await subtle.encrypt({ name: "AES-CTR", counter: unhex(counter), length }, k, new Uint8Array(32))), want);
  });
}
test("AES-CTR refuses more data than its counter counts", async () => {
  const k = await raw("AES-CTR", new Uint8Array(16), "encrypt");
  await rejects(subtle.encrypt({ name: "AES-CTR", counter: new Uint8Array(16), length: 1 }, k, new Uint8Array(33)), "OperationError");
  await rejects(subtle.encrypt({ name: "AES-CTR", counter: new Uint8Array(16), length: 0 }, k, new Uint8Array(3)), "OperationError");
  await rejects(subtle.encrypt({ name: "AES-CTR", counter: new Uint8Array(15), length: 64 }, k, new Uint8Array(3)), "OperationError");
});

// RFC 5869, RFC 6070, RFC 7914.
test("HKDF", async () => {
  const k = await subtle.importKey("raw", unhex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), "HKDF", false, ["deriveBits"]);
  const a = { name: "HKDF", hash: "SHA-256", salt: unhex("000102030405060708090a0b0c"), info: unhex("f0f1f2f3f4f5f6f7f8f9") };
  equal(hex(await subtle.deriveBits(a, k, 336)), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  await rejects(subtle.deriveBits(a, k, 7), "OperationError");
  await rejects(subtle.deriveBits(a, k, 8 * 255 * 32 + 8), "OperationError");
});
for (const [hash, password, salt, iterations, want] of [
  ["SHA-1", "password", "salt", 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"],
  ["SHA-1", "password", "salt", 4096, "4b007901b765489abead49d926f721d065a429c1"],
  ["SHA-256", "passwd", "salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"],
]) {
  test(`PBKDF2 ${hash} ${password} ${iterations}`, async () => {
    const k = await subtle.importKey("raw", bytes(password), "PBKDF2", false, ["deriveBits"]);
    equal(hex(await subtle.deriveBits({ name: "PBKDF2", hash, salt: bytes(salt), iterations }, k, want.length * 4)), want);
  });
}
test("PBKDF2 without iterations is an error", async () => {
  const k = await subtle.importKey("raw", bytes("x"), "PBKDF2", false, ["deriveBits"]);
  await rejects(subtle.deriveBits({ name: "PBKDF2", hash: "SHA-1", salt: bytes("s"), iterations: 0 }, k, 128), "OperationError");
});
test("deriveKey makes a key", async () => {
  const k = await subtle.importKey("raw", bytes("password"), "PBKDF2", false, ["deriveKey"]);
  const a = { name: "PBKDF2", hash: "SHA-256", salt: bytes("salt"), iterations: 10 };
  const aes = await subtle.deriveKey(a, k, { name: "AES-GCM", length: 256 }, true, ["encrypt"]);
  equal([aes.algorithm, aes.usages, (await subtle.exportKey("raw", aes)).byteLength], [{ name: "AES-GCM", length: 256 }, ["encrypt"], 32]);
  const mac = await subtle.deriveKey(a, k, { name: "HMAC", hash: "SHA-512" }, true, ["sign"]);
  equal(mac.algorithm.length, 1024);
  await rejects(subtle.deriveBits(a, k, 128), "InvalidAccessError");
});
test("a password cannot be exported", async () => {
  const e = await rejects(subtle.importKey("raw", bytes("x"), "PBKDF2", true, ["deriveBits"]), "SyntaxError");
  equal(e.code, 12);
});

// RFC 6979, A.2.5, and RFC 8032, 7.1.
const uncompressed = "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
const sampleSignature = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
test("ECDSA verifies a known signature", async () => {
  const k = await raw({ name: "ECDSA", namedCurve: "P-256" }, uncompressed, "verify");
  equal(await subtle.verify({ name: "ECDSA", hash: "SHA-256" }, k, unhex(sampleSignature), bytes("sample")), true);
  equal(await subtle.verify({ name: "ECDSA", hash: "SHA-256" }, k, unhex(sampleSignature), bytes("simple")), false);
  equal(await subtle.verify({ name: "ECDSA", hash: "SHA-256" }, k, unhex(sampleSignature.slice(2)), bytes("sample")), false);
  equal(await subtle.verify({ name: "ECDSA", hash: "SHA-1" }, k, unhex(sampleSignature), bytes("sample")), false);
});
test("a compressed point is the same key", async () => {
  const k = await raw({ name: "ECDSA", namedCurve: "P-256" }, "03" + uncompressed.slice(2, 66), "verify");
  equal(hex(await subtle.exportKey("raw", k)), uncompressed);
});
for (const [namedCurve, size] of [["P-256", 64], ["P-384", 96], ["P-521", 132]]) {
  for (const hash of ["SHA-1", "SHA-256", "SHA-384", "SHA-512"]) {
    test(`ECDSA ${namedCurve} ${hash}`, async () => {
      const { privateKey, publicKey } = await subtle.generateKey({ name: "ECDSA", namedCurve }, true, ["sign", "verify"]);
      const s = new Uint8Array(await subtle.sign({ name: "ECDSA", hash }, privateKey, bytes("data")));
      equal(s.length, size);
      equal(await subtle.verify({ name: "ECDSA", hash }, publicKey, s, bytes("data")), true);
      s[3] ^= 1;
      equal(await subtle.verify({ name: "ECDSA", hash }, publicKey, s, bytes("data")), false);
    });
  }
}
const edSeed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
const edPublic = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const edSignature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
const url64 = (h) => btoa(String.fromCharCode(...unhex(h))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
test("Ed25519 signs as RFC 8032", async () => {
  const k = await subtle.importKey("pkcs8", unhex("302e020100300506032b657004220420" + edSeed), "Ed25519", true, ["sign"]);
  equal(hex(await subtle.sign("Ed25519", k, unhex("72"))), edSignature);
  const v = await raw("Ed25519", edPublic, "verify");
  equal(await subtle.verify("Ed25519", v, unhex(edSignature), unhex("72")), true);
  equal(await subtle.verify("Ed25519", v, unhex(edSignature), unhex("73")), false);
  equal(hex(await subtle.exportKey("pkcs8", k)), "302e020100300506032b657004220420" + edSeed);
});
test("Ed25519 as a JWK", async () => {
  const jwk = { kty: "OKP", crv: "Ed25519", x: url64(edPublic), d: url64(edSeed) };
  const k = await subtle.importKey("jwk", jwk, "Ed25519", true, ["sign"]);
  equal(hex(await subtle.sign({ name: "Ed25519" }, k, unhex("72"))), edSignature);
  const { kty, crv, x, d: secret } = await subtle.exportKey("jwk", k);
  equal({ kty, crv, x, d: secret }, jwk);
});
// RFC 7748, 6.1.
test("X25519 agrees as RFC 7748", async () => {
  const bob = unhex("302e020100300506032b656e04220420" + "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  const own = await subtle.importKey("pkcs8", bob, "X25519", true, ["deriveBits"]);
  const other = await raw("X25519", "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  equal(hex(await subtle.deriveBits({ name: "X25519", public: other }, own, 256)), "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
});
for (const [name, namedCurve, bits] of [["X25519", undefined, 256], ["ECDH", "P-256", 256], ["ECDH", "P-384", 384], ["ECDH", "P-521", 528]]) {
  test(`${name} ${namedCurve ?? ""} agrees with itself`, async () => {
    const alg = namedCurve ? { name, namedCurve } : { name };
    const a = await subtle.generateKey(alg, true, ["deriveBits", "deriveKey"]), b = await subtle.generateKey(alg, false, ["deriveBits"]);
    const ab = await subtle.deriveBits({ name, public: b.publicKey }, a.privateKey, null);
    equal(hex(ab), hex(await subtle.deriveBits({ name, public: a.publicKey }, b.privateKey, null)));
    equal(ab.byteLength * 8, bits);
    equal(hex(await subtle.deriveBits({ name, public: b.publicKey }, a.privateKey, 128)), hex(ab).slice(0, 32));
    await rejects(subtle.deriveBits({ name, public: b.publicKey }, a.privateKey, bits + 8), "OperationError");
    await rejects(subtle.deriveBits({ name, public: b.privateKey }, a.privateKey, null), "InvalidAccessError");
    equal([a.publicKey.usages, a.privateKey.usages, b.privateKey.extractable, b.publicKey.extractable], [[], ["deriveKey", "deriveBits"], false, true]);
    const aes = await subtle.deriveKey({ name, public: b.publicKey }, a.privateKey, { name: "AES-CBC", length: 128 }, true, ["encrypt"]);
    equal(hex(await subtle.exportKey("raw", aes)), hex(ab).slice(0, 32));
  });
}

test("RSASSA signs as Node does", async () => {
  const alg = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const k = await subtle.importKey("jwk", rsaKey, alg, true, ["sign"]);
  equal(hex(await subtle.sign(alg.name, k, bytes("sample"))), rsaSignature);
  const v = await subtle.importKey("jwk", rsaPublic, alg, true, ["verify"]);
  equal(await subtle.verify(alg.name, v, unhex(rsaSignature), bytes("sample")), true);
  equal(await subtle.verify(alg.name, v, unhex(rsaSignature), bytes("simple")), false);
  equal([k.type, k.algorithm.modulusLength, hex(k.algorithm.publicExponent), k.algorithm.hash.name], ["private", 2048, "010001", "SHA-256"]);
});
for (const hash of ["SHA-1", "SHA-256", "SHA-384", "SHA-512"]) {
  for (const name of ["RSASSA-PKCS1-v1_5", "RSA-PSS"]) {
    test(`${name} ${hash}`, async () => {
      const k = await subtle.importKey("jwk", rsaKey, { name, hash }, true, ["sign"]);
      const v = await subtle.importKey("jwk", rsaPublic, { name, hash }, true, ["verify"]);
      const s = new Uint8Array(await subtle.sign({ name, saltLength: 20 }, k, bytes("data")));
      equal([s.length, await subtle.verify({ name, saltLength: 20 }, v, s, bytes("data"))], [256, true]);
      s[9] ^= 1;
      equal(await subtle.verify({ name, saltLength: 20 }, v, s, bytes("data")), false);
    });
  }
  test(`RSA-OAEP ${hash}`, async () => {
    const alg = { name: "RSA-OAEP", hash };
    const k = await subtle.importKey("jwk", rsaKey, alg, true, ["decrypt"]);
    const v = await subtle.importKey("jwk", rsaPublic, alg, true, ["encrypt"]);
    const c = await subtle.encrypt({ name: "RSA-OAEP", label: bytes("l") }, v, bytes("secret"));
    equal(hex(await subtle.decrypt({ name: "RSA-OAEP", label: bytes("l") }, k, c)), hex(bytes("secret")));
    await rejects(subtle.decrypt({ name: "RSA-OAEP" }, k, c), "OperationError");
    await rejects(subtle.encrypt({ name: "RSA-OAEP" }, v, new Uint8Array(256)), "OperationError");
  });
}
test("RSA-PSS with another salt does not verify", async () => {
  const alg = { name: "RSA-PSS", hash: "SHA-256" };
  const k = await subtle.importKey("jwk", rsaKey, alg, true, ["sign"]);
  const v = await subtle.importKey("jwk", rsaPublic, alg, true, ["verify"]);
  const s = await subtle.sign({ name: "RSA-PSS", saltLength: 20 }, k, bytes("data"));
  equal(await subtle.verify({ name: "RSA-PSS", saltLength: 32 }, v, s, bytes("data")), false);
});
test("RSA-PSS without a salt is a NotSupportedError", { node: "Node has it" }, async () => {
  const k = await subtle.importKey("jwk", rsaKey, { name: "RSA-PSS", hash: "SHA-256" }, true, ["sign"]);
  await rejects(subtle.sign({ name: "RSA-PSS", saltLength: 0 }, k, bytes("x")), "NotSupportedError");
});
test("RSA keys in pkcs8, spki and jwk", async () => {
  const alg = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const k = await subtle.importKey("jwk", rsaKey, alg, true, ["sign"]);
  const again = await subtle.importKey("pkcs8", await subtle.exportKey("pkcs8", k), alg, true, ["sign"]);
  const { alg: named, key_ops, ext, ...members } = await subtle.exportKey("jwk", again);
  equal([named, key_ops, ext], ["RS256", ["sign"], true]);
  equal(Object.keys(members).sort().map((m) => members[m]), Object.keys(rsaKey).sort().map((m) => rsaKey[m]));
  const v = await subtle.importKey("jwk", rsaPublic, alg, true, ["verify"]);
  const spki = await subtle.exportKey("spki", v);
  equal(await subtle.verify(alg.name, await subtle.importKey("spki", spki, alg, true, ["verify"]), unhex(rsaSignature), bytes("sample")), true);
  await rejects(subtle.exportKey("raw", v), Error);
  await rejects(subtle.exportKey("pkcs8", v), "InvalidAccessError");
  await rejects(subtle.exportKey("spki", k), "InvalidAccessError");
});
test("an RSA pair is made", async () => {
  const alg = { name: "RSA-PSS", modulusLength: 1024, publicExponent: Uint8Array.of(1, 0, 1), hash: "SHA-256" };
  const { publicKey, privateKey } = await subtle.generateKey(alg, false, ["sign", "verify"]);
  equal([publicKey.algorithm.modulusLength, publicKey.extractable, privateKey.extractable, privateKey.usages, publicKey.usages], [1024, true, false, ["sign"], ["verify"]]);
  const s = await subtle.sign({ name: "RSA-PSS", saltLength: 32 }, privateKey, bytes("x"));
  equal(await subtle.verify({ name: "RSA-PSS", saltLength: 32 }, publicKey, s, bytes("x")), true);
});
for (const [name, namedCurve] of [["ECDSA", "P-256"], ["ECDSA", "P-521"], ["ECDH", "P-384"], ["Ed25519"], ["X25519"]]) {
  test(`${name} ${namedCurve ?? ""} keys in every form`, async () => {
    const alg = namedCurve ? { name, namedCurve } : { name };
    const agree = name === "ECDH" || name === "X25519";
    const [secret, open] = agree ? [["deriveBits"], []] : [["sign"], ["verify"]];
    const pair = await subtle.generateKey(alg, true, [...secret, ...open]);
    for (const [key, format, uses] of [[pair.privateKey, "pkcs8", secret], [pair.privateKey, "jwk", secret], [pair.publicKey, "raw", open], [pair.publicKey, "spki", open], [pair.publicKey, "jwk", open]]) {
      const out = await subtle.exportKey(format, key);
      const back = await subtle.importKey(format, out, alg, true, uses);
      equal([back.type, back.algorithm.name, back.algorithm.namedCurve, back.usages, back.extractable], [key.type, name, namedCurve, uses, true]);
      const again = await subtle.exportKey(format, back);
      if (format === "jwk") equal(JSON.stringify(again), JSON.stringify(out));
      else equal(hex(again), hex(out));
    }
    await rejects(subtle.exportKey("raw", pair.privateKey), "InvalidAccessError");
  });
}

test("HMAC keys as JWK", async () => {
  const k = await hmac("SHA-256", "00ff");
  equal(await subtle.exportKey("jwk", k), { key_ops: ["sign", "verify"], ext: true, kty: "oct", k: "AP8", alg: "HS256" });
  const back = await subtle.importKey("jwk", { kty: "oct", k: "AP8" }, { name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
  equal([hex(await subtle.exportKey("raw", back)), back.algorithm], ["00ff", { name: "HMAC", hash: { name: "SHA-256" }, length: 16 }]);
});
test("AES keys as JWK", async () => {
  const k = await raw("AES-GCM", new Uint8Array(16), "encrypt");
  const jwk = await subtle.exportKey("jwk", k);
  equal([jwk.alg, jwk.kty, jwk.k], ["A128GCM", "oct", "AAAAAAAAAAAAAAAAAAAAAA"]);
});
for (const [what, change, want] of [
  ["another kty", { kty: "RSA" }, "DataError"],
  ["another alg", { alg: "HS512" }, "DataError"],
  ["another use", { use: "enc" }, "DataError"],
  ["other key_ops", { key_ops: ["verify"] }, "DataError"],
  ["ext false", { ext: false }, "DataError"],
  ["no k", { k: undefined }, "DataError"],
]) {
  test("a JWK with " + what + " is refused", () => rejects(subtle.importKey("jwk", { kty: "oct", k: "AP8", alg: "HS256", ...change }, { name: "HMAC", hash: "SHA-256" }, true, ["sign"]), want));
}
test("a JWK that is no object is a TypeError", () => rejects(subtle.importKey("jwk", "x", { name: "HMAC", hash: "SHA-256" }, true, ["sign"]), TypeError));
test("an EC JWK whose halves do not match is a DataError", async () => {
  const { privateKey } = await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const other = await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const a = await subtle.exportKey("jwk", privateKey), b = await subtle.exportKey("jwk", other.publicKey);
  await rejects(subtle.importKey("jwk", { ...a, x: b.x }, { name: "ECDSA", namedCurve: "P-256" }, true, ["sign"]), "DataError");
  await rejects(subtle.importKey("jwk", { ...a, crv: "P-384" }, { name: "ECDSA", namedCurve: "P-256" }, true, ["sign"]), "DataError");
});
test("a key of another curve is a DataError", async () => {
  const { publicKey } = await subtle.generateKey({ name: "ECDSA", namedCurve: "P-384" }, true, ["sign", "verify"]);
  const spki = await subtle.exportKey("spki", publicKey);
  await rejects(subtle.importKey("spki", spki, { name: "ECDSA", namedCurve: "P-256" }, true, ["verify"]), "DataError");
});
test("bytes that are no key are a DataError", async () => {
  for (const format of ["raw", "spki", "pkcs8"]) {
    await rejects(subtle.importKey(format, bytes("nonsense"), { name: "ECDSA", namedCurve: "P-256" }, true, format === "pkcs8" ? ["sign"] : ["verify"]), "DataError");
  }
  await rejects(raw("AES-GCM", new Uint8Array(15), "encrypt"), "DataError");
  await rejects(hmac("SHA-256", ""), "DataError");
});
test("an unknown curve is a NotSupportedError", () => rejects(subtle.generateKey({ name: "ECDSA", namedCurve: "P-192" }, true, ["sign"]), "NotSupportedError"));
test("an unknown algorithm is a NotSupportedError", () => rejects(subtle.generateKey({ name: "ROT13" }, true, ["sign"]), "NotSupportedError"));
test("an algorithm that cannot do it is a NotSupportedError", async () => rejects(subtle.sign("AES-GCM", await raw("AES-GCM", new Uint8Array(16), "encrypt"), bytes("x")), "NotSupportedError"));
test("an unknown format is a TypeError", () => rejects(subtle.importKey("xml", bytes("x"), "AES-GCM", true, ["encrypt"]), TypeError));
test("an unknown usage is a TypeError", () => rejects(subtle.importKey("raw", new Uint8Array(16), "AES-GCM", true, ["fly"]), TypeError));
test("a usage that does not fit is a SyntaxError", async () => {
  await rejects(subtle.importKey("raw", new Uint8Array(16), "AES-GCM", true, ["sign"]), "SyntaxError");
  await rejects(subtle.generateKey({ name: "HMAC", hash: "SHA-1" }, true, ["encrypt"]), "SyntaxError");
});
test("no usage is a SyntaxError", async () => {
  await rejects(subtle.importKey("raw", new Uint8Array(16), "AES-GCM", true, []), "SyntaxError");
  await rejects(subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["verify"]), "SyntaxError");
});
test("AES keys have three lengths", () => rejects(subtle.generateKey({ name: "AES-GCM", length: 100 }, true, ["encrypt"]), "OperationError"));
for (const length of [128, 192, 256]) {
  test("an AES key of " + length, { node: "Node 20 leaves the usages in the order given" }, async () => {
    const k = await subtle.generateKey({ name: "AES-GCM", length }, true, ["decrypt", "encrypt", "encrypt"]);
    equal([k.type, k.extractable, k.algorithm, k.usages], ["secret", true, { name: "AES-GCM", length }, ["encrypt", "decrypt"]]);
    equal((await subtle.exportKey("raw", k)).byteLength, length / 8);
  });
}
test("HMAC keys are as long as the hash's block", async () => {
  const length = async (hash) => (await subtle.generateKey({ name: "HMAC", hash }, true, ["sign"])).algorithm.length;
  equal([await length("SHA-1"), await length("SHA-256"), await length("SHA-384"), await length("SHA-512")], [512, 512, 1024, 1024]);
});
test("usages are enforced", async () => {
  const k = await hmac("SHA-256", "00", ["verify"]);
  equal((await rejects(subtle.sign("HMAC", k, bytes("x")), "InvalidAccessError")).code, 15);
  const e = await raw("AES-GCM", new Uint8Array(16), "encrypt");
  await rejects(subtle.decrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, e, new Uint8Array(32)), "InvalidAccessError");
});
test("a key works for its algorithm only", async () => {
  const k = await hmac("SHA-256", "00");
  await rejects(subtle.sign({ name: "ECDSA", hash: "SHA-256" }, k, bytes("x")), "InvalidAccessError");
});
test("extractable is enforced", { node: "Node 20 calls it InvalidAccessException" }, async () => {
  const k = await subtle.importKey("raw", new Uint8Array(16), "AES-GCM", false, ["encrypt"]);
  equal(k.extractable, false);
  await rejects(subtle.exportKey("raw", k), "InvalidAccessError");
});
test("tampering with algorithm and usages changes nothing", async () => {
  const k = await hmac("SHA-256", "00", ["verify"]);
  k.usages.push("sign");
  k.algorithm.name = "AES-GCM";
  await rejects(subtle.sign("HMAC", k, bytes("x")), "InvalidAccessError");
});
test("a key is a copy of the bytes", async () => {
  const b = new Uint8Array(16), k = await raw("AES-GCM", b, "encrypt");
  b[0] = 1;
  equal(new Uint8Array(await subtle.exportKey("raw", k))[0], 0);
});
test("something that is no key is a TypeError", () => rejects(subtle.sign("HMAC", {}, bytes("x")), TypeError));
test("CryptoKey cannot be made by hand", () => throws(() => new CryptoKey(), TypeError));
test("CryptoKey has its tag", async () => equal(String(await hmac("SHA-1", "00")), "[object CryptoKey]"));
test("CryptoKey can be cloned", { node: "Node 20 gives it another class" }, async () => {
  const k = structuredClone(await hmac("SHA-256", "4a656665"));
  equal([k instanceof CryptoKey, k.usages], [true, ["sign", "verify"]]);
});
test("wrapKey and unwrapKey", async () => {
  const wrapping = await subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["wrapKey", "unwrapKey"]);
  const k = await hmac("SHA-256", "00ff");
  const a = { name: "AES-GCM", iv: new Uint8Array(12) };
  for (const format of ["raw", "jwk"]) {
    const w = await subtle.wrapKey(format, k, wrapping, a);
    const u = await subtle.unwrapKey(format, w, wrapping, a, { name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
    equal(hex(await subtle.exportKey("raw", u)), "00ff");
  }
  await rejects(subtle.encrypt(a, wrapping, bytes("x")), "InvalidAccessError");
});
test("missing arguments reject with a TypeError", async () => {
  for (const m of ["digest", "encrypt", "decrypt", "sign", "verify", "importKey", "exportKey", "generateKey", "deriveBits", "deriveKey"]) await rejects(subtle[m]("SHA-1"), TypeError);
});
test("what would take too long is an OperationError", { node: "Node takes its time" }, async () => {
  const rsa = { name: "RSA-PSS", hash: "SHA-256", publicExponent: Uint8Array.of(1, 0, 1) };
  for (const modulusLength of [512, 8192, 2047]) await rejects(subtle.generateKey({ ...rsa, modulusLength }, true, ["sign"]), "OperationError");
  await rejects(subtle.generateKey({ ...rsa, modulusLength: 2048, publicExponent: Uint8Array.of(3) }, true, ["sign"]), "OperationError");
  const k = await subtle.importKey("raw", bytes("x"), "PBKDF2", false, ["deriveBits"]);
  const derive = (iterations, length) => subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: bytes("s"), iterations }, k, length);
  await rejects(derive(1e9, 128), "OperationError");
  await rejects(derive(1, 1e6), "OperationError");
});
