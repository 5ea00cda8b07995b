// want: EXECUTION_FAILED RECURSION_LIMIT MEMORY_LIMIT
() => JSON.parse("[".repeat(1e6) + "]".repeat(1e6)).length
