// want: EXECUTION_TIMEOUT MEMORY_LIMIT EXECUTION_FAILED
() => Array.from({ length: 2 ** 32 }, () => 0).length
