// want: EXECUTION_TIMEOUT MEMORY_LIMIT EXECUTION_FAILED
() => { const a = []; a.length = 2 ** 32 - 2; return a.toSpliced(0, 0, 1).length; }
