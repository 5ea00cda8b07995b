// want: MEMORY_LIMIT EXECUTION_TIMEOUT
() => { const s = new Set(); for (let i = 0; ; i++) s.add("key " + i); }
