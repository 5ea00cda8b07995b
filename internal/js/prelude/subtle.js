// crypto.subtle. A key is bytes of a standard form (raw for secrets, PKCS #8 and
// SPKI for pairs) held in a CryptoKey; Go (crypto*.go) parses them at each use,
// so nothing outlives the VM. The work is done when the method is called; the
// promise only carries the result.
(function (host, use) {
  "use strict";
  const { toText, need, expose } = use("webidl");
  const { source, asBytes } = use("encoding");
  const { apply } = Reflect;
  const { parse, stringify } = JSON;
  const { toUpperCase } = String.prototype;
  const { slice: cut } = ArrayBuffer.prototype;
  const Bytes = Uint8Array;
  const copyBytes = Bytes.prototype.slice;
  const getter = (proto, name) => Object.getOwnPropertyDescriptor(proto, name).get;
  const bufferOf = getter(Object.getPrototypeOf(Bytes.prototype), "buffer");
  const byteLength = getter(ArrayBuffer.prototype, "byteLength");
  const iteratorSymbol = Symbol.iterator;

  const isObject = (v) => v !== null && (typeof v === "object" || typeof v === "function");
  const fault = (name, message) => new (use("domexception").DOMException)(message, name);
  const names = { __proto__: null, OperationError: 1, DataError: 1, NotSupportedError: 1 };

  // go calls a host function; what it throws becomes a DOMException.
  function go(f, ...args) {
    try {
      return apply(f, undefined, args);
    } catch (e) {
      if (names[e.name] === 1) throw fault(e.name, e.message);
      throw e;
    }
  }

  function data(v, what) {
    const s = source(v);
    if (s === undefined) throw new TypeError(`crypto.subtle: ${what} must be an ArrayBuffer or a view of one`);
    return s;
  }
  const copied = (v) => apply(bufferOf, apply(copyBytes, asBytes(v), []), []);

  function number(v, what, max = 0xFFFFFFFF) {
    const n = +v;
    if (!(n >= 0 && n <= max) || v === undefined) throw new TypeError(`crypto.subtle: ${what} must be a number from 0 to ${max}`);
    return n - (n % 1);
  }

  // Keys.
  const token = {};
  let keyOf;
  class CryptoKey {
    #k;
    constructor(key, k) {
      if (key !== token) throw new TypeError("Illegal constructor");
      this.#k = k;
    }
    get type() { return this.#k.type; }
    get extractable() { return this.#k.extractable; }
    get algorithm() { return this.#k.algorithm; }
    get usages() { return this.#k.usages; }
    static {
      keyOf = (v, what) => {
        if (!isObject(v) || !(#k in v)) throw new TypeError(`crypto.subtle: ${what} must be a CryptoKey`);
        return v.#k;
      };
      host.cloners[host.cloners.length] = (v) => {
        if (!(#k in v)) return undefined;
        const { type, extractable, alg, uses, bytes } = v.#k;
        return makeKey(type, extractable, alg, uses, bytes);
      };
    }
  }
  expose(CryptoKey, "CryptoKey");

  const allUsages = ["encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"];
  const includes = (list, v) => {
    for (let i = 0; i < list.length; i++) if (list[i] === v) return true;
    return false;
  };
  function usageList(v) {
    if (!isObject(v) || typeof v[iteratorSymbol] !== "function") throw new TypeError("crypto.subtle: the usages must be a list");
    const given = [];
    for (const u of v) {
      const usage = toText(u);
      if (!includes(allUsages, usage)) throw new TypeError(`crypto.subtle: "${usage}" is no key usage`);
      given[given.length] = usage;
    }
    return only(allUsages, given);
  }
  // only is the members of list that are in allowed.
  function only(list, allowed) {
    const out = [];
    for (let i = 0; i < list.length; i++) if (includes(allowed, list[i])) out[out.length] = list[i];
    return out;
  }
  function checkUsages(uses, allowed, what) {
    for (let i = 0; i < uses.length; i++) {
      if (!includes(allowed, uses[i])) throw fault("SyntaxError", `${what} cannot be used to ${uses[i]}`);
    }
  }

  // alg is { name, hash, length, namedCurve, modulusLength, publicExponent }, as far as the algorithm has them.
  function makeKey(type, extractable, alg, uses, bytes) {
    if (type !== "public" && uses.length === 0) throw fault("SyntaxError", `a ${type} key needs at least one usage`);
    const algorithm = { name: alg.name };
    if (alg.modulusLength !== undefined) {
      algorithm.modulusLength = alg.modulusLength;
      algorithm.publicExponent = new Bytes(apply(cut, alg.publicExponent, [0]));
    }
    if (alg.hash !== undefined) algorithm.hash = { name: alg.hash };
    if (alg.length !== undefined) algorithm.length = alg.length;
    if (alg.namedCurve !== undefined) algorithm.namedCurve = alg.namedCurve;
    return new CryptoKey(token, { type, extractable, alg, uses, bytes, algorithm, usages: only(uses, uses) });
  }

  // Algorithms.
  const canonical = { __proto__: null };
  const families = { __proto__: null };
  function family(members, methods) {
    for (let i = 0; i < members.length; i++) {
      families[members[i]] = methods;
      canonical[apply(toUpperCase, members[i], [])] = members[i];
    }
  }
  function normalize(algorithm, op) {
    const params = isObject(algorithm) ? algorithm : { name: algorithm };
    if (params.name === undefined) throw new TypeError("crypto.subtle: the algorithm needs a name");
    const asked = toText(params.name);
    const upper = apply(toUpperCase, asked, []);
    if (canonical[upper] === undefined) loadPairs();
    const name = canonical[upper];
    const methods = name === undefined ? undefined : families[name];
    if (methods === undefined || methods[op] === undefined) throw fault("NotSupportedError", `crypto.subtle.${op} does not know the algorithm ${asked}`);
    return { name, methods, params };
  }
  function hashOf(v) {
    if (v === undefined) throw new TypeError("crypto.subtle: the algorithm needs a hash");
    return normalize(v, "digest").name;
  }
  // keyFor checks that key may do what is asked.
  function keyFor(key, name, usage, what) {
    const k = keyOf(key, what);
    if (k.alg.name !== name) throw fault("InvalidAccessError", `the key is for ${k.alg.name}, not for ${name}`);
    if (!includes(k.uses, usage)) throw fault("InvalidAccessError", `the key's usages do not include ${usage}`);
    return k;
  }
  const unknownFormat = (format, name) => fault("NotSupportedError", `${name} keys have no ${format} form`);

  // jwkOf checks the members of a JWK that all kinds share.
  function jwkOf(jwk, kty, use, extractable, uses) {
    if (jwk.kty !== kty) throw fault("DataError", `the JWK's kty must be ${kty}`);
    if (uses.length > 0 && jwk.use !== undefined && jwk.use !== use) throw fault("DataError", `the JWK's use must be ${use}`);
    if (jwk.key_ops !== undefined) {
      const ops = [];
      for (const op of jwk.key_ops) {
        if (includes(ops, op)) throw fault("DataError", "the JWK's key_ops repeat themselves");
        ops[ops.length] = op;
      }
      for (let i = 0; i < uses.length; i++) if (!includes(ops, uses[i])) throw fault("DataError", `the JWK's key_ops do not include ${uses[i]}`);
    }
    if (jwk.ext === false && extractable) throw fault("DataError", "the JWK is not extractable");
  }
  function jwkAlg(jwk, wanted) {
    if (jwk.alg !== undefined && jwk.alg !== wanted) throw fault("DataError", `the JWK's alg must be ${wanted}`);
  }
  // members is the JSON of the key's own members of a JWK.
  const jwkMembers = ["kty", "crv", "x", "y", "d", "n", "e", "p", "q", "dp", "dq", "qi", "k"];
  function members(jwk) {
    const out = { __proto__: null };
    for (let i = 0; i < jwkMembers.length; i++) {
      const v = jwk[jwkMembers[i]];
      if (v !== undefined) out[jwkMembers[i]] = toText(v);
    }
    return stringify(out);
  }
  function jwkResult(json, k, alg) {
    const jwk = parse(json);
    if (alg !== undefined) jwk.alg = alg;
    jwk.key_ops = only(k.uses, k.uses);
    jwk.ext = k.extractable;
    return jwk;
  }

  // Digests.
  const { digest } = host;
  family(["SHA-1", "SHA-256", "SHA-384", "SHA-512"], {
    digest: (name, params, bytes) => go(digest, name, bytes),
  });

  // Secrets: bytes, as raw or as a JWK.
  function secretBytes(format, key, name, jwkName, extractable, uses) {
    if (format === "raw") return copied(key);
    if (format !== "jwk") throw unknownFormat(format, name);
    jwkOf(key, "oct", name === "HMAC" ? "sig" : "enc", extractable, uses);
    const bytes = go(host.keyImport, "oct", "jwk", "secret", members(key));
    jwkAlg(key, jwkName(bytes));
    return bytes;
  }
  function exportSecret(format, k, name, alg) {
    if (format === "raw") return apply(cut, k.bytes, [0]);
    if (format !== "jwk") throw unknownFormat(format, name);
    return jwkResult(go(host.keyExport, "oct", "jwk", "secret", k.bytes), k, alg);
  }
  function randomKey(bits) {
    const b = new Bytes(bits / 8);
    host.randomBytes(b);
    return apply(bufferOf, b, []);
  }
  const bitsOf = (buffer) => apply(byteLength, buffer, []) * 8;
  const blockBits = { __proto__: null, "SHA-1": 512, "SHA-256": 512, "SHA-384": 1024, "SHA-512": 1024 };
  const short = { __proto__: null, "SHA-1": "1", "SHA-256": "256", "SHA-384": "384", "SHA-512": "512" };

  function hmacBits(params) {
    if (params.length === undefined) return blockBits[hashOf(params.hash)];
    const n = number(params.length, "length");
    if (n === 0) throw fault("OperationError", "an HMAC key cannot be empty");
    if (n % 8 !== 0) throw fault("NotSupportedError", "the length of an HMAC key must be whole bytes");
    return n;
  }
  family(["HMAC"], {
    generateKey(name, params, extractable, uses) {
      checkUsages(uses, ["sign", "verify"], "an HMAC key");
      const hash = hashOf(params.hash), length = hmacBits(params);
      return makeKey("secret", extractable, { name, hash, length }, uses, randomKey(length));
    },
    importKey(name, params, format, key, extractable, uses) {
      checkUsages(uses, ["sign", "verify"], "an HMAC key");
      const hash = hashOf(params.hash);
      const bytes = secretBytes(format, key, name, () => "HS" + short[hash], extractable, uses);
      const length = bitsOf(bytes);
      if (length === 0) throw fault("DataError", "an HMAC key cannot be empty");
      if (params.length !== undefined && hmacBits(params) !== length) throw fault("DataError", `the key has ${length} bits, not ${params.length}`);
      return makeKey("secret", extractable, { name, hash, length }, uses, bytes);
    },
    exportKey: (format, k) => exportSecret(format, k, "HMAC", "HS" + short[k.alg.hash]),
    keyLength: hmacBits,
    sign: (k, params, bytes) => go(host.hmac, k.alg.hash, k.bytes, bytes),
    verify: (k, params, signature, bytes) => go(host.hmacVerify, k.alg.hash, k.bytes, signature, bytes),
  });

  function aesBits(params) {
    const n = number(params.length, "length");
    if (n !== 128 && n !== 192 && n !== 256) throw fault("OperationError", `an AES key has 128, 192 or 256 bits, not ${n}`);
    return n;
  }
  const aesUsages = ["encrypt", "decrypt", "wrapKey", "unwrapKey"];
  const aesJwk = (name, bits) => "A" + bits + (name === "AES-GCM" ? "GCM" : name === "AES-CBC" ? "CBC" : "CTR");
  const aesCiphers = {
    __proto__: null,
    "AES-GCM"(encrypt, k, params, bytes) {
      const iv = data(params.iv, "iv");
      const extra = params.additionalData === undefined ? undefined : data(params.additionalData, "additionalData");
      const tag = params.tagLength === undefined ? 128 : number(params.tagLength, "tagLength", 255);
      if (!includes([32, 64, 96, 104, 112, 120, 128], tag)) throw fault("OperationError", `AES-GCM has no tag of ${tag} bits`);
      return go(host.aesGCM, encrypt, k.bytes, iv, extra, tag / 8, bytes);
    },
    "AES-CBC": (encrypt, k, params, bytes) => go(host.aesCBC, encrypt, k.bytes, data(params.iv, "iv"), bytes),
    "AES-CTR"(encrypt, k, params, bytes) {
      const counter = data(params.counter, "counter");
      return go(host.aesCTR, k.bytes, counter, number(params.length, "length", 255), bytes);
    },
  };
  family(["AES-GCM", "AES-CBC", "AES-CTR"], {
    generateKey(name, params, extractable, uses) {
      checkUsages(uses, aesUsages, "an AES key");
      const length = aesBits(params);
      return makeKey("secret", extractable, { name, length }, uses, randomKey(length));
    },
    importKey(name, params, format, key, extractable, uses) {
      checkUsages(uses, aesUsages, "an AES key");
      const bytes = secretBytes(format, key, name, (b) => aesJwk(name, bitsOf(b)), extractable, uses);
      const length = bitsOf(bytes);
      if (length !== 128 && length !== 192 && length !== 256) throw fault("DataError", `an AES key has 128, 192 or 256 bits, not ${length}`);
      return makeKey("secret", extractable, { name, length }, uses, bytes);
    },
    exportKey: (format, k) => exportSecret(format, k, k.alg.name, aesJwk(k.alg.name, k.alg.length)),
    keyLength: aesBits,
    encrypt: (k, params, bytes) => aesCiphers[k.alg.name](true, k, params, bytes),
    decrypt: (k, params, bytes) => aesCiphers[k.alg.name](false, k, params, bytes),
  });

  const kdf = (deriveBits) => ({
    importKey(name, params, format, key, extractable, uses) {
      if (format !== "raw") throw unknownFormat(format, name);
      checkUsages(uses, ["deriveKey", "deriveBits"], "a key for " + name);
      if (extractable) throw fault("SyntaxError", `a key for ${name} cannot be extractable`);
      return makeKey("secret", false, { name }, uses, copied(key));
    },
    keyLength: () => null,
    deriveBits(k, params, length) {
      if (length === null || length % 8 !== 0) throw fault("OperationError", "the length must be a multiple of 8 bits");
      return deriveBits(k, params, length / 8);
    },
  });
  family(["HKDF"], kdf((k, params, size) =>
    go(host.hkdf, hashOf(params.hash), k.bytes, data(params.salt, "salt"), data(params.info, "info"), size)));
  family(["PBKDF2"], kdf((k, params, size) => {
    const salt = data(params.salt, "salt"), rounds = number(params.iterations, "iterations");
    if (rounds === 0) throw fault("OperationError", "iterations must be at least 1");
    return go(host.pbkdf2, hashOf(params.hash), k.bytes, salt, rounds, size);
  }));

  // The algorithms with pairs of keys have a module of their own.
  let pairs = false;
  function loadPairs() {
    if (pairs) return;
    pairs = true;
    use("pairs")({ go, fault, data, number, keyOf, includes, only, allUsages, checkUsages, makeKey, family, hashOf, jwkOf, jwkAlg, members, jwkResult, unknownFormat, bitsOf, short });
  }

  const formats = ["raw", "pkcs8", "spki", "jwk"];
  function formatOf(v) {
    const format = toText(v);
    if (!includes(formats, format)) throw new TypeError(`crypto.subtle: the format must be raw, pkcs8, spki or jwk, not "${format}"`);
    return format;
  }
  function importKey(format, key, algorithm, extractable, uses) {
    const { name, methods, params } = normalize(algorithm, "importKey");
    let given;
    if (format !== "jwk") given = data(key, "the key");
    else if (source(key) !== undefined || !isObject(key)) throw new TypeError("crypto.subtle: a JWK must be an object");
    else given = key;
    return methods.importKey(name, params, format, given, extractable, uses);
  }
  function exportKey(format, k) {
    const { exportKey: f } = families[k.alg.name];
    if (f === undefined) throw fault("NotSupportedError", `a key for ${k.alg.name} cannot be exported`);
    if (!k.extractable) throw fault("InvalidAccessError", "the key is not extractable");
    return f(format, k);
  }
  function lengthOf(v) { return v === undefined || v === null ? null : number(v, "length"); }

  class SubtleCrypto {
    #is;
    constructor(key) {
      if (key !== token) throw new TypeError("Illegal constructor");
    }
    async digest(algorithm, bytes) {
      this.#is;
      need(arguments.length, 2, "crypto.subtle.digest");
      const { name, methods, params } = normalize(algorithm, "digest");
      return methods.digest(name, params, data(bytes, "the data"));
    }
    async generateKey(algorithm, extractable, usages) {
      this.#is;
      need(arguments.length, 3, "crypto.subtle.generateKey");
      const { name, methods, params } = normalize(algorithm, "generateKey");
      return methods.generateKey(name, params, !!extractable, usageList(usages));
    }
    async importKey(format, key, algorithm, extractable, usages) {
      this.#is;
      need(arguments.length, 5, "crypto.subtle.importKey");
      return importKey(formatOf(format), key, algorithm, !!extractable, usageList(usages));
    }
    async exportKey(format, key) {
      this.#is;
      need(arguments.length, 2, "crypto.subtle.exportKey");
      return exportKey(formatOf(format), keyOf(key, "the key"));
    }
    async sign(algorithm, key, bytes) {
      this.#is;
      need(arguments.length, 3, "crypto.subtle.sign");
      const { name, methods, params } = normalize(algorithm, "sign");
      return methods.sign(keyFor(key, name, "sign", "the key"), params, data(bytes, "the data"));
    }
    async verify(algorithm, key, signature, bytes) {
      this.#is;
      need(arguments.length, 4, "crypto.subtle.verify");
      const { name, methods, params } = normalize(algorithm, "verify");
      return methods.verify(keyFor(key, name, "verify", "the key"), params, data(signature, "the signature"), data(bytes, "the data"));
    }
    async encrypt(algorithm, key, bytes) {
      this.#is;
      need(arguments.length, 3, "crypto.subtle.encrypt");
      const { name, methods, params } = normalize(algorithm, "encrypt");
      return methods.encrypt(keyFor(key, name, "encrypt", "the key"), params, data(bytes, "the data"));
    }
    async decrypt(algorithm, key, bytes) {
      this.#is;
      need(arguments.length, 3, "crypto.subtle.decrypt");
      const { name, methods, params } = normalize(algorithm, "decrypt");
      return methods.decrypt(keyFor(key, name, "decrypt", "the key"), params, data(bytes, "the data"));
    }
    async deriveBits(algorithm, key, length = null) {
      this.#is;
      need(arguments.length, 2, "crypto.subtle.deriveBits");
      const { name, methods, params } = normalize(algorithm, "deriveBits");
      return methods.deriveBits(keyFor(key, name, "deriveBits", "the key"), params, lengthOf(length));
    }
    async deriveKey(algorithm, key, derived, extractable, usages) {
      this.#is;
      need(arguments.length, 5, "crypto.subtle.deriveKey");
      const { name, methods, params } = normalize(algorithm, "deriveBits");
      const uses = usageList(usages);
      const target = normalize(derived, "keyLength");
      const length = target.methods.keyLength(target.params);
      const bits = methods.deriveBits(keyFor(key, name, "deriveKey", "the key"), params, length);
      return importKey("raw", bits, derived, !!extractable, uses);
    }
    async wrapKey(format, key, wrapping, algorithm) {
      this.#is;
      need(arguments.length, 4, "crypto.subtle.wrapKey");
      const { name, methods, params } = normalize(algorithm, "encrypt");
      const k = keyFor(wrapping, name, "wrapKey", "the wrapping key");
      const out = exportKey(formatOf(format), keyOf(key, "the key"));
      return methods.encrypt(k, params, format === "jwk" ? host.utf8Encode(stringify(out)) : out);
    }
    async unwrapKey(format, wrapped, unwrapping, algorithm, keyAlgorithm, extractable, usages) {
      this.#is;
      need(arguments.length, 7, "crypto.subtle.unwrapKey");
      const { name, methods, params } = normalize(algorithm, "decrypt");
      const uses = usageList(usages);
      let out = methods.decrypt(keyFor(unwrapping, name, "unwrapKey", "the unwrapping key"), params, data(wrapped, "the wrapped key"));
      if (formatOf(format) === "jwk") {
        try { out = parse(host.decode("utf-8", out, true)); } catch { throw fault("DataError", "what was unwrapped is no JWK"); }
      }
      return importKey(toText(format), out, keyAlgorithm, !!extractable, uses);
    }
  }
  expose(SubtleCrypto, "SubtleCrypto");

  return { SubtleCrypto, CryptoKey, subtle: new SubtleCrypto(token) };
})
