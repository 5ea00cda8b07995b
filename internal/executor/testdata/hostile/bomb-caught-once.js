// want: MEMORY_LIMIT
() => { try { const all = []; for (;;) all.push("x".repeat(1e6) + all.length); } catch { return "survived"; } }
