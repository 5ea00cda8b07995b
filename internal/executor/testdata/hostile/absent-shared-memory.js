// want: ok
() => { if (typeof SharedArrayBuffer !== "undefined" || typeof Atomics !== "undefined" || typeof WebAssembly !== "undefined") throw new Error("present"); return 1; }
