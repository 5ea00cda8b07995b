// want: EXECUTION_FAILED RECURSION_LIMIT MEMORY_LIMIT EXECUTION_TIMEOUT
() => { let e = new Error("0"); for (let i = 0; i < 1e5; i++) e = new Error(String(i), { cause: e }); throw e; }
