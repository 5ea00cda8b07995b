// The fetch of old tasks ("fetch": "sync"): TestSyncFetch runs these.
test("it returns the old object", ({ base }) => {
  const r = fetch(base + "/json");
  equal(r, { ok: true, status: 200, statusText: "OK", headers: { "content-type": "application/json" }, body: { n: [1, 2], s: "é" } });
});
test("a body that is no JSON is text", ({ base }) => equal(fetch(base + "/text/hello").body, "hello"));
test("headers are in lower case and combined", ({ base }) => equal(fetch(base + "/cookies").headers, { "content-type": "text/plain", "set-cookie": "a=1, b=2", "x-two": "1, 2" }));
test("an answer without a body", ({ base }) => equal(fetch(base + "/nobody").body, ""));
test("204 has an empty body", ({ base }) => equal(fetch(base + "/status/204").body, ""));
for (const url of [undefined, null, 5, {}, ["a"]]) {
  test("the URL must be a string, not " + JSON.stringify(url), () => equal(throws(() => fetch(url), "Error").message, "URL must be a string"));
}
for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
  test("the method " + method, ({ base }) => equal(fetch(base + "/echo", { method }).body.method, method));
}
test("the method HEAD", ({ base }) => equal(fetch(base + "/echo", { method: "HEAD" }).body.method, "HEAD"));
test("methods may be in lower case", ({ base }) => equal(fetch(base + "/echo", { method: "post" }).body.method, "POST"));
test("an unknown method is GET", ({ base }) => equal(fetch(base + "/echo", { method: "BREW" }).body.method, "GET"));
test("no parameters is GET", ({ base }) => equal(fetch(base + "/echo").body.method, "GET"));
test("null parameters is GET", ({ base }) => equal(fetch(base + "/echo", null).body.method, "GET"));
test("headers are sent", ({ base }) => equal(fetch(base + "/echo", { headers: { "X-A": "1", "X-B": 2 } }).body.headers, { "x-a": "1", "x-b": "2" }));
test("Headers are sent", ({ base }) => equal(fetch(base + "/echo", { headers: new Headers({ "X-A": "1" }) }).body.headers, { "x-a": "1" }));
test("an object is sent as JSON", ({ base }) => {
  const { headers, body } = fetch(base + "/echo", { method: "POST" }, { a: [1, "é"] }).body;
  equal([headers["content-type"], body], ["application/json", '{"a":[1,"é"]}']);
});
test("an object keeps the type given", ({ base }) => equal(fetch(base + "/echo", { method: "POST", headers: { "Content-Type": "application/x+json" } }, {}).body.headers["content-type"], "application/x+json"));
test("a string is sent as it is", ({ base }) => equal(fetch(base + "/echo", { method: "POST" }, "raw").body.body, "raw"));
test("a form as a string is sent as it is", ({ base }) => {
  const { headers, body } = fetch(base + "/echo", { method: "POST", headers: { "Content-Type": "application/x-www-form-urlencoded" } }, "a=1&b=2").body;
  equal([headers["content-type"], body], ["application/x-www-form-urlencoded", "a=1&b=2"]);
});
test("a body among the parameters is sent", ({ base }) => equal(fetch(base + "/echo", { method: "POST", body: "raw" }).body.body, "raw"));
test("a null body is none", ({ base }) => equal(fetch(base + "/echo", { method: "POST" }, null).body.body, ""));
test("it can be awaited", async ({ base }) => equal((await fetch(base + "/json")).body.n, [1, 2]));
test("one after the other", ({ base }) => equal(["a", "b", "c"].map((t) => fetch(base + "/text/" + t).body), ["a", "b", "c"]));

for (const [status, text, Class] of [
  [401, "Unauthorized", AuthenticationError], [403, "Forbidden", AuthorizationError], [429, "Too Many Requests", RateLimitError],
  [500, "Internal Server Error", ServiceUnavailableError], [503, "Service Unavailable", ServiceUnavailableError], [599, "Odd", ServiceUnavailableError],
  [400, "Bad Request", HttpError], [404, "Not Found", HttpError], [422, "Unprocessable Entity", HttpError], [302, "Found", NetworkError], [304, "Not Modified", NetworkError],
]) {
  test(`${status} throws ${Class.name}`, ({ base }) => {
    const e = throws(() => fetch(`${base}/code/${status} "${text}"`), Class);
    equal([e.name, e.message, e.constructor === Class], [Class.name, `HTTP ${status}: ${text}`, true]);
  });
}
test("HttpError has the status", ({ base }) => equal(throws(() => fetch(base + '/code/404 "x"'), HttpError).status, 404));
test("RateLimitError says when to come back", ({ base }) => equal(throws(() => fetch(base + '/code/429 "x"'), RateLimitError).retryAfter, 30));
test("a refusal throws NetworkError with the host's message", ({ base }) => {
  const e = throws(() => fetch(base + "/refuse/EGRESS_REFUSED"), NetworkError);
  equal([e.code, e.message], ["EGRESS_REFUSED", `fetch ${base}/refuse/EGRESS_REFUSED: refused by a rule; --allow-net allows it`]);
});
test("a timeout throws TimeoutError", ({ base }) => equal(throws(() => fetch(base + "/refuse/TIMEOUT"), TimeoutError).code, "TIMEOUT"));
test("a broken connection throws NetworkError", ({ base }) => throws(() => fetch(base + "/reset"), NetworkError));
test("the Headers class is still there", () => equal(new Headers({ a: "1" }).get("a"), "1"));
