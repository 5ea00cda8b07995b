// want: LOG_LIMIT MEMORY_LIMIT
() => { const s = "x".repeat(4e6); for (;;) console.log(s); }
