// want: MEMORY_LIMIT EXECUTION_FAILED
() => { const all = []; for (;;) all.push("x".repeat(2 ** 29)); }
