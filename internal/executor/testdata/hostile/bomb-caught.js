// want: MEMORY_LIMIT
() => { for (;;) { try { const all = []; for (;;) all.push("x".repeat(1e6) + all.length); } catch {} } }
