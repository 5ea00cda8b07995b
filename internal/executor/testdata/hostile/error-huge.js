// want: EXECUTION_FAILED MEMORY_LIMIT
() => { throw new Error("x".repeat(5e6)); }
