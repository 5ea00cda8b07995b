// want: EXECUTION_TIMEOUT MEMORY_LIMIT ok
() => { let s = "\ufdfa".repeat(3e5); for (let i = 0; i < 1000; i++) s.normalize("NFKD"); return s.length; }
