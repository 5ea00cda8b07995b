// want: EXECUTION_FAILED RECURSION_LIMIT MEMORY_LIMIT EXECUTION_TIMEOUT
() => new Function("{".repeat(2e5) + "}".repeat(2e5))()
