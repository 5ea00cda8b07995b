// want: MEMORY_LIMIT EXECUTION_TIMEOUT
() => { let f = () => 0; for (;;) { const g = f; f = () => g; } }
