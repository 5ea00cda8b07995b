// What Request and Response have in common: a body.
//
// A body is { bytes, stream, used, shared, type }: bytes as long as nobody asked
// for a stream, then the stream.
(function (host, use) {
  "use strict";
  const { usv } = use("webidl");
  const { utf8Encode, decode, mimeType, peek } = host;
  const { apply } = Reflect;
  const { parse } = JSON;
  const Bytes = Uint8Array;
  const { slice: copyBytes, set: setBytes } = Bytes.prototype;
  const { slice, toLowerCase } = String.prototype;
  const empty = new Bytes(0);

  const isStream = (v) => {
    const streams = peek("streams");
    return streams !== undefined && v instanceof streams.ReadableStream;
  };
  const unusable = (b) => b.used || (b.stream !== undefined && (b.stream.locked || b.stream._disturbed));

  // extract makes a body of what a task gives as one. Only objects of modules
  // that were loaded can be of their classes.
  function extract(v) {
    const body = { bytes: empty, stream: undefined, used: false, shared: false, type: null };
    if (v !== null && typeof v === "object") {
      const blobs = peek("blob"), url = peek("url"), forms = peek("formdata");
      if (blobs !== undefined && blobs.isBlob(v)) {
        body.bytes = blobs.bytesOf(v);
        body.shared = true;
        body.type = v.type === "" ? null : v.type;
        return body;
      }
      if (url !== undefined && url.isParams(v)) {
        body.bytes = new Bytes(utf8Encode(`${v}`));
        body.type = "application/x-www-form-urlencoded;charset=UTF-8";
        return body;
      }
      if (forms !== undefined && forms.isFormData(v)) {
        const { bytes, boundary } = forms.encode(v);
        body.bytes = bytes;
        body.type = "multipart/form-data; boundary=" + boundary;
        return body;
      }
      if (isStream(v)) {
        if (v.locked || v._disturbed) throw new TypeError("the stream given as a body is locked or has been read from");
        body.bytes = undefined;
        body.stream = v;
        return body;
      }
      const { source, asBytes } = use("encoding");
      const s = source(v);
      if (s !== undefined) {
        body.bytes = apply(copyBytes, asBytes(s), []);
        return body;
      }
    }
    body.bytes = new Bytes(utf8Encode(usv(v)));
    body.type = "text/plain;charset=UTF-8";
    return body;
  }

  // drain reads a stream to its end.
  async function drain(stream) {
    const reader = stream.getReader();
    const chunks = [];
    let total = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (!(value instanceof Bytes)) {
        const e = new TypeError("a body's stream must give Uint8Array chunks, got " + (value === null ? "null" : typeof value));
        reader.cancel(e).catch(() => {});
        throw e;
      }
      chunks[chunks.length] = value;
      total += value.length;
    }
    if (chunks.length === 1) return chunks[0];
    const all = new Bytes(total);
    for (let i = 0, at = 0; i < chunks.length; at += chunks[i++].length) apply(setBytes, all, [chunks[i], at]);
    return all;
  }

  // take uses a body up: its bytes, or a promise of them.
  function take(body, where) {
    if (unusable(body)) throw new TypeError(where + ": the body has already been read, or its stream is locked");
    body.used = true;
    return body.stream === undefined ? body.bytes : drain(body.stream);
  }

  function streamOf(body) {
    if (body.stream !== undefined) return body.stream;
    const { ReadableStream } = use("streams");
    let { bytes } = body;
    const stream = new ReadableStream({
      type: "bytes",
      pull(controller) {
        if (bytes.length > 0) controller.enqueue(apply(copyBytes, bytes, []));
        bytes = empty;
        controller.close();
        controller.byobRequest?.respond(0);
      },
    }, { highWaterMark: 0 });
    if (body.used) {
      stream.cancel();
      stream.getReader();
    }
    body.stream = stream;
    return stream;
  }

  // clone makes a second body of the same content.
  function clone(body) {
    if (body === null) return null;
    if (body.stream === undefined) {
      body.shared = true;
      return { ...body };
    }
    const { 0: a, 1: b } = body.stream.tee();
    body.stream = a;
    return { ...body, stream: b };
  }

  const textOf = (bytes) => {
    const s = decode("utf-8", bytes, false);
    return s[0] === "\uFEFF" ? apply(slice, s, [1]) : s;
  };
  const own = (bytes, body) => (body === null || body.shared || body.stream !== undefined ? apply(copyBytes, bytes, []) : bytes);
  const essence = (type) => {
    const m = /^\s*([^\s;]*)/.exec(type);
    return apply(toLowerCase, m[1], []);
  };

  function form(bytes, type, where) {
    const kind = essence(type || "");
    const { FormData, decode: decodeForm } = use("formdata");
    if (kind === "multipart/form-data") return decodeForm(bytes, type, where);
    if (kind === "application/x-www-form-urlencoded") {
      const data = new FormData();
      for (const { 0: name, 1: value } of new (use("url").URLSearchParams)(textOf(bytes))) data.append(name, value);
      return data;
    }
    throw new TypeError(`${where}: the Content-Type must be multipart/form-data or application/x-www-form-urlencoded, it is ${type === null ? "missing" : JSON.stringify(type)}`);
  }

  // mixin gives a class the members of Body. stateOf(object) is its state, with
  // body and headers (a HeaderList); it throws for what is no such object.
  function mixin(Class, name, stateOf) {
    async function consume(self, method, convert) {
      const s = stateOf(self), where = name + "." + method, { body } = s;
      if (body === null) return convert(empty, s, where);
      const bytes = take(body, where);
      return convert(bytes instanceof Bytes ? bytes : await bytes, s, where);
    }
    const members = {
      get body() {
        const { body } = stateOf(this);
        return body === null ? null : streamOf(body);
      },
      get bodyUsed() {
        const { body } = stateOf(this);
        return body !== null && (body.used || (body.stream !== undefined && body.stream._disturbed));
      },
      text() { return consume(this, "text", textOf); },
      json() { return consume(this, "json", (bytes) => parse(textOf(bytes))); },
      bytes() { return consume(this, "bytes", (bytes, s) => own(bytes, s.body)); },
      arrayBuffer() {
        return consume(this, "arrayBuffer", (bytes, s) => {
          bytes = own(bytes, s.body);
          return bytes.length === bytes.buffer.byteLength ? bytes.buffer : apply(copyBytes, bytes, []).buffer;
        });
      },
      blob() {
        return consume(this, "blob", (bytes, s) => {
          const type = s.headers.get("content-type");
          return use("blob").makeBlob(own(bytes, s.body), type === null ? "" : apply(toLowerCase, mimeType(type), []));
        });
      },
      formData() { return consume(this, "formData", (bytes, s, where) => form(bytes, s.headers.get("content-type"), where)); },
    };
    const { getOwnPropertyDescriptors, defineProperties } = Object;
    defineProperties(Class.prototype, getOwnPropertyDescriptors(members));
  }

  return { extract, take, clone, unusable, mixin };
})
