// want: EXECUTION_TIMEOUT MEMORY_LIMIT EXECUTION_FAILED
() => { let n = 1n; for (;;) n <<= 100000000n; }
