// Response, as the fetch standard has it.
(function (host, use) {
  "use strict";
  const { expose, dictionary, usv } = use("webidl");
  const { HeaderList, makeHeaders, fill } = use("headers");
  const { extract, clone, unusable, mixin } = use("body");
  const { stringify } = JSON;
  const { apply } = Reflect;
  const { test } = RegExp.prototype;
  const key = {};
  let stateOf, isResponse;

  const nullBody = (status) => status === 101 || status === 103 || status === 204 || status === 205 || status === 304;

  function state(status, statusText, headers) {
    return { type: "default", url: "", redirected: false, status, statusText, headers, object: undefined, body: null };
  }

  function toInt(v) {
    v = +v;
    return Number.isFinite(v) ? Math.trunc(v) & 0xffff : 0;
  }

  function initialize(body, type, init, where) {
    const o = dictionary(init, where);
    const status = o.status === undefined ? 200 : toInt(o.status);
    const statusText = o.statusText === undefined ? "" : `${o.statusText}`;
    if (status < 200 || status > 599) throw new RangeError(`${where}: the status must be from 200 to 599, got ${status}`);
    if (!apply(test, /^[\t\x20-\x7e\x80-\xff]*$/, [statusText])) throw new TypeError(`${where}: ${stringify(statusText)} is not a valid statusText`);
    const s = state(status, statusText, new HeaderList());
    fill(s.headers, o.headers, where);
    if (body === null) return s;
    if (nullBody(status)) throw new TypeError(`${where}: a response with status ${status} cannot have a body`);
    s.body = body;
    if (type !== null && !s.headers.has("content-type")) s.headers.append("content-type", type);
    return s;
  }

  class Response {
    #s;
    constructor(body = null, init = undefined) {
      if (body === key) {
        this.#s = init;
        return;
      }
      const b = body === null || body === undefined ? null : extract(body);
      this.#s = initialize(b, b === null ? null : b.type, init, "Response");
    }
    static error() {
      const s = state(0, "", new HeaderList());
      s.type = "error";
      s.headers.immutable = true;
      return new Response(key, s);
    }
    static redirect(url, status = 302) {
      const parts = host.urlParse(usv(url));
      if (parts === null) throw new TypeError(`Response.redirect: ${stringify(`${url}`)} is not an absolute URL`);
      status = toInt(status);
      if (status !== 301 && status !== 302 && status !== 303 && status !== 307 && status !== 308) {
        throw new RangeError(`Response.redirect: the status must be 301, 302, 303, 307 or 308, got ${status}`);
      }
      const s = state(status, "", new HeaderList());
      s.headers.append("location", parts[0]);
      s.headers.immutable = true;
      return new Response(key, s);
    }
    static json(data, init = undefined) {
      const text = stringify(data);
      if (text === undefined) throw new TypeError("Response.json: the value cannot be written as JSON");
      return new Response(key, initialize(extract(text), "application/json", init, "Response.json"));
    }
    get type() { return this.#s.type; }
    get url() { return this.#s.url; }
    get redirected() { return this.#s.redirected; }
    get status() { return this.#s.status; }
    get ok() { return this.#s.status >= 200 && this.#s.status <= 299; }
    get statusText() { return this.#s.statusText; }
    get headers() { return this.#s.object ??= makeHeaders(this.#s.headers); }
    clone() {
      const s = this.#s;
      if (s.body !== null && unusable(s.body)) throw new TypeError("Response.clone: the body has already been read, or its stream is locked");
      const headers = s.headers.copy();
      headers.immutable = s.headers.immutable;
      return new Response(key, { ...s, headers, object: undefined, body: clone(s.body) });
    }
    static {
      stateOf = (v) => v.#s;
      isResponse = (v) => v !== null && typeof v === "object" && #s in v;
    }
  }
  mixin(Response, "Response", stateOf);
  expose(Response, "Response");

  Object.defineProperty(Response.prototype, Symbol.for("nodejs.util.inspect.custom"), {
    configurable: true, writable: true,
    value(depth, options, inspect) {
      const { status, statusText, headers, type, url, redirected, ok, bodyUsed } = this;
      return "Response " + inspect({ status, statusText, headers, bodyUsed, ok, redirected, type, url }, { ...options, depth });
    },
  });
  host.cloners[host.cloners.length] = (v) => (isResponse(v) ? null : undefined);

  // received is the Response to a fetch.
  function received(head, bytes, headOnly) {
    const headers = new HeaderList();
    for (let i = 0; i < head.headers.length; i++) {
      const { 0: name, 1: value } = head.headers[i];
      headers.append(apply(String.prototype.toLowerCase, name, []), value);
    }
    headers.immutable = true;
    const s = state(head.status, head.statusText || "", headers);
    s.type = head.type || "basic";
    s.url = head.url || "";
    s.redirected = head.redirected === true;
    if (!headOnly && !nullBody(head.status)) s.body = { bytes, stream: undefined, used: false, shared: false, type: null };
    return new Response(key, s);
  }

  return { Response, received };
})
