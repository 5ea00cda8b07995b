// want: MEMORY_LIMIT EXECUTION_FAILED EXECUTION_TIMEOUT
() => { const all = []; for (;;) { const m = new WebAssembly.Memory({ initial: 256 }); new Uint8Array(m.buffer).fill(1); all.push(m); } }
