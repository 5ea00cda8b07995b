// want: ok EXECUTION_FAILED
() => { for (const k of ["error", "env", "use", "stack", "message", "0", "then", "name", "head", "body"]) Object.defineProperty(Object.prototype, k, { set() { throw new Error(k); }, get() { throw new Error(k); }, configurable: true }); return 1; }
