// want: EXECUTION_FAILED RECURSION_LIMIT MEMORY_LIMIT EXECUTION_TIMEOUT
() => (0, eval)("[".repeat(2e5) + "]".repeat(2e5)).length
