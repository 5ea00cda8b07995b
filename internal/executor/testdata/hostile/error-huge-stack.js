// want: EXECUTION_FAILED MEMORY_LIMIT
() => { const e = new Error("x"); e.stack = "    at f (task.js:1:1)\n".repeat(2e5); throw e; }
