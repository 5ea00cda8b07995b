// The fetch of old tasks: fetch(url, params, body) waits for the answer and
// returns a plain object, or throws one of the errors of errors.js.
(function (host, use) {
  "use strict";
  const { requestSync, utf8Encode, decode } = host;
  const { stringify, parse } = JSON;
  const errors = use("errors");
  const methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

  function headersOf(v) {
    const list = [];
    if (v === undefined || v === null) return list;
    if (typeof v !== "object") throw new errors.ValidationError("fetch: headers must be an object, got " + typeof v);
    const pairs = typeof v[Symbol.iterator] === "function" ? [...v] : Object.entries(v);
    for (const { 0: name, 1: value } of pairs) list.push([String(name), String(value)]);
    return list;
  }

  function bodyOf(body, headers) {
    if (body === undefined || body === null) return undefined;
    const type = headers.find((h) => h[0].toLowerCase() === "content-type");
    if (typeof body === "string") return utf8Encode(body.toWellFormed());
    if (type === undefined) headers.push(["content-type", "application/json"]);
    return utf8Encode(stringify(body).toWellFormed());
  }

  function refused(e) {
    const Class = e.code === "TIMEOUT" ? errors.TimeoutError : errors.NetworkError;
    const err = new Class(e.message);
    if (e.code !== undefined) Object.defineProperty(err, "code", { value: e.code, writable: true, configurable: true });
    if (e.retryAfter !== undefined) Object.defineProperty(err, "retryAfter", { value: e.retryAfter, writable: true, configurable: true });
    Object.defineProperty(err, "cause", { value: host.error(e), writable: true, configurable: true });
    return err;
  }

  function statusError(status, statusText, headers) {
    const message = "HTTP " + status + ": " + statusText;
    if (status === 401) return new errors.AuthenticationError(message);
    if (status === 403) return new errors.AuthorizationError(message);
    if (status === 429) {
      const after = headers["retry-after"];
      return new errors.RateLimitError(message, after === undefined || Number.isNaN(+after) ? after : +after);
    }
    if (status >= 500) return new errors.ServiceUnavailableError(message);
    if (status >= 400) return new errors.HttpError(status, message);
    return new errors.NetworkError(message);
  }

  function fetch(url, params, body) {
    if (typeof url !== "string") throw new Error("URL must be a string");
    const o = params === undefined || params === null ? {} : params;
    const wanted = String(o.method ?? "GET").toUpperCase();
    const method = methods.includes(wanted) ? wanted : "GET";
    const headers = headersOf(o.headers);
    const bytes = bodyOf(body === undefined ? o.body : body, headers);
    const request = stringify({ method, url, headers, redirect: "follow" });
    const { 0: failed, 1: json, 2: answer } = requestSync("fetch", request, bytes);
    const head = parse(json);
    if (failed) throw refused(head);
    const map = {};
    for (const { 0: name, 1: value } of head.headers) {
      const key = name.toLowerCase();
      map[key] = Object.hasOwn(map, key) ? map[key] + ", " + value : value;
    }
    const { status, statusText = "" } = head;
    if (status < 200 || status > 299) throw statusError(status, statusText, map);
    const text = answer === undefined ? "" : decode("utf-8", answer, false).replace(/^\uFEFF/, "");
    let content = text;
    try { content = parse(text); } catch {}
    return { ok: true, status, statusText, headers: map, body: content };
  }

  return { fetch };
})
