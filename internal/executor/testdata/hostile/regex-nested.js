// want: EXECUTION_TIMEOUT
() => /(x+x+)+y/.test("x".repeat(60))
