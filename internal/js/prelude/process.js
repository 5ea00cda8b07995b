// process, as far as tasks that were written for it elsewhere need it.
(function (host) {
  "use strict";
  const { now } = host;
  const { freeze } = Object;
  const queue = queueMicrotask;
  let env;

  // hrtime counts from the start of the execution, in steps of a microsecond.
  function hrtime(since = [0, 0]) {
    const ns = Math.round(now() * 1e6) - since[0] * 1e9 - since[1];
    const seconds = Math.floor(ns / 1e9);
    return [seconds, ns - seconds * 1e9];
  }
  hrtime.bigint = () => BigInt(Math.round(now() * 1e6));

  const process = {
    // env holds the variables that the task declares and the operator gives.
    get env() { return env ??= freeze({ ...host.setting("env") }); },
    argv: [],
    platform: "ratchet",
    uptime() { return now() / 1000; },
    nextTick(f, ...args) {
      if (typeof f !== "function") throw new TypeError("process.nextTick: the callback must be a function, got " + typeof f);
      queue(() => f(...args));
    },
    hrtime,
  };
  return { process };
})
