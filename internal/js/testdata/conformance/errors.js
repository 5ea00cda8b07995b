// The error classes that tasks had before, in Ratchet's Rust edition.
const here = { node: "Ratchet's own" };
const classes = ["AuthenticationError", "AuthorizationError", "NetworkError", "HttpError", "ValidationError", "ConfigurationError",
  "RateLimitError", "ServiceUnavailableError", "TimeoutError", "DataError"];

for (const name of classes) {
  test(name + " is an Error", here, () => {
    const Class = globalThis[name], e = name === "HttpError" ? new Class(500, "m") : new Class("m");
    equal([e instanceof Class, e instanceof Error, e.name, e.message, Class.name, String(e), Object.prototype.toString.call(e), typeof e.stack],
      [true, true, name, "m", name, name + ": m", "[object Error]", "string"]);
  });
  test(name + " has a message by default", here, () => equal(new globalThis[name]().message.length > 3, true));
  test(name + " can be extended", here, () => {
    class Mine extends globalThis[name] {}
    equal([new Mine() instanceof Mine, new Mine().name], [true, name]);
  });
  test(name + " is not enumerable", here, () => equal(Object.keys(globalThis).includes(name), false));
}
test("HttpError has a status", here, () => equal([new HttpError(418, "teapot").status, new HttpError(418).message, new HttpError(418, "teapot").message], [418, "HTTP 418", "teapot"]));
test("RateLimitError may say when to come back", here, () => equal([new RateLimitError("m", 5).retryAfter, "retryAfter" in new RateLimitError("m")], [5, false]));
test("errors take a cause", here, () => equal([new DataError("m", { cause: 1 }).cause, new HttpError(500, "m", { cause: 2 }).cause, new RateLimitError("m", 1, { cause: 3 }).cause], [1, 2, 3]));
test("DataError prints its name", here, () => equal(Object.keys(new DataError("m")), []));
