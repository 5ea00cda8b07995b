// crypto: random values. The rest is in subtle.js.
(function (host, use) {
  "use strict";
  const { need, expose } = use("webidl");
  const { randomBytes, randomUUID } = host;
  const { apply } = Reflect;
  const { isView } = ArrayBuffer;
  const TypedArray = Object.getPrototypeOf(Uint8Array).prototype;
  const getter = (name) => Object.getOwnPropertyDescriptor(TypedArray, name).get;
  const kind = getter(Symbol.toStringTag), byteLength = getter("byteLength");
  const integers = {
    __proto__: null, Int8Array: 1, Uint8Array: 1, Uint8ClampedArray: 1, Int16Array: 1, Uint16Array: 1,
    Int32Array: 1, Uint32Array: 1, BigInt64Array: 1, BigUint64Array: 1,
  };
  const token = {};

  class Crypto {
    #is;
    constructor(key) {
      if (key !== token) throw new TypeError("Illegal constructor");
    }
    get subtle() { this.#is; return use("subtle").subtle; }
    getRandomValues(array) {
      this.#is;
      need(arguments.length, 1, "crypto.getRandomValues");
      const of = isView(array) ? apply(kind, array, []) : undefined;
      if (of !== undefined && integers[of] === 1 && apply(byteLength, array, []) <= 65536) {
        randomBytes(array);
        return array;
      }
      if (!isView(array)) throw new TypeError("crypto.getRandomValues: the argument must be an integer typed array");
      const { DOMException } = use("domexception");
      if (integers[of] !== 1) {
        throw new DOMException("crypto.getRandomValues: the argument must be an integer typed array", "TypeMismatchError");
      }
      throw new DOMException(`crypto.getRandomValues: at most 65536 bytes at once, got ${apply(byteLength, array, [])}`, "QuotaExceededError");
    }
    randomUUID() { this.#is; return randomUUID(); }
  }
  expose(Crypto, "Crypto");

  return { Crypto, crypto: new Crypto(token) };
})
