// want: MEMORY_LIMIT EXECUTION_TIMEOUT
() => { const all = []; for (;;) all.push(new Promise((f) => f)); }
