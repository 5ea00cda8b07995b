// want: EXECUTION_TIMEOUT MEMORY_LIMIT EXECUTION_FAILED
() => { let n = 3n; for (;;) n = n ** 3n; }
