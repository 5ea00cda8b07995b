// want: EXECUTION_TIMEOUT MEMORY_LIMIT ok
() => { const s = "[" + "0,".repeat(1e6) + "0]"; for (let i = 0; i < 1000; i++) JSON.parse(s); return 1; }
