// want: EXECUTION_TIMEOUT
// in node: ok EXECUTION_TIMEOUT
() => /(x+x+)+y/.test("x".repeat(60))
