// want: MEMORY_LIMIT EXECUTION_FAILED
() => { const m = new WebAssembly.Memory({ initial: 1, maximum: 65536 }); for (;;) { m.grow(256); new Uint8Array(m.buffer).fill(1); } }
