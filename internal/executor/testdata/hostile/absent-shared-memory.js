// want: ok
// in node: EXECUTION_FAILED
() => { if (typeof SharedArrayBuffer !== "undefined" || typeof Atomics !== "undefined" || typeof WebAssembly !== "undefined") throw new Error("present"); return 1; }
