// Date on the clock of a scripted execution. It changes the global, and so must
// never be part of a snapshot.
(function (host, use) {
  "use strict";
  const Real = Date;
  const { construct } = Reflect;
  const { now, timeOrigin } = host;
  const time = () => Math.floor(timeOrigin() + now());
  function Scripted(...args) {
    if (new.target === undefined) return new Real(time()).toString();
    return construct(Real, args.length > 0 ? args : [time()], new.target);
  }
  const define = (name, value, more) => Object.defineProperty(Scripted, name, { value, configurable: true, ...more });
  define("name", "Date");
  define("length", 7);
  define("now", function now() { return time(); }, { writable: true });
  define("parse", Real.parse, { writable: true });
  define("UTC", Real.UTC, { writable: true });
  Object.defineProperty(Scripted, "prototype", { value: Real.prototype, writable: false });
  Object.defineProperty(Real.prototype, "constructor", { value: Scripted, writable: true, configurable: true });
  Object.defineProperty(globalThis, "Date", { value: Scripted, writable: true, configurable: true, enumerable: false });
  return {};
})
