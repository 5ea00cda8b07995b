// want: ok MEMORY_LIMIT EXECUTION_TIMEOUT EXECUTION_FAILED OUTPUT_TOO_LARGE
() => { let s = ""; for (let i = 0; i < 1e6; i++) s = "a" + s + "b"; return s.length; }
