// want: ok EXECUTION_FAILED PROMISE_NEVER_SETTLES
() => { const t = globalThis.setTimeout; globalThis.setTimeout = undefined; return new Promise((f) => t(f, { valueOf() { throw 1; } }, 1)); }
