// want: EXECUTION_FAILED RECURSION_LIMIT MEMORY_LIMIT EXECUTION_TIMEOUT
() => new RegExp("(".repeat(1e5) + ")".repeat(1e5)).test("")
