// want: LOG_LIMIT MEMORY_LIMIT EXECUTION_TIMEOUT EXECUTION_FAILED
() => { for (;;) console.table(Array.from({ length: 1000 }, (_, i) => ({ i }))); }
