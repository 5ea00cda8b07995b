// want: MEMORY_LIMIT EXECUTION_FAILED
() => "x".padEnd(2 ** 30 - 1, "abc").length
