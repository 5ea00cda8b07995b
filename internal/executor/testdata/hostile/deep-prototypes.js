// want: EXECUTION_TIMEOUT ok EXECUTION_FAILED MEMORY_LIMIT
() => { let o = null; for (let i = 0; i < 1e5; i++) o = Object.create(o); return "x" in o; }
