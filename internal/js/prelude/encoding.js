// TextEncoder, TextDecoder, atob and btoa over Go (encoding.go).
(function (host, use) {
  "use strict";
  const { toText, need, expose, dictionary } = use("webidl");
  const { utf8Encode, utf8EncodeInto, encodingName, decode, decodeSome, atob: decodeBase64, btoa: encodeBase64 } = host;
  const { apply } = Reflect;
  const { slice } = String.prototype;
  const { isView } = ArrayBuffer;
  const Bytes = Uint8Array;
  const TypedArray = Object.getPrototypeOf(Uint8Array).prototype;
  const getter = (proto, name) => Object.getOwnPropertyDescriptor(proto, name).get;
  const kind = getter(TypedArray, Symbol.toStringTag);
  const setBytes = TypedArray.set;
  const dataView = { buffer: getter(DataView.prototype, "buffer"), offset: getter(DataView.prototype, "byteOffset"),
    length: getter(DataView.prototype, "byteLength") };
  const bufferLength = getter(ArrayBuffer.prototype, "byteLength");
  const sharedLength = typeof SharedArrayBuffer === "function" ? getter(SharedArrayBuffer.prototype, "byteLength") : undefined;

  function has(get, v) {
    try { apply(get, v, []); return true; } catch { return false; }
  }

  // source is v as Go can read it: an ArrayBuffer or a typed array; undefined
  // if v is no buffer and no view.
  function source(v) {
    if (isView(v)) {
      if (apply(kind, v, []) !== undefined) return v;
      return new Bytes(apply(dataView.buffer, v, []), apply(dataView.offset, v, []), apply(dataView.length, v, []));
    }
    if (v === null || typeof v !== "object") return undefined;
    if (has(bufferLength, v)) return v;
    return sharedLength !== undefined && has(sharedLength, v) ? new Bytes(v) : undefined;
  }

  class TextEncoder {
    #is;
    get encoding() { this.#is; return "utf-8"; }
    encode(input = "") {
      this.#is;
      return new Bytes(utf8Encode(toText(input)));
    }
    encodeInto(text, into) {
      this.#is;
      need(arguments.length, 2, "TextEncoder.encodeInto");
      text = toText(text);
      if (!isView(into) || apply(kind, into, []) !== "Uint8Array") {
        throw new TypeError("TextEncoder.encodeInto: the destination must be a Uint8Array");
      }
      const { 0: read, 1: written } = utf8EncodeInto(text, into);
      return { read, written };
    }
  }
  expose(TextEncoder, "TextEncoder");

  class TextDecoder {
    #name; #fatal; #ignoreBOM;
    #pending = undefined; // bytes of a character that has not ended
    #begun = false;
    constructor(label = "utf-8", options = undefined) {
      label = toText(label);
      const o = dictionary(options, "TextDecoder");
      const name = encodingName(label);
      if (name === "") {
        throw new RangeError(`TextDecoder: the encoding "${label}" is not there; utf-8, utf-16le, utf-16be and windows-1252 (latin1) are`);
      }
      this.#name = name;
      this.#fatal = !!o.fatal;
      this.#ignoreBOM = !!o.ignoreBOM;
    }
    get encoding() { return this.#name; }
    get fatal() { return this.#fatal; }
    get ignoreBOM() { return this.#ignoreBOM; }
    decode(input, options = undefined) {
      const name = this.#name;
      let bytes;
      if (input !== undefined) {
        bytes = source(input);
        if (bytes === undefined) throw new TypeError("TextDecoder.decode: the input must be an ArrayBuffer or a view of one");
      }
      const stream = !!dictionary(options, "TextDecoder.decode").stream;
      if (this.#pending !== undefined) {
        const tail = bytes === undefined ? new Bytes(0) : asBytes(bytes);
        const joined = new Bytes(this.#pending.length + tail.length);
        apply(setBytes, joined, [this.#pending]);
        apply(setBytes, joined, [tail, this.#pending.length]);
        bytes = joined;
        this.#pending = undefined;
      }
      let text;
      if (stream) {
        const { 0: some, 1: rest } = decodeSome(name, bytes, this.#fatal);
        text = some;
        if (rest.byteLength > 0) this.#pending = new Bytes(rest);
      } else {
        try {
          text = decode(name, bytes, this.#fatal);
        } catch (e) {
          this.#begun = false;
          throw e;
        }
      }
      const first = !this.#begun;
      if (!stream) this.#begun = false;
      else if (text !== "") this.#begun = true;
      if (first && !this.#ignoreBOM && text[0] === "\uFEFF" && name !== "windows-1252") return apply(slice, text, [1]);
      return text;
    }
  }
  expose(TextDecoder, "TextDecoder");

  // asBytes is a Uint8Array over what source gave.
  const viewOf = { buffer: getter(TypedArray, "buffer"), offset: getter(TypedArray, "byteOffset"), length: getter(TypedArray, "byteLength") };
  function asBytes(v) {
    if (!isView(v)) return new Bytes(v);
    return new Bytes(apply(viewOf.buffer, v, []), apply(viewOf.offset, v, []), apply(viewOf.length, v, []));
  }

  function invalidCharacter(message) {
    const { DOMException } = use("domexception");
    return new DOMException(message, "InvalidCharacterError");
  }

  const { atob, btoa } = {
    atob(data) {
      need(arguments.length, 1, "atob");
      const text = decodeBase64(toText(data));
      if (text === null) throw invalidCharacter("atob: the text is not correctly encoded base64");
      return text;
    },
    btoa(data) {
      need(arguments.length, 1, "btoa");
      const text = encodeBase64(toText(data));
      if (text === null) throw invalidCharacter("btoa: the text holds characters above U+00FF");
      return text;
    },
  };

  return { TextEncoder, TextDecoder, atob, btoa, source, asBytes };
})
