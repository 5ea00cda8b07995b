// want: EXECUTION_TIMEOUT
// in node: ok EXECUTION_TIMEOUT
() => /^(a+)+$/.test("a".repeat(40) + "b")
