// want: MEMORY_LIMIT EXECUTION_TIMEOUT EXECUTION_FAILED
() => { const all = []; for (;;) all.push(new TextEncoder().encode("€".repeat(1e6))); }
