// want: MEMORY_LIMIT EXECUTION_FAILED RECURSION_LIMIT
() => Math.max(...new Array(2e7).fill(1))
