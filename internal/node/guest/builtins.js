// Node's built-in modules, as far as a task may have them: those that compute.
(function (require, use) {
  "use strict";
  const { harden, realm } = use("harden");
  const pure = new Set([
    "assert", "assert/strict", "buffer", "crypto", "events", "path", "path/posix", "path/win32", "querystring",
    "stream", "stream/promises", "stream/web", "string_decoder", "url", "util", "util/types", "zlib",
  ]);
  // These are made of the task's own globals.
  const ofTask = {
    __proto__: null,
    process: (x) => x.bridge.global.process,
    console: (x) => x.bridge.global.console,
    timers: (x) => x.timersModule(),
    perf_hooks: (x) => ({ performance: x.bridge.global.performance }),
  };

  function plain(specifier) {
    return specifier.startsWith("node:") ? specifier.slice(5) : specifier;
  }

  // builtin is the module, or undefined where a task may not have it.
  const given = new Map();
  function builtin(specifier, x) {
    const name = plain(`${specifier}`);
    if (ofTask[name] !== undefined) return ofTask[name](x);
    if (given.has(name)) return given.get(name);
    if (name !== "async_hooks" && !pure.has(name)) return undefined;
    const exports = name === "async_hooks" ? partOf(require("async_hooks")) : require("node:" + name);
    realm();
    harden(exports);
    given.set(name, exports);
    return exports;
  }
  const partOf = ({ AsyncLocalStorage, AsyncResource }) => ({ AsyncLocalStorage, AsyncResource });

  function refused(specifier) {
    const name = plain(`${specifier}`);
    const known = require("module").builtinModules.includes(name);
    const e = new Error(known
      ? `the module node:${name} is not there: a task has no files, no network of its own and no processes; modules that only compute are, and fetch`
      : `the module ${JSON.stringify(specifier)} is not there: what a task imports from its own folder or node_modules is bundled with it, and of Node's modules those that only compute are there`);
    e.code = known ? "ERR_ACCESS_DENIED" : "MODULE_NOT_FOUND";
    return e;
  }
  return { builtin, refused };
})
