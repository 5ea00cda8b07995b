// want: EXECUTION_FAILED MEMORY_LIMIT
() => { throw Object.assign(new Error("x"), { data: "x".repeat(5e6), code: "y".repeat(1e6) }); }
