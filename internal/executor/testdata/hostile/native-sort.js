// want: EXECUTION_TIMEOUT MEMORY_LIMIT ok
() => { const a = []; a.length = 2 ** 32 - 1; a[5] = 1; return a.sort().length; }
