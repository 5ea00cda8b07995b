// want: EXECUTION_TIMEOUT
async () => { async function* all() { for (;;) yield 1; } let n = 0; for await (const x of all()) n += x; return n; }
