// Request, as the fetch standard has it where there is no page: mode, credentials,
// referrer, integrity and keepalive are kept and have no effect.
(function (host, use) {
  "use strict";
  const { expose, need, usv, dictionary } = use("webidl");
  const { HeaderList, makeHeaders, fill, token } = use("headers");
  const { extract, clone, unusable, mixin } = use("body");
  const { stringify } = JSON;
  const { apply } = Reflect;
  const { test } = RegExp.prototype;
  const { toUpperCase } = String.prototype;
  const key = {};
  let stateOf, isRequest;

  const choices = {
    __proto__: null,
    redirect: ["follow", "error", "manual"],
    mode: ["cors", "no-cors", "same-origin", "navigate"],
    credentials: ["omit", "same-origin", "include"],
    cache: ["default", "no-store", "reload", "no-cache", "force-cache", "only-if-cached"],
    referrerPolicy: ["", "no-referrer", "no-referrer-when-downgrade", "same-origin", "origin", "strict-origin",
      "origin-when-cross-origin", "strict-origin-when-cross-origin", "unsafe-url"],
  };
  const normalized = { __proto__: null, DELETE: true, GET: true, HEAD: true, OPTIONS: true, POST: true, PUT: true };

  function fresh() {
    return {
      url: "", method: "GET", headers: new HeaderList(), object: undefined, body: null,
      mode: "cors", credentials: "same-origin", cache: "default", redirect: "follow",
      referrer: "about:client", referrerPolicy: "", integrity: "", keepalive: false,
      source: null, signal: undefined,
    };
  }

  function methodOf(v) {
    v = `${v}`;
    if (!apply(test, token, [v])) throw new TypeError(`Request: ${stringify(v)} is not a valid HTTP method`);
    const upper = apply(toUpperCase, v, []);
    if (upper === "CONNECT" || upper === "TRACE" || upper === "TRACK") throw new TypeError(`Request: the method ${v} is not allowed`);
    return normalized[upper] ? upper : v;
  }

  function urlOf(v) {
    const text = usv(v);
    const parts = host.urlParse(text);
    if (parts === null) {
      const why = apply(test, /^[a-z][a-z0-9+.-]*:/i, [text]) ? "is not a valid URL" : "is a relative URL, and a task has no page it could be relative to; give an absolute one such as https://example.com/path";
      throw new TypeError(`Request: ${stringify(text)} ${why}`);
    }
    if (parts[2] !== "" || parts[3] !== "") {
      throw new TypeError("Request: the URL holds a user name or password; send them in an Authorization header");
    }
    return parts[0];
  }

  function enumerated(s, o, name) {
    if (o[name] === undefined) return;
    const v = `${o[name]}`;
    for (let i = 0; i < choices[name].length; i++) {
      if (choices[name][i] !== v) continue;
      s[name] = v;
      return;
    }
    throw new TypeError(`Request: ${stringify(v)} is not a valid value for ${name}`);
  }

  // build is the state of new Request(input, init).
  function build(input, init) {
    const o = dictionary(init, "Request");
    const s = fresh();
    let body = null, from;
    if (isRequest(input)) {
      from = stateOf(input);
      ({ url: s.url, method: s.method, mode: s.mode, credentials: s.credentials, cache: s.cache, redirect: s.redirect,
        referrer: s.referrer, referrerPolicy: s.referrerPolicy, integrity: s.integrity, keepalive: s.keepalive } = from);
      s.source = from.signal ?? from.source;
      if (from.signal === undefined && from.source === null) s.source = input.signal;
      body = from.body;
    } else {
      s.url = urlOf(input);
    }
    if (o.window !== undefined && o.window !== null) throw new TypeError("Request: window must be null");
    if (o.referrer !== undefined) {
      const referrer = usv(o.referrer);
      s.referrer = referrer === "" ? "" : "about:client";
      if (referrer !== "" && host.urlParse(referrer) === null) throw new TypeError(`Request: ${stringify(referrer)} is not a valid referrer`);
    }
    if (o.mode === "navigate") throw new TypeError('Request: mode "navigate" is not allowed');
    for (const name in choices) enumerated(s, o, name);
    if (s.cache === "only-if-cached" && s.mode !== "same-origin") throw new TypeError('Request: cache "only-if-cached" needs mode "same-origin"');
    if (o.integrity !== undefined) s.integrity = `${o.integrity}`;
    if (o.keepalive !== undefined) s.keepalive = !!o.keepalive;
    if (o.duplex !== undefined && o.duplex !== "half") throw new TypeError('Request: duplex must be "half"');
    if (o.method !== undefined) s.method = methodOf(o.method);
    if (o.signal !== undefined) {
      if (o.signal !== null) {
        const events = host.peek("events");
        if (events === undefined || !events.isSignal(o.signal)) throw new TypeError("Request: signal must be an AbortSignal");
      }
      s.source = o.signal;
    }
    if (from !== undefined && o.headers === undefined) s.headers = from.headers.copy();
    else fill(s.headers, o.headers, "Request");
    if ((o.body !== undefined && o.body !== null) || body !== null) {
      if (s.method === "GET" || s.method === "HEAD") throw new TypeError(`Request: a ${s.method} request cannot have a body`);
    }
    if (o.body !== undefined && o.body !== null) {
      s.body = extract(o.body);
      if (s.body.stream !== undefined && o.duplex === undefined) throw new TypeError('Request: a stream as body needs duplex: "half"');
      if (s.body.type !== null && !s.headers.has("content-type")) s.headers.append("content-type", s.body.type);
    } else if (body !== null) {
      if (unusable(body)) throw new TypeError("Request: the body of the request given has already been read, or its stream is locked");
      s.body = { ...body };
      body.used = true;
      if (body.stream !== undefined) s.body.stream = body.stream.pipeThrough(new (use("streams").TransformStream)());
    }
    return s;
  }

  class Request {
    #s;
    constructor(input, init = undefined) {
      if (input === key) {
        this.#s = init;
        return;
      }
      need(arguments.length, 1, "Request");
      this.#s = build(input, init);
    }
    get method() { return this.#s.method; }
    get url() { return this.#s.url; }
    get headers() { return this.#s.object ??= makeHeaders(this.#s.headers); }
    get destination() { this.#s; return ""; }
    get referrer() { return this.#s.referrer; }
    get referrerPolicy() { return this.#s.referrerPolicy; }
    get mode() { return this.#s.mode; }
    get credentials() { return this.#s.credentials; }
    get cache() { return this.#s.cache; }
    get redirect() { return this.#s.redirect; }
    get integrity() { return this.#s.integrity; }
    get keepalive() { return this.#s.keepalive; }
    get isReloadNavigation() { this.#s; return false; }
    get isHistoryNavigation() { this.#s; return false; }
    get duplex() { this.#s; return "half"; }
    get signal() {
      const s = this.#s;
      const { makeSignal, AbortSignal } = use("events");
      return s.signal ??= s.source === null ? makeSignal() : AbortSignal.any([s.source]);
    }
    clone() {
      const s = this.#s;
      if (s.body !== null && unusable(s.body)) throw new TypeError("Request.clone: the body has already been read, or its stream is locked");
      return new Request(key, { ...s, headers: s.headers.copy(), object: undefined, body: clone(s.body), source: this.signal, signal: undefined });
    }
    static {
      stateOf = (v) => v.#s;
      isRequest = (v) => v !== null && typeof v === "object" && #s in v;
    }
  }
  mixin(Request, "Request", stateOf);
  expose(Request, "Request");

  Object.defineProperty(Request.prototype, Symbol.for("nodejs.util.inspect.custom"), {
    configurable: true, writable: true,
    value(depth, options, inspect) {
      const { method, url, headers, redirect, bodyUsed, signal } = this;
      return "Request " + inspect({ method, url, headers, redirect, bodyUsed, signal }, { ...options, depth });
    },
  });
  host.cloners[host.cloners.length] = (v) => (isRequest(v) ? null : undefined);

  return { Request, build };
})
