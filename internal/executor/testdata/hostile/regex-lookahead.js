// want: EXECUTION_TIMEOUT
// in node: ok EXECUTION_TIMEOUT
() => /^(?=(.*a){25})x/.test("a".repeat(60))
