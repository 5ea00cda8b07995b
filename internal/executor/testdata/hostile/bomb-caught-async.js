// want: MEMORY_LIMIT
async () => { try { const all = []; for (;;) { all.push(new Uint8Array(1e6)); await null; } } catch { return "survived"; } }
