// ratchet.plugins: functions of the server's plugins. Which there are is the
// host's matter: a name that is none rejects when it is called.
(function (host) {
  "use strict";
  const { Error, Object, Proxy } = globalThis;
  const { ask } = host;
  const { stringify } = JSON;
  const { apply } = Reflect;
  const { replace } = String.prototype;
  const define = Object.defineProperty;

  // failure is e, an error of the host, with the stack of at, which was made when
  // the function was called.
  function failure(at, e) {
    for (const name of ["name", "message", "code", "details", "data"]) {
      if (e[name] !== undefined) define(at, name, { __proto__: null, value: e[name], writable: true, configurable: true });
    }
    if (typeof at.stack === "string") at.stack = apply(replace, at.stack, [/^.*\(ratchet:.*\n/gm, ""]);
    return at;
  }

  const call = (plugin, name) => async function (argument) {
    const at = new Error();
    const head = { plugin, name };
    if (argument !== undefined) {
      // A value that JSON has no text for is refused here, where it is given.
      if (stringify(argument) === undefined) throw new TypeError("ratchet.plugins." + plugin + "." + name + " wants a value that is JSON");
      head.argument = argument;
    }
    try {
      return (await ask("plugin", stringify(head))).head;
    } catch (e) {
      throw failure(at, e);
    }
  };

  // What is awaited, printed or made JSON is asked for these; no plugin has them.
  const lookedFor = (name) => typeof name === "symbol" || name === "then" || name === "toJSON" || name === "constructor" || name === "inspect";

  const functions = (plugin) => {
    const made = { __proto__: null };
    return new Proxy(made, {
      get: (_, name) => (lookedFor(name) ? undefined : (made[name] ??= call(plugin, name))),
    });
  };

  let all;
  function of(names = []) {
    if (all !== undefined) return all;
    const made = { __proto__: null };
    for (const name of names) made[name] = functions(name);
    return (all = new Proxy(made, {
      get: (_, name) => made[name] ?? (lookedFor(name) ? undefined : (made[name] = functions(name))),
    }));
  }
  return { of };
})
