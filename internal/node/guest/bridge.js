// What the worker needs of a new context: makers of the context's own objects,
// so that nothing of the worker's realm gets into a task's hands.
(function () {
  "use strict";
  const { ArrayBuffer, Array, Error, Object, Promise, RangeError, SyntaxError, TypeError, Uint8Array } = globalThis;
  const { parse } = JSON;
  const classes = { __proto__: null, RangeError, SyntaxError, TypeError };
  Error.stackTraceLimit = 32;

  // make is an error of this realm that says what e says.
  function make(e) {
    const name = e !== null && typeof e === "object" ? e.name : undefined;
    const Class = classes[name] ?? Error;
    const err = new Class(e === undefined || e === null ? "" : e.message);
    if (name !== undefined && err.name !== name) Object.defineProperty(err, "name", { value: name, writable: true, configurable: true });
    if (e !== null && typeof e === "object" && e.code !== undefined) Object.defineProperty(err, "code", { value: e.code, writable: true, configurable: true });
    return err;
  }
  return {
    // buffer is a new ArrayBuffer.
    buffer: (n) => new ArrayBuffer(n),
    // wrap is f with its errors those of this realm.
    wrap: (f) => function (a, b, c, d, e) {
      try {
        return f(a, b, c, d, e);
      } catch (err) {
        throw make(err);
      }
    },
    make, parse, Array, Promise,
    promise: (executor) => new Promise(executor),
    isOwn: (p) => p instanceof Promise,
    set: (name, value) => {
      Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
    },
    lazy: (name, get) => {
      Object.defineProperty(globalThis, name, {
        configurable: true, enumerable: false,
        get() {
          const value = get();
          Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
          return value;
        },
        set(value) {
          Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
        },
      });
    },
    chance: (random) => { Math.random = function () { return random(); }; },
    global: globalThis,
  };
})
