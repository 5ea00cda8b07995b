// want: EXECUTION_TIMEOUT MEMORY_LIMIT OUTPUT_TOO_LARGE
() => { const a = []; a.length = 2 ** 32 - 1; return a; }
