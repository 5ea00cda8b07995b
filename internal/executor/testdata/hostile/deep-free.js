// want: ok EXECUTION_TIMEOUT MEMORY_LIMIT
() => { let o = null; for (let i = 0; i < 2e5; i++) o = { o }; o = null; return 1; }
