// want: EXECUTION_TIMEOUT MEMORY_LIMIT
() => new Array(2 ** 32 - 1).join("").length
