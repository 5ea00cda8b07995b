// The part of the prelude that every VM has: timers, the task's context, the
// door by which Go comes in, and accessors that load the rest when touched.
(function (host) {
  "use strict";
  // A task may replace or delete its globals; these are the prelude's own.
  const { Array, Date, Error, Map, Object, Promise, RangeError, String, TypeError } = globalThis;
  const { parse, stringify } = JSON;
  const then = Promise.prototype.then;
  const resolved = Promise.resolve();
  const apply = Reflect.apply;
  const { includes } = String.prototype;
  const define = Object.defineProperty;
  const hide = (object, name, value) =>
    define(object, name, { value, writable: true, configurable: true, enumerable: false });

  // Prelude modules: a script whose value is function (host, use) { … return exports }.
  const modules = { __proto__: null };
  function use(name) {
    let m = modules[name];
    if (m === undefined) {
      m = host.module(name)(host, use);
      modules[name] = m;
    }
    return m;
  }
  host.use = use;
  // peek is a module if it has been loaded: no object can be of its classes before.
  host.peek = (name) => modules[name];
  // setting is env or fetchMode, which top-level code may ask for before the context is made.
  host.setting = (name) => (context === undefined ? parse(host.context()) : host)[name];
  // Each module with classes of its own adds f(object): a clone, null where the
  // object cannot be cloned, undefined where it is none of its objects.
  host.cloners = [];

  // name: module, pairwise.
  const lazy = [
    "URL", "url", "URLSearchParams", "url",
    "TextEncoder", "encoding", "TextDecoder", "encoding", "atob", "encoding", "btoa", "encoding",
    "crypto", "crypto", "Crypto", "crypto", "CryptoKey", "subtle", "SubtleCrypto", "subtle",
    "structuredClone", "clone",
    "DOMException", "domexception", "Event", "events", "CustomEvent", "events", "EventTarget", "events",
    "AbortController", "events", "AbortSignal", "events",
    "performance", "performance",
    "Blob", "blob", "File", "blob", "FormData", "formdata",
    "Headers", "headers", "Request", "request", "Response", "response", "fetch", "fetch",
    "ReadableStream", "streams", "ReadableStreamDefaultReader", "streams",
    "ReadableStreamDefaultController", "streams", "WritableStream", "streams", "TransformStream", "streams",
    "ByteLengthQueuingStrategy", "streams", "CountQueuingStrategy", "streams",
    "ReadableByteStreamController", "streams", "ReadableStreamBYOBReader", "streams", "ReadableStreamBYOBRequest", "streams",
    "WritableStreamDefaultController", "streams", "WritableStreamDefaultWriter", "streams", "TransformStreamDefaultController", "streams",
    "TextEncoderStream", "textstreams", "TextDecoderStream", "textstreams",
    "console", "console",
    "AuthenticationError", "errors", "AuthorizationError", "errors", "NetworkError", "errors",
    "HttpError", "errors", "ValidationError", "errors", "ConfigurationError", "errors",
    "RateLimitError", "errors", "ServiceUnavailableError", "errors", "TimeoutError", "errors",
    "DataError", "errors",
    "process", "process",
  ];
  for (let i = 0; i < lazy.length; i += 2) {
    const name = lazy[i], module = lazy[i + 1];
    define(globalThis, name, {
      configurable: true,
      enumerable: false,
      get() {
        const v = use(module)[name];
        hide(globalThis, name, v);
        return v;
      },
      set(v) { hide(globalThis, name, v); },
    });
  }

  // Memory shared between threads: there is one, and waiting would hold it up.
  delete globalThis.SharedArrayBuffer;
  delete globalThis.Atomics;

  // CommonJS, as far as a script that only assigns to it goes.
  const exports = {};
  hide(globalThis, "module", { exports });
  hide(globalThis, "exports", exports);

  // Timers.
  const timers = new Map();
  let nextTimer = 1;
  function callback(f) {
    if (typeof f !== "function") throw new TypeError("the callback must be a function, got " + typeof f);
    return f;
  }
  function arm(id, f, ms, args, again) {
    timers.set(id, { f, ms, args, again });
    host.timer(id, +ms || 0);
    return id;
  }
  const globals = {
    setTimeout(f, ms, ...args) { return arm(nextTimer++, callback(f), ms, args, false); },
    setInterval(f, ms, ...args) { return arm(nextTimer++, callback(f), ms, args, true); },
    clearTimeout(id) { if (timers.delete(id)) host.clearTimer(id); },
    clearInterval(id) { if (timers.delete(id)) host.clearTimer(id); },
    setImmediate(f, ...args) { return arm(nextTimer++, callback(f), 0, args, false); },
    clearImmediate(id) { globals.clearTimeout(id); },
    queueMicrotask(f) {
      callback(f);
      apply(then, resolved, [() => {
        try { f(); } catch (e) { fail(e); }
      }]);
    },
  };
  for (const name in globals) hide(globalThis, name, globals[name]);
  hide(globalThis, "self", globalThis);
  host.timers = globals;

  function fire(id) {
    const t = timers.get(id);
    if (t === undefined) return;
    if (t.again) host.timer(id, Math.max(+t.ms || 0, 1));
    else timers.delete(id);
    t.f(...t.args);
  }

  // Requests to the host.
  const calls = new Map();
  let nextCall = 1;
  host.ask = (op, head, body) => new Promise((resolve, reject) => {
    const id = nextCall++;
    calls.set(id, { resolve, reject });
    host.request(id, op, head, body);
  });
  function reply(id, failed, head, body) {
    const c = calls.get(id);
    if (c === undefined) return;
    calls.delete(id);
    if (failed) c.reject(host.error(parse(head)));
    else c.resolve({ head: parse(head), body });
  }
  // error makes a JavaScript error of one that came from the host.
  host.error = (e) => {
    const name = e.name || "Error";
    const Class = name === "TypeError" ? TypeError : name === "RangeError" ? RangeError : Error;
    const err = new Class(e.message);
    if (err.name !== name) hide(err, "name", name);
    if (e.code !== undefined) hide(err, "code", e.code);
    if (e.details !== undefined) hide(err, "details", e.details);
    if (e.data !== undefined) hide(err, "data", e.data);
    if (e.retryAfter !== undefined) hide(err, "retryAfter", e.retryAfter);
    return err;
  };

  // The task's context: its second argument, and the global ratchet.
  let context;
  function makeContext(json) {
    const { env, fetchMode, probe, plugins, ...rest } = parse(json);
    host.env = env || {};
    host.fetchMode = fetchMode;
    host.probe = probe;
    context = rest;
    if (context.deadline !== undefined) context.deadline = new Date(context.deadline);
    hide(context, "env", (name) => (Object.hasOwn(host.env, name) ? host.env[name] : undefined));
    hide(context, "progress", (value, message) => {
      if (!(value >= 0 && value < Infinity)) throw new RangeError("progress wants a number from 0 up, got " + value);
      host.progress(value, message === undefined ? "" : String(message));
    });
    const log = (level) => (message, fields) => {
      if (fields === undefined && typeof message === "string") host.log(level, message, "");
      else host.log(level, ...use("result").line(message, fields));
    };
    const logger = log("info");
    for (const level of ["trace", "debug", "info", "warn", "error"]) hide(logger, level, log(level));
    hide(context, "log", logger);
    define(context, "plugins", { get: () => use("plugins").of(plugins), configurable: true, enumerable: false });
    hide(globalThis, "ratchet", context);
    return context;
  }

  // From the function to the result.
  const names = ["default", "main", "handler", "execute"];
  function pick(v, depth) {
    if (typeof v === "function") return v;
    if (v === null || typeof v !== "object" || depth > 2) return undefined;
    for (const name of names) {
      const f = pick(v[name], depth + 1);
      if (f !== undefined) return f;
    }
    return undefined;
  }
  function run(candidates, input, json) {
    let f;
    for (const c of candidates) if ((f = pick(c, 0)) !== undefined) break;
    if (f === undefined) {
      host.fail("no_function", "", use("result").instead(candidates[0]), "", "");
      return;
    }
    const ctx = makeContext(json);
    if (host.probe) {
      host.done("true");
      return;
    }
    const r = f(parse(input), ctx);
    if (r !== null && (typeof r === "object" || typeof r === "function") && typeof r.then === "function") {
      apply(then, new Promise((resolve) => resolve(r)), [finish, fail]);
    } else {
      finish(r);
    }
  }

  function finish(v) {
    let json;
    try {
      json = stringify(v);
    } catch (e) {
      const why = use("result").explain(v);
      if (why !== undefined) host.fail("not_json", "", why, "", "");
      else fail(e);
      return;
    }
    if (json === undefined) {
      host.fail("not_json", "", use("result").describe(v), "", "");
      return;
    }
    // "{}" is what JSON makes of a Map, a promise and their like.
    if (apply(includes, json, ["{}"]) && use("result").lost(v, host, json)) return;
    host.done(json);
  }

  function fail(e) {
    if (e instanceof Error || (e !== null && typeof e === "object" && typeof e.message === "string")) {
      let stack = "", name = "Error", message = "", extra = "";
      try { stack = String(e.stack || ""); } catch {}
      try { name = String(e.name || "Error"); } catch {}
      try { message = String(e.message); } catch {}
      try { extra = use("result").extra(e); } catch {}
      host.fail("threw", name, message, stack, extra);
      return;
    }
    let text;
    try { text = typeof e === "string" ? e : use("console").format([e]); } catch { text = "a value that cannot be shown"; }
    host.fail("threw", "", text, "", "");
  }
  host.fatal = fail;

  return function dispatch(verb, a, b, c, d) {
    try {
      switch (verb) {
        case 0: run([a, b], c, d); return;
        case 1: fire(a); return;
        case 2: reply(a, b, c, d); return;
        case 3: use(a); return;
        case 4: apply(then, a, [() => { try { run([b], c, d); } catch (e) { fail(e); } }, fail]); return;
      }
    } catch (e) {
      fail(e);
    }
  };
})
