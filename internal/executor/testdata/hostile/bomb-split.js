// want: MEMORY_LIMIT EXECUTION_TIMEOUT
() => { const all = []; for (;;) all.push("x,".repeat(1e5).split(",")); }
