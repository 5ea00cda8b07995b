// want: MEMORY_LIMIT
() => { const all = []; for (;;) all.push(new ArrayBuffer(1 << 20)); }
