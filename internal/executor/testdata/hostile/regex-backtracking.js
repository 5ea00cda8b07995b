// want: EXECUTION_TIMEOUT
() => /^(a+)+$/.test("a".repeat(40) + "b")
