// want: EXECUTION_FAILED RECURSION_LIMIT MEMORY_LIMIT
() => { let o = []; for (let i = 0; i < 1e5; i++) o = [o]; return structuredClone(o).length; }
