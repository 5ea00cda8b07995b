// want: RECURSION_LIMIT EXECUTION_FAILED MEMORY_LIMIT EXECUTION_TIMEOUT
() => { const f = { ["n".repeat(1e5)]() { return this["n".repeat(1e5)]() + 1; } }; return f["n".repeat(1e5)](); }
