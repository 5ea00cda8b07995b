// want: EXECUTION_FAILED
() => new Promise(() => require("zlib").gzip("x", () => { throw new Error("in a callback of zlib"); }))
