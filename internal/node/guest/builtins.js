// Node's built-in modules, as far as a task may have them: those that compute.
(function (require) {
  "use strict";
  const pure = new Set([
    "assert", "assert/strict", "buffer", "crypto", "events", "path", "path/posix", "path/win32", "punycode", "querystring",
    "stream", "stream/promises", "stream/web", "string_decoder", "url", "util", "util/types", "zlib",
  ]);
  // These are made of the task's own globals, or are a part of the module.
  const made = {
    __proto__: null,
    process: (x) => x.bridge.global.process,
    console: (x) => x.bridge.global.console,
    timers: (x) => x.timersModule(),
    perf_hooks: (x) => ({ performance: x.bridge.global.performance }),
    async_hooks: () => {
      const { AsyncLocalStorage, AsyncResource } = require("async_hooks");
      return { AsyncLocalStorage, AsyncResource };
    },
  };

  function plain(specifier) {
    return specifier.startsWith("node:") ? specifier.slice(5) : specifier;
  }

  // builtin is the module, or undefined where a task may not have it.
  function builtin(specifier, x) {
    const name = plain(`${specifier}`);
    if (made[name] !== undefined) return made[name](x);
    return pure.has(name) ? require("node:" + name) : undefined;
  }

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
