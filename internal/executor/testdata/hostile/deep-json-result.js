// want: EXECUTION_FAILED RECURSION_LIMIT OUTPUT_NOT_JSON MEMORY_LIMIT EXECUTION_TIMEOUT
() => { let o = []; for (let i = 0; i < 1e5; i++) o = [o]; return o; }
