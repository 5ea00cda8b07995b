// want: EXECUTION_FAILED RECURSION_LIMIT MEMORY_LIMIT EXECUTION_TIMEOUT ok
() => new RegExp("(?:".repeat(20) + "a" + "{1000})".repeat(20)).test("a".repeat(100))
