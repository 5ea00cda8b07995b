// fetch. The host makes the request; what it may reach is the host's matter.
(function (host, use) {
  "use strict";
  const { ask, peek } = host;
  const { apply } = Reflect;
  const { stringify } = JSON;
  const { replace, startsWith } = String.prototype;
  const Bytes = Uint8Array;
  const define = Object.defineProperty;

  // failure is e, an error of the host, as what fetch rejects with; at is an
  // error made when fetch was called, for its stack.
  function failure(at, e) {
    const hidden = { __proto__: null, writable: true, configurable: true };
    define(at, "message", { ...hidden, value: e.message });
    if (e.code !== undefined) define(at, "code", { ...hidden, value: e.code });
    if (e.details !== undefined) define(at, "details", { ...hidden, value: e.details });
    if (e.retryAfter !== undefined) define(at, "retryAfter", { ...hidden, value: e.retryAfter });
    define(at, "cause", { ...hidden, value: e });
    if (typeof at.stack === "string") at.stack = apply(replace, at.stack, [/^.*\(ratchet:.*\n/gm, ""]);
    return at;
  }

  // send asks the host and listens to the signal; whichever comes first counts.
  function send(s, bytes, signal, at) {
    const { raw } = s.headers;
    const headers = [];
    for (let i = 0; i < raw.length; i += 2) headers[headers.length] = [raw[i], raw[i + 1]];
    if (!s.headers.has("accept")) headers[headers.length] = ["accept", "*/*"];
    const cache = s.cache === "default" ? undefined : s.cache;
    const answer = ask("fetch", stringify({ method: s.method, url: s.url, headers, redirect: s.redirect, cache }), bytes);
    return new Promise((resolve, reject) => {
      const forget = signal === null ? undefined : peek("events").onAbort(signal, reject);
      answer.then(({ head, body }) => {
        forget?.();
        resolve(use("response").received(head, new Bytes(body ?? 0), s.method === "HEAD"));
      }, (e) => {
        forget?.();
        reject(failure(at, e));
      });
    });
  }

  async function start(s, at) {
    const signal = s.signal ?? s.source;
    if (signal !== null && signal.aborted) {
      s.body?.stream?.cancel(signal.reason).catch(() => {});
      throw signal.reason;
    }
    if (s.integrity !== "") throw new TypeError("fetch: integrity is not supported; hash the body with crypto.subtle.digest");
    const { url } = s;
    if (apply(startsWith, url, ["data:"])) return local(s);
    if (!apply(startsWith, url, ["http:"]) && !apply(startsWith, url, ["https:"])) {
      throw new TypeError("fetch: " + stringify(url) + " is neither http: nor https: nor data:");
    }
    let bytes;
    if (s.body !== null) {
      bytes = use("body").take(s.body, "fetch");
      if (!(bytes instanceof Bytes)) {
        bytes = await bytes;
        if (signal !== null && signal.aborted) throw signal.reason;
      }
    }
    return send(s, bytes, signal, at);
  }

  // local answers a data: URL.
  function local(s) {
    const answer = host.dataURL(s.url);
    if (answer === null) throw new TypeError("fetch: the data: URL is not valid");
    const { 0: type, 1: body } = answer;
    return use("response").received({ status: 200, statusText: "OK", headers: [["content-type", type]], url: s.url }, new Bytes(body), s.method === "HEAD");
  }

  function fetch(input, init = undefined) {
    if (host.setting("fetchMode") === "sync") return apply(use("fetchsync").fetch, undefined, arguments);
    const at = new TypeError();
    return new Promise((resolve) => {
      if (input === undefined) throw new TypeError("fetch needs a URL or a Request");
      resolve(start(use("request").build(input, init), at));
    });
  }

  return { fetch };
})
