// Blob and File: bytes that do not change, with a type.
(function (host, use) {
  "use strict";
  const { toText, usv, need, expose, dictionary } = use("webidl");
  const { source, asBytes } = use("encoding");
  const { utf8Encode, decode } = host;
  const { apply } = Reflect;
  const Bytes = Uint8Array;
  const setBytes = Bytes.prototype.set;
  const { subarray, slice: copyBytes } = Bytes.prototype;
  const getter = (proto, name) => Object.getOwnPropertyDescriptor(proto, name).get;
  const TypedArray = Object.getPrototypeOf(Bytes).prototype;
  const lengthOf = getter(TypedArray, "length");
  const bufferOf = getter(TypedArray, "buffer");
  const { replace, toLowerCase, slice: cut } = String.prototype;
  const { now } = Date;
  const { trunc } = Math;
  const iteratorSymbol = Symbol.iterator;
  const size = (b) => apply(lengthOf, b, []);
  const chunkSize = 65536;

  // join makes one run of bytes of the parts of a blob.
  function join(parts, endings) {
    const list = [];
    let total = 0;
    for (const part of parts) {
      let b;
      if (part !== null && typeof part === "object") {
        if (isBlob(part)) {
          b = bytesOf(part);
        } else {
          const s = source(part);
          if (s !== undefined) b = asBytes(s);
        }
      }
      if (b === undefined) {
        let text = usv(part);
        if (endings === "native") text = apply(replace, text, [/\r\n?/g, "\n"]);
        b = new Bytes(utf8Encode(text));
      }
      list[list.length] = b;
      total += size(b);
    }
    const out = new Bytes(total);
    for (let i = 0, at = 0; i < list.length; i++) {
      apply(setBytes, out, [list[i], at]);
      at += size(list[i]);
    }
    return out;
  }

  function mime(type) {
    type = toText(type);
    for (let i = 0; i < type.length; i++) if (type[i] < " " || type[i] > "~") return "";
    return apply(toLowerCase, type, []);
  }

  // index clamps a position given to slice, which counts from the end if negative.
  function index(v, length) {
    v = trunc(+v) || 0;
    return v < 0 ? (v + length < 0 ? 0 : v + length) : v > length ? length : v;
  }

  const token = {};
  let isBlob, bytesOf, isFile;

  class Blob {
    #bytes; #type;
    constructor(parts = undefined, options = undefined) {
      if (parts === token) {
        this.#bytes = options.bytes;
        this.#type = options.type;
        return;
      }
      if (parts !== undefined && (parts === null || (typeof parts !== "object" && typeof parts !== "function") || typeof parts[iteratorSymbol] !== "function")) {
        throw new TypeError("Blob: the parts must be an iterable list");
      }
      const { endings = "transparent", type = "" } = dictionary(options, "Blob");
      const ends = toText(endings);
      if (ends !== "transparent" && ends !== "native") throw new TypeError(`Blob: endings must be "transparent" or "native", got "${ends}"`);
      this.#type = mime(type);
      this.#bytes = parts === undefined ? new Bytes(0) : join(parts, ends);
    }
    get size() { return size(this.#bytes); }
    get type() { return this.#type; }
    slice(start = 0, end = undefined, type = "") {
      const b = this.#bytes;
      const n = size(b);
      const from = index(start, n), to = end === undefined ? n : index(end, n);
      return new Blob(token, { bytes: apply(subarray, b, [from, to > from ? to : from]), type: mime(type) });
    }
    async text() {
      const text = decode("utf-8", this.#bytes, false);
      return text[0] === "\uFEFF" ? apply(cut, text, [1]) : text;
    }
    async bytes() { return apply(copyBytes, this.#bytes, []); }
    async arrayBuffer() { return apply(bufferOf, apply(copyBytes, this.#bytes, []), []); }
    stream() {
      const b = this.#bytes;
      const { ReadableStream } = use("streams");
      let at = 0;
      return new ReadableStream({
        type: "bytes",
        pull(controller) {
          const n = size(b);
          if (at < n) {
            const to = at + chunkSize < n ? at + chunkSize : n;
            controller.enqueue(apply(copyBytes, b, [at, to]));
            at = to;
          }
          if (at >= n) {
            controller.close();
            controller.byobRequest?.respond(0);
          }
        },
      }, { highWaterMark: 0 });
    }
    static {
      isBlob = (v) => v !== null && typeof v === "object" && #bytes in v;
      // bytesOf is the blob's own memory: to be read only.
      bytesOf = (v) => v.#bytes;
    }
  }
  expose(Blob, "Blob");

  class File extends Blob {
    #name; #modified;
    constructor(parts, name, options = undefined) {
      if (parts !== token) need(arguments.length, 2, "File");
      super(parts, options);
      if (parts === token) {
        this.#name = name;
        this.#modified = options.lastModified;
        return;
      }
      this.#name = usv(name);
      const { lastModified } = dictionary(options, "File");
      this.#modified = lastModified === undefined ? now() : trunc(+lastModified) || 0;
    }
    get name() { return this.#name; }
    get lastModified() { return this.#modified; }
    get webkitRelativePath() { this.#name; return ""; }
    static {
      isFile = (v) => v !== null && typeof v === "object" && #name in v;
    }
  }
  expose(File, "File");

  // makeBlob and makeFile take bytes over without a copy.
  const makeBlob = (bytes, type) => new Blob(token, { bytes, type });
  const makeFile = (bytes, name, type, lastModified = now()) => new File(token, name, { bytes, type, lastModified });

  host.cloners[host.cloners.length] = (v) => {
    if (isFile(v)) return makeFile(bytesOf(v), v.name, v.type, v.lastModified);
    return isBlob(v) ? makeBlob(bytesOf(v), v.type) : undefined;
  };

  return { Blob, File, isBlob, isFile, bytesOf, makeBlob, makeFile };
})
