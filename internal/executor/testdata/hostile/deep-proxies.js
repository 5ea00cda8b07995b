// want: RECURSION_LIMIT EXECUTION_FAILED MEMORY_LIMIT EXECUTION_TIMEOUT
() => { let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); return p.x; }
