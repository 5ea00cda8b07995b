// want: EXECUTION_TIMEOUT
() => { function* all() { let i = 0; for (;;) yield i++; } let n = 0; for (const x of all()) n += x; return n; }
