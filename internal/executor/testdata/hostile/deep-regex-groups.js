// want: EXECUTION_TIMEOUT EXECUTION_FAILED RECURSION_LIMIT MEMORY_LIMIT ok
() => /(?:(a)|b)*$/.test("ab".repeat(1e6))
