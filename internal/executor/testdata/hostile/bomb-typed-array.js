// want: MEMORY_LIMIT EXECUTION_FAILED
() => { const all = []; for (let n = 1024; ; n *= 2) all.push(new Float64Array(n).fill(1)); }
