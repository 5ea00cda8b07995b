// crypto.subtle: Node's own, whose results are made objects of the context.
(function (host) {
  "use strict";
  const { TypeError, SyntaxError, ArrayBuffer, Uint8Array, Promise, Object } = globalThis;
  const { parse, stringify } = JSON;
  const { apply } = Reflect;
  const { webcrypto } = host.node("crypto");
  const native = webcrypto.subtle;
  const isNative = host.isKey;
  const { own } = host;
  const { isView } = ArrayBuffer;
  const token = {};
  const test = (pattern, text) => apply(RegExp.prototype.test, pattern, [text]);

  function failure(e) {
    switch (e?.name) {
      case "TypeError": return new TypeError(e.message);
      case "SyntaxError": if (e.code === undefined) return new SyntaxError(e.message);
    }
    const { DOMException } = globalThis;
    // What the standard calls the export of a key in a form of the other kind.
    if (test(/^Unable to export .* using \w+ format$/, e?.message)) return new DOMException(e.message, "InvalidAccessError");
    return new DOMException(e?.message ?? String(e), e?.name === "InvalidAccessException" ? "InvalidAccessError" : e?.name ?? "OperationError");
  }
  // given is a result as the context may have it.
  function given(v) {
    if (v === null || typeof v !== "object") return v;
    if (isNative(v)) return new CryptoKey(token, v);
    if (host.isBuffer(v)) return own(host.bytes(v));
    if (v.privateKey !== undefined) return { publicKey: given(v.publicKey), privateKey: given(v.privateKey) };
    return parse(stringify(v));
  }

  // A CryptoKey stands for one of Node's.
  let nativeOf;
  const order = ["encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"];
  class CryptoKey {
    #key; #algorithm; #usages;
    constructor(key, native) {
      if (key !== token) throw new TypeError("Illegal constructor");
      this.#key = native;
    }
    get type() { return this.#key.type; }
    get extractable() { return this.#key.extractable; }
    get algorithm() { return this.#algorithm ??= copy(this.#key.algorithm); }
    get usages() { return this.#usages ??= order.filter((use) => this.#key.usages.includes(use)); }
    static {
      nativeOf = (v) => (v !== null && typeof v === "object" && #key in v ? v.#key : undefined);
      Object.defineProperty(CryptoKey.prototype, Symbol.toStringTag, { value: "CryptoKey", configurable: true });
      for (const name of ["type", "extractable", "algorithm", "usages"]) Object.defineProperty(CryptoKey.prototype, name, { enumerable: true });
    }
  }
  // copy is a description in objects of the context.
  function copy(v) {
    if (v === null || typeof v !== "object") return v;
    if (host.isBuffer(v) || isView(v)) return new Uint8Array(own(host.bytes(v)));
    if (typeof v.length === "number" && v.name === undefined) return [...v];
    const out = {};
    for (const key in v) out[key] = copy(v[key]);
    return out;
  }
  // taken is an argument as Node wants it.
  function taken(v) {
    const key = nativeOf(v);
    if (key !== undefined) return key;
    if (v === null || typeof v !== "object" || isView(v)) return v;
    const other = nativeOf(v.public);
    return other === undefined ? v : { ...v, public: other };
  }
  host.cloners[host.cloners.length] = (v) => {
    const key = nativeOf(v);
    return key === undefined ? undefined : new CryptoKey(token, key);
  };

  class SubtleCrypto {
    #is;
    constructor(key) {
      if (key !== token) throw new TypeError("Illegal constructor");
    }
    static {
      for (const name of ["digest", "encrypt", "decrypt", "sign", "verify", "generateKey", "deriveKey", "deriveBits", "importKey", "exportKey", "wrapKey", "unwrapKey"]) {
        const f = native[name];
        const method = {
          [name](...args) {
            return new Promise((resolve, reject) => {
              this.#is;
              apply(f, native, args.map(taken)).then((v) => {
                try { resolve(given(v)); } catch (e) { reject(e); }
              }, (e) => { reject(failure(e)); });
            });
          },
        }[name];
        Object.defineProperty(method, "length", { value: f.length, configurable: true });
        Object.defineProperty(SubtleCrypto.prototype, name, { value: method, writable: true, enumerable: true, configurable: true });
      }
      Object.defineProperty(SubtleCrypto.prototype, Symbol.toStringTag, { value: "SubtleCrypto", configurable: true });
    }
  }
  return { SubtleCrypto, CryptoKey, subtle: new SubtleCrypto(token) };
})
