// want: EXECUTION_TIMEOUT MEMORY_LIMIT
// in node: ok EXECUTION_FAILED
() => new Array(2 ** 32 - 1).join("").length
