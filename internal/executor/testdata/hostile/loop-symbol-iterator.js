// want: EXECUTION_TIMEOUT
() => { const [a] = { [Symbol.iterator]() { return { next() { for (;;); } }; } }; return a; }
