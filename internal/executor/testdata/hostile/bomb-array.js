// want: MEMORY_LIMIT
() => { const all = []; for (;;) all.push(new Array(1000).fill(1)); }
