// want: RECURSION_LIMIT EXECUTION_FAILED EXECUTION_TIMEOUT
() => JSON.parse("[1]", function f(k, v) { return JSON.parse("[1]", f); })
