// want: ok MEMORY_LIMIT EXECUTION_TIMEOUT
() => { for (let i = 0; i < 2e4; i++) Promise.reject(new Error("x".repeat(100))); return 1; }
